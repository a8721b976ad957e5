"""Rates: so many in any minute, exactly, in bounded memory."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

PER_ADDRESS: Final = 30
PER_KEY: Final = 600
WINDOW: Final = timedelta(minutes=1)
MOST_KNOWN: Final = 20_000
"""Addresses or keys that are remembered; beyond, those that were quiet longest are forgotten."""


class Rate:
    """At most `most` in any minute for each name."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()

    def wait(self, name: str, now: datetime) -> int:
        """After how many whole seconds one more is allowed; 0: now."""
        seen = self._seen.get(name)
        if seen is None:
            return 0
        while seen and seen[0] <= now - WINDOW:
            seen.popleft()
        return ceil((seen[0] + WINDOW - now).total_seconds()) if len(seen) >= self._most else 0

    def count(self, name: str, now: datetime) -> None:
        """One more."""
        self._seen.setdefault(name, deque(maxlen=self._most)).append(now)
        self._seen.move_to_end(name)
        if len(self._seen) > MOST_KNOWN:
            self._seen.popitem(last=False)


class FormRates:
    """What forms may send: 30 a minute from an address, 600 a minute with a key."""

    def __init__(self) -> None:
        self._addresses = Rate(PER_ADDRESS)
        self._keys = Rate(PER_KEY)

    def admit(self, address: str, key_id: str, now: datetime) -> int:
        """Take one more post, or tell after how many seconds it may come again."""
        subscriber = subscriber_of(address)
        wait = max(self._addresses.wait(subscriber, now), self._keys.wait(key_id, now))
        if wait == 0:
            self._addresses.count(subscriber, now)
            self._keys.count(key_id, now)
        return wait


def subscriber_of(address: str) -> str:
    """Who is behind an address: of IPv6 the whole /64, which one household or office has.

    >>> subscriber_of("2001:db8:1:2:3:4:5:6")
    '2001:db8:1:2::'
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))
