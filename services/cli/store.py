"""`leadgate migrate` and `leadgate topics create`."""

import click

from schemas.topics import PARTITIONS, SERIES, TOPICS
from services.cli.options import Shared, at_store, database_url, finish, shared
from services.runtime.edge import Edge
from services.runtime.log import table
from services.runtime.migrations import migrate as bring_up_to_date


@click.command(
    epilog="""\b
Examples:
  leadgate migrate
  DATABASE_URL=postgresql://leadgate@db/leadgate leadgate migrate --json
"""
)
@shared
def migrate(shared: Shared) -> None:
    """Bring the database's schema up to date. Harmless to repeat; running processes go on meanwhile."""

    async def done() -> str:
        async with database_url(shared.settings()) as url:
            return await bring_up_to_date(url)

    version = finish(done())
    shared.say({"schema": version}, f"The schema is at version {version}.")


@click.group()
def topics() -> None:
    """The event log's topics."""


@topics.command(
    epilog="""\b
Examples:
  leadgate topics create
  leadgate topics create --partitions 24
  KAFKA_BOOTSTRAP_SERVERS=kafka-1:9092,kafka-2:9092,kafka-3:9092 leadgate topics create --replicas 3
"""
)
@click.option(
    "--partitions", type=click.IntRange(1, 1000), default=PARTITIONS, show_default=True, help="Of each topic."
)
@click.option(
    "--replicas", type=click.IntRange(1, 100), help="With Kafka, of each partition. [default: 3, or all brokers]"
)
@shared
def create(shared: Shared, partitions: int, replicas: int | None) -> None:
    """Create the topics, or give them more partitions. They never have fewer."""

    names = at_store(shared, lambda edge: create_topics(edge, partitions, replicas))
    shared.say({"topics": names, "partitions": partitions}, "\n".join(names))


async def create_topics(edge: Edge, partitions: int = PARTITIONS, replicas: int | None = None) -> list[str]:
    """Create the topics that are missing, and the partitions; their names."""
    async with edge.database.tx() as tx:
        await table.create(tx, [topic.name for topic in TOPICS], partitions)
    if edge.kafka is None:
        return [topic.name for topic in TOPICS]
    await edge.kafka.create([*TOPICS, *SERIES], partitions, replicas)
    return [topic.name for topic in [*TOPICS, *SERIES]]
