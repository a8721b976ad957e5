"""A leader: one process at a time does a thing, by a lease row. Two for a moment do no harm: all of it repeats."""

import os
import secrets
import socket
from datetime import timedelta

from services.runtime.hot import driver
from services.runtime.tx import Tx

LEASE = timedelta(seconds=10)
"""How long a leader that says nothing keeps others waiting."""

LEAD_SQL = """
INSERT INTO log.leaders AS l (name, owner, until) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
WHERE l.owner = excluded.owner OR l.until <= $4
"""
RESIGN_SQL = "DELETE FROM log.leaders WHERE name = $1 AND owner = $2"


class Leader:
    """Leads, or stands by, in the work called `name`."""

    def __init__(self, name: str, lease: timedelta = LEASE) -> None:
        self._name = name
        self._lease = lease
        self._owner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(3)}"

    async def leads(self, tx: Tx) -> bool:
        """Tell whether the work is ours now, and for as long as the lease."""
        done = await driver(tx).execute(LEAD_SQL, self._name, self._owner, tx.now + self._lease, tx.now)
        return done == "INSERT 0 1"

    async def resign(self, tx: Tx) -> None:
        """Let another take over at once."""
        await driver(tx).execute(RESIGN_SQL, self._name, self._owner)
