"""What pydantic found wrong, in the contract's closed list of codes, with the place and a remedy."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails, ValidationError

from schemas.api.problem import MistakeCode
from services.runtime.http.body import escaped
from services.runtime.http.problems import MOST_MISTAKES, Mistake

_QUOTED: Final = re.compile(r"'([^']*)'")
_CLOSED: Final = frozenset(get_args(MistakeCode))

_CODES: Final[Mapping[str, MistakeCode]] = {
    "missing": "required",
    "union_tag_not_found": "required",
    "string_too_short": "required",
    "too_short": "required",
    "extra_forbidden": "unknown_field",
    "invalid_key": "unknown_field",
    "string_too_long": "too_long",
    "too_long": "too_many",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "multiple_of": "out_of_range",
    "finite_number": "out_of_range",
    "int_parsing_size": "out_of_range",
    "string_pattern_mismatch": "bad_format",
    "enum": "not_allowed",
    "literal_error": "not_allowed",
    "union_tag_invalid": "not_allowed",
    "string_unicode": "invalid_character",
}
"""Everything else of pydantic's says that the type is wrong (`int_type`, `model_type`, `bool_parsing` …), but for the
types that validators of ours raise, which are words of the closed list already."""


def body_mistakes(error: ValidationError, model: Any, parsed: Mapping[str, Any]) -> list[Mistake]:
    """Translate what is wrong with a body that was validated as `model`. Each place is told once."""
    found: dict[str, Mistake] = {}
    for detail in error.errors(include_url=False, include_input=False):
        path, value = place(detail, parsed)
        pointer = "#" + "".join(f"/{escaped(part)}" for part in path)
        if pointer not in found:
            known = _fields(model, path[:-1]) if detail["type"] == "extra_forbidden" else ()
            found[pointer] = replace(_said(detail, value, known), pointer=pointer)
            if len(found) == MOST_MISTAKES:
                break
    return list(found.values())


def query_mistakes(error: ValidationError, model: type[BaseModel], values: Mapping[str, Any]) -> list[Mistake]:
    """Translate what is wrong with query parameters."""
    found: dict[str, Mistake] = {}
    for detail in error.errors(include_url=False, include_input=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        if name not in found:
            said = _said(detail, place(detail, values)[1], _names(model), "parameter")
            found[name] = replace(said, parameter=name[:200])
            if len(found) == MOST_MISTAKES:
                break
    return list(found.values())


def place(detail: ErrorDetails, parsed: Any) -> tuple[tuple[str | int, ...], Any]:
    """Where it is, and what stands there: pydantic's path without the names of union members, which no sender wrote."""
    here: Any = parsed
    path: list[str | int] = []
    for part in detail["loc"]:
        if part in here if isinstance(here, Mapping) else isinstance(here, list) and part in range(len(here)):
            path.append(part)
            here = here[part]
    if detail["type"] in ("missing", "required") and path[-1:] != list(
        detail["loc"][-1:]
    ):  # what is absent has a place
        path.append(detail["loc"][-1])
    elif detail["type"].startswith("union_tag"):
        path.append(tag := detail["ctx"]["discriminator"].strip("'"))
        here = here.get(tag) if isinstance(here, Mapping) else None
    return tuple(path), here


def did_you_mean(word: str, known: Sequence[str]) -> str | None:
    """A remedy that names the nearest known word, if one is near.

    >>> did_you_mean("employes", ["employees", "industry"])
    'Did you mean employees?'
    """
    near = get_close_matches(word, known, n=1) if len(word) <= 64 else []
    return f"Did you mean {near[0]}?" if near else None


def _said(detail: ErrorDetails, value: Any, known: Sequence[str], what: str = "field") -> Mistake:
    """The code, the detail in our words, and a remedy. `known` are the names that may stand there."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _CLOSED and "field_type" not in context:  # a validator of ours
        return Mistake(cast("MistakeCode", kind), detail["msg"], remedy=context.get("remedy"))
    match _CODES.get(kind, "wrong_type"):
        case "unknown_field":
            word = str(detail["loc"][-1])
            others = [name for name in known if name != word]  # another member of the union may have it
            return Mistake("unknown_field", f"no such {what}", remedy=did_you_mean(word, others))
        case "required":
            empty = kind in ("string_too_short", "too_short")
            return Mistake("required", "must not be empty" if empty else "is required")
        case "not_allowed":
            words = _QUOTED.findall(str(context.get("expected") or context.get("expected_tags")))
            near = did_you_mean(value, words) if isinstance(value, str) else None
            return Mistake("not_allowed", f"must be one of: {', '.join(words)}", remedy=near)
        case "bad_format":
            return Mistake("bad_format", f"must match {context['pattern']}")
        case "too_long":
            return Mistake("too_long", f"must have at most {context['max_length']:,} characters")
        case "too_many":
            return Mistake("too_many", f"must have at most {context['max_length']:,} entries")
        case code:
            return Mistake(code, detail["msg"].replace("Input should be", "must be", 1))


def _fields(model: Any, path: Sequence[str | int]) -> tuple[str, ...]:
    """The names that may stand in the object at `path`."""
    models = list(models_in(model))
    for part in path:
        if isinstance(part, str):  # an entry of a list has no name: `models_in` looks through lists
            fields = [outer.model_fields[part] for outer in models if part in outer.model_fields]
            models = [inner for field in fields for inner in models_in(field.annotation)]
    return tuple(name for found in models for name in _names(found))


def _names(model: type[BaseModel]) -> tuple[str, ...]:
    """As a sender writes them."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation can mean: through unions, Annotated, lists."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, Annotated, list, tuple):
        for inner in get_args(annotation):
            yield from models_in(inner)
