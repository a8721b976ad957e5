"""Law 4: age wins in the end. Whatever comes, whatever its priority, nothing waits for ever, in queue or pool."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from router.order import FURTHEST, rank_at
from router.policy.compiled import RankCredit
from router.release import release
from schemas.words import ItemId, Priority

START = datetime(2026, 7, 6, tzinfo=UTC)
CREDIT = st.builds(RankCredit, *(st.timedeltas(timedelta(), FURTHEST) for _ in ("list", "normal", "high", "hot")))
KINDS = st.tuples(st.sampled_from(Priority), st.booleans())


class Came(NamedTuple):
    rank: datetime
    id: ItemId
    at: datetime


@given(CREDIT, KINDS, KINDS, st.timedeltas(timedelta(), timedelta(days=400)))
def test_what_enters_over_a_month_later_is_never_before(
    credit: RankCredit, first: tuple[Priority, bool], second: tuple[Priority, bool], later: timedelta
) -> None:
    before, after = (
        rank_at(at, priority, from_list=from_list, credit=credit)
        for (priority, from_list), at in ((first, START), (second, START + later))
    )
    assert later <= FURTHEST or before < after


@settings(max_examples=300)
@given(
    CREDIT,
    st.lists(
        st.tuples(
            KINDS,
            st.sampled_from([True, *[False] * 9]),
            st.timedeltas(timedelta(days=5), timedelta(days=20)),
            st.sampled_from([0, *[1] * 9, 2]),
        ),
        min_size=10,
        max_size=40,
    ),
    st.integers(0, 3),
)
def test_no_mix_keeps_anything_back_for_longer_than_two_months_of_others(
    credit: RankCredit, coming: list[tuple[tuple[Priority, bool], bool, timedelta, int]], target: int
) -> None:
    """Items come, some to the pool; the worker tops up; reps pull as `HEADS_SQL` looks: who is passed over by whom?"""
    now, pool, queue = START, list[Came](), list[Came]()
    given_: list[Came] = []
    for number, ((priority, from_list), pooled, gap, pulls) in enumerate(coming):
        now += gap
        rank = rank_at(now, priority, from_list=from_list, credit=credit)
        (pool if pooled else queue).append(Came(rank, ItemId(f"itm_{number:03}"), now))
        pool.sort()
        queue.sort()
        moved = release([came.id for came in pool], waiting=len(queue), target=target).items
        queue = sorted([*queue, *(came for came in pool if came.id in moved)])
        pool = [came for came in pool if came.id not in moved]
        for _ in range(pulls):
            from_pool = pool and (not queue or pool[0].rank < queue[0].rank - FURTHEST)
            if heads := pool if from_pool else queue:
                given_.append(heads.pop(0))
                late = [came for came in (*pool, *queue) if came.at < given_[-1].at - 2 * FURTHEST]
                assert not late, (given_[-1], late)
