"""Whose fault an error is decides what becomes of a record, a request and a task."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.cli.options import meant
from services.runtime.failures import Failure, failure, sqlstate
from services.runtime.log.port import LogUnavailable


def wrapped(error: Exception) -> DBAPIError:
    """As SQLAlchemy hands a driver's error on."""
    adapted = Exception(str(error))
    adapted.__cause__ = error
    return DBAPIError("SELECT", {}, adapted)


@pytest.mark.parametrize(
    ("error", "whose"),
    [
        (asyncpg.ConnectionDoesNotExistError("gone"), Failure.OUTAGE),
        (asyncpg.CannotConnectNowError("recovering"), Failure.OUTAGE),
        (asyncpg.AdminShutdownError("stopped"), Failure.OUTAGE),
        (asyncpg.TooManyConnectionsError("full"), Failure.OUTAGE),
        (asyncpg.DeadlockDetectedError("deadlock"), Failure.OUTAGE),
        (asyncpg.SerializationError("conflict"), Failure.OUTAGE),
        (asyncpg.LockNotAvailableError("lock time-out"), Failure.OUTAGE),
        (asyncpg.QueryCanceledError("statement time-out"), Failure.OUTAGE),
        (asyncpg.IdleInTransactionSessionTimeoutError("idle"), Failure.OUTAGE),
        (asyncpg.DiskFullError("disk"), Failure.OUTAGE),
        (asyncpg.InterfaceError("connection is closed"), Failure.OUTAGE),
        (asyncpg.InternalClientError("got into a state"), Failure.OUTAGE),
        (ConnectionRefusedError(), Failure.OUTAGE),
        (TimeoutError(), Failure.OUTAGE),
        (PoolTimeout(), Failure.OUTAGE),
        (LogUnavailable("away"), Failure.OUTAGE),
        (wrapped(asyncpg.DeadlockDetectedError("deadlock")), Failure.OUTAGE),
        (asyncpg.CharacterNotInRepertoireError("NUL"), Failure.DATA),
        (asyncpg.NumericValueOutOfRangeError("2^70"), Failure.DATA),
        (asyncpg.UniqueViolationError("twice"), Failure.DATA),
        (asyncpg.exceptions._base.DataError("invalid input for query argument $1"), Failure.DATA),
        (wrapped(asyncpg.DivisionByZeroError("1 / 0")), Failure.DATA),
        (asyncpg.UndefinedColumnError("no such column"), Failure.FAULT),
        (asyncpg.DataCorruptedError("corrupted"), Failure.FAULT),
        (KeyError("a bug"), Failure.FAULT),
        (ValueError("a value"), Failure.FAULT),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_it_is_told_apart(error: Exception, whose: Failure) -> None:
    assert failure(error) is whose


def test_postgresqls_own_name_of_an_error_is_found_under_its_wrapping() -> None:
    assert sqlstate(wrapped(asyncpg.DeadlockDetectedError("deadlock"))) == "40P01"
    assert sqlstate(KeyError("x")) is None


def test_a_command_says_which_of_the_two_is_away() -> None:
    said = {str(meant(error)) for error in (LogUnavailable("Kafka did not do it"), ConnectionRefusedError("refused"))}
    assert said == {
        "the event log is not available: Kafka did not do it",
        "the database is not available: refused",
    }
