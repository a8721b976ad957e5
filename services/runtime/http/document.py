"""What OpenAPI says of every operation: credential, common headers, problems."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schemas.api.problem import ProblemOut
from services.runtime.http.headers import CLAIM_TOKEN, IDEMPOTENCY_KEY, REPLAYED, REQUEST_ID
from services.runtime.http.problems import MEDIA_TYPE, Code
from services.runtime.http.rule import Rule

_REF: Final = {"$ref": "#/components/schemas/ProblemOut"}
_REQUEST_ID: Final = {REQUEST_ID: {"$ref": "#/components/headers/RequestId"}}
_ABOUT: Final = """\
Send your key as `Authorization: Bearer <key>`. Times are RFC 3339: with an offset in, UTC with milliseconds out.
Money is integer minor units. Unknown fields and parameters are refused. Lists come in pages, newest first.
Every problem is `application/problem+json`: branch on its `code`."""


def security(rule: Rule) -> dict[str, Any]:
    """Which credential an operation needs."""
    if rule.public or rule.keyed_by_path:
        return {"security": []}
    kinds = ", ".join(sorted(kind.value for kind in rule.kinds))
    return {"security": [{"key": []}, {"session": []}], "x-principals": kinds}


def parameters(rule: Rule, methods: frozenset[str], *, writes: bool) -> dict[str, Any]:
    """The headers that an operation takes besides its own parameters."""
    names = ["RequestId"]
    if "POST" in methods and not rule.public:
        names.append("IdempotencyKey")
    if writes and any(kind.value == "rep" for kind in rule.kinds):
        names.append("ClaimToken")
    return {"parameters": [{"$ref": f"#/components/parameters/{name}"} for name in names]}


def answers(rule: Rule, methods: frozenset[str]) -> dict[int | str, dict[str, Any]]:
    """The problems that any such operation may answer."""
    statuses = {404, 422, 500, 503}
    if not rule.public:
        statuses |= {401, 403}
    if rule.keyed_by_path:
        statuses = statuses - {401, 403} | {429}
    if methods & {"POST", "PUT", "PATCH"}:
        statuses |= {400, 409, 413, 415}
    if any(kind.value == "rep" for kind in rule.kinds) and methods & {"POST", "PATCH"}:
        statuses.add(428)
    return {status: _problem(status) for status in sorted(statuses)}


def _problem(status: int) -> dict[str, Any]:
    codes = [code for code in Code if code.status == status]
    described = "; ".join(f"`{code.value}`: {code.title}" for code in codes)
    return {"description": described, "headers": _REQUEST_ID, "content": {MEDIA_TYPE: {"schema": _REF}}}


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of this application, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _openapi(app)
    return app.openapi_schema


def _openapi(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=app.routes)
    components = document.setdefault("components", {})
    problem = ProblemOut.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    components.setdefault("schemas", {}).update(problem.pop("$defs", {}), ProblemOut=problem)
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "`lgs_` service, `lgr_` rep, `lgm_` manager, `lga_` admin.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "leadgate_session",
            "description": "Of a browser: /sign-in.",
        },
    }
    text = {"type": "string"}
    components["parameters"] = {
        "RequestId": _header(
            REQUEST_ID, text | {"pattern": "^[A-Za-z0-9._-]{1,64}$"}, "Found again in the answer, the log, events."
        ),
        "IdempotencyKey": _header(
            IDEMPOTENCY_KEY,
            text | {"minLength": 1, "maxLength": 255},
            f"The same request again has the same effect, once ({REPLAYED}).",
        ),
        "ClaimToken": _header(
            CLAIM_TOKEN, {"type": "integer", "minimum": 0}, "A rep's write says which claim it means."
        ),
    }
    components["headers"] = {
        "RequestId": {"description": "Of this request: name it when you ask about it.", "schema": text}
    }
    return document


def _header(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}
