"""Consents: on which channels a person may be reached, and the evidence: what they agreed to, and opted out of."""

from datetime import datetime

from sqlalchemy import func, or_, select

from router.channels import ALL, ORDER, left
from schemas.api.consent import ChannelOut, ClosedOut, ConsentOut, EvidenceOut, GivenOut
from schemas.person import Contact
from schemas.words import AttemptOutcome, LeadId, PersonId
from services.runtime.tx import ReadTx
from services.store import persons
from services.store import tables as t


async def of_lead(tx: ReadTx, lead: LeadId) -> ConsentOut:
    """What stands of the person of a lead that there is; nothing where nobody knows who it is yet."""
    person = await tx.value(select(t.leads.c.person_id).where(t.leads.c.id == lead))
    return ConsentOut(person_id=None, channels=[], given=[], evidence=[]) if person is None else await of(tx, person)


async def of(tx: ReadTx, person: PersonId) -> ConsentOut:
    """What stands, over all leads of a person; a channel is open until it, or all, is closed."""
    return ConsentOut(
        person_id=person,
        channels=await _channels(tx, person),
        given=await _given(tx, person),
        evidence=await _evidence(tx, person),
    )


async def _channels(tx: ReadTx, person: PersonId) -> list[ChannelOut]:
    closed, link = t.suppressions.c, t.identity_persons.c
    mine = select(closed.channel, func.min(closed.created_at).label("at"), func.min(closed.reason).label("reason"))
    mine = mine.join(t.identity_persons, (link.kind == closed.kind) & (link.digest == closed.digest))
    rows = await tx.fetch(mine.where(link.person_id == person).group_by(closed.channel))
    ended = {row["channel"]: ClosedOut(at=row["at"], reason=row["reason"]) for row in rows}
    contacts = select(t.lead_details.c.contact).join(t.leads, t.leads.c.id == t.lead_details.c.lead_id)
    held = await tx.fetch(contacts.where(t.leads.c.person_id == person))
    known = left({kind for row in held for kind in persons.kinds_of(Contact.model_validate(row["contact"]))}, ())
    return [
        ChannelOut(channel=channel, known=channel in known, closed=_first(ended.get(channel), ended.get(ALL)))
        for channel in ORDER
    ]


def _first(*closed: ClosedOut | None) -> ClosedOut | None:
    return min((each for each in closed if each is not None), key=lambda each: each.at, default=None)


async def _given(tx: ReadTx, person: PersonId) -> list[GivenOut]:
    lead, said = t.leads.c, t.lead_details.c
    rows = await tx.fetch(
        select(lead.id, lead.source, lead.received_at, said.consent)
        .join(t.lead_details, said.lead_id == lead.id)
        .where(lead.person_id == person, said.consent.is_not(None))
        .order_by(lead.received_at.desc(), lead.id.desc())
    )
    return [
        GivenOut(
            lead_id=row["id"],
            source=row["source"],
            at=datetime.fromisoformat(row["consent"]["at"]) if row["consent"].get("at") else row["received_at"],
            contact=row["consent"].get("contact"),
            marketing=row["consent"].get("marketing"),
            text=row["consent"].get("text"),
        )
        for row in rows
        if row["consent"]
    ]


async def _evidence(tx: ReadTx, person: PersonId) -> list[EvidenceOut]:
    made, lead = t.attempts.c, t.leads.c
    rows = await tx.fetch(
        select(made.id, made.lead_id, made.channel, made.outcome, made.at, made.rep_id, made.evidence)
        .join(t.leads, lead.id == made.lead_id)
        .where(lead.person_id == person)
        .where(or_(made.evidence.is_not(None), made.outcome == AttemptOutcome.OPT_OUT.value))
        .order_by(made.at.desc(), made.id.desc())
    )
    return [EvidenceOut(attempt_id=row["id"], **{name: row[name] for name in row if name != "id"}) for row in rows]
