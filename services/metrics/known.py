"""What metrics knows of a lead after so many events of its story: all that the next event needs to be understood."""

from dataclasses import dataclass, field
from datetime import datetime

from schemas.words import LeadId
from services.metrics.catalogue import BIT, FactKind


@dataclass(frozen=True, slots=True)
class Dims:
    """Under what something counts; None: under none. The desk is the queue's."""

    direction: str | None = None
    source: str | None = None
    queue: str | None = None
    segment: str | None = None
    rep: str | None = None

    @property
    def desk(self) -> str | None:
        return self.queue.partition("/")[0] if self.queue else None


@dataclass(frozen=True, slots=True)
class Try:
    """One try to reach the person."""

    at: datetime
    conversation: bool


@dataclass(frozen=True, slots=True)
class Opportunity:
    """An opportunity of the lead, as far as it counts."""

    id: str
    seq: int
    """Of the event that made it."""
    made_at: datetime | None = None
    """None: that event is not known to us, so no clock runs."""
    queue: str | None = None
    segment: str | None = None
    rep: str | None = None
    """Its first holder."""
    conversed_at: datetime | None = None
    qualified: bool = False
    requested: bool = False
    presented: bool = False
    lost: int | None = None
    """The event that lost it, while it is lost; so of the next three."""
    won: int | None = None
    counted: int | None = None
    """The event by which it counts as qualified."""
    passed: int | None = None
    """The event by which it counts for who qualified it."""
    qualifier: "Done | None" = None


@dataclass(frozen=True, slots=True)
class Done:
    """Who completed an item as qualified: when, and where."""

    at: datetime
    queue: str
    rep: str | None


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of the lead: what it has counted for, by event."""

    id: str
    won: int
    """The event that made it one."""
    counted: tuple[tuple[int, FactKind], ...] = ()
    opportunity: str | None = None
    queue: str | None = None
    closer: str | None = None
    void: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A lead, folded from its events up to `seq`."""

    lead: LeadId
    seq: int = 0
    test: bool = False
    received: int | None = None
    """The event that told of it; its facts and clocks are numbered by this."""
    direction: str | None = None
    source: str | None = None
    hand_raiser: bool = False
    captured_at: datetime | None = None
    occurred_at: datetime | None = None
    queue: str | None = None
    """The first; so are the next two."""
    segment: str | None = None
    rep: str | None = None
    queue_now: str | None = None
    segment_now: str | None = None
    rep_now: str | None = None
    """Its holder."""
    desks: frozenset[str] = frozenset()
    """Where it has, or once had, a place."""
    decided: bool = False
    slept: bool = False
    """The first decision was to nurture: nobody was due to answer."""
    merged_into: LeadId | None = None
    merged: int | None = None
    """The event that merged it, while it is merged; so of the next."""
    rejected: int | None = None
    pullable_at: datetime | None = None
    due_at: datetime | None = None
    """By when its first item was to be answered."""
    tries: tuple[Try, ...] = ()
    """In the order in which they were told."""
    opportunities: tuple[Opportunity, ...] = ()
    customers: tuple[Customer, ...] = ()
    qualified: Done | None = None
    """The last item that a rep completed so."""
    won_at: datetime | None = None
    """When its last win was; and of which opportunity."""
    won_by: str | None = None
    reached: frozenset[FactKind] = field(default=frozenset())

    @property
    def first(self) -> Dims:
        """What it counts under by cohort: first queue, first holder."""
        return Dims(self.direction, self.source, self.queue, self.segment, self.rep)

    @property
    def mask(self) -> int:
        """What it has reached, as one number."""
        return sum(BIT[kind] for kind in self.reached)

    def under(self, queue: str | None, rep: str | None) -> Dims:
        """What counts now, in this queue and by this rep."""
        return Dims(self.direction, self.source, queue, self.segment_now, rep)

    def opportunity(self, id: str, seq: int) -> Opportunity:
        """The opportunity of this id; a bare one where its making is not known to us."""
        return next((one for one in self.opportunities if one.id == id), Opportunity(id, seq))

    def customer(self, id: str, seq: int) -> Customer:
        """The customer of this id; a bare one where its making is not known to us."""
        return next((one for one in self.customers if one.id == id), Customer(id, seq))
