"""`leadgate dlq list | show | replay`."""

import json

import click

from services.cli.options import Shared, at_store, shared
from services.runtime.operations import dead_letter, dead_letters
from services.runtime.operations import replay as append_again


@click.group(epilog="\b\nExamples:\n  leadgate dlq list\n  leadgate dlq replay leads.inbound.v1\n")
def dlq() -> None:
    """Dead letters: records that could not be taken in, kept for 28 days. They may hold personal data."""


@dlq.command(name="list", epilog="\b\nExamples:\n  leadgate dlq list\n  leadgate dlq list leads.inbound.v1 --json\n")
@click.argument("topic", required=False)
@shared
def list_(shared: Shared, topic: str | None) -> None:
    """List dead letters, of TOPIC or of all, newest first."""
    rows = at_store(shared, lambda edge: dead_letters(edge, topic))
    lines = [
        f"{row['id']}  {row['failed_at']}  {row['consumer']}  {row['topic']}/{row['partition']}@{row['offset']}  "
        f"{'replayed' if row['replayed_at'] else row['reason']}"
        for row in rows
    ]
    shared.say(rows, "\n".join(lines) or "There are no dead letters.")


@dlq.command(epilog="\b\nExamples:\n  leadgate dlq show dlq_01k3…\n")
@click.argument("dlq_id")
@shared
def show(shared: Shared, dlq_id: str) -> None:
    """Show one, whole: why it failed, its key, headers and value."""
    found = at_store(shared, lambda edge: dead_letter(edge, dlq_id))
    shared.say(found, json.dumps(found, indent=2, ensure_ascii=False))


@dlq.command(epilog="\b\nExamples:\n  leadgate dlq replay dlq_01k3…\n  leadgate dlq replay leads.inbound.v1\n")
@click.argument("which", metavar="DLQ_ID|TOPIC")
@shared
def replay(shared: Shared, which: str) -> None:
    """Append dead letters to their topic again. One, or all of a topic that were not; a repeat makes nothing twice."""
    done = at_store(shared, lambda edge: append_again(edge, which))
    shared.say(done, f"{done['replayed']} appended again.")
