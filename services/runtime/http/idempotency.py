"""A POST that is repeated under its Idempotency-Key gets the first answer again, for 24 hours.

The answer is stored in the transaction of its effects: there is never the one without the other.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from starlette.responses import Response

from services.runtime.http.body import JSON
from services.runtime.http.headers import REPLAYED
from services.runtime.http.problems import Conflict, IdempotencyKeyReused
from services.runtime.tables import idempotency
from services.runtime.tx import Tx

KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Request:
    """What makes two requests the same: `digest` is the body's, the rest says under which name it is kept."""

    principal: str
    method: str
    path: str
    key: str
    digest: bytes

    @property
    def lock(self) -> int:
        """The name as PostgreSQL's advisory locks want it. Two that collide only wait for each other's end (409)."""
        name = "\0".join((self.principal, self.method, self.path, self.key))
        return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)


def digest_of(body: dict[str, Any]) -> bytes:
    """A digest of what a body says, whatever its spaces and the order of its fields."""
    said = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.blake2b(said, digest_size=16).digest()


async def replay(tx: Tx, request: Request) -> Response | None:
    """The first answer to this request, or None: it is the first, and holds the name until the transaction ends.

    Raises: Conflict `request_in_progress`; IdempotencyKeyReused.
    """
    if not await tx.value(select(func.pg_try_advisory_xact_lock(request.lock))):
        raise Conflict("request_in_progress", "Wait for the first one to end, then repeat this one.")
    stored = await tx.one(select(idempotency).where(*_named(request), idempotency.c.created_at > tx.now - KEPT))
    if stored is None:
        return None
    if stored["digest"] != request.digest:
        raise IdempotencyKeyReused
    headers: dict[str, str] = stored["headers"]
    return Response(stored["body"], stored["status"], {**headers, REPLAYED: "true"}, JSON)


async def keep(tx: Tx, request: Request, response: Response) -> None:
    """Store the answer, if it is one that is given again: a 2xx with a body."""
    if not 200 <= response.status_code < 300 or response.status_code == 204:
        return
    said: dict[str, Any] = {
        "digest": request.digest,
        "status": response.status_code,
        "headers": {
            name: value for name, value in response.headers.items() if name not in ("content-length", "content-type")
        },
        "body": bytes(response.body),
        "created_at": tx.now,
    }
    name = {"principal": request.principal, "method": request.method, "path": request.path, "key": request.key}
    statement = insert(idempotency).values(**name, **said)
    await tx.execute(statement.on_conflict_do_update(index_elements=list(name), set_=said))


async def forget(tx: Tx) -> int:
    """Delete the answers that are kept no longer; how many."""
    return await tx.execute(delete(idempotency).where(idempotency.c.created_at <= tx.now - KEPT))


def _named(request: Request) -> tuple[Any, ...]:
    stored = idempotency.c
    return (
        stored.principal == request.principal,
        stored.method == request.method,
        stored.path == request.path,
        stored.key == request.key,
    )
