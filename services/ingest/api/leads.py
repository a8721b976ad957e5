"""Submitting one lead."""

from fastapi import APIRouter

from schemas.api.intake import LeadAccepted, LeadIn
from schemas.words import Direction, PrincipalKind, SourceName
from services.ingest.accept import Intake
from services.ingest.api.bodies import shown
from services.ingest.reading import read_lead
from services.runtime.http.body import JSON, json_object
from services.runtime.http.call import Call
from services.runtime.http.problems import Problem
from services.runtime.http.route import Route
from services.runtime.http.rule import allow

_BODY = shown({JSON: LeadIn}, "A lead. Only one of contact.email, contact.phone and contact.profile_url is required.")


def lead_routes(intake: Intake) -> APIRouter:
    """`POST /v1/leads/inbound` and `/v1/leads/outbound`."""
    routes = APIRouter(route_class=Route, tags=["leads in"])

    @routes.post("/v1/leads/inbound", status_code=202, openapi_extra=_BODY)
    @allow(PrincipalKind.SERVICE, idempotent=False)
    async def submit_inbound(call: Call, body: bytes) -> LeadAccepted:
        """Submit a lead that came to us.

        It is durable when 202 is answered. The same key (`Idempotency-Key`, else `submission_id`) is the same lead, for
        ever; a repeat is answered with the same id. The source is the key's.
        """
        return await _submit(intake, call, body, Direction.INBOUND)

    @routes.post("/v1/leads/outbound", status_code=202, openapi_extra=_BODY)
    @allow(PrincipalKind.SERVICE, idempotent=False)
    async def submit_outbound(call: Call, body: bytes) -> LeadAccepted:
        """Submit a prospect: a lead that we go to.

        As `POST /v1/leads/inbound`.
        """
        return await _submit(intake, call, body, Direction.OUTBOUND)

    return routes


async def _submit(intake: Intake, call: Call, body: bytes, direction: Direction) -> LeadAccepted:
    try:
        taken = await intake.take(
            read_lead(body, call.now) or json_object(body),
            source=source_of(call),
            direction=direction,
            key=call.idempotency_key,
            now=call.now,
        )
        await intake.keep([taken], "single")
    except Problem as problem:
        intake.refused(problem, "single")
        raise
    call.headers["Location"] = taken.receipt_url
    return taken.answer()


def source_of(call: Call) -> SourceName:
    """The source that the key is of."""
    source = call.principal.source
    assert source is not None, "forms' and services' keys have a source"
    return source
