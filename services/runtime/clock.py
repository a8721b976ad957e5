"""The one clock: the database's. Only this file asks the machine for the time."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Aware UTC, in whole milliseconds, so that what is stored is what is shown."""

    def now(self) -> datetime:
        """The machine's time corrected by the database's, for where no transaction is open."""
        ...

    def begin(self, database: datetime) -> datetime:
        """The time of a transaction that begins now, given the database's time."""
        ...


class DatabaseClock:
    """Real time: a transaction has the database's; between transactions the last offset seen corrects the machine's."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        return whole_ms(datetime.fromtimestamp(time.time(), UTC) + self._offset)  # noqa: TID251 - the one place

    def begin(self, database: datetime) -> datetime:
        self._offset = database - datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - the one place
        return whole_ms(database)


def whole_ms(moment: datetime) -> datetime:
    """Cut to milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
