"""Cadences: what a source's policy says of trying again."""

from typing import Any

from router.policy.compiled import Cadence, NurtureFor, Unreached
from router.policy.desks import LONGEST, check_duration
from router.policy.durations import ELAPSED, elapsed
from router.policy.mistakes import Mistakes, Path
from schemas.policy.file import CadenceModel

UNREACHED, NURTURE = "unreached", "nurture"
_THEN = "Write then: unreached, or then: {nurture: 90d}."


def check_cadence(cadence: CadenceModel, path: Path, mistakes: Mistakes) -> None:
    for index, text in enumerate(cadence.after):
        check_duration(text, (*path, "after", index), mistakes, longest=LONGEST)
    match cadence.then:
        case "unreached":
            return
        case {"nurture": str() as text, **rest} if not rest and ELAPSED.fullmatch(text):
            check_duration(text, (*path, "then", NURTURE), mistakes)
        case {"nurture": text, **rest} if not rest:
            mistakes.add((*path, "then", NURTURE), text, "not a duration", "Write 90s, 15m, 2h or 90d.")
        case other:
            mistakes.add((*path, "then"), other, "not what follows the last try", _THEN)


def cadence_of(cadence: CadenceModel) -> Cadence:
    """Compile one that `check_cadence` has passed."""
    return Cadence(tuple(elapsed(text) for text in cadence.after), _then(cadence.then))


def _then(then: Any) -> Unreached | NurtureFor:
    return Unreached() if then == UNREACHED else NurtureFor(elapsed(then[NURTURE]))
