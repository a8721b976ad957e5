"""The circuit breaker: who does not answer is not waited for, and asked again now and then."""

from dataclasses import dataclass

FIRST, LONGEST = 1.0, 10.0
"""Seconds for which it is not asked: at first, and at most."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """Closed (`pause` 0: all ask) or open until `until`, on the caller's own clock in seconds; then one asks."""

    pause: float = 0.0
    until: float = 0.0

    def lets(self, now: float) -> bool:
        """Tell whether to ask now.

        >>> Breaker().lets(5.0), Breaker().failed(5.0).lets(5.5), Breaker().failed(5.0).lets(6.0)
        (True, False, True)
        """
        return now >= self.until

    def asking(self, now: float) -> "Breaker":
        """One asks: while it waits for the answer, no other does, unless it is closed.

        >>> Breaker().failed(5.0).asking(6.0).lets(6.5)
        False
        """
        return Breaker(self.pause, now + self.pause) if self.pause else self

    def failed(self, now: float) -> "Breaker":
        """It did not answer: open, for twice as long each time that it is asked in vain.

        >>> Breaker().failed(0.0).failed(1.0)
        Breaker(pause=2.0, until=3.0)
        """
        if self.pause and now < self.until - self.pause / 2:
            return self  # asked before it opened
        pause = min(LONGEST, self.pause * 2) if self.pause else FIRST
        return Breaker(pause, now + pause)
