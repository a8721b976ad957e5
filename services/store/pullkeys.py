"""Keys of pulls: under the same Idempotency-Key a rep gets the same live claim again."""

from datetime import timedelta

from sqlalchemy import insert, select

from schemas.words import RepId, Why
from services.runtime.tx import Tx
from services.store import holding
from services.store import tables as t
from services.store.items import Claim

KEPT = timedelta(hours=24)
"""How long a key is kept, at least; always while its claim lives."""


async def kept(tx: Tx, rep: RepId, desk: str, key: str) -> tuple[Why, Claim] | None:
    """What a pull of this rep, locked, at this desk was given under this key; the claim may have ended."""
    k = t.pull_keys.c
    row = await tx.one(select(k.claim_id, k.why).where(k.rep_id == rep, k.desk == desk, k.key == key))
    if row is None:
        return None
    claim = await holding.find(tx, row["claim_id"])
    assert claim is not None, "a claim is never deleted"
    return Why(row["why"]), claim


async def keep(tx: Tx, rep: RepId, desk: str, key: str, claim: Claim, why: Why) -> None:
    """Remember what a key was given."""
    row = {"rep_id": rep, "desk": desk, "key": key, "claim_id": claim.id, "why": why.value, "at": tx.now}
    await tx.execute(insert(t.pull_keys).values(row))
