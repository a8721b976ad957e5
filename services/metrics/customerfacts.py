"""What an event of a customer counts for; of one that is void, nothing."""

from dataclasses import replace
from datetime import datetime

from schemas.events import customer as cus
from schemas.events.stamp import Stamp
from schemas.words import Money
from services.metrics.catalogue import FactKind
from services.metrics.fact import Fact, Folded, taken_back
from services.metrics.known import Customer, Known


def fold(event: cus.CustomerEvent, stamp: Stamp, known: Known) -> Folded:
    """Fold it into what is known of its lead."""
    one = known.customer(event.customer_id, stamp.seq)

    def counts(kind: FactKind, at: datetime, value: Money | None = None) -> Folded:
        dims = known.under(event.queue, event.rep_id)
        fact = Fact(known.lead, stamp.seq, kind, at, dims, value, customer=one.id)
        return Folded(_with(known, replace(one, counted=(*one.counted, (stamp.seq, kind))))).but(fact)

    match event:
        case cus.CustomerCreated():
            made = replace(one, opportunity=known.won_by, queue=event.queue, closer=event.closer)
            return Folded(_with(known, made))
        case cus.CustomerDeployed():
            return counts(FactKind.DEPLOYED, event.deployed_at)
        case cus.CustomerExpanded():
            return counts(FactKind.EXPANDED, event.expanded_at, event.value)
        case cus.CustomerRenewed():
            return counts(FactKind.RENEWED, stamp.at, event.value)
        case cus.CustomerChurned():
            return counts(FactKind.CHURNED, event.churned_at)
        case cus.CustomerVoided():
            others = [(other, kind) for other in known.customers if other.id != one.id for _, kind in other.counted]
            stand = {kind for _, kind in others}
            gone = taken_back(_with(known, replace(one, counted=(), void=True)), *one.counted)
            return replace(gone, known=replace(gone.known, reached=gone.known.reached | stand))
        case _:
            return Folded(known)


def _with(known: Known, one: Customer) -> Known:
    """With this customer as it is now."""
    kept = tuple(one if other.id == one.id else other for other in known.customers)
    return replace(known, customers=kept if one in kept else (*kept, one))
