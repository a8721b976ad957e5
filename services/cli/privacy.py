"""`leadgate privacy report | erase`."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from schemas.events.stamp import text_of
from services import policies
from services.cli.options import Shared, at_store, shared
from services.runtime.edge import Edge
from services.runtime.exits import NotFound
from services.runtime.tx import ReadTx
from services.store import privacy as kept


@click.group(epilog="\b\nExamples:\n  leadgate privacy report ld_4m8s…\n  leadgate privacy erase ld_4m8s…\n")
def privacy() -> None:
    """Persons: all that is held on one, and forgetting them."""


@privacy.command(
    epilog="\b\nExamples:\n  leadgate privacy report ld_4m8s…\n  leadgate privacy report ld_4m8s… --json\n"
)
@click.argument("lead_id")
@shared
def report(shared: Shared, lead_id: str) -> None:
    """Show all that is held on the person of LEAD_ID. It is personal data, of all their leads.

    Not in it: records in Kafka's intake topics, which are kept for 14 days.
    """

    async def done(edge: Edge) -> dict[str, Any]:
        async with edge.database.read() as tx:
            person = await _person(tx, lead_id)
            return _plain(await kept.report(tx, person)) if person else {"person_id": None, "erased": True}

    found = at_store(shared, done)
    shared.say(found, json.dumps(found, indent=2, ensure_ascii=False))


@privacy.command(
    epilog="""\b
Examples:
  leadgate privacy erase ld_4m8s…
\b
Kafka's intake topics keep what was sent for 14 days; what is read of it again is dropped. Backups keep it for as
long as you keep them: after a restore the worker erases again whom this database knows to be erased; erase again
whom an older one does not.
"""
)
@click.argument("lead_id")
@shared
def erase(shared: Shared, lead_id: str) -> None:
    """Forget the person of LEAD_ID. All their leads, and all that was said and written of them.

    Their open work is cancelled. What they count for stays, and so do their opt-outs. Harmless to repeat.
    """

    async def done(edge: Edge) -> tuple[int, bool]:
        async with edge.database.tx() as tx:
            person = await _person(tx, lead_id)
            if person is None:
                return 0, False
            policy = await policies.active(tx)
            return (await kept.erase(tx, policy, edge.keyring, person)).leads, True

    leads, now = at_store(shared, done)
    words = f"Erased: {leads} lead{'' if leads == 1 else 's'}." if now else "They were erased before."
    shared.say({"erased": True, "leads": leads}, words)


async def _person(tx: ReadTx, lead_id: str) -> Any:
    person, found = await kept.person_of(tx, lead_id)
    if not found:
        raise NotFound(f"there is no lead {lead_id}, or it is not routed yet (is the router running?)")
    return person


def _plain(value: Any) -> Any:
    """As JSON has it."""
    match value:
        case datetime():
            return text_of(value)
        case Mapping():
            return {str(name): _plain(held) for name, held in value.items()}
        case list() | tuple():
            return [_plain(held) for held in value]
    return value
