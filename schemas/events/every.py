"""All events there are, and how a record's value becomes one."""

from collections.abc import Mapping
from typing import Any

from schemas.events import customer, lifecycle, opportunity, signals, task
from schemas.events.signals import Signal, UnknownSignal
from schemas.events.stamp import LifecycleEvent, Stamp, Told, UnknownEvent

LIFECYCLE_EVENTS: tuple[type[LifecycleEvent], ...] = (
    lifecycle.LeadReceived,
    lifecycle.LeadDecided,
    lifecycle.LeadMerged,
    lifecycle.LeadRejected,
    lifecycle.LeadNurtured,
    lifecycle.LeadClosed,
    lifecycle.LeadConflictingSubmission,
    lifecycle.LeadUnmerged,
    lifecycle.LeadReleased,
    lifecycle.LeadErased,
    lifecycle.ItemQueued,
    lifecycle.ItemClaimed,
    lifecycle.ItemAttempted,
    lifecycle.ItemCompleted,
    lifecycle.ItemReturned,
    lifecycle.ItemDeferred,
    lifecycle.ItemExpired,
    lifecycle.ItemRevoked,
    lifecycle.ItemParked,
    lifecycle.ItemCancelled,
    lifecycle.ItemPromised,
    lifecycle.ItemPromiseKept,
    lifecycle.ItemPromiseBroken,
    lifecycle.ItemOverdue,
    lifecycle.ItemSlaBreached,
    lifecycle.ItemEscalated,
    opportunity.OpportunityCreated,
    opportunity.OpportunityAccepted,
    opportunity.OpportunityReleased,
    opportunity.OpportunityMeeting,
    opportunity.OpportunityProposalRequested,
    opportunity.OpportunityProposalPresented,
    opportunity.OpportunityWon,
    opportunity.OpportunityLost,
    opportunity.OpportunityReopened,
    opportunity.OpportunityRejected,
    opportunity.OpportunityCorrected,
    task.TaskRaised,
    task.TaskClosed,
    customer.CustomerCreated,
    customer.CustomerDeployed,
    customer.CustomerExpanded,
    customer.CustomerRenewed,
    customer.CustomerChurned,
    customer.CustomerVoided,
)
SIGNALS: tuple[type[Signal], ...] = (signals.QueueReplenishmentRequired, signals.QueueMeasured)

_LIFECYCLE_BY_TYPE = {event.type(): event for event in LIFECYCLE_EVENTS}
_SIGNAL_BY_TYPE = {signal.type(): signal for signal in SIGNALS}
_STAMP_FIELDS = frozenset(Stamp.model_fields)


def told(type_: str, data: Mapping[str, Any]) -> Told:
    """Read a lifecycle record. An unknown type is an `UnknownEvent`, which keeps its data.

    Raises: pydantic.ValidationError where a known event lacks what it must have, or has no stamp.
    """
    stamp = Stamp.model_validate({key: data[key] for key in _STAMP_FIELDS & data.keys()})
    rest = {key: value for key, value in data.items() if key not in _STAMP_FIELDS}
    known = _LIFECYCLE_BY_TYPE.get(type_)
    if known is None:
        return Told(stamp, UnknownEvent(name=name_of(type_), **{k: v for k, v in rest.items() if k != "name"}))
    return Told(stamp, known.model_validate(rest))


def signal(type_: str, data: Mapping[str, Any]) -> Signal:
    """Read a signal; an unknown type is kept. Raises: pydantic.ValidationError."""
    known = _SIGNAL_BY_TYPE.get(type_)
    if known is None:
        return UnknownSignal.model_validate({**data, "name": name_of(type_)})
    return known.model_validate(data)


def name_of(type_: str) -> str:
    """`leadgate.item.queued.v1` → `item.queued`."""
    return type_.removeprefix("leadgate.").rpartition(".v")[0]
