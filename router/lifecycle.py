"""Every state and arrow, once: the machines of lead, item, claim, opportunity, meeting, task and customer.

The store moves by these tables alone. `diagrams.py` draws them, and the tests that go every arrow, and refuse what is
none, are made from them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from schemas.events import customer as cus
from schemas.events import lifecycle as says
from schemas.events import opportunity as opp
from schemas.events import task
from schemas.events.stamp import LifecycleEvent
from schemas.words import (
    Cause,
    ClaimState,
    CustomerState,
    ItemState,
    LeadState,
    MeetingState,
    OpportunityState,
    Role,
    TaskState,
)

S = TypeVar("S", bound=StrEnum)


class Act(StrEnum):
    """What can be done; the same word in endpoint, command and function."""

    # to a lead
    ENQUEUE = "enqueue"
    POOL = "pool"
    NURTURE = "nurture"
    MERGE = "merge"
    UNMERGE = "unmerge"
    REJECT = "reject"
    CLOSE = "close"
    ERASE = "erase"
    RECEIVE = "receive"
    AWAIT = "await"
    HAND_BACK = "hand_back"
    # to an item, and through it to its claim and lead
    RELEASE = "release"
    CLAIM = "claim"
    RETURN = "return"
    DEFER = "defer"
    EXPIRE = "expire"
    REVOKE = "revoke"
    COMPLETE = "complete"
    WAKE = "wake"
    REQUEUE = "requeue"
    ASSIGN = "assign"
    COVER = "cover"
    PARK = "park"
    CANCEL = "cancel"
    # to an opportunity
    WIN = "win"
    LOSE = "lose"
    REOPEN = "reopen"
    CORRECT_OPEN = "correct_open"
    CORRECT_WON = "correct_won"
    CORRECT_LOST = "correct_lost"
    # to a meeting
    MOVE = "move"
    HOLD = "hold"
    NO_SHOW = "no_show"
    # to a task
    DECLINE = "decline"
    # to a customer
    DEPLOY = "deploy"
    CHURN = "churn"
    VOID = "void"


SYSTEM, REP = frozenset({Role.SYSTEM}), frozenset({Role.REP})
MANAGERS = frozenset({Role.MANAGER, Role.ADMIN})
HOLDERS = REP | MANAGERS


@dataclass(frozen=True, slots=True)
class Move(Generic[S]):
    """An arrow: `act` takes each of `sources` to `target`, done by one of `by`, told as `says`.

    `cause` is why the item was queued, where the target is a queue. `says` is None where another thing tells it (a
    lead's queueing is told by its item).
    """

    act: Act
    sources: frozenset[S]
    target: S
    by: frozenset[Role]
    says: type[LifecycleEvent] | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Machine(Generic[S]):
    """A closed list of states and the arrows between them. One arrow for each state and act."""

    name: str
    born: frozenset[S]
    moves: tuple[Move[S], ...]

    def move(self, state: S, act: Act) -> Move[S] | None:
        """The arrow of `act` out of `state`; None where the state refuses it."""
        return next((m for m in self.moves if m.act == act and state in m.sources), None)

    def sources(self, act: Act) -> frozenset[S]:
        """All states that `act` may leave."""
        return frozenset(state for m in self.moves if m.act == act for state in m.sources)

    def states(self) -> frozenset[S]:
        return self.born | frozenset(m.target for m in self.moves)


_L, _I, _C, _O, _M = LeadState, ItemState, ClaimState, OpportunityState, MeetingState
_T, _K = TaskState, CustomerState


def _of(*states: S) -> frozenset[S]:
    return frozenset(states)


LEAD = Machine(
    "lead",
    _of(_L.RECEIVED),
    (
        Move(Act.ENQUEUE, _of(_L.RECEIVED, _L.CLAIMED), _L.QUEUED, SYSTEM | HOLDERS),
        Move(Act.POOL, _of(_L.RECEIVED, _L.CLAIMED), _L.POOLED, SYSTEM | HOLDERS),
        Move(Act.NURTURE, _of(_L.RECEIVED, _L.CLAIMED), _L.NURTURING, SYSTEM | HOLDERS, says.LeadNurtured),
        Move(Act.MERGE, _of(_L.RECEIVED, _L.CLAIMED), _L.MERGED, SYSTEM | HOLDERS, says.LeadMerged),
        Move(Act.UNMERGE, _of(_L.MERGED), _L.RECEIVED, MANAGERS | SYSTEM, says.LeadUnmerged),
        Move(Act.REJECT, _of(_L.RECEIVED), _L.REJECTED, SYSTEM, says.LeadRejected),
        Move(Act.AWAIT, _of(_L.RECEIVED), _L.AWAITING_DATA, SYSTEM | HOLDERS),
        Move(Act.RECEIVE, _of(_L.NURTURING, _L.AWAITING_DATA), _L.RECEIVED, SYSTEM),
        Move(Act.RELEASE, _of(_L.POOLED), _L.QUEUED, SYSTEM | REP),
        Move(Act.RELEASE, _of(_L.REJECTED), _L.RECEIVED, MANAGERS, says.LeadReleased),
        Move(Act.CLAIM, _of(_L.QUEUED), _L.CLAIMED, REP),
        Move(Act.RETURN, _of(_L.CLAIMED), _L.QUEUED, REP),
        Move(Act.DEFER, _of(_L.CLAIMED), _L.QUEUED, REP),
        Move(Act.EXPIRE, _of(_L.CLAIMED), _L.QUEUED, SYSTEM),
        Move(Act.REVOKE, _of(_L.CLAIMED), _L.QUEUED, HOLDERS | SYSTEM),
        Move(Act.REQUEUE, _of(_L.QUEUED, _L.POOLED), _L.QUEUED, MANAGERS | SYSTEM),
        Move(Act.ASSIGN, _of(_L.QUEUED, _L.POOLED), _L.QUEUED, MANAGERS),
        Move(
            Act.CLOSE,
            _of(_L.CLAIMED, _L.QUEUED, _L.POOLED, _L.NURTURING),
            _L.CLOSED,
            SYSTEM | HOLDERS,
            says.LeadClosed,
        ),
        Move(Act.HAND_BACK, _of(_L.CLAIMED, _L.QUEUED, _L.POOLED), _L.QUEUED, HOLDERS),
        Move(Act.REOPEN, _of(_L.CLOSED), _L.QUEUED, SYSTEM | HOLDERS),
        Move(  # one that is held is revoked first
            Act.ERASE,
            frozenset(_L) - {_L.RECEIVED, _L.CLAIMED, _L.ERASED},
            _L.ERASED,
            SYSTEM,
            says.LeadErased,
        ),
    ),
)

OPEN_ITEM_STATES = _of(_I.POOLED, _I.QUEUED, _I.CLAIMED, _I.SNOOZED, _I.PARKED)

ITEM = Machine(
    "item",
    _of(_I.POOLED, _I.QUEUED),
    (
        Move(Act.RELEASE, _of(_I.POOLED), _I.QUEUED, SYSTEM | REP, says.ItemQueued, Cause.RELEASE),
        Move(Act.CLAIM, _of(_I.QUEUED), _I.CLAIMED, REP, says.ItemClaimed),
        Move(Act.RETURN, _of(_I.CLAIMED), _I.QUEUED, REP, says.ItemReturned, Cause.RETURN),
        Move(Act.DEFER, _of(_I.CLAIMED), _I.SNOOZED, REP, says.ItemDeferred),
        Move(Act.EXPIRE, _of(_I.CLAIMED), _I.QUEUED, SYSTEM, says.ItemExpired, Cause.LEASE),
        Move(Act.REVOKE, _of(_I.CLAIMED), _I.QUEUED, HOLDERS | SYSTEM, says.ItemRevoked),
        Move(Act.COMPLETE, _of(_I.CLAIMED), _I.DONE, HOLDERS | SYSTEM, says.ItemCompleted),
        Move(Act.WAKE, _of(_I.SNOOZED), _I.QUEUED, SYSTEM, says.ItemQueued, Cause.NEXT_AT),
        Move(
            Act.REQUEUE,
            _of(_I.QUEUED, _I.POOLED, _I.SNOOZED, _I.PARKED),
            _I.QUEUED,
            MANAGERS | SYSTEM,
            says.ItemQueued,
            Cause.REQUEUE,
        ),
        Move(
            Act.ASSIGN,
            _of(_I.QUEUED, _I.POOLED, _I.SNOOZED, _I.PARKED),
            _I.QUEUED,
            MANAGERS,
            says.ItemQueued,
            Cause.ASSIGN,
        ),
        Move(Act.COVER, _of(_I.QUEUED), _I.QUEUED, MANAGERS | SYSTEM, says.ItemQueued, Cause.COVER),
        Move(Act.POOL, _of(_I.CLAIMED), _I.POOLED, MANAGERS | SYSTEM, says.ItemRevoked),
        Move(Act.PARK, _of(_I.QUEUED), _I.PARKED, SYSTEM, says.ItemParked),
        Move(Act.CANCEL, OPEN_ITEM_STATES - {_I.CLAIMED}, _I.CANCELLED, SYSTEM | HOLDERS, says.ItemCancelled),
    ),
)

CLAIM = Machine(
    "claim",
    _of(_C.ACTIVE),
    (
        Move(Act.COMPLETE, _of(_C.ACTIVE), _C.COMPLETED, HOLDERS | SYSTEM, says.ItemCompleted),
        Move(Act.RETURN, _of(_C.ACTIVE), _C.RETURNED, REP, says.ItemReturned),
        Move(Act.DEFER, _of(_C.ACTIVE), _C.DEFERRED, REP, says.ItemDeferred),
        Move(Act.EXPIRE, _of(_C.ACTIVE), _C.EXPIRED, SYSTEM, says.ItemExpired),
        Move(Act.REVOKE, _of(_C.ACTIVE), _C.REVOKED, HOLDERS | SYSTEM, says.ItemRevoked),
        Move(Act.POOL, _of(_C.ACTIVE), _C.REVOKED, MANAGERS | SYSTEM, says.ItemRevoked),
    ),
)

OPPORTUNITY = Machine(
    "opportunity",
    _of(_O.OPEN),
    (
        Move(Act.WIN, _of(_O.OPEN), _O.WON, HOLDERS, opp.OpportunityWon),
        Move(Act.LOSE, _of(_O.OPEN), _O.LOST, HOLDERS | SYSTEM, opp.OpportunityLost),
        Move(Act.REJECT, _of(_O.OPEN), _O.REJECTED, HOLDERS, opp.OpportunityRejected),
        Move(Act.REOPEN, _of(_O.LOST), _O.OPEN, SYSTEM | HOLDERS, opp.OpportunityReopened),
        Move(Act.CORRECT_OPEN, _of(_O.WON, _O.LOST), _O.OPEN, MANAGERS, opp.OpportunityCorrected),
        Move(Act.CORRECT_WON, _of(_O.OPEN, _O.WON, _O.LOST), _O.WON, MANAGERS, opp.OpportunityCorrected),
        Move(Act.CORRECT_LOST, _of(_O.OPEN, _O.WON, _O.LOST), _O.LOST, MANAGERS, opp.OpportunityCorrected),
    ),
)

MEETING = Machine(
    "meeting",
    _of(_M.BOOKED),
    (
        Move(Act.MOVE, _of(_M.BOOKED), _M.BOOKED, HOLDERS, opp.OpportunityMeeting),
        Move(Act.HOLD, _of(_M.BOOKED), _M.HELD, HOLDERS, opp.OpportunityMeeting),
        Move(Act.NO_SHOW, _of(_M.BOOKED), _M.NO_SHOW, HOLDERS, opp.OpportunityMeeting),
        Move(Act.CANCEL, _of(_M.BOOKED), _M.CANCELLED, HOLDERS, opp.OpportunityMeeting),
    ),
)

TASK = Machine(
    "task",
    _of(_T.OPEN),
    (
        Move(Act.COMPLETE, _of(_T.OPEN), _T.DONE, REP, task.TaskClosed),
        Move(Act.DECLINE, _of(_T.OPEN), _T.DECLINED, REP, task.TaskClosed),
        Move(Act.CANCEL, _of(_T.OPEN), _T.CANCELLED, HOLDERS | SYSTEM, task.TaskClosed),
    ),
)

CUSTOMER = Machine(
    "customer",
    _of(_K.ONBOARDING),
    (
        Move(Act.DEPLOY, _of(_K.ONBOARDING), _K.ACTIVE, HOLDERS, cus.CustomerDeployed),
        Move(Act.CHURN, _of(_K.ONBOARDING, _K.ACTIVE), _K.CHURNED, HOLDERS, cus.CustomerChurned),
        Move(Act.VOID, _of(_K.ONBOARDING, _K.ACTIVE, _K.CHURNED), _K.VOID, MANAGERS, cus.CustomerVoided),
    ),
)

MACHINES = (LEAD, ITEM, CLAIM, OPPORTUNITY, MEETING, TASK, CUSTOMER)


def lead_of(item: ItemState) -> LeadState | None:
    """What an open item says of its lead; for the lead, `parked` and `snoozed` are `queued`. None: nothing."""
    match item:
        case ItemState.POOLED:
            return LeadState.POOLED
        case ItemState.CLAIMED:
            return LeadState.CLAIMED
        case ItemState.QUEUED | ItemState.SNOOZED | ItemState.PARKED:
            return LeadState.QUEUED
        case ItemState.DONE | ItemState.CANCELLED:
            return None
