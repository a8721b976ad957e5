"""Where a source's numbers are dialled, as the policy says: remembered, for ingest lives without the database."""

from datetime import timedelta
from typing import Final

from router.policy.compiled import Policy
from schemas.words import SourceName
from services import policies
from services.runtime.access import Reads
from services.runtime.failures import Failure, failure
from services.runtime.run import every
from services.runtime.wake import Wake

AT_LATEST: Final = timedelta(seconds=2)


class Regions:
    """The sources' `default_region`s. What is published counts within seconds; without the database, the last one."""

    def __init__(self, database: Reads) -> None:
        self._database = database
        self._policy: Policy | None = None
        self._looked = False

    async def of(self, source: SourceName) -> str | None:
        """The region of a source; None where the policy names none, or could never be read."""
        if not self._looked:
            await self.look()
        return self._policy.region_of(source) if self._policy is not None else None

    async def look(self) -> None:
        """Read the policy in force."""
        self._looked = True
        try:
            async with self._database.read() as tx:
                self._policy = await policies.active(tx)
        except policies.NoPolicy:
            return
        except Exception as error:
            if failure(error) is not Failure.OUTAGE:
                raise

    async def keep(self, wake: Wake) -> None:
        """Stay up to date, until cancelled."""
        await every(AT_LATEST, self.look, wake)
