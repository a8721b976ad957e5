"""Cadences: a source says when to try again whom nobody reached, and what then."""

from datetime import timedelta
from typing import Any

import pytest
from kit.desks import POLICY, Caller, Desks, Hold
from kit.floor import settle

from services.worker import due

UNREACHED = "sources: {web: {cadence: {after: [1h, 1d], then: unreached}}}"
NURTURED = "sources: {web: {cadence: {after: [1h], then: {nurture: 90d}}}}"


async def began(desks: Desks, sources: str = UNREACHED) -> tuple[str, Caller]:
    """An enquiry of a source with a cadence, and a rep."""
    await desks.routing.publish(f"{POLICY}{sources}\n")
    return await desks.lead(), await desks.rep("inbound/main")


async def again(desks: Desks, rep: Caller, **by: float) -> Hold:
    """Later it is there again, for anyone."""
    desks.later(**by)
    await settle(due.duty(desks.edge))
    return await rep.take("inbound")


async def test_who_is_not_reached_is_tried_again_by_anyone_and_closed_as_unreached_in_the_end(desks: Desks) -> None:
    lead, ann = await began(desks)
    bob = await desks.rep("inbound/main", name="Bob")
    said = await (await ann.take("inbound")).attempt("no_answer")
    assert (said["claim"]["state"], said["item"]["state"]) == ("deferred", "snoozed")
    assert (said["next_at"], said["item"]["next_at"]) == (None, "2026-07-06T10:00:00.001Z")
    assert (await bob.pull("inbound")).status_code == 204
    said = await (await again(desks, bob, hours=1)).attempt("voicemail")
    assert said["item"]["next_at"] == "2026-07-07T10:00:00.001Z"
    said = await (await again(desks, ann, days=1)).attempt("wrong_number")
    assert (said["claim"]["state"], said["item"]["state"]) == ("completed", "done")
    row = await desks.lead_row(lead)
    assert (row["state"], row["outcome"], row["reason"]) == ("closed", "unreached", None)
    (closed,) = await desks.told(lead, "lead.closed")
    assert (closed["outcome"], closed["actor"]["id"]) == ("unreached", ann.id)


async def test_a_cadence_may_end_in_rest_and_begins_anew_after_it(desks: Desks) -> None:
    lead, ann = await began(desks, NURTURED)
    await (await ann.take("inbound")).attempt("gatekeeper")
    await (await again(desks, ann, hours=1)).attempt("bounced")
    row = await desks.lead_row(lead)
    assert (row["state"], row["nurture_until"]) == ("nurturing", desks.clock.now() + timedelta(days=90))
    said = await (await again(desks, ann, days=90)).attempt("no_answer")
    assert said["item"]["state"] == "snoozed"


@pytest.mark.parametrize(
    "attempt",
    [
        {"outcome": "conversation"},
        {"outcome": "not_now"},
        {"outcome": "no_answer", "next_at": "2026-07-06T15:00:00Z", "promise": True},
    ],
    ids=["reached", "not now", "promised"],
)
async def test_whom_one_reached_or_promised_one_keeps(desks: Desks, attempt: dict[str, Any]) -> None:
    _, ann = await began(desks)
    assert (await (await ann.take("inbound")).attempt(**attempt))["claim"]["state"] == "active"


async def test_what_a_rep_says_comes_next_goes_before_the_cadence_and_counts_as_a_try(desks: Desks) -> None:
    _, ann = await began(desks)
    said = await (await ann.take("inbound")).attempt("no_answer", next_at="2026-07-06T15:00:00Z")
    assert said["item"]["next_at"] == "2026-07-06T15:00:00.000Z"
    said = await (await again(desks, ann, hours=6)).attempt("no_answer")
    assert said["item"]["next_at"] == "2026-07-07T15:00:00.001Z"


async def test_a_promise_that_lies_ahead_stands_whoever_does_not_answer_before(desks: Desks) -> None:
    _, ann = await began(desks)
    hold = await ann.take("inbound")
    await hold.attempt("callback", next_at="2026-07-06T15:00:00Z", promise=True)
    said = await hold.attempt("no_answer")
    assert (said["claim"]["state"], said["item"]["next_step"]["promise"]) == ("active", True)


async def test_an_opportunity_stays_with_its_closer_whatever_the_cadence(desks: Desks) -> None:
    await began(desks)
    bob = await desks.rep("closing/field")
    await desks.lead("visit")
    assert (await (await bob.take("closing")).attempt("no_answer"))["claim"]["state"] == "active"
