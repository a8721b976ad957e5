"""What a policy's hook is told of a lead, and what is taken of its answer."""

import json
import math
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from router.features import features_of
from router.policy.compiled import Enrichment
from router.policy.rule import Value
from schemas.events.intake import LeadSubmitted
from schemas.features import ENRICHED

Answer: TypeAlias = Mapping[str, Value]
"""What the policy's hook answered, by `enriched.<name>`; empty: nothing, or not in time."""

MAX_TEXT = 2000
MAX_TEXTS = 20
LARGEST = 1 << 53
"""A whole number beyond it would not come back from JSON the same everywhere."""
_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(seconds=30)


class NoAnswer(Exception):
    """What came is no answer, and why."""


def question(lead: LeadSubmitted, enrichment: Enrichment) -> dict[str, Any]:
    """What the hook is told: the lead's id, and what the policy sends of it, as far as it is known."""
    told = features_of(lead, enrichment.send)
    fields = {path: list(value) if isinstance(value, tuple) else value for path, value in told.items()}
    return {"lead_id": lead.id, "test": lead.test, "fields": fields}


def answer_of(body: bytes, fields: Collection[str]) -> Answer:
    """Of a JSON object, what stands under the declared names; a value that no rule could test is left out.

    Raises: NoAnswer where it is no JSON object.

    >>> answer_of(b'{"revenue": 5, "mood": "sunny"}', {"enriched.revenue"})
    {'enriched.revenue': 5}
    """
    try:
        said = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as wrong:  # what is not UTF-8, too
        raise NoAnswer("not JSON") from wrong
    if not isinstance(said, dict):
        raise NoAnswer("not a JSON object")
    found = ((path, _value(said.get(path.removeprefix(ENRICHED)))) for path in sorted(fields))
    return {path: value for path, value in found if value is not None}


def pause(tries: int) -> timedelta:
    """How long after the `tries`-th question without an answer the next is asked: doubling, half a minute at most.

    >>> [pause(tries).total_seconds() for tries in (1, 2, 3, 9)]
    [1.0, 2.0, 4.0, 30.0]
    """
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * (1 << min(tries - 1, 10)))


def next_try(now: datetime, tries: int, deadline: datetime) -> datetime | None:
    """When to ask again; None: that would be too late."""
    at = now + pause(tries)
    return at if at < deadline else None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _value(value: Any) -> Value | None:
    match value:
        case bool():
            return value
        case int():
            return value if abs(value) <= LARGEST else None
        case float():
            return None if not math.isfinite(value) else int(value) if value.is_integer() else value
        case str():
            return _text(value)
        case list() if all(isinstance(each, str) for each in value):
            texts = tuple(text for each in value[:MAX_TEXTS] if (text := _text(each)) is not None)
            return texts or None
    return None


def _text(value: str) -> str | None:
    """A text that a database takes, and not endless."""
    whole = value if len(value) <= MAX_TEXT else value[:MAX_TEXT]
    try:
        whole.encode()
    except UnicodeEncodeError:
        return None
    return None if not whole or "\0" in whole else whole
