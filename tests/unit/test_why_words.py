"""`leadgate lead why`, in words."""

from typing import Any

from schemas.api.why import EXAMPLE, WhyOut
from services.cli.why import words


def said(**more: Any) -> str:
    known = {("not_" if name == "not" else name): value for name, value in EXAMPLE.items()}
    return words(WhyOut.model_validate({**known, **more}))


def test_the_example_reads_like_this() -> None:
    assert (
        said()
        == """\
ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz is in inbound/main, queued. 2 are before it in the queue; 1 of 2 may have it.
  Ann: May have it.
  Bob: At the limit: 3 of 3 in hand.

Decided 2026-07-06T09:30:00.180Z by enquiry, policy 3: queue, inbound/main, qualified by rep, normal.
  no  ready to buy
        yes intent: demo, buy   (demo)
        no  company.employees: >= 50   (12)
  yes enquiry
        yes direction: inbound   (inbound)

Why not closing/uk?
  ready to buy would have needed:
    company.employees: >= 50   (it was 12)
  uk would have needed:
    that a rep qualifies it first"""
    )


def test_ways_groups_and_earlier_rules_are_told() -> None:
    clause = {
        "field": "custom.seats",
        "test": "< 5",
        "value": None,
        "result": None,
        "reason": "missing",
        "within": "not",
        "must_be": False,
    }
    other = {**clause, "field": "custom.trial", "test": "true", "value": True, "result": True, "reason": None}
    road: dict[str, Any] = {"rule": "big", "stage": "captured", "decision_id": "dec_1"}
    asked = {
        "queue": "closing/uk",
        "rules": [
            {**road, "would_need": [{"any": [[clause], [other]]}, {"earlier": "small", "any": [[other]]}]},
            {**road, "would_need": [{"earlier": "flagged", "any": []}]},
            {**road, "would_need": []},
        ],
    }
    assert (
        said(waiting=None, decisions=[], not_=asked)
        == """\
ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz has no open work.

Why not closing/uk?
  big would have needed:
    one of:
        custom.seats: not < 5   (it was missing)
      or
        custom.trial: not true   (it was true)
    that small, which is tried before, had not matched:
        custom.trial: not true   (it was true)
  big would have needed:
    another lead: what ingest flagged is rejected before any rule
  big led there: it is what decided."""
    )


def test_a_queue_without_a_rule_and_a_value_that_is_kept_no_more_are_told() -> None:
    gone = {"field": "custom.x", "test": "a", "value": None, "result": True, "reason": None, "within": "any[0]"}
    decision = {**EXAMPLE["decisions"][0], "rules": [{"rule": "r", "matched": True, "clauses": [gone]}]}
    text = said(decisions=[decision], not_={"queue": "service/main", "rules": []})
    assert "        yes custom.x: a   (not kept)   [any[0]]" in text
    assert text.endswith("Why not service/main? No rule leads there.")
