"""What operators do with consumers and dead letters: plain values in and out, as the contract shows them."""

from collections.abc import Sequence
from typing import Any

from schemas.topics import BY_NAME, TOPICS
from services.runtime import deadletters, positions
from services.runtime.deadletters import DeadLetter
from services.runtime.edge import Edge
from services.runtime.exits import NotFound, Refused
from services.runtime.log import outbox
from services.runtime.log.port import Place


async def consumer_status(edge: Edge) -> list[dict[str, Any]]:
    """`consumer status`: every consumer in every partition, with its lag."""
    ends = await edge.log.ends(TOPICS)
    async with edge.database.read() as tx:
        standing = await positions.all_standings(tx)
    return [
        {
            "consumer": each.consumer,
            "topic": each.place.topic,
            "partition": each.place.partition,
            "position": each.position,
            "lag": max(0, ends.get(each.place, each.position) - each.position),
            "owner": each.owner,
            "stopped": each.stopped,
        }
        for each in standing
    ]


async def consumer_resume(
    edge: Edge, consumer: str, topic: str, partition: int, *, accept_gap: bool = False
) -> tuple[dict[str, Any], bool]:
    """`consumer resume`: let a stopped partition go on; over a gap only where that is accepted.

    How it stands now, and whether it was stopped.
    Raises: NotFound; Refused where it is a gap, and not accepted, or the log has no such partition any more.
    """
    place = Place(topic, partition)
    async with edge.database.read() as tx:
        standing = (await positions.standings(tx, consumer)).get(place)
    if standing is None:
        raise NotFound(f"{consumer} does not read {topic}/{partition}: see `leadgate consumer status`.")
    position, log = standing.position, standing.log  # a topic that was replaced meanwhile is a gap, yet to be found
    if standing.stopped == "gap":
        if not accept_gap:
            raise Refused(f"{standing.detail}. With --accept-gap it goes on at the oldest record that there is.")
        starts, ends = await edge.log.starts(TOPICS), await edge.log.ends(TOPICS)
        if place not in starts:
            raise Refused(
                f"the log has no {topic}/{partition} any more, so there is no record to go on at: make it again with "
                "`leadgate topics create --partitions N`, or leave it."
            )
        log = await edge.log.identity(BY_NAME[topic])
        if standing.log != log or not starts[place] <= position <= ends[place]:
            position = starts[place]
    if standing.stopped:
        async with edge.database.tx() as tx:
            await positions.resume(tx, standing, position=position, log=log)
    stands = {"consumer": consumer, "topic": topic, "partition": partition, "position": position, "stopped": None}
    return stands, standing.stopped is not None


async def dead_letters(edge: Edge, topic: str | None = None) -> list[dict[str, Any]]:
    """`dlq list`: newest first. Raises: NotFound where there is no such topic."""
    if topic is not None:
        _known(topic)
    async with edge.database.read() as tx:
        return [letter.summary() for letter in await deadletters.listed(tx, topic)]


async def dead_letter(edge: Edge, id_: str) -> dict[str, Any]:
    """`dlq show`: one, whole. Raises: NotFound."""
    return (await _found(edge, id_)).whole()


async def replay(edge: Edge, id_or_topic: str) -> dict[str, Any]:
    """`dlq replay`: append one again, or all of a topic that were not yet, under their old event ids.

    What Kafka refused is forwarded again by the relay, in its place.

    Raises: NotFound; LogUnavailable (repeat it: ids deduplicate).
    """
    ids: list[str] = []
    if id_or_topic.startswith("dlq_"):
        ids += await _appended(edge, [await _found(edge, id_or_topic)])
    else:
        _known(id_or_topic)
        async with edge.database.read() as tx:
            until = tx.now  # what fails again meanwhile is not replayed for ever
            letters = await deadletters.waiting(tx, id_or_topic, until=until)
        while letters:
            ids += await _appended(edge, letters)
            async with edge.database.read() as tx:
                letters = await deadletters.waiting(tx, id_or_topic, until=until)
    return {"replayed": len(ids), "ids": ids}


async def _appended(edge: Edge, letters: Sequence[DeadLetter]) -> list[str]:
    refused = [letter for letter in letters if letter.consumer == deadletters.RELAY]
    await edge.log.append([letter.message for letter in letters if letter not in refused])
    ids = [letter.id for letter in letters]
    async with edge.database.tx() as tx:
        for letter in refused:
            await outbox.unpark(tx, letter.place, letter.offset)
        await deadletters.mark_replayed(tx, ids)
    return ids


async def _found(edge: Edge, id_: str) -> DeadLetter:
    async with edge.database.read() as tx:
        letter = await deadletters.found(tx, id_)
    if letter is None:
        raise NotFound(f"there is no dead letter {id_}: see `leadgate dlq list`.")
    return letter


def _known(topic: str) -> None:
    if topic not in BY_NAME:
        raise NotFound(f"there is no topic {topic}: there are {', '.join(BY_NAME)}.")
