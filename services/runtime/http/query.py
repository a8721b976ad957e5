"""Query parameters: text, each known, each once unless it is a list."""

from typing import Any, get_origin
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from services.runtime.http.body import odd, odd_character
from services.runtime.http.mistakes import query_mistakes
from services.runtime.http.problems import Mistake

Parameters = dict[str, list[str]]


def parameters_of(request: Request) -> Parameters:
    """The values of each parameter; an empty one is as good as absent. Wrong bytes become lone surrogates."""
    raw: bytes = request.scope.get("query_string", b"")
    if not raw:
        return {}
    found: Parameters = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"):
        values = found.setdefault(name, [])
        if value:
            values.append(value)
    return found


def validated(model: type[BaseModel] | None, given: Parameters, context: dict[str, Any]) -> tuple[Any, list[Mistake]]:
    """The query as `model` (None where the endpoint takes none), or what is wrong with it."""
    if model is None and not given:
        return None, []
    model = model or _NoQuery
    wrong: dict[str, Mistake] = {}
    values: dict[str, Any] = {}
    for name, texts in given.items():
        shown = name.encode("utf-8", "replace").decode()[:200]
        if odd(name) or any(odd(text) for text in texts):
            wrong[shown] = odd_character(parameter=shown)
            continue
        field = model.model_fields.get(name)
        if field is not None and get_origin(field.annotation) in (list, tuple):
            values[name] = texts
        elif len(texts) > 1 and field is not None:
            wrong[shown] = Mistake("too_many", "is given more than once", parameter=shown)
        elif texts or field is None:
            values[name] = texts[0] if texts else ""
    try:
        query = model.__pydantic_validator__.validate_python(values, context=context)
    except ValidationError as error:
        for mistake in query_mistakes(error, model, values):
            assert mistake.parameter is not None, "of the query"
            wrong.setdefault(mistake.parameter, mistake)
        query = None
    return query, list(wrong.values())


class _NoQuery(BaseModel, extra="forbid"):
    """No parameter at all."""
