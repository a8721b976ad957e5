"""Deeds: what somebody did, or what befell them, that their scorecard counts: pulls, returns, promises, shares."""

from dataclasses import dataclass, replace
from datetime import datetime

from schemas.events import customer as cus
from schemas.events import lifecycle as lead
from schemas.events import opportunity as opp
from schemas.events.stamp import Stamp, Told
from schemas.words import CONVERSATIONS, ItemKind, LeadId, MeetingState, Money, OpportunityState, Role
from services.metrics.catalogue import DeedKind
from services.metrics.known import Customer, Dims, Done, Known

MEETING = "meeting"
"""A held meeting, which is a conversation too, beside the outcomes of attempts."""
CONVERSED = frozenset({*(outcome.value for outcome in CONVERSATIONS), MEETING})
QUALIFYING = frozenset({ItemKind.ENQUIRY, ItemKind.PROSPECT})
_LEADERS = frozenset({Role.MANAGER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Deed:
    """Unique by lead, seq and kind. `dims` has whose it is; `word` says which (a reason, an outcome).

    `share` is part of a win; `value` what it was worth; `actor` did it, by the id of their rep or key.
    """

    lead: LeadId
    seq: int
    kind: DeedKind
    at: datetime
    dims: Dims
    word: str | None = None
    share: float | None = None
    value: Money | None = None
    opportunity: str | None = None
    customer: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Deeds:
    """What an event adds, and what it takes back."""

    add: tuple[Deed, ...] = ()
    void: tuple[tuple[int, DeedKind], ...] = ()


_NONE = Deeds()


def deeds_of(told: Told, before: Known, known: Known) -> Deeds:
    """What one event counts for or against somebody. `before` and `known`: its lead before and after it."""
    if known.test:
        return _NONE
    match told.event:
        case lead.ItemEvent() as event:
            return Deeds(tuple(_item(event, told.stamp, before, known)))
        case opp.OpportunityEvent() as event:
            return _opportunity(event, told.stamp, before, known)
        case cus.CustomerCreated() as event:
            made = known.customer(event.customer_id, told.stamp.seq)
            return Deeds((_customer(made, told.stamp, known, event.value),))
        case cus.CustomerVoided() as event:
            gone = known.customer(event.customer_id, told.stamp.seq)
            return Deeds(void=((gone.won, DeedKind.CUSTOMER),))
        case _:
            return _NONE


def _deed(kind: DeedKind, stamp: Stamp, dims: Dims, word: str | None = None, opportunity: str | None = None) -> Deed:
    return Deed(stamp.lead_id, stamp.seq, kind, stamp.at, dims, word, opportunity=opportunity, actor=stamp.actor.id)


def _item(event: lead.ItemEvent, stamp: Stamp, before: Known, known: Known) -> list[Deed]:
    dims = known.under(event.queue, event.rep_id)
    match event:
        case lead.ItemClaimed():
            return _claimed(event, stamp, before, known)
        case lead.ItemQueued() if event.exception is not None and stamp.actor.kind in _LEADERS:
            theirs = known.under(event.queue, event.reserved_for)
            return [_deed(DeedKind.ASSIGNED, stamp, theirs, str(event.exception))]
        case lead.ItemAttempted():
            made = replace(_deed(DeedKind.TRIED, stamp, dims, str(event.outcome)), at=event.attempted_at or stamp.at)
            first = event.first and event.kind == ItemKind.PROSPECT
            return [made, replace(made, kind=DeedKind.PROSPECTED, word=None)] if first else [made]
        case lead.ItemReturned():
            return [_deed(DeedKind.RETURNED, stamp, dims, event.reason)]
        case lead.ItemCompleted() if event.kind in QUALIFYING:
            return [_deed(DeedKind.COMPLETED, stamp, dims, event.outcome)]
        case lead.ItemPromiseKept():
            return [_deed(DeedKind.PROMISE_KEPT, stamp, dims)]
        case lead.ItemPromiseBroken():
            return [_deed(DeedKind.PROMISE_BROKEN, stamp, dims)]
    return []


def _claimed(event: lead.ItemClaimed, stamp: Stamp, before: Known, known: Known) -> list[Deed]:
    dims = known.under(event.queue, event.rep_id)
    found = [_deed(DeedKind.PULLED, stamp, dims, str(event.why))]
    if event.exception is not None:
        found.append(_deed(DeedKind.EXCEPTED, stamp, dims, str(event.exception)))
    if event.kind == ItemKind.OPPORTUNITY and before.opportunities and before.opportunities[-1].rep is None:
        found.append(_deed(DeedKind.TAKEN, stamp, dims, opportunity=before.opportunities[-1].id))
    if event.kind == ItemKind.CUSTOMER and known.customers:
        found.append(replace(_deed(DeedKind.HELD, stamp, dims), customer=known.customers[-1].id))
    return found


def _opportunity(event: opp.OpportunityEvent, stamp: Stamp, before: Known, known: Known) -> Deeds:
    was = before.opportunity(event.opportunity_id, stamp.seq)
    one = known.opportunity(event.opportunity_id, stamp.seq)
    dims = known.under(event.queue, event.rep_id)
    add: list[Deed] = []
    if one.passed == stamp.seq and one.qualifier is not None:
        passed = _deed(DeedKind.PASSED, stamp, _of(one.qualifier, known), opportunity=one.id)
        add.append(replace(passed, at=one.qualifier.at))
    void = [(was.passed, DeedKind.PASSED)] if was.passed is not None and one.passed is None else []
    if was.won is not None and one.won != was.won:
        void += [(was.won, DeedKind.CREDITED), (was.won, DeedKind.CO_CREDITED)]
    match event:
        case opp.OpportunityMeeting(state=MeetingState.HELD):
            held = _deed(DeedKind.TRIED, stamp, dims, MEETING, one.id)
            add.append(replace(held, at=min(event.scheduled_for, stamp.at)))
        case opp.OpportunityWon():
            add += _credited(event.credit, event, stamp, known, event.won_at)
        case opp.OpportunityCorrected(to=OpportunityState.WON):
            add += _credited(event.credit, event, stamp, known, event.won_at or stamp.at)
            stay = [each for each in known.customers if each.opportunity == one.id and not each.void]
            add += [_customer(each, stamp, known, event.value) for each in stay]
    return Deeds(tuple(add), tuple(void))


def _customer(one: Customer, stamp: Stamp, known: Known, value: Money | None) -> Deed:
    """That they were won; told again where the win is of another value."""
    deed = _deed(DeedKind.CUSTOMER, stamp, known.under(one.queue, one.closer), opportunity=one.opportunity)
    return replace(deed, seq=one.won, at=known.won_at or stamp.at, value=value, customer=one.id, actor=one.closer)


def _credited(
    shares: tuple[opp.Credit, ...], event: opp.OpportunityEvent, stamp: Stamp, known: Known, at: datetime
) -> list[Deed]:
    """A win's shares, which sum to one; where none are told, it is all the closer's."""
    one = known.opportunity(event.opportunity_id, stamp.seq)
    mine = known.under(event.queue, event.rep_id)
    if not shares:
        return [replace(_deed(DeedKind.CREDITED, stamp, mine, opportunity=one.id), at=at, share=1.0)]
    found = []
    for kind, share in zip((DeedKind.CREDITED, DeedKind.CO_CREDITED), reversed(shares), strict=False):
        dims = replace(mine, rep=share.rep_id)
        if str(share.desk) != mine.desk:
            # Of a queue that was never told the desk is known all the same: its figures need it.
            dims = replace(dims, queue=one.qualifier.queue if one.qualifier else f"{share.desk}/")
        found.append(replace(_deed(kind, stamp, dims, opportunity=one.id), at=at, share=share.share))
    return found


def _of(done: Done, known: Known) -> Dims:
    return known.under(done.queue, done.rep)
