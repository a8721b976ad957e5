"""`leadgate lead show`, `leadgate lead why`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, assert_never

import click

from router.outcomes import HANDOVER
from router.policy.compiled import Policy
from router.policy.rule import All, Clause, Condition, Handover, Not, Rule, Verdict
from router.policy.rule import Any as AnyOf
from schemas.events.stamp import text_of
from schemas.words import LeadId, PrincipalKind
from services import policies
from services.cli.options import Shared, at_store, shared
from services.cli.why import words
from services.runtime.access import Principal
from services.runtime.edge import Edge
from services.runtime.exits import NotFound
from services.store import leadviews, receipts, timeline, whys


@click.group(epilog="\b\nExamples:\n  leadgate lead show ld_4m8s…\n  leadgate lead why ld_4m8s… --not closing/uk\n")
def lead() -> None:
    """Leads: what became of one, and why."""


@lead.command(epilog="\b\nExamples:\n  leadgate lead show ld_4m8s…\n  leadgate lead show ld_4m8s… --json\n")
@click.argument("lead_id")
@shared
def show(shared: Shared, lead_id: str) -> None:
    """Show a lead, and why it is where it is.

    Its state, all that happened to it, and its decisions with every clause that was tested. Holds personal data.
    """

    async def done(edge: Edge) -> tuple[dict[str, Any], str]:
        async with edge.database.read() as tx:
            operator = Principal(PrincipalKind.ADMIN, key_id="", created_at=tx.now)
            found = await leadviews.receipt(tx, lead_id, operator)
            if found is None:
                raise NotFound(f"there is no lead {lead_id}, or it is not routed yet (is the router running?)")
            made = await receipts.of_lead(tx, LeadId(lead_id))
            shown = {
                "lead": found.model_dump(mode="json"),
                "timeline": await timeline.events(tx, LeadId(lead_id)),
                "decisions": [{**each, "at": text_of(each["at"])} for each in made],
            }
            by = {version: await policies.as_of(tx, version) for version in {each["policy_version"] for each in made}}
            return shown, _words(shown, by)

    shared.say(*at_store(shared, done))


@lead.command(
    epilog="\b\nExamples:\n  leadgate lead why ld_4m8s…\n  leadgate lead why ld_4m8s… --not closing/uk --json\n"
)
@click.argument("lead_id")
@click.option("--not", "queue", metavar="QUEUE", help="Why not there? As closing/uk.")
@shared
def why(shared: Shared, lead_id: str, queue: str | None) -> None:
    """Tell why a lead is where it is, clause by clause.

    What its open work waits for and who could take it; each decision; and what would have had to differ for another
    queue.
    """

    async def done(edge: Edge) -> tuple[dict[str, Any], str]:
        async with edge.database.read() as tx:
            operator = Principal(PrincipalKind.ADMIN, key_id="", created_at=tx.now)
            policy = await policies.active(tx)
            if queue is not None and queue not in policy.queues:
                raise click.UsageError(f"there is no queue {queue}: name one of {', '.join(policy.queues)}")
            if not await leadviews.seen(tx, lead_id, operator):
                raise NotFound(f"there is no lead {lead_id}, or it is not routed yet (is the router running?)")
            found = await whys.answer(tx, policy, policies.as_of, LeadId(lead_id), operator, queue)
            return found.model_dump(mode="json"), words(found)

    shared.say(*at_store(shared, done))


def _words(found: dict[str, Any], by: Mapping[int, Policy]) -> str:
    lead = found["lead"]
    ending = f" ({lead['outcome'] or lead['reason']})" if lead["outcome"] or lead["reason"] else ""
    lines = [f"{lead['id']}  {lead['direction']} from {lead['source']}: {lead['state']}{ending}"]
    lines += [f"  {event['at']}  {event['name']}  {_of(event)}" for event in found["timeline"]]
    for decision in found["decisions"]:
        where = f" → {decision['queue']}" if decision["queue"] else ""
        version = f"policy {decision['policy_version']}"
        lines.append(f"decision {decision['id']} ({decision['stage']}, {version}): rule {decision['rule']}{where}")
        lines += explained(decision["receipt"], by[decision["policy_version"]])
    return "\n".join(lines)


def explained(receipt: Mapping[str, Any], policy: Policy) -> list[str]:
    """What each rule that was tried said, clause by clause, with the value that it saw; the last one decided."""
    rules: Sequence[Rule | Handover] = policy.handover.rules if receipt["stage"] == HANDOVER else policy.rules.rules
    saw = {**receipt["saw"], **receipt["beside"]}
    tried = zip(rules, receipt["clauses"], strict=False)
    return [f"  {rule.name}: {_said(rule.when, iter(letters), saw) or 'always'}" for rule, letters in tried]


def _said(condition: Condition, letters: Iterator[str], saw: Mapping[str, Any]) -> str:
    """A condition in words; `letters` are what came of its clauses, in their order."""
    match condition:
        case Clause():
            verdict = Verdict(next(letters)).name.lower().replace("_", " ")
            value = f": {saw[condition.path]}" if condition.path in saw else ""
            return f"{condition.path} {condition.words} ({verdict}{value})"
        case Not():
            return f"not [{_said(condition.part, letters, saw)}]"
        case AnyOf():
            return f"any of [{' | '.join(_said(part, letters, saw) for part in condition.parts)}]"
        case All():
            return " & ".join(_said(part, letters, saw) for part in condition.parts)
        case _:
            assert_never(condition)


def _of(event: dict[str, Any]) -> str:
    """What tells most of an event, in a few words."""
    told = ("queue", "rule", "action", "cause", "outcome", "reason", "rep_id", "token")
    data = event.get("data", event)
    return " ".join(f"{name}={data[name]}" for name in told if data.get(name) is not None)
