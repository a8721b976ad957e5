"""A policy as decisions read it: immutable, checked, its conditions compiled. `compile.py` makes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from router.calendar import Calendar, Duration
from router.policy.rule import Handover, Rule
from router.policy.rulebook import Rulebook
from schemas.words import Desk, Direction, ItemKind, MeetingMode, QueueName, SourceName


@dataclass(frozen=True, slots=True)
class FixedBuffer:
    """So many items."""

    items: int


@dataclass(frozen=True, slots=True)
class RepHourBuffer:
    """So many items for each open hour of each rep who is there."""

    items: Fraction


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """The queue has a pool: filled to `buffer` at `at` (wall time of its calendar) and whenever below."""

    at: time
    buffer: FixedBuffer | RepHourBuffer


@dataclass(frozen=True, slots=True)
class Queue:
    """One pull queue. A limit of None is none."""

    name: QueueName
    desk: Desk
    kind: ItemKind
    calendar: Calendar
    in_hand: int | None
    open: int | None
    lease: Duration
    next_step: Duration | None
    """How far ahead a first attempt puts the next step, where the rep names none."""
    grace: Duration
    release: ReleasePlan | None
    """None: no pool, all goes straight into the queue."""


@dataclass(frozen=True, slots=True)
class RankCredit:
    """How much older than it is an item counts."""

    list: timedelta
    normal: timedelta
    high: timedelta
    hot: timedelta


@dataclass(frozen=True, slots=True)
class CreditShares:
    """How a win is shared; the shares sum to one. Nobody qualified: all to the closer."""

    qualifier: float
    closer: float


@dataclass(frozen=True, slots=True)
class Source:
    """What is particular to a source."""

    default_region: str | None
    """ISO 3166-1 alpha-2: how phone numbers are read where the contact has no country."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One published version, in force."""

    version: int
    currency: str
    zone: ZoneInfo
    rules: Rulebook[Rule]
    handover: Rulebook[Handover]
    fallback: Mapping[Direction, Rule]
    fallback_handover: Handover
    queues: Mapping[QueueName, Queue]
    """In the file's order."""
    customer_queue: QueueName | None
    """Where a won customer is looked after: the first queue of the customer desk; None: the company has none."""
    rank_credit: RankCredit
    acceptance_required: bool
    face_to_face: frozenset[MeetingMode]
    maturity: timedelta
    credit: CreditShares
    sources: Mapping[SourceName, Source]
    """Only those that the file names; another has the defaults."""
    looks_at: frozenset[str]
    """The paths that any rule tests: no more is kept in a receipt."""

    def region_of(self, source: SourceName) -> str | None:
        """The source's default region, None where it has none."""
        known = self.sources.get(source)
        return known.default_region if known else None
