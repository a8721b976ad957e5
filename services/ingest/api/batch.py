"""Submitting many leads in one request: NDJSON, a line for each."""

import asyncio
from collections.abc import AsyncIterator
from itertools import islice
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from schemas.api.intake import LeadIn, LineAccepted, LineRefused
from schemas.api.normal import clean
from schemas.words import Direction, PrincipalKind
from services.ingest.accept import Intake, Taken
from services.ingest.api.bodies import shown, whole
from services.ingest.api.leads import source_of
from services.runtime.http.body import JSON_LIMIT, json_object
from services.runtime.http.call import Call
from services.runtime.http.problems import NotFound, Problem, TooLarge, Unavailable
from services.runtime.http.route import Route
from services.runtime.http.rule import allow

NDJSON: Final = "application/x-ndjson"
BATCH_LIMIT: Final = 10 * 1024 * 1024
MOST_LINES: Final = 10_000
_DIRECTIONS: Final = frozenset(direction.value for direction in Direction)
_TOGETHER: Final = 50
"""Lines that are made durable together, and between two looks at other requests."""

_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A line for each line that was not blank, in order.",
        "content": {NDJSON: {"schema": {"anyOf": [whole(LineAccepted), whole(LineRefused)]}}},
    }
}


def batch_routes(intake: Intake) -> APIRouter:
    """`POST /v1/leads/{direction}/batch`."""
    routes = APIRouter(route_class=Route, tags=["leads in"])

    @routes.post(
        "/v1/leads/{direction}/batch",
        responses=_ANSWER,
        openapi_extra=shown({NDJSON: LeadIn}, "A lead on each line; blank lines are skipped, but counted."),
    )
    @allow(PrincipalKind.SERVICE, idempotent=False, limit_bytes=BATCH_LIMIT, media=(NDJSON,))
    async def submit_batch(call: Call, direction: str, body: bytes) -> Response:
        """Submit many leads: at most 10 MiB and 10,000 lines, a line at most 64 KiB.

        Each line is answered for itself: a bad one harms no other. Its key is its `submission_id`, else the request's
        `Idempotency-Key` and the line's number. Too large as a whole: 413, and nothing is taken.
        """
        if direction not in _DIRECTIONS:
            raise NotFound
        batch = _Batch(intake, call, Direction(direction), _lines(body))
        first = await batch.next_group()
        if batch.down is not None and not batch.kept:
            raise batch.down  # so that whoever looks at the status alone sends it all again
        return StreamingResponse(batch.written(first), 200, media_type=NDJSON)

    return routes


def _lines(body: bytes) -> list[bytes]:
    """Split a body. Raises: TooLarge, over 10,000 lines."""
    lines = body.split(b"\n")
    if not lines[-1].strip():
        lines.pop()
    if len(lines) > MOST_LINES:
        problem = TooLarge(BATCH_LIMIT)
        problem.detail = f"At most {MOST_LINES:,} lines are read here."
        problem.extensions["limit_lines"] = MOST_LINES
        raise problem
    return lines


class _Batch:
    """The lines of one request, answered in groups. Once the log is down, what is left is not tried any more."""

    def __init__(self, intake: Intake, call: Call, direction: Direction, lines: list[bytes]) -> None:
        self._intake = intake
        self._source = source_of(call)
        self._direction = direction
        self._call = call
        self._lines = iter(enumerate(lines, start=1))
        self.down: Unavailable | None = None
        self.kept = False

    async def written(self, group: list[bytes]) -> AsyncIterator[bytes]:
        """All answers, each on a line, beginning with this group's."""
        while group:
            yield b"".join(group)
            group = await self.next_group()

    async def next_group(self) -> list[bytes]:
        """Take the next lines, and answer them; empty at the end."""
        await asyncio.sleep(0)  # a group of bad lines waits for nothing else
        answers: list[LineRefused | LineAccepted] = []
        taken: dict[int, Taken] = {}
        for number, line in islice(((number, line) for number, line in self._lines if line.strip()), _TOGETHER):
            try:
                one = taken[number] = await self._take(number, line)
                answers.append(LineAccepted(line=number, id=one.id, warnings=list(one.warnings)))
            except Problem as problem:
                answers.append(self._refused(number, problem))
        down = await self._keep(list(taken.values()))
        if down is not None:
            answers = [self._refused(each.line, down) if each.line in taken else each for each in answers]
        return [answer.model_dump_json().encode() + b"\n" for answer in answers]

    async def _take(self, number: int, line: bytes) -> Taken:
        if len(line) > JSON_LIMIT:
            raise TooLarge(JSON_LIMIT)
        posted = json_object(line)
        key = self._call.idempotency_key
        # NUL is in no key that a sender can write, so a line's number never makes another's.
        by_line = f"{key}\0{number}" if key is not None and not clean(posted.get("submission_id")) else None
        return await self._intake.take(
            posted, source=self._source, direction=self._direction, key=by_line, now=self._call.now
        )

    async def _keep(self, taken: list[Taken]) -> Problem | None:
        """What kept them from being made durable; None where they are."""
        if not taken or self.down is not None:
            return self.down
        try:
            await self._intake.keep(taken, "batch")
        except Problem as problem:
            self.down = problem if isinstance(problem, Unavailable) else None
            return problem
        self.kept = True
        return None

    def _refused(self, number: int, problem: Problem) -> LineRefused:
        self._intake.refused(problem, "batch")
        return LineRefused(line=number, status=problem.status, problem=problem.document(self._call.request_id))
