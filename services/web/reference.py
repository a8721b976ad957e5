"""The API reference: OpenAPI, laid out for reading."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_DEEPEST: Final = 5
_METHODS: Final = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body or answer, `depth` objects down; `name` of a list's entries ends in `[]`."""

    name: str
    depth: int
    type: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of path, query or header."""

    name: str
    where: str
    type: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    about: str
    fields: tuple[Field, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `who`: the kinds of key, empty where none is needed."""

    id: str
    method: str
    path: str
    summary: str
    about: str
    who: str
    parameters: tuple[Parameter, ...]
    media: str
    body: tuple[Field, ...]
    examples: tuple[str, ...]
    answers: tuple[Answer, ...]
    problems: tuple[Answer, ...]

    @property
    def short(self) -> str:
        """The summary up to its first stop, for the contents."""
        return re.split(r"[.:;]", self.summary, maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    operations: tuple[Operation, ...]


def reference(document: Mapping[str, Any]) -> list[Group]:
    """All operations, by tag, in the order in which they were declared."""
    groups: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                found = methods[method]
                groups.setdefault((found.get("tags") or ["other"])[0], []).append(
                    _operation(document, path, method, found)
                )
    return [Group(name, tuple(operations)) for name, operations in groups.items()]


def _operation(document: Mapping[str, Any], path: str, method: str, said: Mapping[str, Any]) -> Operation:
    content: dict[str, Any] = said.get("requestBody", {}).get("content", {})
    media = next(iter(content), "")
    schema: dict[str, Any] = content[media].get("schema", {}) if media else {}
    answers = [_answer(document, status, answer) for status, answer in said["responses"].items()]
    return Operation(
        id=f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""),
        method=method.upper(),
        path=path,
        summary=said.get("summary", ""),
        about=said.get("description", ""),
        who=said.get("x-principals", ""),
        parameters=tuple(_parameter(document, one) for one in said.get("parameters", ())),
        media=media,
        body=tuple(_fields(document, schema, 0)),
        examples=tuple(_examples(document, schema)),
        answers=tuple(answer for answer in answers if answer.status < "400"),
        problems=tuple(answer for answer in answers if answer.status >= "400"),
    )


def _parameter(document: Mapping[str, Any], given: Mapping[str, Any]) -> Parameter:
    said = _resolved(document, given)
    schema = said.get("schema", {})
    return Parameter(
        said["name"],
        said["in"],
        _type(document, schema),
        said.get("required", False),
        said.get("description", schema.get("description", "")),
    )


def _answer(document: Mapping[str, Any], status: str, said: Mapping[str, Any]) -> Answer:
    content: dict[str, Any] = said.get("content", {}) if status < "400" else {}
    schema: dict[str, Any] = next((one.get("schema", {}) for one in content.values()), {})
    examples = tuple(_examples(document, schema))
    return Answer(status, said.get("description", ""), tuple(_fields(document, schema, 0)), examples)


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        here: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            here = here[part]
        schema = here
    return schema


def _variants(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a schema can be, without null."""
    schema = _resolved(document, schema)
    given = schema.get("anyOf") or schema.get("oneOf")
    if given is None:
        return [schema]
    return [found for one in given for found in _variants(document, one) if found.get("type") != "null"]


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> Iterator[Field]:
    """The fields of an object, and of the objects in it."""
    if depth == _DEEPEST:
        return
    for variant in _variants(document, schema):
        required = set(variant.get("required", ()))
        for name, inner in variant.get("properties", {}).items():
            entries = _entries(document, inner)
            shown = f"{name}[]" if entries is not None else name
            about = inner.get("description") or ""
            yield Field(shown, depth, _type(document, inner), name in required, about)
            yield from _fields(document, entries if entries is not None else inner, depth + 1)


def _entries(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a list holds; None where it is no list."""
    for variant in _variants(document, schema):
        if variant.get("type") == "array":
            items: Mapping[str, Any] = variant.get("items", {})
            return items
    return None


def _type(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The type in a few words, with its bounds."""
    nullable = any(one.get("type") == "null" for one in _resolved(document, schema).get("anyOf", ()))
    said = [_plain(document, variant) for variant in _variants(document, schema)]
    return " or ".join(dict.fromkeys([*said, *(["null"] if nullable else [])])) or "any"


def _plain(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " · ".join(str(word) for word in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"list of {_type(document, schema.get('items', {}))}"
        case "string":
            kind = {"date-time": "time", "date": "date"}.get(schema.get("format", ""), "text")
            return f"{kind} ≤ {schema['maxLength']:,}" if "maxLength" in schema else kind
        case "integer" | "number" as number:
            low, high = schema.get("minimum"), schema.get("maximum")
            if low is not None and high is not None:
                return f"{number} {low:,.15g}–{high:,.15g}"
            return f"{number} ≥ {low:,.15g}" if low is not None else number
        case kind:
            return str(kind or "any")


def _examples(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """The examples of a body or answer: of each variant."""
    for variant in _variants(document, schema):
        for one in variant.get("examples", ()):
            yield json.dumps(_ordered(document, variant, one), indent=2, ensure_ascii=False)


def _ordered(document: Mapping[str, Any], schema: Mapping[str, Any], example: Any) -> Any:
    """An example with its fields in the order in which they are declared, not that of the alphabet."""
    if isinstance(example, list):
        return [_ordered(document, _entries(document, schema) or {}, one) for one in example]
    if not isinstance(example, dict):
        return example
    declared = [field for variant in _variants(document, schema) for field in variant.get("properties", {}).items()]
    known = {name: inner for name, inner in declared if name in example}
    others: dict[str, Any] = {name: {} for name in example if name not in known}
    return {name: _ordered(document, inner, example[name]) for name, inner in {**known, **others}.items()}
