"""What follows from what: the request that began it all, and the process that acts. It goes with the task."""

from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Any


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


def following(trace: Trace) -> AbstractContextManager[None]:
    """Follow this request or record."""
    return _Being(_trace, trace)


def acting(name: str) -> AbstractContextManager[None]:
    """Act as this process (all of them run in one under `leadgate up`)."""
    return _Being(_process, name)


class _Being(AbstractContextManager[None]):
    """A variable has a value meanwhile."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[Any], value: object) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        self._token: Token[Any] = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)
