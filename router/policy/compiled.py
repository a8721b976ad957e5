"""A policy as decisions read it: immutable, checked, its conditions compiled. `compile.py` makes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from router.calendar import Calendar, Duration
from router.policy.rule import All, Handover, Rule
from router.policy.rulebook import Rulebook
from router.policy.scorebook import Scorebook
from schemas.words import Desk, Direction, ItemKind, MeetingMode, Priority, QueueName, SourceName, TaskKind


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
class PersonHours:
    """When a person may be disturbed, by the clock of their own country: from `opens` until before `closes`."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Targets:
    """What a rep is meant to reach. They limit nothing."""

    conversations_per_day: int | None
    meetings_per_week: int | None
    meetings_per_day: int | None


@dataclass(frozen=True, slots=True)
class Raise:
    """The priority that is shown; the rank, by which items are ordered, never changes."""

    to: Priority


@dataclass(frozen=True, slots=True)
class MoveTo:
    """Another queue of the same kind of item; the age is kept."""

    queue: QueueName


@dataclass(frozen=True, slots=True)
class Notify:
    """The manager is told."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is done `after` so much business time since the promised time, without a first attempt."""

    after: timedelta
    does: Raise | MoveTo | Notify


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
    returns_per_week: int | None = None
    person_hours: PersonHours | None = None
    """None: at any hour."""
    when_empty: QueueName | None = None
    """Where a pull looks that finds the desk empty: a queue of another desk."""
    targets: Targets | None = None
    skills: frozenset[str] = frozenset()
    """A rep must have all of them."""
    escalate: tuple[Step, ...] = ()
    """Ascending."""


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
class Unreached:
    """The item ends: nobody could be reached, which is not to say that nobody is fit."""


@dataclass(frozen=True, slots=True)
class NurtureFor:
    """The lead sleeps for so long."""

    by: timedelta


@dataclass(frozen=True, slots=True)
class Cadence:
    """How long after each fruitless attempt the next is due; after the last one, `then`."""

    after: tuple[timedelta, ...]
    then: Unreached | NurtureFor


@dataclass(frozen=True, slots=True)
class Outbound:
    """How target accounts are approached: `one_active`: one of its persons at a time.

    `cool_down`: how long after the end of one approach another may begin.
    """

    cool_down: timedelta
    one_active: bool


@dataclass(frozen=True, slots=True)
class Enrichment:
    """An HTTP hook that is asked about each lead that meets `when`."""

    url: str
    when: All
    deadline: timedelta
    """From the decision to wait: then it is decided without an answer."""
    send: tuple[str, ...]
    """The paths of what it is told."""
    fields: frozenset[str]
    """What it answers, as rules see it: `enriched.revenue`. All else in an answer is left out."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is particular to a source."""

    default_region: str | None
    """ISO 3166-1 alpha-2: how phone numbers are read where the contact has no country."""
    cadence: Cadence | None = None


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
    titles: Mapping[Desk, str]
    """What the company calls a desk, where it says so."""
    asks: Mapping[Desk, tuple[str, ...]]
    """What must be known of a lead that is qualified at a desk, where it says so: names of `qualification`."""
    customer_queue: QueueName | None
    """Where a won customer is looked after: the first queue of the customer desk; None: the company has none."""
    tasks: Mapping[TaskKind, QueueName]
    """Where what one desk asks of another goes. A kind that is not named goes nowhere."""
    rank_credit: RankCredit
    acceptance_required: bool
    face_to_face: frozenset[MeetingMode]
    maturity: timedelta
    credit: CreditShares
    sources: Mapping[SourceName, Source]
    """Only those that the file names; another has the defaults."""
    looks_at: frozenset[str]
    """The paths that any rule, score or enrichment tests: no more is kept in a receipt. The score itself is derived."""
    scores: Scorebook
    enrichment: Enrichment | None
    reopen_within: timedelta | None
    """How long after a loss a new lead of the person reopens it. None: never."""
    outbound: Outbound | None
    """None: prospects are worked as they come."""

    def region_of(self, source: SourceName) -> str | None:
        """The source's default region, None where it has none."""
        known = self.sources.get(source)
        return known.default_region if known else None
