"""What an endpoint wants, read from the types of its parameters; and what OpenAPI says of it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from fastapi import Body
from fastapi import Query as QueryParameters
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.responses import Response

from schemas.api.page import ListQuery
from schemas.api.shape import Nothing, Query
from services.runtime.http.call import Call
from services.runtime.http.document import answers, parameters, security
from services.runtime.http.rule import Rule
from services.runtime.tx import ReadTx, Tx

_EMPTY: Final = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of an endpoint by their types: `Call`, a `Query`, `ReadTx` or `Tx`, `bytes` or a body.

    Those that are `str` are of the path.
    """

    call_name: str | None
    query_name: str | None
    query: type[Query] | None
    tx_name: str | None
    reads: bool
    body_name: str | None
    body_model: Any
    body: TypeAdapter[Any]
    body_needed: bool
    raw: bool

    @property
    def listed(self) -> bool:
        """Whether it answers a list, with cursors."""
        return self.query is not None and issubclass(self.query, ListQuery)

    @classmethod
    def of(cls, endpoint: Callable[..., Any]) -> "Plan":
        """Read an endpoint. Raises: TypeError for a parameter without type."""
        names: dict[str, str] = {}
        types: dict[str, Any] = {}
        for name, parameter in inspect.signature(endpoint, eval_str=True).parameters.items():
            role = _role(name, parameter.annotation)
            names[role], types[role] = name, parameter.annotation
        model = types.get("body", Nothing)
        adapter: TypeAdapter[Any] = TypeAdapter(Nothing if model is bytes else model)
        return cls(
            call_name=names.get("call"),
            query_name=names.get("query"),
            query=types.get("query"),
            tx_name=names.get("tx"),
            reads=types.get("tx") is ReadTx,
            body_name=names.get("body"),
            body_model=model,
            body=adapter,
            body_needed=not _accepts_nothing(adapter),
            raw=model is bytes,
        )


def _role(name: str, annotation: Any) -> str:
    if annotation is _EMPTY:
        raise TypeError(f"the parameter {name} has no type")
    if annotation is str:
        return f"path {name}"
    if annotation in (ReadTx, Tx):
        return "tx"
    if annotation is Call:
        return "call"
    return "query" if isinstance(annotation, type) and issubclass(annotation, Query) else "body"


def _accepts_nothing(adapter: TypeAdapter[Any]) -> bool:
    try:
        adapter.validate_json("{}", strict=True)
    except ValidationError:
        return False
    return True


def described(
    endpoint: Callable[..., Any], plan: Plan, rule: Rule, options: dict[str, Any]
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """A stand-in that FastAPI can read as its own kind of endpoint, and the options that describe it."""
    methods = frozenset(options.get("methods") or ["GET"])
    summary, _, rest = inspect.cleandoc(endpoint.__doc__ or "").partition("\n")
    extra = security(rule) | parameters(rule, methods, writes=plan.tx_name is not None and not plan.reads)
    if plan.raw:
        extra["requestBody"] = {"required": True, "content": {media: {"schema": {}} for media in rule.media}}
    given = {name: value for name, value in options.items() if value is not None}
    return _stand_in(endpoint, plan), {
        "summary": summary.rstrip("."),
        "description": rest.strip(),
        **given,
        "responses": {**answers(rule, methods), **given.get("responses", {})},
        "openapi_extra": extra | given.get("openapi_extra", {}),
    }


def _stand_in(endpoint: Callable[..., Any], plan: Plan) -> Callable[..., Any]:
    signature = inspect.signature(endpoint, eval_str=True)
    shown = []
    for name, parameter in signature.parameters.items():
        annotation = parameter.annotation
        if name in (plan.call_name, plan.tx_name) or (plan.raw and name == plan.body_name):
            continue
        if name == plan.query_name:
            annotation = Annotated[annotation, QueryParameters()]
        elif name == plan.body_name:
            annotation = Annotated[annotation, Body()] if plan.body_needed else Annotated[annotation | None, Body()]
        shown.append(parameter.replace(annotation=annotation, default=_EMPTY, kind=inspect.Parameter.KEYWORD_ONLY))

    async def stand_in(**_: Any) -> None:
        raise AssertionError("the route calls the endpoint itself")

    seen = signature.replace(parameters=shown, return_annotation=_model(signature.return_annotation))
    told = {"__name__": endpoint.__name__, "__module__": endpoint.__module__, "__signature__": seen}
    for name, value in told.items():
        setattr(stand_in, name, value)
    return stand_in


def _model(annotation: Any) -> Any:
    """What of a return type is a model that OpenAPI shows."""
    if get_origin(annotation) in (Union, UnionType):
        models = [
            one
            for one in get_args(annotation)
            if one is not NoneType and not (isinstance(one, type) and issubclass(one, Response))
        ]
        return Union[tuple(models)] if models else None  # noqa: UP007 - built at run time
    if (
        annotation is _EMPTY
        or annotation is None
        or (isinstance(annotation, type) and issubclass(annotation, Response))
    ):
        return None
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        raise TypeError(f"an endpoint returns a model, a response or None, not {annotation}")
    return annotation
