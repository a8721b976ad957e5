"""Milestones: what a lead reached, and what of it a later event takes back."""

from datetime import timedelta
from typing import Any

import pytest
from kit.tales import MONDAY, Tale

from router.milestones import mark
from schemas.events.opportunity import OpportunityCorrected, OpportunityRejected
from schemas.events.stamp import text_of
from schemas.words import Money

DEAL: dict[str, Any] = {"opportunity_id": "opp_1_1", "queue": "closing/uk"}
GBP = Money(amount=1, currency="GBP")


def closing() -> Tale:
    return Tale().enquiry().claimed().attempted("conversation").created().queued("closing/uk").claimed("rep_bob")


def corrected(tale: Tale, before: str, to: str, *, seconds: float, won: float | None = None) -> Tale:
    event = OpportunityCorrected(
        **{**DEAL, "from": before},
        to=to,
        value=GBP if to == "won" else None,
        reason="price" if to == "lost" else None,
        won_at=None if won is None else tale.at(won),
    )
    return tale.tell(event, seconds)


def reached(tale: Tale) -> dict[str, str]:
    milestones: dict[str, str] = {}
    for told in tale.told:
        milestones = dict(mark(milestones, told))
    return milestones


def at(seconds: float) -> str:
    return text_of(MONDAY + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("tale", "won", "lost"),
    [
        (closing().won(seconds=900, at=800), at(800), None),
        (closing().lost(seconds=900), None, at(900)),
        (closing().lost(seconds=900).reopened(), None, None),
        (closing().lost(seconds=900).reopened().lost(seconds=2000), None, at(2000)),
        (corrected(closing().won(seconds=900), "won", "open", seconds=950), None, None),
        (corrected(closing().won(seconds=900), "won", "lost", seconds=950), None, at(950)),
        (corrected(closing().won(seconds=900, at=800), "won", "won", seconds=950, won=800), at(800), None),
        (corrected(closing().lost(seconds=900), "lost", "won", seconds=950, won=950), at(950), None),
    ],
)
def test_what_is_reopened_or_corrected_is_not_won_or_lost_as_it_was(
    tale: Tale, won: str | None, lost: str | None
) -> None:
    milestones = reached(tale)
    assert (milestones.get("won"), milestones.get("lost")) == (won, lost)


def test_work_on_a_task_or_a_customer_is_no_attempt_to_answer_them() -> None:
    for kind in ("task", "customer"):
        tale = Tale().enquiry().claimed().attempted("conversation", kind=kind)
        assert not {"attempt", "conversation"} & set(reached(tale))


def test_a_milestone_keeps_its_time_though_the_opportunity_is_rejected_and_made_anew() -> None:
    tale = closing()
    rejected = OpportunityRejected(**DEAL, reason="not_a_fit")
    before = reached(tale)["qualified"]
    assert reached(tale.tell(rejected, 1000).created(2, seconds=2000))["qualified"] == before
