"""Consent: what a person agreed to, and closed, with its evidence."""

from fastapi import APIRouter

from schemas.api.consent import ConsentOut
from schemas.words import LeadId, PrincipalKind
from services.runtime.http.call import Call
from services.runtime.http.problems import NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx
from services.store import consents, leadviews

routes = APIRouter(route_class=Route, tags=["leads"])


@routes.get("/v1/leads/{lead_id}/consent")
@allow(PrincipalKind.MANAGER)
async def consent(call: Call, lead_id: str, tx: ReadTx) -> ConsentOut:
    """Tell what consent of a lead's person stands.

    For each channel whether it is known and whether they closed it; what they agreed to, over all their leads; and
    what was written down as evidence of it.
    """
    if not await leadviews.seen(tx, lead_id, call.principal):
        raise NotFound
    return await consents.of_lead(tx, LeadId(lead_id))
