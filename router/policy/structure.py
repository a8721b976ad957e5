"""From plain values to the model of the file; what does not fit it becomes mistakes that name field and remedy."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from router.policy.mistakes import Mistakes, Path, nearest
from schemas.policy.calendars import DurationText, ElapsedText, SpanText, TimeText
from schemas.policy.enrichment import FieldName
from schemas.policy.file import PolicyFile
from schemas.policy.written import Name, RegionText, SegmentName, SourceText, Title
from schemas.words import CurrencyCode

_DURATION = "Write 90s, 15m, 2h, 90d or 3 working days."
_SHAPES = {
    DurationText: _DURATION,
    ElapsedText: "Write 90s, 15m, 2h or 90d.",
    TimeText: 'Write "08:30".',
    SpanText: 'Write "08:00-20:00".',
    FieldName: "Write a-z, 0-9 or _, up to 40 characters.",
    Name: "Write a-z, 0-9, - or _, up to 40 characters.",
    Title: "Write 1 to 80 characters, on one line.",
    SourceText: "Write A-Z, a-z, 0-9, -, _ or ., up to 64 characters.",
    SegmentName: "Write letters, digits, spaces, - _ or ., up to 40 characters.",
    RegionText: "Write two capitals of ISO 3166-1, as GB.",
    CurrencyCode: "Write three capitals of ISO 4217, as GBP.",
}
_REMEDIES = {get_args(of)[1].pattern: remedy for of, remedy in _SHAPES.items()}
_BOUNDS = {
    "greater_than_equal": "Write at least {ge}.",
    "greater_than": "Write more than {gt}.",
    "less_than_equal": "Write at most {le}.",
    "too_short": "Write at least {min_length}.",
    "too_long": "Write at most {max_length}.",
    "int_from_float": "Write a whole number.",
}
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "list_type": "a list",
}


_LEVELS = 5  # from the depth of a step of an escalation up to its queue


@dataclass(frozen=True, slots=True)
class Structured:
    """The file as far as it could be read: None when too little is left. `skipped`: where something was left out."""

    file: PolicyFile | None
    skipped: frozenset[Path]


def structured(values: Any, mistakes: Mistakes) -> Structured:
    """Read the model. What is wrong is noted and left out, so that the rest can be checked as well."""
    if not isinstance(values, dict):
        mistakes.add((), None, "not a policy", "Begin with version: 1; `leadgate policy show` prints one.")
        return Structured(None, frozenset())
    left, skipped = values, frozenset[Path]()
    for _ in range(_LEVELS):
        try:
            return Structured(PolicyFile.model_validate(left), skipped)
        except ValidationError as wrong:
            errors = wrong.errors(include_url=False, include_context=True)
        # What lacks something that was left out is left out itself.
        paths = [each["loc"][:-1] for each in errors] if skipped else [_note(each, mistakes) for each in errors]
        skipped |= frozenset(paths)
        if any(not path or _holds_a_name(path) for path in paths):
            break  # what refers to it would be told as a mistake too
        left = copy.deepcopy(left)
        for path in paths:
            _leave_out(left, path)
    return Structured(None, skipped)


def _holds_a_name(path: Path) -> bool:
    """Whether a whole desk, queue or calendar stands there."""
    match path:
        case ("desks", _, "queues", *rest):
            return len(rest) <= 1
        case ("desks" | "calendars", *rest):
            return len(rest) <= 1
    return False


def _note(error: ErrorDetails, mistakes: Mistakes) -> Path:
    of_key = error["loc"][-1:] == ("[key]",)
    path = tuple(error["loc"][:-1] if of_key else error["loc"])
    value = path[-1] if of_key else error["input"]
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            fields = sorted(_fields_at(path[:-1]))
            remedy = nearest(path[-1], fields) or f"Known here: {', '.join(fields)}."
            mistakes.add(path, path[-1], "no such field", remedy)
        case "missing":
            mistakes.add(path, None, "required", f"Add `{path[-1]}`.")
        case "literal_error":
            known = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
            detail = "no such name" if of_key else "not one that there is"
            mistakes.add(path, value, detail, nearest(value, known) or f"Write one of {', '.join(known)}.")
        case "string_pattern_mismatch":
            mistakes.add(path, value, "not of the right form", _REMEDIES.get(context.get("pattern", "")))
        case kind if kind in _WANTED:
            hint = ' Quote it: "…".' if kind == "string_type" and isinstance(value, int | float) else ""
            mistakes.add(path, value, f"not {_WANTED[kind]}", f"Write {_WANTED[kind]}.{hint}")
        case kind if kind in _BOUNDS:
            mistakes.add(path, value, "out of range", _BOUNDS[kind].format(**context))
        case _:
            mistakes.add(path, value, error["msg"][:1].lower() + error["msg"][1:], None)
    return path


def _leave_out(values: Any, path: Path) -> None:
    """Of a list all, for what comes after in it keeps its place."""
    while isinstance(path[-1], int):
        path = path[:-1]
    for part in path[:-1]:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(values, dict):
        values.pop(path[-1], None)


def _fields_at(path: Path) -> Iterator[str]:
    """The names of the fields that the model has at a path."""
    kind: Any = PolicyFile
    for part in path:
        kind = next((each for each in _options(kind)), None)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            held = kind.model_fields.get(str(part))
            kind = held.annotation if held else None
        else:
            kind = get_args(kind)[-1] if get_args(kind) else None
    for each in _options(kind):
        if isinstance(each, type) and issubclass(each, BaseModel):
            yield from (field.alias or name for name, field in each.model_fields.items())


def _options(kind: Any) -> list[Any]:
    """The type, without what is annotated to it, or the types of which it may be one, without None."""
    if get_origin(kind) is Annotated:
        return _options(get_args(kind)[0])
    if get_args(kind) and get_origin(kind) not in (list, dict):
        return [each for option in get_args(kind) if option is not type(None) for each in _options(option)]
    return [kind]
