"""A position moves only from where it stands, by one at a time, and takes back everything where it does not."""

import asyncio

import pytest

from services.runtime import operations, positions
from services.runtime.brake import Brake
from services.runtime.edge import Edge
from services.runtime.log.port import Place, Span
from services.runtime.positions import Overtaken, advance

A, B = Place("leads.inbound.v1", 0), Place("leads.inbound.v1", 1)


@pytest.fixture(autouse=True)
async def taken(edge: Edge) -> None:
    """Both partitions are read by `group`, from 5 on."""
    async with edge.database.tx() as tx:
        for place in (A, B):
            await positions.take(tx, "group", place, first=5, log="this")


async def move(edge: Edge, log: str = "this", **spans: tuple[int, int]) -> None:
    """Advance in a transaction of its own."""
    wanted = {{"a": A, "b": B}[name]: Span(*span) for name, span in spans.items()}
    async with edge.database.tx() as tx:
        await advance(tx, "group", wanted, logs={A.topic: log}, owner="me")


async def stand(edge: Edge) -> tuple[int, int]:
    async with edge.database.read() as tx:
        found = await positions.standings(tx, "group")
    return found[A].position, found[B].position


async def test_a_position_moves_over_what_a_batch_covers(edge: Edge) -> None:
    await move(edge, a=(5, 9), b=(5, 6))
    await move(edge, a=(9, 20))
    assert await stand(edge) == (20, 6)


@pytest.mark.parametrize("start", [0, 4, 6])
async def test_it_does_not_move_from_where_it_does_not_stand_nor_does_any_other_with_it(edge: Edge, start: int) -> None:
    with pytest.raises(Overtaken, match="1 of 2"):
        await move(edge, a=(5, 9), b=(start, 9))
    assert await stand(edge) == (5, 5)


async def test_it_does_not_move_in_another_log(edge: Edge) -> None:
    with pytest.raises(Overtaken):
        await move(edge, a=(5, 9), log="that")


async def test_it_does_not_move_where_nobody_took_it(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        with pytest.raises(Overtaken):
            await advance(tx, "other", {A: Span(5, 6)}, logs={A.topic: "this"}, owner="me")


async def test_it_does_not_move_while_it_stands_still_and_does_after_resume(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        await positions.mind(tx, "group", A, Brake(20, 20, 20), stopped="brake", detail="a flood")
    with pytest.raises(Overtaken):
        await move(edge, a=(5, 9))
    async with edge.database.tx() as tx:
        await positions.resume(tx, (await positions.standings(tx, "group"))[A], position=5, log="this")
        assert (await positions.standings(tx, "group"))[A].brake == Brake()
    await move(edge, a=(5, 9))


async def test_two_who_resume_it_at_once_take_back_nothing_of_what_was_read_since(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        await positions.mind(tx, "group", A, Brake(20, 20, 20), stopped="brake", detail="a flood")
        found = (await positions.standings(tx, "group"))[A]
    async with edge.database.tx() as tx:
        await positions.resume(tx, found, position=5, log="this")
    await move(edge, a=(5, 9))
    async with edge.database.tx() as tx:
        await positions.resume(tx, found, position=5, log="this")
    assert await stand(edge) == (9, 5)


async def test_who_finds_another_at_it_is_turned_away_at_once_and_does_not_wait(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        await advance(tx, "group", {A: Span(5, 6)}, logs={A.topic: "this"}, owner="first")
        async with asyncio.timeout(2):
            with pytest.raises(Overtaken):
                await move(edge, a=(5, 6))
            await move(edge, b=(5, 6))
    assert await stand(edge) == (6, 6)


async def test_of_many_who_move_it_at_once_exactly_one_does(edge: Edge) -> None:
    answers = await asyncio.gather(*(move(edge, a=(5, 6), b=(5, 7)) for _ in range(12)), return_exceptions=True)
    assert [answer for answer in answers if not isinstance(answer, Overtaken)] == [None]
    assert await stand(edge) == (6, 7)


async def test_to_take_it_again_changes_nothing(edge: Edge) -> None:
    await move(edge, a=(5, 9))
    async with edge.database.tx() as tx:
        assert (await positions.take(tx, "group", A, first=0, log="that")).position == 9


async def test_to_release_a_brake_is_not_to_accept_another_log(edge: Edge) -> None:
    """Where the topic was replaced while its partition stood still, that is a gap, and is to be accepted as one."""
    place = Place(A.topic, 2)
    async with edge.database.tx() as tx:
        await positions.take(tx, "test", place, first=3, log="the former topic")
        await positions.mind(tx, "test", place, Brake(), stopped="brake", detail="a flood")
    await operations.consumer_resume(edge, "test", place.topic, place.partition)
    async with edge.database.read() as tx:
        standing = (await positions.standings(tx, "test"))[place]
    assert (standing.stopped, standing.position, standing.log) == (None, 3, "the former topic")
