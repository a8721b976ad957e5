"""While PostgreSQL is away ingest knows what it remembers; once it is back, what PostgreSQL says."""

from pathlib import Path

import pytest
from kit.outage import unreachable
from kit.tiny import key_of
from kit.waiting import running, until

from schemas.words import PrincipalKind, SourceName
from services.ingest import remembered
from services.ingest.regions import Regions
from services.ingest.remembered import FILE
from services.runtime import keys
from services.runtime.access import Access, digest_of
from services.runtime.edge import Edge
from services.runtime.failures import Failure, failure

WEB = SourceName("web")


async def test_a_key_that_was_revoked_meanwhile_is_good_until_the_database_is_back(
    edge: Edge, database_url: str
) -> None:
    revoked, unknown = await key_of(edge, PrincipalKind.FORM), await key_of(edge, PrincipalKind.SERVICE)
    principal = await edge.access.of_key(revoked)
    assert principal is not None
    async with edge.database.tx() as tx:
        await keys.revoke(tx, principal.key_id)

    access = Access(edge.database, edge.keyring)
    access.remember({digest_of(edge.keyring, revoked): principal})
    async with unreachable(database_url):
        assert await access.of_key(revoked) == principal
        for _ in range(2):  # nobody can say whether it is live
            with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever the database says
                await access.of_key(unknown)
            assert failure(raised.value) is Failure.OUTAGE
        assert access.of_sources is None
    await access.refresh()
    assert await access.of_key(revoked) is None
    assert await access.of_key(unknown) is not None


async def test_what_is_remembered_follows_the_keys_that_are_live(edge: Edge, tmp_path: Path) -> None:
    regions = Regions(edge.database, {})
    await regions.look()
    first = await key_of(edge, PrincipalKind.FORM)
    await key_of(edge, PrincipalKind.ADMIN)
    await edge.access.refresh()

    async def remembers(*wanted: str) -> bool:
        found = remembered.load(edge.settings.data_dir)
        return found is not None and found.keys.keys() == {digest_of(edge.keyring, key) for key in wanted}

    async with running(remembered.keep(edge, regions)):
        await until(lambda: remembers(first))
        second = await key_of(edge, PrincipalKind.SERVICE)
        await edge.access.refresh()
        await until(lambda: remembers(first, second))
        principal = await edge.access.of_key(first)
        assert principal is not None
        edge.access.forget(principal.key_id)
        await until(lambda: remembers(second))
    assert (edge.settings.data_dir / FILE).stat().st_mode & 0o077 == 0


async def test_a_region_that_is_remembered_counts_until_the_policy_is_read(edge: Edge, database_url: str) -> None:
    regions = Regions(edge.database, {WEB: "GB"})
    async with unreachable(database_url):
        assert await regions.of(WEB) == "GB"
        assert regions.of_all() is None
    await regions.look()
    assert regions.of_all() == {}
