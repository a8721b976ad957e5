"""Plans under guard: whom a batch may concern is sought along indexes, whatever PostgreSQL believes of the tables."""

from typing import Any

from kit.explaining import Explaining
from sqlalchemy import text

from router.world import Identity
from schemas.words import MatchedBy
from services.runtime.database import Database
from services.store import persons


async def test_whoever_shares_a_phone_is_sought_and_looked_at_along_indexes(database: Database) -> None:
    """Never by all e-mails there are, even where a phone is that of twenty thousand persons."""
    async with database.tx() as tx:
        await tx.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        explaining: Any = Explaining(tx)
        await persons.known(explaining, [{Identity(MatchedBy.EMAIL, "a"), Identity(MatchedBy.PHONE, "1")}])
        plan = explaining.plans[0]
    for relation in ("identity_persons", "leads"):
        assert f"Seq Scan on {relation}" not in plan
    assert "Index Cond: ((kind = wanted.kind) AND (digest = wanted.digest))" in plan
    assert "Index Cond: ((person_id = identity_persons.person_id) AND (kind = " in plan
    assert "Index Cond: (person_id = identity_persons.person_id)" in plan
