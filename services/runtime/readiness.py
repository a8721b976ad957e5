"""Readiness, decided: from what was found, and from what the processes in one application need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

Needs = tuple[frozenset[str], ...]
"""Of the checks in each of these, one at least must find that it works; one that is off asks for nothing."""

OK: Final = "ok"
OFF: Final = "off"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: `ok`, `off`, or a reason; and whether it works all the same."""

    said: str
    works: bool

    @classmethod
    def of(cls, said: str) -> "Finding":
        """
        >>> Finding.of("ok").works, Finding.of("does not answer").works
        (True, False)
        """
        return cls(said, works=said in (OK, OFF))


class Readiness(Enum):
    """Unready: nothing here can do its work. Degraded: something cannot, or all is less than it should be."""

    READY = "ready"
    DEGRADED = "degraded"
    UNREADY = "unready"


def readiness(found: Mapping[str, Finding], needs: Sequence[Needs]) -> Readiness:
    """Tell how ready an application is whose processes need `needs`, each its own."""
    able = [all(_met(found, one_of) for one_of in each) for each in needs]
    if not any(able):
        return Readiness.UNREADY
    fine = all(finding.said in (OK, OFF) for finding in found.values())
    return Readiness.READY if fine and all(able) else Readiness.DEGRADED


def merged(said: Sequence[str]) -> str:
    """What several found of one thing: every reason; else `ok`, if it is on anywhere.

    >>> merged(["ok", "off"]), merged(["off"]), merged(["ok", "late", "off", "lost"])
    ('ok', 'off', 'late; lost')
    """
    reasons = [each for each in said if each not in (OK, OFF)]
    return "; ".join(reasons) or (OK if OK in said else OFF)


def _met(found: Mapping[str, Finding], one_of: frozenset[str]) -> bool:
    there = [found[name] for name in one_of if name in found and found[name].said != OFF]
    return not there or any(finding.works for finding in there)
