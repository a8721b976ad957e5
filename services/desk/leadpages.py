"""The managers' pages of leads: the list, and one with its story, why it is where it is, and why not elsewhere."""

import re
from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from schemas.api.leads import LeadOut, LeadsQuery
from schemas.api.why import AnyNeed, ClauseNeed, EarlierNeed, WhyQuery
from schemas.events.stamp import text_of
from schemas.words import LeadId, LeadState, PrincipalKind
from services import policies
from services.runtime.http.call import Call
from services.runtime.http.problems import NotFound
from services.runtime.http.route import Route
from services.runtime.tx import ReadTx
from services.store import leadviews, timeline, whys
from services.web.page import page, seen_by

routes = APIRouter(route_class=Route, include_in_schema=False)

_TOLD = ("queue", "rule", "action", "cause", "outcome", "reason", "state", "channel", "stage")
"""What tells most of an event."""
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)")


@routes.get("/leads")
@seen_by(PrincipalKind.MANAGER)
async def leads(call: Call, query: LeadsQuery, tx: ReadTx) -> Response:
    """The leads that a manager sees, newest first."""
    after = (datetime.fromisoformat(call.after[0]), LeadId(call.after[1])) if call.after else None
    rows = await leadviews.listed(tx, query, call.principal, after=after, limit=query.limit + 1)
    found = call.page(rows, query.limit, out=lambda lead: lead, place=_place)
    policy = await policies.active(tx)
    return page(
        call,
        "leads.html",
        title="Leads",
        leads=found.data,
        older=_older(query, found.next_cursor),
        asked=query,
        states=[state.value for state in LeadState],
        queues=list(policy.queues),
    )


@routes.get("/leads/{lead_id}")
@seen_by(PrincipalKind.MANAGER)
async def lead(call: Call, lead_id: str, query: WhyQuery, tx: ReadTx) -> Response:
    """One lead: who, where it stands and why, and all that happened."""
    found = await leadviews.receipt(tx, lead_id, call.principal)
    if found is None:
        raise NotFound
    policy = await policies.active(tx)
    queue = query.not_ if query.not_ in policy.queues else None
    return page(
        call,
        "lead.html",
        title=_name(found),
        lead=found,
        name=_name(found),
        why=await whys.answer(tx, policy, policies.as_of, found.id, call.principal, queue),
        asked=queue,
        queues=list(policy.queues),
        events=[_told(event) for event in await timeline.events(tx, found.id)],
        kind_of=_kind_of,
        with_times=_with_times,
        text_of=text_of,
    )


def _older(query: LeadsQuery, cursor: str | None) -> str | None:
    """The query of the next page."""
    kept = query.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return urlencode({**kept, "cursor": cursor}) if cursor else None


def _with_times(text: str) -> Markup:
    """A sentence whose moments the reader sees in their own zone."""
    time = Markup('<time datetime="{0}">{0}</time>')
    parts = _MOMENT.split(text)
    return Markup("").join(time.format(part) if n % 2 else part for n, part in enumerate(parts))


def _name(lead: LeadOut) -> str:
    who = lead.contact and (lead.contact.name or lead.contact.email or lead.contact.phone)
    return who or "A lead"


def _told(event: dict[str, object]) -> tuple[object, str, str]:
    """When, what, and with which words: `item.queued` reads as `Item queued`."""
    said = " · ".join(str(event[name]).replace("_", " ") for name in _TOLD if event.get(name) is not None)
    what = str(event["name"]).replace(".", " ").replace("_", " ").capitalize()
    return event["at"], what, said


def _kind_of(need: object) -> str:
    """Which kind of need the page has to show."""
    kinds = ((ClauseNeed, "clause"), (AnyNeed, "any"), (EarlierNeed, "earlier"))
    return next((kind for of, kind in kinds if isinstance(need, of)), "stage")


def _place(lead: LeadOut) -> list[str]:
    assert lead.received_at is not None, "only a lead that is not routed yet has none, and it is in no list"
    return [text_of(lead.received_at), lead.id]
