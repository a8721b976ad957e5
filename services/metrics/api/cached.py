"""Answers that a client may keep, and asks about by their ETag."""

import hashlib

from pydantic import BaseModel
from starlette.responses import Response

from services.runtime.http.call import Call

CACHED = {"Cache-Control": "private, no-cache"}


def cached(call: Call, answer: BaseModel) -> Response:
    """The answer; 304 where the client has one that differs in `as_of` alone (so the tag is a weak one)."""
    told = answer.model_dump_json(exclude={"as_of"}).encode()
    tag = f'W/"{hashlib.blake2b(told, digest_size=12).hexdigest()}"'
    headers = {**CACHED, "ETag": tag}
    if _matches(call.request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


def _matches(asked: str | None, tag: str) -> bool:
    """Weak comparison. Source: RFC 9110, sections 8.8.3.2 and 13.1.2."""
    if asked is None:
        return False
    return asked.strip() == "*" or tag.removeprefix("W/") in {
        one.strip().removeprefix("W/") for one in asked.split(",")
    }
