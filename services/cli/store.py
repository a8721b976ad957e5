"""`leadgate migrate` and `leadgate topics create`."""

from collections import Counter

import click

from schemas.topics import PARTITIONS, TOPICS
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
"""
)
@click.option(
    "--partitions", type=click.IntRange(1, 1000), default=PARTITIONS, show_default=True, help="Of each topic."
)
@shared
def create(shared: Shared, partitions: int) -> None:
    """Create the topics, or give them more partitions. They never have fewer."""

    made = at_store(shared, lambda edge: create_topics(edge, partitions))
    rows = [{"topic": topic, "partitions": n} for topic, n in made.items()]
    shared.say({"topics": rows}, "\n".join(f"{topic:22} {n:4} partitions" for topic, n in made.items()))


async def create_topics(edge: Edge, partitions: int = PARTITIONS) -> dict[str, int]:
    """Create the topics that are missing, and the partitions; how many each topic has now."""
    names = [topic.name for topic in TOPICS]
    async with edge.database.tx() as tx:
        await table.create(tx, names, partitions)
    stand = Counter(place.topic for place in await edge.log.ends(TOPICS))
    return {name: stand[name] for name in names}
