"""A decision in words, from its receipt: what `leadgate lead show` says of its clauses."""

from kit.rulebooks import NOW, lead, policy_of, with_rules

from router.decide import decide
from router.receipt import to_json
from router.world import Known
from services.cli.lead import explained

RULES = (
    '{name: big, when: {intent: [demo, buy], company.employees: ">= 50"}, then: {qualify: auto, queue: closing/uk}}',
    '{name: odd, when: {any: [{custom.seats: ">= 5"}, {source: fair}]}, then: {qualify: auto, queue: closing/uk}}',
    "{name: far, when: {not: {company.country: GB}}, then: {qualify: auto, queue: closing/uk}}",
    "{name: rest, when: {}, then: {qualify: auto, queue: closing/uk}}",
)


def test_each_clause_that_was_tested_is_told_with_what_it_saw() -> None:
    policy = policy_of(with_rules(*RULES))
    asked = lead(intent="demo", company={"employees": 12, "country": "GB"}, custom={"seats": "many"})
    receipt = to_json(decide(asked, Known(), policy, NOW).receipt)
    assert explained(receipt, policy) == [
        "  big: intent demo, buy (met: demo) & company.employees >= 50 (unmet: 12)",
        "  odd: any of [custom.seats >= 5 (wrong type: many) | source fair (unmet: web)]",
        "  far: not [company.country GB (met: GB)]",
        "  rest: always",
    ]


def test_rules_after_the_one_that_decided_were_not_tried() -> None:
    policy = policy_of()
    receipt = to_json(decide(lead(intent="demo", company={"employees": 60}), Known(), policy, NOW).receipt)
    (line,) = explained(receipt, policy)
    assert line == "  ready to buy: intent demo, buy (met: demo) & company.employees >= 50 (met: 60)"
