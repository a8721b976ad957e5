"""Keeps schema `policy`: every version ever published, and the one in force, compiled."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text, insert, select, text

from router.policy.check import check
from router.policy.compile import again
from router.policy.compiled import Policy
from router.policy.mistakes import Mistake
from services.runtime.tx import ReadTx, Tx

metadata = MetaData(schema="policy")

versions = Table(
    "versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False, comment="SHA-256 of yaml"),
    Column("yaml", Text, nullable=False, comment="as published, comments and all"),
    Column("message", Text),
    Column("published_at", DateTime(timezone=True), nullable=False),
)

_KEPT_COMPILED = 16
_compiled: OrderedDict[tuple[int, str], Policy] = OrderedDict()
"""By version and digest: what a version is never changes, so this is no state, only spared work."""


class Refused(Exception):
    """The file has mistakes; nothing was published."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(f"{len(mistakes)} mistakes in the policy")
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class Sound:
    """The text of a policy that has no mistakes: made by `sound` alone."""

    yaml: str


class NoPolicy(Exception):
    """Nothing was ever published, or not this version: `leadgate policy publish FILE`."""


@dataclass(frozen=True, slots=True)
class Published:
    """The version in force; `changed`: it is new."""

    version: int
    changed: bool


@dataclass(frozen=True, slots=True)
class Version:
    """A published file."""

    version: int
    published_at: datetime
    message: str | None
    yaml: str


def sound(yaml: str) -> Sound:
    """Check a policy, before a transaction opens: of many rules it takes seconds. Raises: Refused."""
    checked = check(yaml)
    if not checked.ok:
        raise Refused(checked.mistakes)
    return Sound(yaml)


async def publish(tx: Tx, policy: Sound, message: str | None = None) -> Published:
    """Put a policy in force; the same text again changes nothing."""
    yaml = policy.yaml
    await tx.execute(text("LOCK TABLE policy.versions IN SHARE ROW EXCLUSIVE MODE"))
    digest = hashlib.sha256(yaml.encode()).hexdigest()
    last = await tx.one(_LATEST)
    if last is not None and last["digest"] == digest:
        return Published(last["version"], changed=False)
    version = last["version"] + 1 if last is not None else 1
    row = {"version": version, "digest": digest, "yaml": yaml, "message": message, "published_at": tx.now}
    await tx.execute(insert(versions).values(row))
    return Published(version, changed=True)


async def latest(tx: ReadTx) -> int | None:
    """The version in force; None before the first."""
    row = await tx.one(_LATEST)
    return None if row is None else row["version"]


async def active(tx: ReadTx) -> Policy:
    """The policy in force, looked up in every transaction, so that a new one counts at once. Raises: NoPolicy."""
    row = await tx.one(_LATEST)
    if row is None:
        raise NoPolicy("no policy is published")
    return await _policy(tx, row["version"], row["digest"])


async def as_of(tx: ReadTx, version: int) -> Policy:
    """The policy as of a version: that by which its receipts recompute. Raises: NoPolicy."""
    row = await tx.one(select(versions.c.digest).where(versions.c.version == version))
    if row is None:
        raise NoPolicy(f"no policy of version {version}")
    return await _policy(tx, version, row["digest"])


async def show(tx: ReadTx, version: int | None = None) -> Version | None:
    """A version as it was published, by default the one in force; None where there is none."""
    wanted = select(versions).order_by(versions.c.version.desc()).limit(1)
    row = await tx.one(wanted if version is None else wanted.where(versions.c.version == version))
    return None if row is None else Version(row["version"], row["published_at"], row["message"], row["yaml"])


_LATEST = select(versions.c.version, versions.c.digest).order_by(versions.c.version.desc()).limit(1)


async def _policy(tx: ReadTx, version: int, digest: str) -> Policy:
    key = (version, digest)
    if key not in _compiled:
        yaml = await tx.value(select(versions.c.yaml).where(versions.c.version == version))
        _compiled[key] = again(yaml, version)
        if len(_compiled) > _KEPT_COMPILED:
            _compiled.popitem(last=False)
    return _compiled[key]
