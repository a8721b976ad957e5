"""Privacy: all that is held on a person, and forgetting them. Counts and opt-outs survive; so does a tombstone.

`PERSONAL` is the one list of what is personal in schema `routing`: the report shows it, erasure blanks it, and a test
finds a column that is in neither this list nor that of the harmless ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from router.lifecycle import Act
from router.policy.compiled import Policy
from schemas.events.intake import Campaign, Company
from schemas.events.lifecycle import LeadErased
from schemas.events.stamp import SYSTEM
from schemas.person import Contact
from schemas.words import LeadId, LeadState, PersonId
from services.runtime import forgetting
from services.runtime.secret import Keyring
from services.runtime.tx import ReadTx, Tx
from services.store import cancelling, persons, redeciding, rows, suppressions, unmerging
from services.store import tables as t
from services.store.story import telling

REASON = "erased"
"""Why an item was cancelled, an opportunity lost."""
_NOBODY = Contact().model_dump(mode="json")
_TRACES = ("email", "phone", "profile_url")


@dataclass(frozen=True, slots=True)
class Personal:
    """Columns of a table that tell of a person, and what stands in them afterwards. `lead`: whose row it is."""

    table: Table
    lead: ColumnElement[str]
    blank: Mapping[str, Any]


def _lead_of_deal(opportunity: ColumnElement[str]) -> ColumnElement[str]:
    deal = t.opportunities.c
    return select(deal.lead_id).where(deal.id == opportunity).scalar_subquery()


PERSONAL = (
    Personal(
        t.lead_details,
        t.lead_details.c.lead_id,
        {
            "contact": _NOBODY,
            "company": Company().model_dump(mode="json"),
            "campaign": Campaign().model_dump(mode="json"),
            "consent": None,
            "custom": {},
            "message": None,
            "enriched": None,
        },
    ),
    Personal(t.submissions, t.submissions.c.lead_id, {"body": {}}),
    Personal(
        t.decisions,
        t.decisions.c.lead_id,
        {"receipt": func.jsonb_set(t.decisions.c.receipt, ["beside"], literal({}, t.decisions.c.receipt.type))},
    ),
    Personal(t.notes, t.notes.c.lead_id, {"note": ""}),
    Personal(t.attempts, t.attempts.c.lead_id, {"note": None, "evidence": None}),
    Personal(t.claims, t.claims.c.lead_id, {"next_what": None, "ended_by": None}),
    Personal(t.opportunities, t.opportunities.c.lead_id, {"qualification": None}),
    Personal(t.proposal_requests, _lead_of_deal(t.proposal_requests.c.opportunity_id), {"note": None}),
    Personal(t.tasks, t.tasks.c.lead_id, {"summary": "", "result": None, "reason": None}),
)


@dataclass(frozen=True, slots=True)
class Erased:
    """Whose, and how many leads. None: they were erased before."""

    person: PersonId | None
    leads: int


async def person_of(tx: ReadTx, lead: str) -> tuple[PersonId | None, bool]:
    """Whose a lead is (None: of somebody who is erased), and whether there is such a lead."""
    row = await tx.one(select(t.leads.c.person_id).where(t.leads.c.id == lead))
    return (None, False) if row is None else (row["person_id"], True)


async def report(tx: ReadTx, person: PersonId) -> dict[str, Any]:
    """All that is held on a person, by where it stands."""
    mine = await _leads(tx, person)
    link = t.identity_persons.c
    kinds = await tx.fetch(select(link.kind).where(link.person_id == person).order_by(link.kind, link.digest))
    found: dict[str, Any] = {
        "person_id": person,
        "identities": [row["kind"] for row in kinds],
        "suppressions": [asdict(one) for one in await suppressions.of(tx, person)],
        "leads": await _rows(tx, t.leads, t.leads.c.id, mine),
        "timeline": await _rows(tx, t.timeline, t.timeline.c.lead_id, mine),
        "items": await _rows(tx, t.items, t.items.c.lead_id, mine),
        "customers": await _rows(tx, t.customers, t.customers.c.lead_id, mine),
    }
    found |= {one.table.name: await _rows(tx, one.table, one.lead, mine) for one in PERSONAL}
    return found | await forgetting.remembered(tx, mine, await _traces(tx, mine))


async def erase(tx: Tx, policy: Policy, keyring: Keyring, person: PersonId) -> Erased:
    """Forget a person: what they said, what was written of them, by what they were known.

    Their open work is cancelled. What others of their company sent, merged into theirs, is decided anew. Leads stay, as
    `erased`, and count; what comes under their ids again is dropped. Opt-outs stay, for all that they were known by.
    """
    await persons.hold(tx, [person])
    held = (await persons.identities_of_persons(tx, [person]))[person]
    mine = await _leads(tx, person)
    await redeciding.look(tx, policy, keyring, await _joined(tx, person, mine), also=mine)
    strangers = await _joined(tx, person, mine)  # until theirs were locked, one more may have joined
    async with telling(tx) as stories:
        await suppressions.keep_closed(tx, held)
        traces, beside = await _traces(tx, mine), await _beside(tx, mine)
        for story in (await stories.lock_all(mine)).values():
            if story.state != LeadState.ERASED:
                await cancelling.cancel(tx, story, REASON)
                story.move(Act.ERASE, SYSTEM, person_id=None, merged_into=None, matched_by=None, nurture_until=None)
                story.tell(LeadErased())
        await unmerging.unmerge(tx, stories, policy, keyring, strangers, SYSTEM)
    for one in PERSONAL:
        await tx.execute(update(one.table).where(one.lead == rows.among(mine)).values(one.blank))
    await tx.execute(upsert(t.erased).on_conflict_do_nothing(), [{"lead_id": each, "at": tx.now} for each in mine])
    await _unknown(tx, person)
    await forgetting.forget(tx, mine, beside, traces)
    return Erased(person, len(mine))


async def risen(tx: ReadTx, limit: int) -> list[LeadId]:
    """Leads that are back although their person was erased: from a backup that was restored."""
    lead = t.leads.c
    back = select(lead.id).join(t.erased, t.erased.c.lead_id == lead.id).where(lead.person_id.is_not(None))
    return [row["id"] for row in await tx.fetch(back.order_by(lead.id).limit(limit))]


async def _leads(tx: ReadTx, person: PersonId) -> list[LeadId]:
    found = await tx.fetch(select(t.leads.c.id).where(t.leads.c.person_id == person).order_by(t.leads.c.id))
    return [row["id"] for row in found]


async def _joined(tx: ReadTx, person: PersonId, mine: Sequence[LeadId]) -> list[LeadId]:
    """What others sent that is merged into these leads of a person."""
    lead = t.leads.c
    others = and_(lead.merged_into == rows.among(mine), lead.person_id != person)
    return [row["id"] for row in await tx.fetch(select(lead.id).where(others).order_by(lead.id))]


async def _rows(tx: ReadTx, table: Table, lead: ColumnElement[str], mine: Sequence[LeadId]) -> list[dict[str, Any]]:
    query = select(table).where(lead == rows.among(mine)).order_by(*table.primary_key.columns)
    return [{**row} for row in await tx.fetch(query)]


async def _traces(tx: ReadTx, mine: Sequence[LeadId]) -> list[str]:
    """The addresses and numbers that these leads gave, now or at first."""
    said = t.lead_details.c
    sent = t.submissions.c
    contacts = [
        *await tx.fetch(select(said.contact.label("contact")).where(said.lead_id == rows.among(mine))),
        *await tx.fetch(select(sent.body["contact"].label("contact")).where(sent.lead_id == rows.among(mine))),
    ]
    named = {row["contact"].get(name) for row in contacts if row["contact"] for name in _TRACES}
    return sorted(filter(None, named))


async def _beside(tx: ReadTx, mine: Sequence[LeadId]) -> list[str]:
    """The ids of all that was worked for them: answers that were stored for a day may tell of these alone."""
    found: list[str] = []
    for table in (t.opportunities, t.tasks, t.items, t.claims, t.customers):
        rows_ = await tx.fetch(select(table.c.id).where(table.c.lead_id == rows.among(mine)))
        found += [row["id"] for row in rows_]
    return found


async def _unknown(tx: Tx, person: PersonId) -> None:
    """Nobody is known by what they were known by, but for those who share it."""
    link, identity = t.identity_persons.c, t.identities.c
    theirs = await persons.identities_of_persons(tx, [person])
    await tx.execute(delete(t.identity_persons).where(link.person_id == person))
    shared = exists().where(link.kind == identity.kind, link.digest == identity.digest)
    mine = tuple_(identity.kind, identity.digest).in_([(one.kind.value, one.digest) for one in theirs[person]])
    await tx.execute(delete(t.identities).where(mine, ~shared))
    await tx.execute(delete(t.parted).where(t.parted.c.person_id == person))
    await tx.execute(delete(t.persons).where(t.persons.c.id == person))
