"""The order, the limits, the buffer, the release, the lease, the channels."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from kit.rulebooks import EXAMPLE, NOW, policy_of

from router.buffer import target
from router.channels import left
from router.leases import expires_at, first_next_step, heartbeat_every
from router.limits import Held, LimitReached, held, reached, returns_reached, week_began
from router.order import rank_at
from router.release import Release, release, zone
from schemas.words import MatchedBy, Priority, Returned, Zone

POLICY = policy_of()
CLOSING, INBOUND, OUTBOUND = (POLICY.queues[name] for name in ("closing/uk", "inbound/main", "outbound/main"))
FIXED = policy_of(EXAMPLE.replace("{per_rep_hour: 0.5}", "{fixed: 10}")).queues["closing/uk"]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("priority", "from_list", "credit"),
    [
        (Priority.NORMAL, False, HOUR),
        (Priority.HIGH, False, DAY),
        (Priority.HOT, False, 7 * DAY),
        (Priority.HOT, True, timedelta()),
        (Priority.NORMAL, True, timedelta()),
    ],
)
def test_rank_is_the_time_less_the_credit_of_its_priority(priority, from_list, credit):
    assert rank_at(NOW, priority, from_list=from_list, credit=POLICY.rank_credit) == NOW - credit


def test_in_hand_is_what_is_due_now_and_open_is_all():
    steps = [None, NOW, NOW - HOUR, NOW + timedelta(milliseconds=1)]
    assert held(steps, NOW) == Held(in_hand=3, open=4)
    assert held([], NOW) == Held(0, 0)


@pytest.mark.parametrize(
    ("queue", "by", "limit"),
    [
        (INBOUND, Held(2, 900), None),
        (INBOUND, Held(3, 3), LimitReached("in_hand", 3, 3)),
        (INBOUND, Held(4, 4), LimitReached("in_hand", 3, 4)),
        (CLOSING, Held(19, 59), None),
        (CLOSING, Held(19, 60), LimitReached("open", 60, 60)),
        (CLOSING, Held(20, 60), LimitReached("in_hand", 20, 20)),
        (POLICY.queues["customer/main"], Held(999, 999), None),
    ],
)
def test_a_limit_is_reached(queue, by, limit):
    assert reached(queue, by) == limit


@pytest.mark.parametrize(
    ("pool", "waiting", "target", "moved", "shortage", "zone"),
    [
        ("abcde", 0, 3, "abc", 0, Zone.GREEN),
        ("abcde", 2, 3, "a", 0, Zone.GREEN),
        ("abcde", 3, 3, "", 0, Zone.GREEN),
        ("abcde", 7, 3, "", 0, Zone.GREEN),  # hot ones may exceed it
        ("a", 0, 3, "a", 2, Zone.YELLOW),
        ("", 1, 4, "", 3, Zone.RED),
        ("", 0, 0, "", 0, Zone.GREEN),
    ],
)
def test_a_release_fills_up_to_the_target(pool, waiting, target, moved, shortage, zone):
    assert release(list(pool), waiting=waiting, target=target) == Release(tuple(moved), shortage, zone)


def test_zones_are_thirds():
    assert [zone(depth, 9).value for depth in (2, 3, 5, 6)] == ["red", "yellow", "yellow", "green"]


MONDAY, SATURDAY = NOW, datetime(2026, 7, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("queue", "reps", "at", "items"),
    [
        (CLOSING, [1], MONDAY, 5),  # 8.5 hours × 0.5 = 4.25
        (CLOSING, [1, 1], MONDAY, 9),  # 8.5
        (CLOSING, [1, 2], MONDAY, 7),  # × 1.5 = 6.375
        (CLOSING, [3, 3, 3], MONDAY, 5),  # thirds are thirds
        (CLOSING, [1], SATURDAY, 5),  # of the next open day
        (CLOSING, [], MONDAY, 0),
        (FIXED, [], MONDAY, 10),
        (INBOUND, [1], MONDAY, None),
    ],
)
def test_the_target_is_the_open_hours_times_the_reps_who_are_there(queue, reps, at, items):
    assert target(queue, reps, at) == items


def test_a_target_of_tenths_is_not_rounded_up_twice():
    """0.1 × 10 hours × 3 is 3, though not in binary fractions."""
    text = EXAMPLE.replace("per_rep_hour: 0.5", "per_rep_hour: 0.1").replace("09:00-17:30", "08:00-18:00")
    assert target(policy_of(text).queues["closing/uk"], [1, 1, 1], NOW) == 3


def test_a_claim_runs_for_its_lease_from_the_last_sign_of_life():
    lease = timedelta(minutes=15)
    assert expires_at(INBOUND, granted_at=NOW) == NOW + lease
    assert expires_at(INBOUND, granted_at=NOW, heartbeat_at=NOW + HOUR) == NOW + HOUR + lease
    assert expires_at(INBOUND, granted_at=NOW, heartbeat_at=NOW + HOUR, attempt_at=NOW + DAY) == NOW + DAY + lease


def test_a_claim_with_a_next_step_runs_until_that_and_the_grace():
    thursday = NOW + 3 * DAY
    ends = expires_at(CLOSING, granted_at=NOW, attempt_at=NOW + 30 * DAY, next_step_at=thursday)
    assert ends == NOW + 7 * DAY  # two working days on: Monday
    booked = expires_at(CLOSING, granted_at=NOW, next_step_at=NOW + DAY, meetings=[NOW + DAY / 2, thursday])
    assert booked == ends
    assert expires_at(CLOSING, granted_at=NOW) == NOW + 3 * DAY


def test_the_grace_is_the_lease_unless_it_is_said():
    assert expires_at(INBOUND, granted_at=NOW, next_step_at=NOW + DAY) == NOW + DAY + timedelta(minutes=15)
    none = policy_of(EXAMPLE.replace("in_hand: 3, lease: 15m", "lease: 15m, grace: 0m")).queues["inbound/main"]
    assert expires_at(none, granted_at=NOW, next_step_at=NOW + DAY) == NOW + DAY


def test_a_heartbeat_is_asked_for_where_the_lease_is_short():
    assert heartbeat_every(INBOUND) == timedelta(minutes=5)
    assert heartbeat_every(OUTBOUND) == timedelta(minutes=20)
    assert heartbeat_every(POLICY.queues["service/main"]) is None  # a third of four hours
    assert heartbeat_every(CLOSING) is None


def test_a_first_attempt_makes_the_queues_next_step():
    assert first_next_step(CLOSING, NOW) == NOW + 2 * DAY
    assert first_next_step(INBOUND, NOW) is None


@pytest.mark.parametrize(
    ("kinds", "suppressed", "channels"),
    [
        ("email phone profile", set(), "phone sms email social"),
        ("phone", set(), "phone sms"),
        ("email phone", {"email"}, "phone sms"),
        ("email phone", {"all"}, ""),
        ("", set(), ""),
    ],
)
def test_the_channels_left(kinds, suppressed, channels):
    assert " ".join(left([MatchedBy(kind) for kind in kinds.split()], suppressed)) == channels


@pytest.mark.parametrize(
    ("now", "zone", "began"),
    [
        ("2026-07-06T09:00", "Europe/London", "2026-07-05T23:00"),
        ("2026-07-12T22:59", "Europe/London", "2026-07-05T23:00"),
        ("2026-07-12T23:00", "Europe/London", "2026-07-12T23:00"),
        ("2026-10-26T08:00", "Europe/London", "2026-10-26T00:00"),  # the clocks went back on Sunday
        ("2026-10-25T12:00", "Europe/London", "2026-10-18T23:00"),
        ("2026-07-12T18:29", "Asia/Kolkata", "2026-07-05T18:30"),
        ("2026-07-12T18:30", "Asia/Kolkata", "2026-07-12T18:30"),
    ],
)
def test_a_week_begins_on_monday_by_the_clock_of_its_zone(now, zone, began):
    utc = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, began)]
    assert week_began(utc[0], ZoneInfo(zone)) == utc[1]


@pytest.mark.parametrize(
    ("reason", "returned", "limit"),
    [
        (Returned.NO_CAPACITY, 1, None),
        (Returned.NO_CAPACITY, 2, LimitReached("returns", 2, 2)),
        (Returned.WRONG_LANGUAGE, 9, None),
        (Returned.MISSING_SKILL, 9, None),
        (Returned.CONFLICT_OF_INTEREST, 9, None),
    ],
)
def test_returns_in_a_week_are_bounded_but_for_reasons_that_are_free(reason, returned, limit):
    assert returns_reached(replace(INBOUND, returns_per_week=2), reason, returned) == limit
    assert returns_reached(INBOUND, reason, 99) is None
