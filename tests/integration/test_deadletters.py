"""Dead letters can be listed, looked at whole, and replayed under their old event ids."""

from datetime import UTC, datetime, timedelta

import pytest
from kit.clock import ManualClock

from schemas.envelope import Envelope, to_headers
from schemas.topics import INBOUND, LIFECYCLE
from services.runtime import deadletters, operations
from services.runtime.deadletters import Refused
from services.runtime.edge import Edge
from services.runtime.exits import NotFound
from services.runtime.log.port import Place, Record

HEADERS = to_headers(Envelope("evt_7", "leadgate.lead.submitted.v1", "/t", "k", "2026-07-06T09:00:00Z", "/s"))


def record(key: str, value: bytes | None = b'{"a":1}', topic: str = INBOUND.name, offset: int = 17) -> Record:
    return Record(Place(topic, 3), offset, datetime(2026, 7, 6, tzinfo=UTC), key, value, HEADERS)


async def lay_aside(edge: Edge, *records: Record) -> list[str]:
    """Make dead letters, and tell their ids in order."""
    async with edge.database.tx() as tx:
        await deadletters.add(tx, "router", [Refused(each, f"no good: {each.key}") for each in records])
    return [letter["id"] for letter in await operations.dead_letters(edge)][: len(records)][::-1]


async def test_they_are_listed_newest_first_as_the_contract_shows(edge: Edge, clock: ManualClock) -> None:
    (first,) = await lay_aside(edge, record("one"))
    clock.move(timedelta(seconds=1))
    (second,) = await lay_aside(edge, record("two", topic=LIFECYCLE.name))
    assert [letter["id"] for letter in await operations.dead_letters(edge)] == [second, first]
    assert await operations.dead_letters(edge, INBOUND.name) == [
        {
            "id": first,
            "topic": "leads.inbound.v1",
            "partition": 3,
            "offset": 17,
            "consumer": "router",
            "reason": "no good: one",
            "failed_at": "2026-07-06T09:00:00.000Z",
            "replayed_at": None,
        }
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(b'{"a":1}', {"a": 1}), (b"not json", "not json"), (b"\xff", {"base64": "/w=="}), (None, None)],
)
async def test_one_is_shown_whole_whatever_it_holds(edge: Edge, value: bytes | None, shown: object) -> None:
    (id_,) = await lay_aside(edge, record("one", value))
    letter = await operations.dead_letter(edge, id_)
    assert (letter["key"], letter["value"]) == ("one", shown)
    assert letter["headers"]["ce_id"] == "evt_7"


async def test_what_postgresql_cannot_hold_is_kept_as_far_as_it_can(edge: Edge) -> None:
    (id_,) = await lay_aside(edge, record("nul\0 and \ud800", b"\0\xff"))
    letter = await operations.dead_letter(edge, id_)
    assert letter["key"] == "nul\N{REPLACEMENT CHARACTER} and ?"
    assert letter["value"] == {"base64": "AP8="}


async def test_a_replay_appends_it_again_under_its_old_event_id(edge: Edge, clock: ManualClock) -> None:
    (id_,) = await lay_aside(edge, record("one"))
    clock.move(timedelta(hours=1))
    assert await operations.replay(edge, id_) == {"replayed": 1, "ids": [id_]}
    (again,) = await read(edge)
    assert (again.key, again.value, again.headers) == ("one", b'{"a":1}', HEADERS)
    assert (await operations.dead_letter(edge, id_))["replayed_at"] == "2026-07-06T10:00:00.000Z"


async def test_a_topic_is_replayed_in_its_old_order_and_each_once(edge: Edge) -> None:
    ids = await lay_aside(edge, *(record("same key", b"%d" % number, offset=number) for number in range(5)))
    await lay_aside(edge, record("other", topic=LIFECYCLE.name))
    assert await operations.replay(edge, INBOUND.name) == {"replayed": 5, "ids": ids}
    assert await operations.replay(edge, INBOUND.name) == {"replayed": 0, "ids": []}
    assert [each.value for each in await read(edge)] == [b"0", b"1", b"2", b"3", b"4"]


async def test_of_a_topic_all_are_replayed_however_many(edge: Edge, clock: ManualClock) -> None:
    for batch in range(3):
        await lay_aside(edge, *(record("k", b"%d" % (500 * batch + number), offset=number) for number in range(500)))
        clock.move(timedelta(seconds=1))
    assert (await operations.replay(edge, INBOUND.name))["replayed"] == 1500
    assert [int(each.value or b"") for each in await read(edge)] == list(range(1500))


@pytest.mark.parametrize("what", ["dlq_00000000000000000000000000", "leads.nowhere.v1"])
async def test_what_is_not_there_is_said(edge: Edge, what: str) -> None:
    with pytest.raises(NotFound, match=what):
        await operations.replay(edge, what)


async def test_they_are_kept_for_28_days(edge: Edge, clock: ManualClock) -> None:
    await lay_aside(edge, record("old"))
    clock.move(timedelta(days=27))
    (young,) = await lay_aside(edge, record("young"))
    clock.move(timedelta(days=1, seconds=1))
    async with edge.database.tx() as tx:
        assert await deadletters.prune(tx) == 1
    assert [letter["id"] for letter in await operations.dead_letters(edge)] == [young]


async def read(edge: Edge) -> list[Record]:
    """What the intake topic holds."""

    async def from_start(place: Place) -> int:
        return 0

    async with edge.log.subscribe("all", [INBOUND], from_start) as subscription:
        return list((await subscription.poll(10_000, timedelta())).records)
