"""A clock that is moved by hand."""

from datetime import datetime, timedelta

from services.runtime.clock import whole_ms


class ManualClock:
    """It stands still until it is moved, for transactions too."""

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
