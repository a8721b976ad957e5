"""A policy as decisions read it: immutable, checked, its conditions compiled. `compile.py` makes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias
from zoneinfo import ZoneInfo

from router.calendar import Calendar, Duration
from schemas.policy.operators import Test
from schemas.words import Desk, Direction, ItemKind, MeetingMode, Priority, Qualify, QueueName, Rejection, SourceName

Value: TypeAlias = str | int | float | bool | tuple[str, ...]
Features: TypeAlias = Mapping[str, Value]
"""What a rule may look at, by path (see `schemas.features`). What is not known is absent."""

FALLBACK = "fallback"
FLAGGED = "flagged"
SUPPRESSED = "suppressed"
SAME_PERSON = "same person"
RESERVED_RULES = frozenset({FALLBACK, FLAGGED, SUPPRESSED, SAME_PERSON})
"""Who decided, where no rule of the policy did. No rule may have such a name."""


class Verdict(StrEnum):
    """What came of one clause. The last two are neither true nor false, and so is their `not`."""

    MET = "met"
    UNMET = "unmet"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """One test of one field. `words` is the test as a person reads it; `check` never raises."""

    path: str
    test: Test
    words: str
    check: Callable[[Value | None], Verdict]


@dataclass(frozen=True, slots=True)
class All:
    """True when each part is; false when one is false. Without parts: true."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """True when one part is; false when each is false."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary; of what is unknown: unknown."""

    part: "Condition"


Condition: TypeAlias = Clause | All | Any | Not


@dataclass(frozen=True, slots=True)
class Place:
    """An item for a queue."""

    queue: QueueName
    qualify: Qualify
    priority: Priority | None
    """None: normal; at a handover: the lead's."""
    sla: Duration | None
    segment: str | None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Nurture: decided anew after `by`."""

    by: timedelta
    segment: str | None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not for sales: kept, and rejected."""

    reason: Rejection
    segment: str | None


Then: TypeAlias = Place | Sleep | Refuse


@dataclass(frozen=True, slots=True)
class Rule:
    """It decides where `when` is true, and no rule before it was.

    `clauses`: those of `when`, as they stand in the file. `conjunction`: `when` is nothing but all of them.
    """

    name: str
    when: Condition
    then: Then
    clauses: tuple[Clause, ...]
    conjunction: bool


@dataclass(frozen=True, slots=True)
class Handover:
    """A rule for what a rep has qualified: to which closing queue."""

    name: str
    when: Condition
    then: Place
    clauses: tuple[Clause, ...]
    conjunction: bool


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
    rules: tuple[Rule, ...]
    handover: tuple[Handover, ...]
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
