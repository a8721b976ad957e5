"""Who calls: the principals that live keys stand for. Only keyed digests of keys are kept."""

import asyncio
import re
import secrets
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import ColumnElement, RowMapping, func, select

from schemas.ids import encode
from schemas.words import PrincipalKind, RepId, SourceName
from services.runtime.failures import Failure, failure
from services.runtime.secret import Keyring
from services.runtime.tables import keys
from services.runtime.tx import ReadTx

PREFIXES: Final[Mapping[PrincipalKind, str]] = {
    PrincipalKind.FORM: "lgf_",
    PrincipalKind.SERVICE: "lgs_",
    PrincipalKind.REP: "lgr_",
    PrincipalKind.MANAGER: "lgm_",
    PrincipalKind.ADMIN: "lga_",
}
CHANNEL: Final = "keys"
"""Whoever keeps live keys in memory is woken on this."""
AT_LATEST: Final = timedelta(seconds=1)
"""After so long a key that was made or revoked elsewhere is known here, woken or not."""
_RANDOM = 20  # bytes: 160 bits, 32 characters
_SHAPE = re.compile(r"lg[fsrma]_[0-9a-hjkmnp-tv-z]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a live key stands for. `desks` of a manager: empty means all. `source` of a form or service."""

    kind: PrincipalKind
    key_id: str
    created_at: datetime
    name: str | None = None
    source: SourceName | None = None
    rep_id: RepId | None = None
    desks: frozenset[str] = frozenset()
    origins: tuple[str, ...] = ()
    thank_you: tuple[str, ...] = ()
    error_pages: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """Who it is, whichever of their keys they use."""
        if self.rep_id is not None:
            return self.rep_id
        who = self.source or self.name
        return f"{self.kind.value} {who}" if who is not None else self.key_id

    @classmethod
    def of(cls, row: RowMapping) -> "Principal":
        return cls(
            kind=PrincipalKind(row["kind"]),
            key_id=row["id"],
            created_at=row["created_at"],
            name=row["name"],
            source=row["source"],
            rep_id=row["rep_id"],
            desks=frozenset(row["desks"]),
            origins=tuple(row["origins"]),
            thank_you=tuple(row["thank_you"]),
            error_pages=tuple(row["error_pages"]),
        )


class Reads(Protocol):
    """The database, to look at."""

    def read(self) -> AbstractAsyncContextManager[ReadTx]: ...


class NotToBeTold(ConnectionError):
    """The database is down, and was since we started: whether a key that we do not know is live, nobody can say."""


class Access:
    """The live keys, in memory: a request is admitted without a look at the database, also while that is down.

    A key that is not among them is looked up, so a new one is good at once. A revoked one is refused at once where
    `forget` is called, elsewhere after the next `refresh`: `run` calls it as it starts, when woken, and each second.
    """

    def __init__(self, database: Reads, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._by_digest: dict[bytes, Principal] = {}
        self._by_id: dict[str, Principal] = {}
        self._version: tuple[int, int] | None = None
        self._loaded = False
        self._reachable = True
        self._gone: set[str] = set()  # a refresh that was under way at `forget` must not bring it back
        self._learned: dict[bytes, Principal] = {}  # nor one at `learn` lose it
        self._looking = asyncio.Semaphore(2)  # so that made-up keys never take all connections

    async def refresh(self) -> None:
        """Load the live keys again, if any was made or revoked. Raises what the database raises."""
        self._learned = {}
        try:
            async with self._database.read() as tx:
                version = await self._version_of(tx)
                rows = (
                    None
                    if version == self._version
                    else await tx.fetch(select(keys).where(keys.c.revoked_at.is_(None)))
                )
        except BaseException:
            self._reachable = False
            raise
        self._reachable = True
        if rows is not None:
            live = {row["digest"]: Principal.of(row) for row in rows} | self._learned
            self._by_digest = {digest: one for digest, one in live.items() if one.key_id not in self._gone}
            self._by_id = {principal.key_id: principal for principal in self._by_digest.values()}
            self._version = None if self._learned else version
            self._loaded = True

    def remember(self, principals: Mapping[bytes, Principal]) -> None:
        """These were live, by their digests, when somebody last saw the database: they are until it is read."""
        if not self._loaded:
            self._by_digest = dict(principals)
            self._by_id = {principal.key_id: principal for principal in principals.values()}

    @property
    def of_sources(self) -> Mapping[bytes, Principal] | None:
        """The live form and service keys by their digests; None until the database has been read."""
        if not self._loaded:
            return None
        return {digest: one for digest, one in self._by_digest.items() if one.source is not None}

    async def of_key(self, key: str) -> Principal | None:
        """Whom this key stands for, if it is live. While the database is down, only what is known is live.

        Raises: NotToBeTold, or what the database raises, where it is down and has never been read.
        """
        if not _SHAPE.fullmatch(key):
            return None
        digest = digest_of(self._keyring, key)
        return self._by_digest.get(digest) or await self._look_up(keys.c.digest == digest)

    async def of_key_id(self, key_id: str) -> Principal | None:
        """Whom the key with this id stands for, if it is live. Raises: as `of_key`."""
        return self._by_id.get(key_id) or await self._look_up(keys.c.id == key_id)

    def is_live(self, key_id: str) -> bool:
        """Tell whether a key that was admitted is still live, as far as is known here: without a look."""
        return key_id in self._by_id

    def learn(self, secret: str, principal: Principal) -> None:
        """This key was made: admit it from now on, should the database be down the next moment."""
        self._learn(digest_of(self._keyring, secret), principal)

    def forget(self, key_id: str) -> None:
        """It was revoked: refuse it from now on."""
        self._gone.add(key_id)
        self._by_id.pop(key_id, None)
        self._by_digest = {digest: one for digest, one in self._by_digest.items() if one.key_id != key_id}

    async def _look_up(self, which: ColumnElement[bool]) -> Principal | None:
        try:
            async with self._looking:
                if not self._reachable:
                    if not self._loaded:
                        raise NotToBeTold("the database does not answer")
                    return None
                async with self._database.read() as tx:
                    row = await tx.one(select(keys).where(which, keys.c.revoked_at.is_(None)))
        except Exception as error:
            if failure(error) is not Failure.OUTAGE:
                raise
            self._reachable = False
            if not self._loaded:
                raise
            return None
        if row is None:
            return None
        principal = Principal.of(row)
        self._learn(row["digest"], principal)
        return principal

    def _learn(self, digest: bytes, principal: Principal) -> None:
        if principal.key_id in self._gone:
            return
        self._by_digest[digest] = self._learned[digest] = self._by_id[principal.key_id] = principal
        self._version = None  # it may be revoked by now: the next refresh loads all

    async def _version_of(self, tx: ReadTx) -> tuple[int, int]:
        """It changes with each key that is made or revoked: rows are never deleted."""
        row = await tx.one(
            select(func.count().label("made"), func.count(keys.c.revoked_at).label("revoked")).select_from(keys)
        )
        assert row is not None, "an aggregate has a row"
        return row["made"], row["revoked"]


def mint_key(kind: PrincipalKind) -> str:
    """A new secret."""
    return PREFIXES[kind] + encode(secrets.token_bytes(_RANDOM))


def digest_of(keyring: Keyring, key: str) -> bytes:
    """What is kept of a key."""
    return keyring.digest("api-key", key, size=32)
