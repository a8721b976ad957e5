"""Where a source's numbers are dialled, as the policy says: remembered, for ingest lives without the database."""

from collections.abc import Mapping
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
    """The sources' `default_region`s. What is published counts within seconds; without the database, the last one.

    `remembered` are those of before: they count until the policy has been read.
    """

    def __init__(self, database: Reads, remembered: Mapping[SourceName, str]) -> None:
        self._database = database
        self._remembered = remembered
        self._policy: Policy | None = None
        self._looked = False
        self._read = False

    async def of(self, source: SourceName) -> str | None:
        """The region of a source; None where the policy names none, or could never be read."""
        if not self._looked:
            await self.look()
        return self._policy.region_of(source) if self._policy is not None else self._remembered.get(source)

    def of_all(self) -> Mapping[SourceName, str] | None:
        """The regions that the policy names; None until it has been read."""
        if not self._read:
            return None
        sources = self._policy.sources if self._policy is not None else {}
        return {name: source.default_region for name, source in sources.items() if source.default_region}

    async def look(self) -> None:
        """Read the policy in force."""
        self._looked = True
        try:
            async with self._database.read() as tx:
                self._policy = await policies.active(tx)
        except policies.NoPolicy:
            self._read = True
        except Exception as error:
            if failure(error) is not Failure.OUTAGE:
                raise
        else:
            self._read = True

    async def keep(self, wake: Wake) -> None:
        """Stay up to date, until cancelled."""
        await every(AT_LATEST, self.look, wake)
