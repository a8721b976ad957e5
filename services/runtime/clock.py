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


class ManualClock:
    """Moved by hand, for tests."""

    def __init__(self, start: datetime) -> None:
        self._now = whole_ms(start)

    def now(self) -> datetime:
        return self._now

    def begin(self, database: datetime) -> datetime:
        return self._now

    def move(self, by: timedelta) -> datetime:
        """Go on (never back) by so much."""
        if by < timedelta():
            raise ValueError("time does not run backwards")
        self._now = whole_ms(self._now + by)
        return self._now

    def set(self, to: datetime) -> datetime:
        """Go on to then (never back)."""
        return self.move(to - self._now)


def whole_ms(moment: datetime) -> datetime:
    """Cut to milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
