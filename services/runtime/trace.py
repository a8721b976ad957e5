"""What follows from what: the request that began it all, and the process that acts. It goes with the task."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trace:
    """`correlation`: the id of the request that began it all; `traceparent`: as W3C Trace Context writes it."""

    correlation: str | None = None
    traceparent: str | None = None


_NOTHING = Trace()
_trace: ContextVar[Trace] = ContextVar("leadgate_trace", default=_NOTHING)
_process: ContextVar[str] = ContextVar("leadgate_process", default="leadgate")


def current() -> Trace:
    """What is followed here; events emitted and lines logged carry it."""
    return _trace.get()


def process() -> str:
    """The process that acts here: `ingest`, `router` …; events say it as their source."""
    return _process.get()


@contextmanager
def following(trace: Trace) -> Iterator[None]:
    """Follow this request or record."""
    token = _trace.set(trace)
    try:
        yield
    finally:
        _trace.reset(token)


@contextmanager
def acting(name: str) -> Iterator[None]:
    """Act as this process (all of them run in one under `leadgate up`)."""
    token = _process.set(name)
    try:
        yield
    finally:
        _process.reset(token)
