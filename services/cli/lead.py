"""`leadgate lead show`."""

from typing import Any

import click

from schemas.events.stamp import text_of
from schemas.words import LeadId, PrincipalKind
from services.cli.options import Shared, at_store, shared
from services.runtime.access import Principal
from services.runtime.edge import Edge
from services.runtime.exits import NotFound
from services.store import leadviews, receipts, timeline


@click.group()
def lead() -> None:
    """Leads: what became of one, and why."""


@lead.command(epilog="\b\nExamples:\n  leadgate lead show ld_4m8s…\n  leadgate lead show ld_4m8s… --json\n")
@click.argument("lead_id")
@shared
def show(shared: Shared, lead_id: str) -> None:
    """Show a lead: its receipt, all that happened to it, and its decisions with every clause. Holds personal data."""

    async def done(edge: Edge) -> dict[str, Any] | None:
        async with edge.database.read() as tx:
            operator = Principal(PrincipalKind.ADMIN, key_id="", created_at=tx.now)
            found = await leadviews.receipt(tx, lead_id, operator)
            if found is None:
                return None
            made = await receipts.of_lead(tx, LeadId(lead_id))
            return {
                "lead": found.model_dump(mode="json"),
                "timeline": await timeline.events(tx, LeadId(lead_id)),
                "decisions": [{**each, "at": text_of(each["at"])} for each in made],
            }

    found = at_store(shared, done)
    if found is None:
        raise NotFound(f"there is no lead {lead_id}, or it is not routed yet (is the router running?)")
    shared.say(found, _words(found))


def _words(found: dict[str, Any]) -> str:
    lead = found["lead"]
    ending = f" ({lead['outcome'] or lead['reason']})" if lead["outcome"] or lead["reason"] else ""
    lines = [f"{lead['id']}  {lead['direction']} from {lead['source']}: {lead['state']}{ending}"]
    lines += [f"  {event['at']}  {event['name']}  {_of(event)}" for event in found["timeline"]]
    for decision in found["decisions"]:
        where = f" → {decision['queue']}" if decision["queue"] else ""
        version = f"policy {decision['policy_version']}"
        lines.append(f"decision {decision['id']} ({decision['stage']}, {version}): rule {decision['rule']}{where}")
        for clause in decision["receipt"].get("clauses", ()):
            lines.append(f"  {clause}")
    return "\n".join(lines)


def _of(event: dict[str, Any]) -> str:
    """What tells most of an event, in a few words."""
    told = ("queue", "rule", "action", "cause", "outcome", "reason", "rep_id", "token")
    data = event.get("data", event)
    return " ".join(f"{name}={data[name]}" for name in told if data.get(name) is not None)
