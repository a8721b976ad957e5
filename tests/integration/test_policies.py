"""Versions of the policy, as they are kept."""

import asyncio

import pytest
from kit.clock import ManualClock
from kit.rulebooks import EXAMPLE, with_rules

from services import policies
from services.policies import NoPolicy, Published, Refused
from services.runtime.database import Database

OTHER = with_rules("{name: all, when: {}, then: {nurture: 1d}}")


async def publish(database: Database, text: str, message: str | None = None) -> Published:
    async with database.tx() as tx:
        return await policies.publish(tx, policies.sound(text), message)


async def test_a_published_policy_is_in_force_at_once(database: Database):
    assert await publish(database, EXAMPLE) == Published(1, changed=True)
    async with database.read() as tx:
        policy = await policies.active(tx)
    assert (policy.version, policy.rules.rules[0].name) == (1, "ready to buy")
    assert await publish(database, OTHER) == Published(2, changed=True)
    async with database.read() as tx:
        policy = await policies.active(tx)
    assert (policy.version, policy.rules.rules[0].name) == (2, "all")


async def test_the_same_text_again_is_no_new_version(database: Database):
    await publish(database, EXAMPLE)
    assert await publish(database, EXAMPLE) == Published(1, changed=False)
    await publish(database, OTHER)
    assert await publish(database, EXAMPLE) == Published(3, changed=True)


async def test_a_faulty_policy_changes_nothing(database: Database):
    await publish(database, EXAMPLE)
    with pytest.raises(Refused) as refused:
        await publish(database, EXAMPLE.replace("queue: inbound/main", "queue: inbound/mian"))
    [mistake] = refused.value.mistakes
    assert (mistake.path, mistake.remedy) == ("rules[3].then.queue", "Did you mean inbound/main?")
    async with database.read() as tx:
        assert await policies.latest(tx) == 1


async def test_a_policy_that_was_not_committed_is_not_in_force(database: Database):
    await publish(database, EXAMPLE)
    with pytest.raises(RuntimeError):
        async with database.tx() as tx:
            await policies.publish(tx, policies.sound(OTHER))
            assert (await policies.active(tx)).version == 2
            raise RuntimeError
    async with database.read() as tx:
        assert (await policies.active(tx)).rules.rules[0].name == "ready to buy"


async def test_before_the_first_there_is_none(database: Database):
    async with database.read() as tx:
        assert await policies.latest(tx) is None
        assert await policies.show(tx) is None
        with pytest.raises(NoPolicy):
            await policies.active(tx)


async def test_each_version_is_kept_as_it_was_published(database: Database, clock: ManualClock):
    await publish(database, EXAMPLE, "the first")
    await publish(database, OTHER)
    async with database.read() as tx:
        first, last = await policies.show(tx, 1), await policies.show(tx)
        assert first == policies.Version(1, clock.now(), "the first", EXAMPLE)
        assert last == policies.Version(2, clock.now(), None, OTHER)
        assert await policies.show(tx, 3) is None
        assert (await policies.as_of(tx, 1)).rules.rules[0].name == "ready to buy"
        with pytest.raises(NoPolicy):
            await policies.as_of(tx, 3)


async def test_two_who_publish_at_once_make_two_versions(database: Database):
    texts = [OTHER.replace("1d", f"{days}d") for days in range(2, 7)]
    done = await asyncio.gather(*(publish(database, text) for text in texts))
    assert sorted(each.version for each in done) == [1, 2, 3, 4, 5]
