"""The log's port: every adapter passes this suite, unchanged."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from schemas.topics import INBOUND, LIFECYCLE, SIGNALS, Topic
from services.runtime.log.port import LARGEST, EventLog, Message, Place, Record, Subscription, TooLarge

SOON = timedelta(seconds=5)
AT_ONCE = timedelta()


def message(key: str, value: bytes | None = b"{}", topic: Topic = LIFECYCLE) -> Message:
    return Message(topic.name, key, value, (("ce_id", b"evt_1"), ("ce_type", b"leadgate.lead.received.v1")))


@asynccontextmanager
async def reading(log: EventLog, *topics: Topic, group: str = "reader") -> AsyncIterator[Subscription]:
    """Read topics from their beginning."""
    starts = await log.starts(topics)

    async def start(place: Place) -> int:
        return starts[place]

    async with log.subscribe(group, topics, start) as subscription:
        yield subscription


async def read(subscription: Subscription, count: int, limit: int = 100) -> list[Record]:
    """Poll until so many records have come."""
    records: list[Record] = []
    async with asyncio.timeout(20):
        while len(records) < count:
            records += (await subscription.poll(limit, SOON)).records
    return records


async def test_what_is_appended_is_read_as_it_was(log: EventLog) -> None:
    headers = (("content-type", b"application/json"), ("ce_id", b"evt_1"), ("odd", b"\xff\x00"))
    await log.append([Message(LIFECYCLE.name, "ld_ä", '{"name":"Zoë"}'.encode(), headers)])
    async with reading(log, LIFECYCLE) as subscription:
        (record,) = await read(subscription, 1)
    assert (record.key, record.value, record.headers) == ("ld_ä", '{"name":"Zoë"}'.encode(), headers)
    assert record.place.topic == LIFECYCLE.name
    assert record.appended_at.utcoffset() == timedelta()


async def test_a_tombstone_has_no_value(log: EventLog) -> None:
    await log.append([message("a", None), message("a", b"")])
    async with reading(log, LIFECYCLE) as subscription:
        assert [record.value for record in await read(subscription, 2)] == [None, b""]


async def test_messages_of_a_key_stand_in_one_partition_in_their_order(log: EventLog) -> None:
    for number in range(5):
        await log.append([message(f"key {key}", b"%d" % number) for key in range(30)])
    async with reading(log, LIFECYCLE) as subscription:
        by_key: dict[str, list[Record]] = defaultdict(list)
        for record in await read(subscription, 150, limit=7):
            by_key[record.key].append(record)
    assert len({record.place for records in by_key.values() for record in records}) > 1
    for records in by_key.values():
        assert [record.value for record in records] == [b"0", b"1", b"2", b"3", b"4"]
        assert len({record.place for record in records}) == 1


async def test_a_span_begins_at_the_position_and_ends_at_the_next_to_read(log: EventLog) -> None:
    await log.append([message(f"key {number}") for number in range(200)])
    positions: dict[Place, int] = dict(await log.starts([LIFECYCLE]))
    seen = 0
    async with reading(log, LIFECYCLE) as subscription:
        while seen < 200:
            batch = await subscription.poll(9, SOON)
            assert len(batch.records) <= 9
            for place, span in batch.spans.items():
                assert span.start == positions[place]
                offsets = [record.offset for record in batch.records if record.place == place]
                assert offsets == sorted(offsets)
                assert all(span.start <= offset < span.next for offset in offsets)
                positions[place] = span.next
            seen += len(batch.records)
    assert positions == await log.ends([LIFECYCLE])


async def test_no_later_record_is_seen_before_an_earlier_one(log: EventLog) -> None:
    """Eight writers at once; a reader that polls all the while misses nothing and sees nothing twice."""

    async def write(writer: int) -> None:
        for number in range(25):
            await log.append([message(f"{writer}/{key}", b"%d" % number) for key in range(4)])

    seen: dict[str, list[int]] = defaultdict(list)
    async with reading(log, LIFECYCLE) as subscription, asyncio.timeout(30):
        writers = [asyncio.create_task(write(writer)) for writer in range(8)]
        while sum(map(len, seen.values())) < 8 * 25 * 4:
            for record in (await subscription.poll(50, SOON)).records:
                assert record.value is not None
                seen[record.key].append(int(record.value))
        await asyncio.gather(*writers)
    assert len(seen) == 32
    assert all(numbers == list(range(25)) for numbers in seen.values())


async def test_a_poll_that_waits_is_woken_by_an_append(log: EventLog) -> None:
    async with reading(log, LIFECYCLE) as subscription:
        assert (await subscription.poll(10, AT_ONCE)).records == ()
        began = asyncio.get_running_loop().time()
        waiting = asyncio.create_task(subscription.poll(10, timedelta(seconds=10)))
        await log.append([message("a")])
        assert len((await waiting).records) == 1
        assert asyncio.get_running_loop().time() - began < 1


async def test_only_the_topics_asked_for_are_read(log: EventLog) -> None:
    await log.append([message("a", topic=SIGNALS), message("b", topic=INBOUND), message("c")])
    async with reading(log, SIGNALS, INBOUND) as subscription:
        assert {record.key for record in await read(subscription, 2)} == {"a", "b"}
        assert (await subscription.poll(10, AT_ONCE)).records == ()


async def test_seek_reads_again(log: EventLog) -> None:
    await log.append([message("a", b"%d" % number) for number in range(5)])
    async with reading(log, LIFECYCLE) as subscription:
        records = await read(subscription, 5)
        await subscription.seek(records[0].place, records[3].offset)
        assert [record.value for record in await read(subscription, 2)] == [b"3", b"4"]


async def test_a_paused_partition_gives_nothing_until_seek(log: EventLog) -> None:
    await log.append([message("a")])
    async with reading(log, LIFECYCLE) as subscription:
        (record,) = await read(subscription, 1)
        await subscription.pause(record.place)
        await log.append([message("a", b"later")])
        assert (await subscription.poll(10, timedelta(seconds=0.2))).records == ()
        await subscription.seek(record.place, record.offset + 1)
        assert [record.value for record in await read(subscription, 1)] == [b"later"]


async def test_a_partition_that_starts_paused_gives_nothing(log: EventLog) -> None:
    await log.append([message("a")])

    async def paused(place: Place) -> None:
        return None

    async with log.subscribe("reader", [LIFECYCLE], paused) as subscription:
        assert (await subscription.poll(10, timedelta(seconds=0.2))).records == ()


async def test_records_that_went_unread_are_a_gap_and_others_go_on(
    log: EventLog, truncate: Callable[[Place, int], Awaitable[None]]
) -> None:
    await log.append([message("a", b"%d" % number) for number in range(10)])
    async with reading(log, LIFECYCLE) as subscription:
        place = (await read(subscription, 10))[0].place
        await subscription.seek(place, 2)
        await truncate(place, 6)
        await log.append([message(f"other {number}") for number in range(100)])
        others = [record for record in await read(subscription, 40, limit=500) if record.place == place]
        assert others == []
        (gap,) = subscription.gaps()
        assert (gap.place, gap.position, gap.first) == (place, 2, 6)
        assert subscription.gaps() == []
        await subscription.seek(place, gap.first)
        assert [record.value for record in await read(subscription, 4, limit=4)] == [b"6", b"7", b"8", b"9"]


async def test_a_position_after_the_end_is_a_gap_for_the_log_is_another(log: EventLog) -> None:
    await log.append([message("a")])
    async with reading(log, LIFECYCLE) as subscription:
        place = (await read(subscription, 1))[0].place
        await subscription.seek(place, 5)
        assert (await subscription.poll(10, AT_ONCE)).records == ()
        (gap,) = subscription.gaps()
        assert (gap.place, gap.position) == (place, 5)


async def test_a_message_that_is_too_large_is_refused_and_nothing_with_it_is_appended(log: EventLog) -> None:
    with pytest.raises(TooLarge):
        await log.append([message("a"), message("b", b"x" * (LARGEST + 1))])
    assert await log.ends([LIFECYCLE]) == await log.starts([LIFECYCLE])
    await log.append([message("b", b"x" * (LARGEST - 1000))])
    async with reading(log, LIFECYCLE) as subscription:
        (record,) = await read(subscription, 1)
    assert len(record.value or b"") == LARGEST - 1000


async def test_one_append_is_whole_and_in_order_among_others(log: EventLog) -> None:
    """Appends that run together in one batch keep their own order."""
    await asyncio.gather(*(log.append([message("k", b"%d.%d" % (a, n)) for n in range(3)]) for a in range(40)))
    async with reading(log, LIFECYCLE) as subscription:
        values = [record.value or b"" for record in await read(subscription, 120)]
    for first in range(0, 120, 3):
        asked = values[first].split(b".")[0]
        assert values[first : first + 3] == [asked + b".0", asked + b".1", asked + b".2"]


async def test_the_log_says_which_it_is(log: EventLog) -> None:
    assert await log.identity(LIFECYCLE) == await log.identity(LIFECYCLE) != ""


async def test_starts_and_ends_tell_of_every_partition(
    log: EventLog, truncate: Callable[[Place, int], Awaitable[None]]
) -> None:
    await log.append([message("a") for _ in range(3)])
    ends = await log.ends([LIFECYCLE, SIGNALS])
    (place,) = [place for place, end in ends.items() if end]
    assert ends[place] == 3
    await truncate(place, 2)
    starts = await log.starts([LIFECYCLE, SIGNALS])
    assert starts.keys() == ends.keys()
    assert starts[place] == 2


async def test_all_that_there_is_can_be_read_without_a_group(
    log: EventLog, truncate: Callable[[Place, int], Awaitable[None]]
) -> None:
    await log.append([message(f"key {number}", b"%d" % number) for number in range(100)])
    place = next(place for place, end in (await log.ends([LIFECYCLE])).items() if end)
    await truncate(place, 1)
    read = [record async for records in log.read([LIFECYCLE, SIGNALS], limit=7) for record in records]
    assert len(read) == len({record.value for record in read}) == 99
    assert all(record.place != place or record.offset >= 1 for record in read)


async def test_what_was_appended_since_can_be_read_alone(log: EventLog) -> None:
    await log.append([message("a", b"before")])
    async with reading(log, LIFECYCLE) as subscription:
        (before,) = await read(subscription, 1)
    read_since = [record async for records in log.read([LIFECYCLE], since=before.appended_at) for record in records]
    assert [record.value for record in read_since] == [b"before"]
    later = before.appended_at + timedelta(hours=1)
    assert [records async for records in log.read([LIFECYCLE], since=later)] == []


async def test_where_nothing_was_appended_there_is_nothing_to_read(log: EventLog) -> None:
    assert [records async for records in log.read([LIFECYCLE, SIGNALS])] == []
