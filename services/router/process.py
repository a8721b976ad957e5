"""The router: reads what was submitted, decides, and puts it to work."""

from datetime import timedelta

from schemas.topics import INBOUND, OUTBOUND
from services import policies
from services.router.handler import decode, handler
from services.runtime.consumer import Consumer
from services.runtime.edge import Edge
from services.runtime.process import Process
from services.runtime.watchdog import watch

GROUP = "router"
TOPICS = (INBOUND, OUTBOUND)
LOOK_AGAIN = timedelta(seconds=1)
NEEDS = tuple(frozenset({need}) for need in ("postgres", "schema", "kafka", "policy", "lag"))


def build(edge: Edge) -> Process:
    """Wire the router."""
    consumer = Consumer(edge, GROUP, TOPICS, decode, handler(edge.keyring, edge.telemetry))

    async def consume() -> None:
        with edge.wake.waiting("policy") as waiter:
            while await _policy(edge) != "ok":
                await waiter.wait(LOOK_AGAIN)
        await consumer.run()

    async def watchdog() -> None:
        await watch(edge, GROUP, TOPICS, consumer.reading)

    async def policy() -> str:
        return await _policy(edge)

    tasks = {"consumer": consume, "watchdog": watchdog}
    return Process(GROUP, tasks=tasks, checks={"policy": policy, "lag": consumer.check}, needs=NEEDS)


async def _policy(edge: Edge) -> str:
    """Whether there is a policy to decide by; once there is one, there always is."""
    async with edge.database.read() as tx:
        published = await policies.latest(tx)
    return "ok" if published else "no policy is published yet: `leadgate policy publish FILE`"
