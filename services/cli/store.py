"""`leadgate migrate` and `leadgate topics create`."""

from collections import Counter

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


@click.group(epilog="\b\nExamples:\n  leadgate topics create --partitions 24\n")
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
    """Create the topics, or give them more partitions.

    Topics never have fewer. Those in which each key is in order (leads.lifecycle, metrics) stay as they were made.
    """
    made = at_store(shared, lambda edge: create_topics(edge, partitions, replicas))
    rows = [{"topic": topic, "partitions": n} for topic, n in made.items()]
    shared.say({"topics": rows}, "\n".join(f"{topic:26} {n:4} partitions" for topic, n in made.items()))


async def create_topics(edge: Edge, partitions: int = PARTITIONS, replicas: int | None = None) -> dict[str, int]:
    """Create the topics that are missing, and the partitions; how many each topic has now."""
    async with edge.database.tx() as tx:
        await table.create(tx, TOPICS, partitions)
    topics = list(TOPICS)
    if edge.kafka is not None:
        topics += SERIES
        await edge.kafka.create(topics, partitions, replicas)
    stand = Counter(place.topic for place in await edge.log.ends(topics))
    return {topic.name: stand[topic.name] for topic in topics}
