"""A fact: something that happened, once, and counts; and a lead after one more event, with what that counts for."""

from dataclasses import dataclass, replace
from datetime import datetime

from schemas.events.stamp import Stamp
from schemas.words import LeadId, Money
from services.metrics.catalogue import FactKind
from services.metrics.known import Dims, Known, Opportunity, Try


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, once: unique by lead, seq and kind. `value` is what it was worth, if anything.

    `actor` did it, by the id of their rep or key; None: the system.
    """

    lead: LeadId
    seq: int
    kind: FactKind
    at: datetime
    dims: Dims
    value: Money | None = None
    opportunity: str | None = None
    customer: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Folded:
    """A lead after one more event: the facts that this makes (or restates: same seq and kind) and takes back."""

    known: Known
    add: tuple[Fact, ...] = ()
    void: tuple[tuple[int, FactKind], ...] = ()

    def but(self, *add: Fact) -> "Folded":
        """With these facts as well."""
        reached = self.known.reached.union(fact.kind for fact in add)
        return Folded(replace(self.known, reached=reached), (*self.add, *add), self.void)


def taken_back(known: Known, *gone: tuple[int | None, FactKind], left: bool = False) -> Folded:
    """Facts taken back, as far as there were such. `left`: another of their kind stands, so the lead stays there."""
    were = tuple((seq, kind) for seq, kind in gone if seq is not None and kind in known.reached)
    if not left:
        known = replace(known, reached=known.reached.difference(kind for _, kind in were))
    return Folded(known, void=were)


def tried(tried: Try, stamp: Stamp, known: Known, dims: Dims, *worked: Opportunity) -> Folded:
    """A try to reach the person, in the course of an opportunity (`worked`) or before there is one."""
    new = {FactKind.ATTEMPTED} | ({FactKind.CONVERSED} if tried.conversation else set())
    facts = [Fact(known.lead, stamp.seq, kind, tried.at, dims) for kind in sorted(new - known.reached)]
    known = replace(known, tries=(*known.tries, tried))
    for one in worked:
        if tried.conversation and one.conversed_at is None:
            known = with_opportunity(known, replace(one, conversed_at=tried.at))
    return Folded(known).but(*facts)


def with_opportunity(known: Known, one: Opportunity) -> Known:
    """With this opportunity as it is now; the one made last stands last."""
    if any(other.id == one.id for other in known.opportunities):
        kept = (one if other.id == one.id else other for other in known.opportunities)
        return replace(known, opportunities=tuple(kept))
    return replace(known, opportunities=(*known.opportunities, one))
