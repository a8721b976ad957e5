"""A rule: a condition of clauses over what is known of a lead, and what follows when it is true."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias

from router.calendar import Duration
from schemas.policy.operators import Test
from schemas.words import Priority, Qualify, QueueName, Rejection

Value: TypeAlias = str | int | float | bool | tuple[str, ...]
Features: TypeAlias = Mapping[str, Value]
"""What a rule may look at, by path (see `schemas.features`). What is not known is absent."""

FALLBACK = "fallback"
FLAGGED = "flagged"
SUPPRESSED = "suppressed"
SAME_PERSON = "same person"
SAME_ACCOUNT = "same account"
REOPENED = "reopened"
ONE_CONTACT = "one contact at a time"
ENRICHMENT = "enrichment"
RESERVED_RULES = frozenset(
    {FALLBACK, FLAGGED, SUPPRESSED, SAME_PERSON, SAME_ACCOUNT, REOPENED, ONE_CONTACT, ENRICHMENT}
)
"""Who decided, where no rule of the policy did. No rule may have such a name."""


class Verdict(StrEnum):
    """What came of one clause, as the letter that a receipt has for it.

    The last two are neither true nor false, and so is their `not`.
    """

    MET = "m"
    UNMET = "u"
    MISSING = "-"
    WRONG_TYPE = "x"


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
    """It decides where `when` is true, and no rule before it was."""

    name: str
    when: All
    then: Then


@dataclass(frozen=True, slots=True)
class Score:
    """Adds to a lead's score where `when` is true; where that is false or unknown, nothing."""

    name: str
    when: All
    add: int


@dataclass(frozen=True, slots=True)
class Handover:
    """A rule for what a rep has qualified: to which closing queue."""

    name: str
    when: All
    then: Place
