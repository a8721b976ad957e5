"""What ingest remembers on disk, so that it starts and accepts while PostgreSQL is away (law 1).

`<data_dir>/keys.json`, for its owner's eyes: the live form and service keys, of which only keyed digests are there to
read; where each source's numbers are dialled; and which secret all this was under.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import structlog
from pydantic import BaseModel, ValidationError

from schemas.words import PrincipalKind, SourceName
from services.ingest.regions import Regions
from services.runtime import whole
from services.runtime.access import CHANNEL, Principal
from services.runtime.edge import Edge
from services.runtime.run import every

FILE = "keys.json"
_LOOK = timedelta(seconds=2)
"""How often it is looked whether anything has changed."""

_log = structlog.get_logger("leadgate.ingest")


@dataclass(frozen=True, slots=True)
class Remembered:
    """`keys` by their digests; `fingerprint` of the secret under which these were made."""

    fingerprint: bytes
    keys: Mapping[bytes, Principal]
    regions: Mapping[SourceName, str]


class _Key(BaseModel):
    id: str
    kind: Literal["form", "service"]
    digest: str
    source: SourceName
    created_at: datetime
    origins: tuple[str, ...]
    thank_you: tuple[str, ...]
    error_pages: tuple[str, ...]


class _File(BaseModel):
    version: Literal[1]
    fingerprint: str
    regions: dict[SourceName, str]
    keys: list[_Key]


def load(folder: Path) -> Remembered | None:
    """What was saved there; None where nothing was. A file that is damaged says nothing but a warning."""
    path = folder / FILE
    try:
        file = _File.model_validate_json(path.read_bytes())
        return Remembered(
            bytes.fromhex(file.fingerprint),
            {bytes.fromhex(key.digest): _principal(key) for key in file.keys},
            file.regions,
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = f"{error.error_count()} mistakes" if isinstance(error, ValidationError) else str(error)
        _log.warning("keys_not_remembered", file=str(path), error=why)
        return None


def text_of(what: Remembered) -> str:
    """As it is saved: the same for the same."""
    keys = [
        _Key(
            id=key.key_id,
            kind="form" if key.kind is PrincipalKind.FORM else "service",
            digest=digest.hex(),
            source=key.source,
            created_at=key.created_at,
            origins=key.origins,
            thank_you=key.thank_you,
            error_pages=key.error_pages,
        )
        for digest, key in sorted(what.keys.items(), key=lambda one: one[1].key_id)
        if key.source is not None
    ]
    regions = dict(sorted(what.regions.items()))
    file = _File(version=1, fingerprint=what.fingerprint.hex(), regions=regions, keys=keys)
    return file.model_dump_json(indent=1) + "\n"


async def keep(edge: Edge, regions: Regions) -> None:
    """Save what the database says, and again whenever that has changed, until cancelled."""
    path, fingerprint, saved = edge.settings.data_dir / FILE, edge.keyring.fingerprint, ""

    async def work() -> None:
        nonlocal saved
        keys, where = edge.access.of_sources, regions.of_all()
        if keys is None or where is None:
            return
        text = text_of(Remembered(fingerprint, keys, where))
        if text != saved:
            saved = text
            try:
                await asyncio.to_thread(whole.write, path, text)
            except OSError as error:
                _log.warning("keys_not_saved", file=str(path), error=str(error))

    await every(_LOOK, work, edge.wake, CHANNEL, "policy")


def _principal(key: _Key) -> Principal:
    return Principal(
        PrincipalKind(key.kind),
        key.id,
        key.created_at,
        source=key.source,
        origins=key.origins,
        thank_you=key.thank_you,
        error_pages=key.error_pages,
    )
