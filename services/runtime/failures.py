"""Whose fault an error is: the surroundings' (try again), the data's (never try again), or ours."""

from enum import Enum

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.runtime.log.port import LogUnavailable


class Failure(Enum):
    """What to do about an error."""

    OUTAGE = "outage"
    """Connection, lock, time-out, resources: as good as not tried; try again."""
    DATA = "data"
    """A value that PostgreSQL will not take: it never will."""
    FAULT = "fault"
    """Anything else: a mistake of ours."""


_OUTAGES = frozenset({"08", "25", "40", "53", "55", "57", "58"})
"""Classes of SQLSTATE: connection, transaction state (idle too long), rollback (deadlock, serialisation),
resources, object not available (lock time-out), operator (statement time-out, shutdown), system."""
_DATA = frozenset({"22", "23"})
"""Data exception, integrity constraint violation."""


def failure(error: BaseException) -> Failure:
    """Tell whose fault it is."""
    origin = _origin(error)
    state = sqlstate(origin)
    if state is not None:
        if state[:2] in _DATA:
            return Failure.DATA
        return Failure.OUTAGE if state[:2] in _OUTAGES else Failure.FAULT
    if isinstance(origin, asyncpg.InterfaceError):  # the driver's own: a closed connection, or a value it cannot write
        return Failure.DATA if isinstance(origin, ValueError) else Failure.OUTAGE
    if isinstance(origin, (OSError, TimeoutError, PoolTimeout, LogUnavailable, asyncpg.InternalClientError)):
        return Failure.OUTAGE
    return Failure.FAULT


def sqlstate(error: BaseException) -> str | None:
    """The five characters by which PostgreSQL names an error; None where it is not PostgreSQL's."""
    state = getattr(_origin(error), "sqlstate", None)
    return state if isinstance(state, str) else None


def _origin(error: BaseException) -> BaseException:
    """What the driver raised, under SQLAlchemy's wrapping."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error
