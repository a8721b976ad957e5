"""What a process is: a value that wiring builds, and `run` runs."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter

from services.runtime.readiness import Needs

Task = Callable[[], Awaitable[None]]
"""Runs until it is cancelled."""
Check = Callable[[], Awaitable[str]]
"""Readiness: `ok`, `off`, or the reason why not."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process: what it serves, what it does by itself, and when it is ready."""

    name: str
    routes: Sequence[APIRouter] = ()
    tasks: Mapping[str, Task] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    needs: Needs = (frozenset({"postgres"}), frozenset({"schema"}))
