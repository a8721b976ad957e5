"""The judge finds what is planted, and nothing in a history in which nothing is wrong."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from faults.history import Call, Claimed, Final, Seen, Spell, stalls, whole
from faults.judge import Expected, counted, violations
from kit.tales import MONDAY, Tale

from schemas.events import lifecycle
from schemas.events.stamp import Told

START = MONDAY.timestamp()
LEASE = 10.0


def told() -> list[Told]:
    """A lead that one rep left lying and another won, and one that was merged into it."""
    tale = Tale(1).enquiry()
    tale.claimed("rep_ann", seconds=1).item(lifecycle.ItemExpired, seconds=12).queued(seconds=12, cause="lease")
    tale.claimed("rep_ben", seconds=13).attempted("conversation", seconds=14)
    tale.item(lifecycle.ItemCompleted, seconds=15, outcome="qualified")
    tale.created(seconds=15).won(seconds=20)
    claims = iter(["clm_1", "clm_1", "clm_2", "clm_2", "clm_2"])
    named = [
        replace(one, event=one.event.model_copy(update={"claim_id": next(claims)}))
        if one.name.startswith("item.") and one.name != "item.queued"
        else one
        for one in tale.told
    ]
    return [*named, *Tale(2).received().merged(1).told]


LEAD, MERGED = Tale(1).id, Tale(2).id
ITEM = "itm_1_enquiry"


def seen(story: Sequence[Told]) -> list[Seen]:
    return [Seen(f"evt_{one.stamp.lead_id}_{one.stamp.seq}", one) for one in story]


def final() -> Final:
    good = Final(
        leads={LEAD: "closed", MERGED: "merged"},
        lifecycle=seen(told()),
        claims=[
            Claimed("clm_1", ITEM, "rep_ann", 1, START + 11, START + 12, "expired"),
            Claimed("clm_2", ITEM, "rep_ben", 2, START + 23, START + 15, "completed"),
        ],
        notes=["note 1"],
        waiting=0,
        lags={"router": 0},
        stopped=[],
        dead={"router": 2},
        balanced=True,
        shown={},
        published={},
        open_items={},
        died=[],
        now=START + 30,
    )
    true = counted(good)
    return replace(good, shown={group: dict(counts) for group, counts in true.items()}, published=dict(true[()]))


def call(by: str, what: str, at: float, status: int | None, key: str = "", **more: Any) -> Call:
    return Call(by, what, key, START + at, START + at + 0.1, status, more.get("ask", {}), more.get("said", {}))


def under(token: int, **more: Any) -> dict[str, Any]:
    return {"item": ITEM, "claim": f"clm_{token}", "token": token, "opportunity": "opp_1_1", **more}


def history() -> list[Call]:
    return [
        call("poster-1", "post", 0, None, "a"),
        call("poster-1", "post", 0.2, 202, "a", said={"id": LEAD}),
        call("poster-2", "post", 0.3, 202, "b", said={"id": MERGED}),
        call("rep-1", "pull", 1, 200, said=under(1)),
        call("rep-2", "pull", 13, 200, said=under(2)),
        call("rep-2", "attempt", 14, None, ask=under(2, note="note 1")),
        call("rep-2", "attempt", 14.5, 201, ask=under(2, note="note 1"), said={"replayed": True}),
        call("rep-1", "attempt", 14.6, 409, ask=under(1, note="stale 1")),
        call("rep-2", "complete", 15, 200, ask=under(2)),
        call("rep-2", "won", 20, 200, ask=under(2)),
    ]


EXPECTED = Expected({"a": LEAD, "b": MERGED, "c": "ld_c"}, {"router": 2}, LEASE)
SPELLS = [Spell("kill -9 router-1", START + 16, START + 18), Spell("SIGSTOP worker-1", START + 17, START + 29)]


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert violations(history(), SPELLS, final(), EXPECTED) == []


def retold(change: Callable[[list[Told]], list[Told]]) -> Callable[[Final], Final]:
    """With other stories, and numbers that agree with them."""

    def planted(good: Final) -> Final:
        other = replace(good, lifecycle=seen(change(told())))
        true = counted(other)
        return replace(other, shown={group: dict(counts) for group, counts in true.items()}, published=dict(true[()]))

    return planted


def without_first_claim(story: list[Told]) -> list[Told]:
    """As if the second rep had pulled while the first still held it."""
    story = [one for one in story if one.name != "item.expired"]
    return [
        replace(one, stamp=one.stamp.model_copy(update={"seq": n})) if one.stamp.lead_id == LEAD else one
        for n, one in enumerate(story, start=1)
    ]


def by_another(name: str) -> Callable[[list[Told]], list[Told]]:
    """As if who held it first had done this."""
    return lambda story: [
        replace(one, event=one.event.model_copy(update={"claim_id": "clm_1"})) if one.name == name else one
        for one in story
    ]


def earlier(story: list[Told]) -> list[Told]:
    at = story[4].stamp.at - timedelta(minutes=1)
    return [*story[:4], replace(story[4], stamp=story[4].stamp.model_copy(update={"at": at})), *story[5:]]


def late(story: list[Told]) -> list[Told]:
    """As if it had been decided half a minute later."""
    moved = [
        replace(one, stamp=one.stamp.model_copy(update={"at": one.stamp.at + timedelta(seconds=30)}))
        for one in story[1:]
        if one.stamp.lead_id == LEAD
    ]
    return [story[0], *moved, *story[-2:]]


FINALS: list[tuple[str, Callable[[Final], Final]]] = [
    ("lost", lambda good: replace(good, leads={LEAD: "closed"})),
    ("invented", lambda good: replace(good, leads={**good.leads, "ld_x": "closed"})),
    ("not received once", retold(lambda story: story[:-2])),
    ("not received once", retold(lambda story: [*story, *Tale(2).received().merged(1).received().told[-1:]])),
    (
        "two events of one number",
        lambda good: replace(good, lifecycle=[*good.lifecycle, replace(good.lifecycle[3], event="evt_x")]),
    ),
    ("gap in a story", retold(lambda story: story[:1] + story[2:])),
    ("gap in a story", retold(lambda story: [story[1], story[0], *story[2:]])),
    ("time runs back", retold(earlier)),
    ("held twice", retold(without_first_claim)),
    ("held twice", lambda good: replace(good, claims=[replace(good.claims[0], ended=None), good.claims[1]])),
    ("held twice", lambda good: replace(good, claims=[good.claims[0], replace(good.claims[1], token=1)])),
    ("effect under an old token", retold(by_another("item.attempted"))),
    ("effect under an old token", retold(by_another("item.completed"))),
    ("effect doubled", lambda good: replace(good, notes=["note 1", "note 1"])),
    ("effect lost", lambda good: replace(good, notes=[])),
    ("effect lost", retold(lambda story: [one for one in story if one.name != "opportunity.won"])),
    ("effect lost", retold(lambda story: [one for one in story if one.name != "item.completed"])),
    ("effect of a refused call", lambda good: replace(good, notes=["note 1", "stale 1"])),
    ("numbers differ", lambda good: replace(good, shown={**good.shown, (): {**good.shown[()], "won": 2}})),
    (
        "numbers differ",
        lambda good: replace(good, shown={("rep", "rep_ben"): good.shown["rep", "rep_ben"] | {"won": 0}}),
    ),
    ("numbers differ", lambda good: replace(good, shown={("source", "fair"): Counter()})),
    ("published numbers differ", lambda good: replace(good, published={**good.published, "merged": 0})),
    ("the books do not balance", lambda good: replace(good, balanced=False)),
    ("stuck", lambda good: replace(good, leads={**good.leads, MERGED: "received"})),
    ("stuck", lambda good: replace(good, open_items={"parked": 1})),
    ("stuck", lambda good: replace(good, waiting=1)),
    ("stuck", lambda good: replace(good, lags={"router": 1})),
    ("stuck", lambda good: replace(good, stopped=["router leads.inbound.v1/3: brake"])),
    ("stuck", retold(late)),
    ("stuck", lambda good: replace(good, claims=[replace(good.claims[0], ended=START + 40), good.claims[1]])),
    (
        "stuck",
        lambda good: replace(good, claims=[*good.claims, Claimed("clm_3", "itm_2", "rep", 1, START, None, "active")]),
    ),
    ("dead letters", lambda good: replace(good, dead={"router": 1})),
    ("dead letters", lambda good: replace(good, dead={"router": 2, "relay": 1})),
    ("died", lambda good: replace(good, died=["router-1 ended with 10"])),
]


@pytest.mark.parametrize(("name", "plant"), FINALS, ids=[f"{n} {name}" for n, (name, _) in enumerate(FINALS)])
def test_what_stands_wrong_is_found(name: str, plant: Callable[[Final], Final]) -> None:
    found = violations(history(), SPELLS, plant(final()), EXPECTED)
    assert name in {one.name for one in found}, found


CALLS: list[tuple[str, Call]] = [
    ("another id", call("poster-1", "post", 5, 202, "a", said={"id": MERGED})),
    ("lost", call("poster-1", "post", 5, 202, "c", said={"id": "ld_c"})),
    ("held twice", call("rep-3", "pull", 13.5, 200, said=under(2, claim="clm_9"))),
    ("effect under an old token", call("rep-1", "attempt", 14.7, 201, ask=under(1, note="note 1"))),
    ("effect under an old token", call("rep-1", "complete", 14.7, 200, ask=under(1))),
    ("effect lost", call("rep-2", "attempt", 14.7, 201, ask=under(2, note="note 2"))),
    ("internal error", call("rep-2", "complete", 14.7, 500, ask=under(2))),
]


@pytest.mark.parametrize(("name", "planted"), CALLS, ids=[f"{n} {name}" for n, (name, _) in enumerate(CALLS)])
def test_what_was_answered_wrong_is_found(name: str, planted: Call) -> None:
    found = violations([*history(), planted], SPELLS, final(), EXPECTED)
    assert name in {one.name for one in found}, found


def test_only_time_in_which_nothing_is_broken_counts_as_waiting() -> None:
    assert whole(SPELLS, START + 10, START + 40) == pytest.approx(6 + 11)
    assert whole(SPELLS, START + 20, START + 28) == 0
    assert whole([], START, START + 5) == 5


def test_stalls_are_told_for_each_fault() -> None:
    first, second = stalls(history(), SPELLS, final())
    assert (first.fault, second.fault) == ("kill -9 router-1", "SIGSTOP worker-1")
    assert first.lasted == pytest.approx(2)
    assert second.work == pytest.approx(5.0)
