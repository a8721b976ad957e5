"""What happened to a lead: its own events, and the history that whoever works it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select

from schemas.events.lifecycle import LeadReceived
from schemas.words import LeadId, MatchedBy
from services.runtime.tx import ReadTx
from services.store import tables as t
from services.store.rows import among


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a history. `by`: the rep, or the manager's key; None: the system. `note` may be personal."""

    at: datetime
    what: str
    by: str | None
    note: str | None


async def events(tx: ReadTx, lead: LeadId, *, after: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
    """A lead's own events past number `after`, oldest first, as the topic holds them, each with its `name`."""
    rows = await tx.fetch(
        select(t.timeline.c.name, t.timeline.c.data)
        .where(t.timeline.c.lead_id == lead, t.timeline.c.seq > after)
        .order_by(t.timeline.c.seq)
        .limit(limit)
    )
    return [{"name": row["name"], **row["data"]} for row in rows]


async def histories(tx: ReadTx, leads: Sequence[LeadId]) -> dict[LeadId, list[Entry]]:
    """All that was done for each of these leads and for those merged into it, oldest first.

    What a merged lead asked for is the note of its being received.
    """
    line, notes, said, merged = t.timeline, t.notes, t.lead_details, t.leads.c.merged_into
    of_root = t.lead_details.alias("of_root")
    root = func.coalesce(merged, t.leads.c.id)
    wanted = among(leads)
    rows = await tx.fetch(
        select(
            *(
                root.label("root"),
                merged,
                t.leads.c.matched_by,
                line.c.at,
                line.c.name,
                notes.c.note,
                said.c.message,
                said.c.contact,
            ),
            line.c.data["actor"]["id"].astext.label("by"),
            of_root.c.contact.label("known"),
        )
        .select_from(t.leads)
        .join(line, line.c.lead_id == t.leads.c.id)
        .join(said, said.c.lead_id == t.leads.c.id)
        .join(of_root, of_root.c.lead_id == root)
        .outerjoin(notes, (notes.c.lead_id == line.c.lead_id) & (notes.c.seq == line.c.seq))
        .where(or_(t.leads.c.id == wanted, merged == wanted))
        .order_by(line.c.at, merged.is_not(None), line.c.lead_id, line.c.seq)
    )
    found: dict[LeadId, list[Entry]] = {lead: [] for lead in leads}
    for row in rows:
        if row["root"] in found:
            asked = row["merged_into"] is not None and row["name"] == LeadReceived.NAME
            other = row["matched_by"] == MatchedBy.ACCOUNT
            note = _asked(row["message"], row["contact"], row["known"], other=other) if asked else row["note"]
            found[row["root"]].append(Entry(row["at"], row["name"], row["by"], note))
    return found


def _asked(message: str | None, contact: Mapping[str, Any], known: Mapping[str, Any], *, other: bool) -> str | None:
    """What a person said who came again, and where else they may be reached than was known; who, of an `other`."""
    who = contact["name"] if other else None
    said = ((contact[name], known[name] or "") for name in ("phone", "email", "profile_url"))
    elsewhere = [given for given, before in said if given and given.lower() != before.lower()]
    return "\n".join(filter(None, [message, who, *elsewhere])) or None
