"""Cadences: when to try again after an attempt that reached nobody, and what then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from router.policy.compiled import Cadence, NurtureFor, Unreached
from schemas.words import AttemptOutcome

FRUITLESS = frozenset(
    {
        AttemptOutcome.VOICEMAIL,
        AttemptOutcome.NO_ANSWER,
        AttemptOutcome.GATEKEEPER,
        AttemptOutcome.WRONG_NUMBER,
        AttemptOutcome.BOUNCED,
    }
)
"""The outcomes of an attempt that reached nobody: after these, and no others, a cadence says what comes."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The item sleeps until then, and is anyone's."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nobody could be reached: the item ends so."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The lead is nurtured until then."""

    until: datetime


Next: TypeAlias = TryAgain | Unreachable | Rest


def tries(outcomes: Sequence[AttemptOutcome]) -> int:
    """How many of the last attempts, in the order in which they were made, reached nobody in a row.

    >>> tries([AttemptOutcome.BOUNCED, AttemptOutcome.NOT_NOW, AttemptOutcome.NO_ANSWER, AttemptOutcome.VOICEMAIL])
    2
    """
    return next((n for n, outcome in enumerate(reversed(outcomes)) if outcome not in FRUITLESS), len(outcomes))


def after(cadence: Cadence, *, nth: int, at: datetime, now: datetime) -> Next:
    """What comes after the `nth` try in a row that reached nobody, made `at`.

    After each there is one more, so much later than it was made; when none is left, what the cadence says then.

    >>> from datetime import UTC, timedelta
    >>> cadence = Cadence((timedelta(hours=1), timedelta(days=1)), Unreached())
    >>> nine = datetime(2026, 7, 6, 9, tzinfo=UTC)
    >>> [after(cadence, nth=nth, at=nine, now=nine) for nth in (2, 3)]
    ... # doctest: +NORMALIZE_WHITESPACE
    [TryAgain(at=datetime.datetime(2026, 7, 7, 9, 0, tzinfo=datetime.timezone.utc)), Unreachable()]
    """
    if nth <= len(cadence.after):
        return TryAgain(at + cadence.after[nth - 1])
    match cadence.then:
        case Unreached():
            return Unreachable()
        case NurtureFor(by=by):
            return Rest(now + by)
