"""`leadgate consumer status | resume`."""

import click

from services.cli.options import Shared, at_store, shared
from services.runtime.operations import consumer_resume, consumer_status


@click.group(
    epilog="""\b
Examples:
  leadgate consumer status
  leadgate consumer resume router leads.inbound.v1 3
"""
)
def consumer() -> None:
    """The consumers of the event log: how far they are, and what stopped them."""


@consumer.command(epilog="\b\nExamples:\n  leadgate consumer status\n  leadgate consumer status --json\n")
@shared
def status(shared: Shared) -> None:
    """Show each consumer in each partition: position, lag, owner. Exit 1 where a partition is stopped."""
    rows = at_store(shared, consumer_status)
    lines = [f"{'consumer':10} {'topic':22} {'part':>4} {'position':>10} {'lag':>8}  state"]
    for row in rows:
        state = f"stopped: {row['stopped']}" if row["stopped"] else row["owner"] or ""
        place = f"{row['topic']:22} {row['partition']:4}"
        lines.append(f"{row['consumer']:10} {place} {row['position']:10} {row['lag']:8}  {state}")
    shared.say(rows, "\n".join(lines) if rows else "No consumer has begun to read.")
    if any(row["stopped"] for row in rows):
        raise click.exceptions.Exit(1)


@consumer.command(
    epilog="""\b
Examples:
  leadgate consumer resume router leads.inbound.v1 3
  leadgate consumer resume metrics leads.lifecycle.v1 0 --accept-gap
"""
)
@click.argument("consumer")
@click.argument("topic")
@click.argument("partition", type=click.IntRange(0))
@click.option("--accept-gap", is_flag=True, help="Go on at the oldest record there is, though some are gone unread.")
@shared
def resume(shared: Shared, consumer: str, topic: str, partition: int, accept_gap: bool) -> None:
    """Let a partition go on that a brake or a gap stopped. See `leadgate dlq list` before."""
    stands, stopped = at_store(
        shared, lambda edge: consumer_resume(edge, consumer, topic, partition, accept_gap=accept_gap)
    )
    where = f"in {topic}/{partition} at {stands['position']}"
    words = f"{consumer} goes on {where}." if stopped else f"{consumer} was not stopped {where}: nothing was changed."
    shared.say(stands, words)
