"""`leadgate ledger`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from router.books import Row
from schemas.events.stamp import text_of
from schemas.words import LeadState
from services.cli.options import Shared, at_store, shared
from services.worker.ledger import balance


class Hour(click.ParamType[datetime]):
    """A time with its zone, as the bound of whole hours: that in which it lies is among them."""

    name = "time"

    def __init__(self, *, last: bool) -> None:
        self.last = last

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time: give it as 2026-07-06T09:00Z", param, ctx)
        if at.tzinfo is None:
            self.fail(f"{value!r} has no zone: give it as 2026-07-06T09:00Z", param, ctx)
        at = at.astimezone(UTC)
        began = at.replace(minute=0, second=0, microsecond=0)
        return began + timedelta(hours=1) if self.last and began < at else began


@click.command(
    epilog="""\b
Examples:
  leadgate ledger
  leadgate ledger --from 2026-07-06T00:00Z --to 2026-07-07T00:00Z
  leadgate ledger --json
\b
The intake log keeps 14 days; older hours are as last counted, which the worker does each hour.
"""
)
@click.option(
    "--from", "since", type=Hour(last=False), help="From the hour of this time on. [default: the first there is]"
)
@click.option(
    "--to", "until", type=Hour(last=True), help="Up to this time; the hour in which it lies, whole. [default: now]"
)
@shared
def ledger(shared: Shared, since: datetime | None, until: datetime | None) -> None:
    """Show that nothing is lost: leads accepted, counted from the log, against what is held. Exit 1 if not."""

    rows = at_store(shared, lambda edge: balance(edge, since, until, _progress))
    balanced = not any(row.residual for row in rows)
    shared.say({"balanced": balanced, "rows": [_row(row) for row in rows]}, _words(rows, balanced))
    if not balanced:
        raise click.exceptions.Exit(1)


def _progress(count: int) -> None:
    if count >= 100_000 and count % 100_000 < 1000:
        click.echo(f"{count} records ...", err=True)


def _row(row: Row) -> dict[str, Any]:
    states = {state.value: row.states.get(state, 0) for state in LeadState}
    return {
        "source": row.hour.source,
        "hour": text_of(row.hour.at),
        "accepted": row.accepted,
        **states,
        "dead_lettered": row.dead_lettered,
        "residual": row.residual,
    }


def _words(rows: Sequence[Row], balanced: bool) -> str:
    lines = [f"{'source':16} {'hour':17} {'accepted':>8} {'residual':>8}  where they are"]
    for row in rows:
        where = ", ".join(f"{count} {state.value}" for state, count in sorted(row.states.items()))
        where += f", {row.dead_lettered} dead-lettered" if row.dead_lettered else ""
        hour = f"{row.hour.at:%Y-%m-%d %H:%MZ}"
        lines.append(f"{row.hour.source:16} {hour:17} {row.accepted:8} {row.residual:8}  {where.removeprefix(', ')}")
    total = sum(row.accepted for row in rows)
    said = "The books balance" if balanced else "The books do NOT balance: leads are lost, or came from nowhere"
    return "\n".join([*lines, f"{said}: {total} accepted."])
