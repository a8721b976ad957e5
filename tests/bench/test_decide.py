"""A decision under a policy of 500 rules, of which none matches, and 100 scores: each clause is tested and told."""

import json
from time import process_time

import pytest
from kit.rulebooks import NOW, lead, policy_of, with_rules

from router.decide import decide
from router.policy.compile import again
from router.world import Known

RULES = [
    f"{{name: rule {n}, when: {{direction: inbound, company.industry: [a{n}, b{n}], company.employees: '> {n}', "
    f"not: {{company.country: [GB, IE]}}}}, then: {{qualify: by-rep, queue: inbound/main}}}}"
    for n in range(500)
]
SCORES = [
    f"{{name: score {n}, when: {{company.industry: [a{n}, none], company.employees: '> {n}'}}, add: {n + 1}}}"
    for n in range(100)
]
TEXT = with_rules(*RULES).replace("maturity: 90d", f"scores: [{', '.join(SCORES)}]")
LEAD = lead(company={"industry": "none", "employees": 1000, "country": "FR"})


def seconds(work, times: int) -> float:
    """Processor time for one, the best of five rounds."""
    rounds = []
    for _ in range(5):
        begun = process_time()
        for _ in range(times):
            work()
        rounds.append((process_time() - begun) / times)
    return min(rounds)


def test_a_decision_under_500_rules_and_100_scores_takes_well_under_a_millisecond(capsys: pytest.CaptureFixture[str]):
    policy = policy_of(TEXT)
    body = LEAD.submitted.model_dump_json()
    baseline = seconds(lambda: json.loads(body), 2000)
    one = seconds(lambda: decide(LEAD, Known(), policy, NOW), 200)
    read = seconds(lambda: again(TEXT, 1), 1)
    with capsys.disabled():
        print(f"\n  500 rules, 100 scores: {one * 1e6:.0f} µs, {one / baseline:.0f} × reading the JSON of its lead")
        print(f"  reading the policy again: {read * 1e3:.0f} ms")
    assert one < 0.001
