"""The duty of releases: day starts, and top-ups as queues empty below their targets."""

from router.policy.compiled import Policy
from services import policies
from services.runtime.edge import Edge
from services.store import pool
from services.store.pool import Wanting
from services.store.story import telling
from services.worker.loops import Aside, Duty, told

NAME = "release"


def duty(edge: Edge) -> Duty:
    """Look which queues want something of their pools, and see to each in a transaction of its own."""
    aside = Aside()

    async def turn() -> bool:
        async with edge.database.read() as tx:
            policy = await policies.active(tx)
            wanting = await pool.wanting(tx, policy)
        skipped = aside.now()
        more = False
        for each in wanting:
            if each.queue.name in skipped:
                continue
            try:
                more = await release(edge, policy, each) or more
            except Exception as error:
                told(edge, NAME, error, queue=each.queue.name)
                aside.put(each.queue.name)
        return more

    return Duty(NAME, turn)


async def release(edge: Edge, policy: Policy, wanting: Wanting) -> bool:
    """Give a queue what it wants of its pool; tell whether to go on at once."""
    async with edge.database.tx() as tx, telling(tx) as stories:
        if wanting.day is not None:
            return await pool.start_day(tx, stories, policy, wanting.queue, wanting.day)
        return await pool.top_up(tx, stories, policy, wanting.queue)
