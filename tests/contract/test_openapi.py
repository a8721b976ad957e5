"""The API describes itself: completely, with examples that the API itself would take, and readably."""

from collections.abc import Iterator
from json import dumps

import pytest
from fastapi import FastAPI
from kit.tiny import calling

from schemas.words import PrincipalKind
from services.desk import process as desk
from services.ingest import process as ingest
from services.metrics import process as metrics
from services.runtime.edge import Edge
from services.runtime.http.app import build_app
from services.runtime.http.document import openapi_of
from services.runtime.http.mistakes import models_in
from services.runtime.http.route import WITH_BODY, Route
from services.web.reference import reference


@pytest.fixture
def app(edge: Edge) -> FastAPI:
    """All that is served over HTTP."""
    return build_app(edge, [process.build(edge) for process in (ingest, desk, metrics)])


def routes(app: FastAPI) -> Iterator[Route]:
    """The routes of the API, which are documented."""
    for route in app.routes:
        assert isinstance(route, Route), f"{route} does without the checks"
        if route.include_in_schema:
            yield route


async def test_each_example_is_one_that_the_api_takes(edge: Edge, app: FastAPI) -> None:
    lacking, wrong = [], []
    for route in routes(app):
        if not (route.methods or set()) & WITH_BODY or route.plan.raw:
            continue
        for model in models_in(route.plan.body_model):
            examples = model.model_json_schema().get("examples", [])
            if not examples and model.model_fields:
                lacking.append(f"{route.path}: {model.__name__}")
            for example in examples:
                try:
                    route.plan.body.validator.validate_json(
                        dumps(example), strict=True, context={"now": edge.clock.now()}
                    )
                except ValueError as error:
                    wrong.append(f"{route.path}: {model.__name__}: {error}")
    assert not wrong
    assert not lacking


async def test_each_operation_says_what_it_does_who_may_and_what_it_answers(app: FastAPI) -> None:
    document = openapi_of(app)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["tags"], where
            assert "security" in operation, where
            assert any(status < "400" for status in operation["responses"]), where
            assert "500" in operation["responses"], where
            assert "HTTPValidationError" not in str(operation), where


async def test_paths_are_versioned_and_no_two_operations_share_a_name(app: FastAPI) -> None:
    document = openapi_of(app)
    assert all(path.startswith("/v1/") for path in document["paths"])
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


async def test_a_form_key_opens_forms_and_nothing_else(app: FastAPI) -> None:
    formed = {route.path for route in app.routes if isinstance(route, Route) and PrincipalKind.FORM in route.rule.kinds}
    assert formed == {"/v1/forms/{key}"}


async def test_what_is_public_is_known_by_name(app: FastAPI) -> None:
    public = {route.path for route in app.routes if isinstance(route, Route) and route.rule.public}
    documents = {"/openapi.json", "/asyncapi.json", "/docs", "/schemas/{name}", "/livez", "/readyz", "/metrics"}
    assert public == documents | {"/", "/sign-in", "/sign-out", "/static/{version}/{name:path}"}


async def test_the_reference_shows_every_operation(app: FastAPI) -> None:
    document = openapi_of(app)
    shown = {(one.method.lower(), one.path) for group in reference(document) for one in group.operations}
    assert shown == {(method, path) for path, methods in document["paths"].items() for method in methods}
    async with calling(app) as client:
        page = await client.get("/docs")
    assert page.status_code == 200
    assert "/v1/desks/{desk}/pull" in page.text
