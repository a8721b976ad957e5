"""How far the series are published: up to which revision, in which topics. A topic that was replaced is another one."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.runtime.hot import driver
from services.runtime.tx import ReadTx, Tx

STANDS_SQL = "SELECT revision, logs FROM metrics.published"
MOVE_SQL = "UPDATE metrics.published SET revision = $1, logs = $2 WHERE revision = $3 AND logs = $4"
BACK_SQL = "UPDATE metrics.published SET revision = least(revision, $1)"


@dataclass(frozen=True, slots=True)
class Published:
    """Of each series that changed up to `revision`, the topics `logs` (their identities) have the latest version."""

    revision: int
    logs: Sequence[str]

    def within(self, logs: Sequence[str]) -> int:
        """Up to which revision these topics are filled."""
        return self.revision if list(self.logs) == list(logs) else 0


async def stands(tx: ReadTx) -> Published:
    """How far it is."""
    row = await driver(tx).fetchrow(STANDS_SQL)
    assert row is not None, "the migration made it"
    return Published(row["revision"], row["logs"])


async def move(tx: Tx, before: Published, after: Published) -> bool:
    """Move on; tell whether it stood where it was found: nobody else has published meanwhile."""
    moved = await driver(tx).execute(MOVE_SQL, after.revision, after.logs, before.revision, before.logs)
    return moved == "UPDATE 1"


async def back(tx: Tx, revision: int) -> None:
    """Publish again what changed after a revision."""
    await driver(tx).execute(BACK_SQL, revision)
