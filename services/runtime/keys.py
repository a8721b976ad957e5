"""Keys: made, listed, revoked. The secret is told once, when it is made."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, insert, select, update

from schemas.words import PrincipalKind, RepId, SourceName
from services.runtime.access import CHANNEL, Principal, digest_of, mint_key
from services.runtime.ids import mint
from services.runtime.secret import Keyring
from services.runtime.tables import keys
from services.runtime.tx import ReadTx, Tx

MOST_LIVE = 2
"""Live keys of a source or person: two, so that one can be replaced without a gap."""


class KeyLimit(Exception):
    """A third live key of `whose`."""

    def __init__(self, whose: str) -> None:
        super().__init__(f"{whose} has {MOST_LIVE} live keys: revoke one first")
        self.whose = whose


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to stand for: a form or service has a source, a rep a `rep_id`, a manager or admin a name."""

    kind: PrincipalKind
    name: str | None = None
    source: SourceName | None = None
    rep_id: RepId | None = None
    desks: Sequence[str] = ()
    origins: Sequence[str] = ()
    thank_you: Sequence[str] = ()
    error_pages: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was made, without its secret, of which `hint` are the last characters."""

    principal: Principal
    hint: str
    revoked_at: datetime | None


async def create(tx: Tx, keyring: Keyring, wanted: NewKey) -> tuple[Key, str]:
    """Make a key; also its secret. Raises: KeyLimit."""
    whose, live = _whose(wanted)
    await tx.execute(select(func.pg_advisory_xact_lock(_lock(whose))))  # two at once must not both be the second
    if (await tx.value(select(func.count()).select_from(keys).where(keys.c.revoked_at.is_(None), live))) >= MOST_LIVE:
        raise KeyLimit(whose)
    secret = mint_key(wanted.kind)
    principal = Principal(
        kind=wanted.kind,
        key_id=mint("key", tx.now),
        created_at=tx.now,
        name=wanted.name,
        source=wanted.source,
        rep_id=wanted.rep_id,
        desks=frozenset(wanted.desks),
        origins=tuple(wanted.origins),
        thank_you=tuple(wanted.thank_you),
        error_pages=tuple(wanted.error_pages),
    )
    row = {**asdict(principal), "kind": wanted.kind.value, "desks": sorted(wanted.desks), "hint": secret[-4:]}
    await tx.execute(insert(keys).values(id=row.pop("key_id"), digest=digest_of(keyring, secret), **row))
    tx.wake(CHANNEL)
    return Key(principal, secret[-4:], None), secret


async def page(tx: ReadTx, *, after: str | None, limit: int) -> list[Key]:
    """Keys, revoked ones too, newest first."""
    statement = select(keys).order_by(keys.c.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(keys.c.id < after)
    return [Key(Principal.of(row), row["hint"], row["revoked_at"]) for row in await tx.fetch(statement)]


async def sources(tx: ReadTx) -> list[SourceName]:
    """All sources that have, or had, a key."""
    rows = await tx.fetch(select(keys.c.source).where(keys.c.source.is_not(None)).distinct())
    return [row["source"] for row in rows]


async def revoke(tx: Tx, key_id: str) -> bool:
    """End a key; whether there is one with this id. Again does no harm."""
    if await tx.value(select(keys.c.id).where(keys.c.id == key_id)) is None:
        return False
    await tx.execute(update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=tx.now))
    tx.wake(CHANNEL)
    return True


async def revoke_of_rep(tx: Tx, rep: RepId) -> None:
    """End all keys of a rep."""
    live = and_(keys.c.rep_id == rep, keys.c.revoked_at.is_(None))
    await tx.execute(update(keys).where(live).values(revoked_at=tx.now))
    tx.wake(CHANNEL)


def _whose(wanted: NewKey) -> tuple[str, ColumnElement[bool]]:
    """The source or person of a key, in words, and which keys are theirs."""
    if wanted.source is not None:
        return f"source {wanted.source}", keys.c.source == wanted.source
    if wanted.rep_id is not None:
        return f"rep {wanted.rep_id}", keys.c.rep_id == wanted.rep_id
    kind = wanted.kind.value
    return f"{kind} {wanted.name}", and_(keys.c.kind == kind, keys.c.name == wanted.name)


def _lock(whose: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"key of {whose}".encode(), digest_size=8).digest(), signed=True)
