"""What a new policy would change, by its fields and in sentences."""
# ruff: noqa: E501 - a policy reads best with one rule on one line

import pytest
from kit.rulebooks import EXAMPLE

from router.policy.check import check
from router.policy.diff import changes

SCORED = EXAMPLE.replace(
    "maturity: 90d", "scores: [{name: big, when: {list: true}, add: 1}, {name: small, when: {list: false}, add: 2}]"
)


def between(one, other):
    files = [check(text) for text in (one, other)]
    assert all(each.file for each in files), [each.mistakes for each in files]
    return changes(*(each.file for each in files))


# What is changed in the example, then the path, both values and the sentence told of it.
CHANGES = {
    "a number": ("in_hand: 3", "in_hand: 4", "desks.inbound.queues.main.in_hand", 3, 4, "Queue inbound/main: in_hand was 3, becomes 4."),
    "a new limit": ("in_hand: 3,", "in_hand: 3, open: 9,", "desks.inbound.queues.main.open", None, 9, "Queue inbound/main gets open: 9."),
    "no limit": ("in_hand: 3, ", "", "desks.inbound.queues.main.in_hand", 3, None, "Queue inbound/main no longer has in_hand: 3."),
    "a rule's clause": ('">= 50"', '">= 20"', "rules[ready to buy].when.company.employees", ">= 50", ">= 20", 'Rule "ready to buy": when company.employees was >= 50, becomes >= 20.'),
    "where a rule leads": ("{nurture: 90d}", "{nurture: 30d}", "rules[far away].then.nurture", "90d", "30d", 'Rule "far away": then nurture was 90d, becomes 30d.'),
    "a rule less": ("  - {name: prospect, when: {direction: outbound}, then: {qualify: by-rep, queue: outbound/main}}\n", "", "rules[prospect]", {"when": {"direction": "outbound"}, "then": {"qualify": "by-rep", "queue": "outbound/main"}}, None, 'Rule "prospect" is removed.'),
    "a hand-over rule": ("{name: uk, when: {company.country: GB}", "{name: uk, when: {company.country: [GB, IE]}", "handover[uk].when.company.country", "GB", ["GB", "IE"], 'Hand-over rule "uk": when company.country was GB, becomes GB, IE.'),
    "a calendar's hours": ("09:00-17:30", "08:00-18:00", "calendars.london.hours.mon-fri", "09:00-17:30", "08:00-18:00", "Calendar london: hours mon-fri was 09:00-17:30, becomes 08:00-18:00."),
    "a source": ("{web: {default_region: GB}}", "{web: {default_region: GB}, fair: {default_region: DE}}", "sources.fair", None, {"default_region": "DE"}, "Source fair is new: default_region DE."),
    "the policy itself": ("acceptance: none", "acceptance: required", "acceptance", "none", "required", "The policy: acceptance was none, becomes required."),
    "true is not one": ("intent: [demo, buy]", "custom.trial: true", "rules[ready to buy].when.custom.trial", None, True, 'Rule "ready to buy" gets when custom.trial: true.'),
    "a queue more": ("uk: {calendar: london", "ie: {calendar: always, lease: 1h}, uk: {calendar: london", "desks.closing.queues.ie", None, {"calendar": "always", "lease": "1h"}, "Queue closing/ie is new: calendar always, lease 1h."),
    "an escalation": ("in_hand: 3", "in_hand: 3, escalate: [{after: 10m, raise: hot}]", "desks.inbound.queues.main.escalate", None, [{"after": "10m", "raise": "hot"}], "Queue inbound/main gets escalate: (after 10m, raise hot)."),
}  # fmt: skip


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_change_is_told_by_its_path_its_values_and_in_words(change):
    before, after, path, was, becomes, words = CHANGES[change]
    assert before in EXAMPLE
    found = {each.path: each for each in between(EXAMPLE, EXAMPLE.replace(before, after, 1))}
    assert (found[path].before, found[path].after, found[path].words) == (was, becomes, words)
    back = {each.path: each for each in between(EXAMPLE.replace(before, after, 1), EXAMPLE)}
    assert (back[path].before, back[path].after) == (becomes, was)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1", "# why\nversion: 1"),
        ("maturity: 90d\n", ""),
        ("credit: {qualifier: 0.5, closer: 0.5}\n", ""),
        ("in_hand: 3, lease: 15m", "lease: 15m, in_hand: 3, skills: []"),
    ],
)
def test_what_is_meant_alike_is_no_change(before, after):
    assert between(EXAMPLE, EXAMPLE.replace(before, after)) == ()


def test_rules_in_another_order_are_told_so_since_the_first_decides():
    lines = EXAMPLE.splitlines(keepends=True)
    first = next(index for index, line in enumerate(lines) if "name: prospect" in line)
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    [told] = between(EXAMPLE, "".join(lines))
    assert told.path == "rules"
    assert told.after == ["ready to buy", "far away", "enquiry", "prospect"]
    assert told.words.startswith("Rules are tried in another order: ready to buy, far away, enquiry, prospect (before:")


def test_a_rule_put_before_others_is_told_with_its_place():
    text = EXAMPLE.replace(
        "rules:\n", "rules:\n  - {name: press, when: {account.relation: press}, then: {reject: spam}}\n"
    )
    new, order = between(EXAMPLE, text)
    assert new.words == 'Rule "press" is new: when {account.relation press}, then {reject spam}.'
    assert order.after[0] == "press"


def test_one_is_not_true():
    one, other = (
        EXAMPLE.replace("intent: [demo, buy]", f"custom.trial: {value}, custom.tags: [{value}]")
        for value in ("1", "true")
    )
    assert [(each.path.rpartition(".")[2], each.after) for each in between(one, other)] == [
        ("trial", True),
        ("tags", [True]),
    ]


def test_the_order_of_scores_does_not_matter():
    one = "{name: big, when: {list: true}, add: 1}"
    other = "{name: small, when: {list: false}, add: 2}"
    assert between(SCORED, SCORED.replace(f"{one}, {other}", f"{other}, {one}")) == ()
