"""Stories that could happen, or nearly, drawn by Hypothesis: what metrics is fed by property tests."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from kit.counting import LONDON, interleaved
from kit.tales import Tale
from schemas.events.lifecycle import ItemCompleted, ItemExpired, ItemPromiseBroken, ItemPromiseKept, ItemReturned
from schemas.events.opportunity import Credit
from schemas.events.stamp import Told

FIRST = datetime(2026, 10, 23, 22, tzinfo=UTC)
"""Two days before the clocks go back in London, a Friday; the week, the month and the day change soon."""
ZONES = [LONDON, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")]
REPS = ["rep_ann", "rep_bob"]
SHARED = (
    Credit(desk="inbound", rep_id="rep_ann", share=0.25),
    Credit(desk="closing", rep_id="rep_bob", share=0.75),
)
QUEUES = ["inbound/main", "inbound/de", "outbound/main", "closing/uk"]


class Dice:
    """Choices drawn by Hypothesis, so that it can make a failing case small."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def of(self, *choices: Any) -> Any:
        return self._data.draw(st.sampled_from(choices))

    def upto(self, most: int) -> int:
        return int(self._data.draw(st.integers(0, most)))

    def chance(self, one_in: int) -> bool:
        return self.upto(one_in - 1) == one_in - 1


def tale_of(dice: Dice, n: int, roots: list[int]) -> Tale:
    """A story that could happen, or nearly."""
    tale = Tale(n, start=FIRST + timedelta(minutes=7 * dice.upto(900)), test=dice.chance(12))
    tale.received(
        source=dice.of("web", "fair"),
        direction=dice.of("inbound", "inbound", "outbound"),
        list=dice.chance(5),
        occurred=dice.of(None, -3.5, 20),
    )
    segment = dice.of(None, "smb")
    fate = dice.of("queue", "queue", "queue", "merge", "merge", "merge", "reject", "nurture", "nurture", "auto")
    if fate == "merge" and roots:
        tale.decided(None, action="merge", segment=segment).merged(dice.of(*roots))
        if dice.chance(3):
            return going_on(dice, tale.unmerged(seconds=400).decided("inbound/de", seconds=400), opportunities=0)
        return tale
    if fate == "reject":
        tale.decided(None, action="reject", segment=segment).rejected()
        if dice.chance(2):
            return going_on(dice, tale.routed_again(seconds=300).decided(seconds=300), opportunities=0)
        return tale
    roots.append(n)
    if fate == "nurture":
        tale.decided(None, action="nurture", segment=segment).nurtured()
        if dice.chance(2):
            return tale
        tale.decided("inbound/de", seconds=600).queued("inbound/de", seconds=600)
    elif fate == "auto":
        tale.decided("closing/uk", segment=segment).created(qualified_by=dice.of("auto", None), seconds=0.05)
        tale.queued("closing/uk", due=None)
    else:
        queue = dice.of("inbound/main", "inbound/de")
        tale.decided(queue, segment=segment).queued(queue, due=dice.of(None, 120))
    return going_on(dice, tale, opportunities=1 if fate == "auto" else 0)


def going_on(dice: Dice, tale: Tale, *, opportunities: int) -> Tale:
    now, lost, won, sold = 1.0, set[int](), set[int](), set[int]()
    for _ in range(dice.upto(20)):
        now += dice.of(1, 30, 59, 200, 1700, 40_000)
        opportunity = 1 + dice.upto(opportunities - 1) if opportunities else 0
        match dice.upto(20):
            case 0 | 1:
                tale.claimed(dice.of(*REPS), seconds=now, exception=dice.of(None, None, None, "continuity"))
            case 2 | 3 | 4:
                made = dice.of(None, None, now - 0.5)
                tale.attempted(dice.of("no_answer", "conversation", "refused", "opt_out"), seconds=now, made=made)
            case 5:
                opportunities += 1
                if dice.chance(2):
                    tale.item(ItemCompleted, seconds=now, outcome="qualified")
                tale.created(opportunities, seconds=now, acceptance=dice.of("none", "required", None))
                tale.queued("closing/uk", seconds=now, due=None)
            case 6:
                tale.queued(dice.of(*QUEUES), seconds=now)
            case 7:
                tale.item(ItemExpired, seconds=now)
                tale.rep = None
            case 8:
                tale.closed(dice.of("disqualified", "unreached", "lost", "won"), seconds=now)
            case 9:
                tale.nurtured(seconds=now).decided("inbound/main", seconds=now, segment=dice.of(None, "big"))
            case 10:
                tale.decided("closing/uk", stage="handover", seconds=now, segment=dice.of(None, "uk"))
            case 11 if opportunity:
                tale.accepted(opportunity, seconds=now).released(opportunity, seconds=now)
            case 12 if opportunity:
                tale.meeting(
                    opportunity,
                    seconds=now,
                    planned=now + dice.of(-900, 0, 900),
                    state=dice.of("held", "held", "booked", "no_show"),
                    mode=dice.of("in_person", "video"),
                    face_to_face=dice.of(None, True, False),
                )
            case 13 if opportunity:
                tale.requested(opportunity, seconds=now).presented(opportunity, seconds=now)
            case 14 if opportunity and opportunity not in won:
                won.add(opportunity)
                currency = dice.of("GBP", "EUR")
                at = now - dice.of(0, 5000)
                credit = dice.of((), SHARED)
                tale.won(opportunity, seconds=now, at=at, amount=dice.upto(9), currency=currency, credit=credit)
                if dice.chance(2):
                    sold.add(opportunity)
                    tale.sold(opportunity, seconds=now)
            case 15 if opportunity:
                (tale.reopened if opportunity in lost else tale.lost)(opportunity, seconds=now)
                lost ^= {opportunity}
            case 16 if opportunity:
                lost.discard(opportunity)
                won.add(opportunity)
                to = dice.of("open", "won", "lost")
                tale.corrected(opportunity, was="won", to=to, seconds=now)
                if opportunity in sold and dice.chance(2):
                    tale.voided(opportunity, seconds=now)
                    sold.discard(opportunity)
            case 17 if opportunity:
                tale.refused(opportunity, seconds=now)
            case 18 if sold:
                customer = dice.of(*sorted(sold))
                tale.queued("customer/main", seconds=now).claimed(dice.of("rep_eve", "rep_ann"), seconds=now)
                happens = dice.of(tale.deployed, tale.expanded, tale.renewed, tale.churned)
                happens(customer, seconds=now)
                tale.queued("inbound/main", seconds=now)
            case 19:
                outcome = dice.of("qualified", "disqualified")
                tale.claimed(dice.of(*REPS), seconds=now).item(ItemCompleted, seconds=now, outcome=outcome)
            case 20:
                tale.claimed(dice.of(*REPS), seconds=now)
                if dice.chance(2):
                    tale.item(ItemReturned, seconds=now, reason=dice.of("shift_over", "wrong_queue"))
                    tale.rep = None
                else:
                    kept = dice.of(ItemPromiseKept, ItemPromiseBroken)
                    tale.item(kept, seconds=now, due_at=tale.at(now))
            case _:
                tale.queued("customer/main", seconds=now).claimed("rep_eve", seconds=now)
                tale.attempted("conversation", seconds=now).queued("inbound/main", seconds=now)
    return tale


def told_of(dice: Dice) -> list[Told]:
    roots: list[int] = []
    tales = [tale_of(dice, n, roots) for n in range(1, 2 + dice.upto(7))]
    turns = random.Random(dice.upto(10**6))
    return interleaved([tale.told for tale in tales], iter(lambda: turns.randrange(1000), -1))
