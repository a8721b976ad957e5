"""The circuit breaker: who does not answer is not waited for, and asked again now and then, by one at a time."""

from dataclasses import dataclass

FIRST, LONGEST = 1.0, 10.0
"""Seconds for which it is not asked: at first, and at most."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """Closed (`pause` 0: all ask), or open until `until`; then one asks. In seconds of one clock of the caller's.

    What came of asking before `since` says nothing about now.
    """

    pause: float = 0.0
    until: float = float("-inf")
    since: float = float("-inf")

    @property
    def closed(self) -> bool:
        return self.pause == 0.0

    def lets(self, now: float) -> bool:
        """Tell whether to ask now.

        >>> opened = Breaker().failed(asked=5.0, now=6.0)
        >>> Breaker().lets(5.0), opened.lets(6.5), opened.lets(7.0)
        (True, False, True)
        """
        return now >= self.until

    def asking(self, now: float, patience: float) -> "Breaker":
        """One asks, and waits for so long at most: until then no other does, unless it is closed.

        >>> Breaker().failed(asked=5.0, now=6.0).asking(7.0, patience=1.5).lets(8.4)
        False
        """
        return self if self.closed else Breaker(self.pause, now + max(self.pause, patience), now)

    def failed(self, asked: float, now: float) -> "Breaker":
        """Who asked then had no answer: open, for twice as long each time that it is asked in vain.

        >>> Breaker().failed(asked=0.0, now=1.0).failed(asked=2.0, now=3.0)
        Breaker(pause=2.0, until=5.0, since=3.0)
        """
        if asked < self.since:
            return self
        pause = FIRST if self.closed else min(LONGEST, self.pause * 2)
        return Breaker(pause, now + pause, now)
