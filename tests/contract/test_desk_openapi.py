"""What the desk's OpenAPI document says of each endpoint: words, examples, problems."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from kit.desks import Desks, ok

from services.desk.api import claims, consent, customers, items, opportunities, pull, reps, tasks, verdicts
from services.runtime.http.route import Route

FEATURES = (pull, claims, opportunities, verdicts, customers, tasks, items, reps, consent)
ENDPOINTS = {
    "POST /v1/desks/{desk}/pull",
    "GET /v1/claims",
    "POST /v1/claims/{claim_id}/heartbeat",
    "POST /v1/claims/{claim_id}/attempts",
    "POST /v1/claims/{claim_id}/next-step",
    "POST /v1/claims/{claim_id}/complete",
    "POST /v1/claims/{claim_id}/return",
    "GET /v1/opportunities/{opportunity_id}",
    "POST /v1/opportunities/{opportunity_id}/meetings",
    "PATCH /v1/opportunities/{opportunity_id}/meetings/{meeting_id}",
    "POST /v1/opportunities/{opportunity_id}/proposal-requests",
    "POST /v1/opportunities/{opportunity_id}/proposals",
    "POST /v1/opportunities/{opportunity_id}/won",
    "POST /v1/opportunities/{opportunity_id}/lost",
    "POST /v1/opportunities/{opportunity_id}/accept",
    "POST /v1/opportunities/{opportunity_id}/reject",
    "POST /v1/opportunities/{opportunity_id}/reopen",
    "POST /v1/opportunities/{opportunity_id}/correct",
    "POST /v1/opportunities/{opportunity_id}/tasks",
    "POST /v1/customers/{customer_id}/tasks",
    "GET /v1/tasks/{task_id}",
    "POST /v1/tasks/{task_id}/cancel",
    "GET /v1/customers/{customer_id}",
    "POST /v1/customers/{customer_id}/deployed",
    "POST /v1/customers/{customer_id}/expansions",
    "POST /v1/customers/{customer_id}/renewals",
    "POST /v1/customers/{customer_id}/churn",
    "GET /v1/items",
    "GET /v1/items/{item_id}",
    "POST /v1/items/{item_id}/requeue",
    "POST /v1/items/{item_id}/assign",
    "POST /v1/reps",
    "GET /v1/reps",
    "GET /v1/reps/{rep_id}",
    "PATCH /v1/reps/{rep_id}",
    "PUT /v1/reps/{rep_id}/presence",
    "GET /v1/reps/{rep_id}/targets",
    "POST /v1/reps/{rep_id}/leave",
    "GET /v1/leads/{lead_id}/consent",
}


def ours() -> Iterator[tuple[str, str, APIRoute]]:
    for feature in FEATURES:
        for route in feature.routes.routes:
            assert isinstance(route, Route)
            for method in route.methods or ():
                yield method, route.path, route


def test_the_desk_serves_these() -> None:
    assert {f"{method} {path}" for method, path, _ in ours()} == ENDPOINTS


@pytest.fixture
async def document(desks: Desks) -> dict[str, Any]:
    return ok(await (await desks.manager()).get("/openapi.json"))


async def test_each_endpoint_has_words_examples_of_both_bodies_and_its_problems(document: dict[str, Any]) -> None:
    for method, path, _ in ours():
        said = document["paths"][path][method.lower()]
        name = f"{method} {path}"
        assert said["summary"], name
        if "requestBody" in said:
            for schema in models(document, said["requestBody"]["content"]["application/json"]["schema"]):
                assert examples(schema), f"{name}: the body {schema.get('title')} has no example"
        (success,) = [answer for status, answer in said["responses"].items() if status in ("200", "201")]
        for schema in models(document, success["content"]["application/json"]["schema"]):
            assert examples(schema), f"{name}: the answer {schema.get('title')} has no example"
        problems = {"401", "403", "404", "422", "503"} | ({"400", "409", "413", "415"} if method != "GET" else set())
        assert problems <= set(said["responses"]), name


def models(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The models that a schema names; of a page, what it lists."""
    for part in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        if "$ref" not in part:
            continue
        named = document["components"]["schemas"][part["$ref"].rpartition("/")[2]]
        data = named.get("properties", {}).get("data")
        if named["title"].startswith("Page"):
            yield from models(document, data["items"])
        elif named.get("properties"):
            yield named


def examples(schema: dict[str, Any]) -> list[Any]:
    return list(schema.get("examples", ()))
