"""Absence and targets, in pure decisions: who covers, what goes back into a pool, what counts today and this week."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from router import covers
from router.targets import day, week
from schemas.words import ItemKind, Priority, QueueName, RepId

UK, FIELD = QueueName("closing/uk"), QueueName("closing/field")
ANN, BOB, EVE = RepId("ann"), RepId("bob"), RepId("eve")
THERE = {BOB: frozenset({UK}), EVE: frozenset({UK, FIELD})}


@pytest.mark.parametrize(
    ("named", "queue", "but", "found"),
    [
        ([BOB, EVE], UK, (), BOB),
        ([EVE, BOB], UK, (), EVE),
        ([ANN, EVE], UK, (), EVE),
        ([BOB, EVE], FIELD, (), EVE),
        ([BOB, EVE], UK, (BOB,), EVE),
        ([BOB], UK, (BOB,), None),
        ([ANN], UK, (), None),
        ([], UK, (), None),
    ],
    ids=[
        "the first",
        "in their order",
        "not one who is away",
        "not one of another queue",
        "not one who returned it",
        "nobody left",
        "nobody there",
        "nobody named",
    ],
)
def test_the_first_named_covers_who_is_there_works_the_queue_and_did_not_return_it(
    named: list[RepId], queue: QueueName, but: Collection[RepId], found: RepId | None
) -> None:
    assert covers.first(named, THERE, queue=queue, but=but) == found


def test_nothing_goes_to_a_pool_that_there_is_not() -> None:
    assert not covers.goes_to_pool(None, kind=ItemKind.OPPORTUNITY, priority=Priority.NORMAL, from_list=True)


@pytest.mark.parametrize(
    ("now", "length"),
    [
        (datetime(2026, 3, 29, 12, tzinfo=UTC), 23),
        (datetime(2026, 10, 25, 12, tzinfo=UTC), 25),
        (datetime(2026, 7, 6, 12, tzinfo=UTC), 24),
    ],
    ids=["spring", "autumn", "summer"],
)
def test_a_day_is_as_long_as_it_is_there_and_lies_in_its_week(now: datetime, length: int) -> None:
    zone = ZoneInfo("Europe/London")
    today, this_week = day(now, zone), week(now, zone)
    assert today.until - today.since == timedelta(hours=length)
    assert today.since <= now < today.until
    assert this_week.since <= today.since < today.until <= this_week.until
    assert this_week.since.astimezone(zone).weekday() == 0
    assert week(this_week.until, zone).since == this_week.until
