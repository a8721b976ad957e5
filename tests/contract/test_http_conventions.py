"""The contract's conventions, held against a tiny application on a real PostgreSQL: order of checks, hostile input."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from kit.outage import unreachable
from kit.tiny import ORIGIN, TARGET, calling, key_of, tiny, written

from schemas.words import PrincipalKind
from services.runtime.edge import Edge
from services.runtime.http.problems import Code

GOOD = {"text": "called"}
TOKEN = {"Leadgate-Claim-Token": "7"}
KIB = 1024
TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00")


@pytest.fixture
def app(edge: Edge) -> FastAPI:
    return tiny(edge)


@pytest.fixture
async def rep(edge: Edge) -> str:
    return await key_of(edge, PrincipalKind.REP)


@pytest.fixture
async def manager(edge: Edge) -> str:
    return await key_of(edge, PrincipalKind.MANAGER)


@pytest.fixture
async def as_rep(app: FastAPI, rep: str) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(app, rep) as client:
        yield client


@pytest.fixture
async def as_manager(app: FastAPI, manager: str) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(app, manager) as client:
        yield client


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that it is this problem, in due form."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = response.json()
    title = Code[code.upper()].title
    expected = {"type": f"/problems/{code}", "code": code, "title": title, "status": status}
    assert {**said, **expected, "request_id": response.headers["x-request-id"]} == said
    assert said["detail"]
    for mistake in said.get("errors", []):
        assert len({"pointer", "parameter", "header"} & set(mistake)) == 1
        assert {"code", "detail", "remedy"} <= set(mistake)
    return said


# The order of the checks: each request has every later mistake too.

LARGE = b"{" + b" " * (64 * KIB)
FORM = {"Content-Type": "text/plain"}
BAD_KEY = {"Idempotency-Key": "not one"}
ORDER: list[tuple[str, str, dict[str, str], bytes, int, str]] = [
    ("route 404", "/v1/nothing", {**FORM, **BAD_KEY, "Authorization": "Bearer x"}, LARGE, 404, "not_found"),
    ("401", TARGET, {**FORM, **BAD_KEY, "Authorization": "Bearer x"}, LARGE, 401, "unauthenticated"),
    ("403", TARGET, {**FORM, **BAD_KEY, "Authorization": "service"}, LARGE, 403, "forbidden"),
    ("413", TARGET, {**FORM, **BAD_KEY}, LARGE, 413, "too_large"),
    ("415", TARGET, {**FORM, **BAD_KEY}, b"{", 415, "unsupported_media_type"),
    ("400 header", TARGET, BAD_KEY, b"{", 400, "malformed_header"),
    ("400 body", TARGET + "?x=1", {}, b'{"text":NaN}', 400, "malformed_body"),
    ("422", TARGET + "?x=1", {"Idempotency-Key": "used"}, b'{"text":3}', 422, "invalid"),
    ("422 reused", TARGET, {"Idempotency-Key": "used"}, b'{"text":"other"}', 422, "idempotency_key_reused"),
    ("replay", TARGET, {"Idempotency-Key": "used"}, b'{"text":"called"}', 201, ""),
    ("object 404", "/v1/things/other/notes", {}, b'{"text":"full"}', 404, "not_found"),
    ("428", TARGET, {}, b'{"text":"full"}', 428, "claim_token_required"),
    ("409", TARGET, TOKEN, b'{"text":"full"}', 409, "limit_reached"),
]


async def test_the_first_check_that_fails_answers(edge: Edge, app: FastAPI, as_rep: httpx.AsyncClient) -> None:
    service = await key_of(edge, PrincipalKind.SERVICE)
    first = await as_rep.post(TARGET, json=GOOD, headers={**TOKEN, "Idempotency-Key": "used"})
    assert first.status_code == 201
    for name, path, headers, body, status, code in ORDER:
        if headers.get("Authorization") == "service":
            headers = {**headers, "Authorization": f"Bearer {service}"}
        answer = await as_rep.post(path, content=body, headers={"Content-Type": "application/json", **headers})
        assert answer.status_code == status, (name, answer.text)
        if code:
            problem(answer, status, code)
    assert await written(edge, "called") == 1


async def test_a_method_that_is_not_allowed_names_those_that_are(as_rep: httpx.AsyncClient) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "\N{LATIN SMALL LETTER Y}ES"):
        answer = await as_rep.request(method, TARGET, content=LARGE, headers=FORM)
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"
    assert (await as_rep.post("/v1/things")).headers["allow"] == "GET, HEAD"


async def test_with_postgresql_down_bad_input_has_its_4xx_and_good_input_a_503(
    edge: Edge, app: FastAPI, as_rep: httpx.AsyncClient, as_manager: httpx.AsyncClient, database_url: str
) -> None:
    await edge.access.refresh()
    async with unreachable(database_url):
        problem(await as_rep.post(TARGET, json={"text": 3}), 422, "invalid")
        problem(
            await as_rep.post(TARGET, content=b"{", headers={"Content-Type": "application/json"}), 400, "malformed_body"
        )
        problem(await as_rep.post(TARGET, content=LARGE), 413, "too_large")
        problem(await as_manager.get("/v1/things?cursor=AAAA"), 400, "invalid_cursor")
        problem(await as_manager.get("/v1/things?limit=0"), 422, "invalid")
        said = problem(await as_rep.get("/v1/things"), 403, "forbidden")
        assert said["detail"] == "This needs the key of an admin or a manager; yours is that of a rep."
        async with calling(app, "lga_" + "0" * 32) as stranger:
            problem(await stranger.get("/v1/things"), 401, "unauthenticated")
        for answer in (await as_rep.post(TARGET, json=GOOD, headers=TOKEN), await as_manager.get("/v1/things")):
            problem(answer, 503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
        ready = await as_rep.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"]["postgres"] != "ok"
        assert (await as_rep.get("/livez")).status_code == 200
    assert (await as_rep.post(TARGET, json=GOOD, headers=TOKEN)).status_code == 201


async def test_a_failure_of_ours_tells_nothing_and_is_no_exception(as_rep: httpx.AsyncClient) -> None:
    answer = await as_rep.get("/v1/broken")
    problem(answer, 500, "internal")
    assert "secret detail" not in answer.text


async def test_every_answer_has_the_request_id_and_the_trace(as_rep: httpx.AsyncClient) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    sent = {"X-Request-Id": "my.request-1", "traceparent": trace}
    for path in (TARGET, "/v1/nothing", "/livez", "/v1/broken", "/openapi.json"):
        answer = await as_rep.get(path, headers=sent)
        assert (answer.headers["x-request-id"], answer.headers["traceparent"]) == ("my.request-1", trace)
        minted = await as_rep.get(path, headers={"X-Request-Id": "not fit"})
        assert minted.headers["x-request-id"].startswith("req_")
        assert TRACE.fullmatch(minted.headers["traceparent"])


async def test_a_good_request_is_answered_as_promised(as_rep: httpx.AsyncClient, as_manager: httpx.AsyncClient) -> None:
    answer = await as_rep.post(TARGET, json=GOOD, headers=TOKEN)
    assert answer.status_code == 201
    assert answer.json() == {"id": "note_1", "text": "called", "at": "2026-07-06T09:00:00.000Z", "count": 1}
    assert answer.headers["location"] == TARGET + "/1"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert (await as_manager.post(TARGET, json=GOOD)).status_code == 201  # a manager sends no token
    problem(await as_rep.post(TARGET, json=GOOD, headers={"Leadgate-Claim-Token": "6"}), 409, "claim_lost")


async def test_a_conflict_tells_the_state_and_a_limit_its_size(as_rep: httpx.AsyncClient) -> None:
    lost = await as_rep.post(TARGET, json=GOOD, headers={"Leadgate-Claim-Token": "8"})
    assert problem(lost, 409, "claim_lost")["state"] == "expired"
    full = problem(await as_rep.post(TARGET, json={"text": "full"}, headers=TOKEN), 409, "limit_reached")
    assert (full["limit"], full["max"], full["current"]) == ("in_hand", 3, 3)


async def test_what_fails_in_the_endpoint_leaves_nothing(edge: Edge, as_rep: httpx.AsyncClient) -> None:
    await as_rep.post(TARGET, json={"text": "full"}, headers=TOKEN)
    assert await written(edge, "full") == 0


async def test_a_transaction_that_met_another_runs_anew_and_has_its_effect_once(
    edge: Edge, as_manager: httpx.AsyncClient
) -> None:
    again = await as_manager.post("/v1/things/2/clash", headers={"Idempotency-Key": "one"})
    assert (again.status_code, again.json()["count"]) == (200, 3)
    assert await written(edge, "clash") == 1
    problem(await as_manager.post("/v1/things/3/clash"), 503, "unavailable")
    assert await written(edge, "clash") == 1


async def test_a_body_that_may_be_empty_may_be_absent(as_rep: httpx.AsyncClient) -> None:
    assert (await as_rep.post("/v1/things/x/heartbeat")).status_code == 200
    assert (await as_rep.post("/v1/things/x/heartbeat", json={})).status_code == 200
    problem(await as_rep.post("/v1/things/x/heartbeat", json={"a": 1}), 422, "invalid")
    problem(await as_rep.post(TARGET, headers=TOKEN), 400, "malformed_body")


async def test_one_of_several_bodies_is_told_by_its_tag(as_rep: httpx.AsyncClient) -> None:
    won = await as_rep.post("/v1/things/x/end", json={"outcome": "won", "value": {"amount": 1, "currency": "GBP"}})
    assert (won.status_code, won.json()["text"]) == (200, "won")
    nothing = await as_rep.post("/v1/things/x/end", json={"outcome": "lost", "reason": "nothing"})
    assert (nothing.status_code, nothing.content) == (204, b"")
    wrong = problem(await as_rep.post("/v1/things/x/end", json={"outcome": "wun"}), 422, "invalid")
    assert wrong["errors"][0] == {
        "pointer": "#/outcome",
        "code": "not_allowed",
        "detail": "must be one of: won, lost",
        "remedy": "Did you mean won?",
    }


async def test_all_mistakes_of_query_and_body_come_at_once(as_rep: httpx.AsyncClient) -> None:
    body = {"txt": "a", "employees": "3", "addresses": [{"contry": "GB"}]}
    said = problem(await as_rep.post(TARGET + "?verbose=1", json=body), 422, "invalid")
    told = {mistake.get("pointer") or mistake.get("parameter"): mistake["code"] for mistake in said["errors"]}
    assert told == {
        "verbose": "unknown_field",
        "#/text": "required",
        "#/txt": "unknown_field",
        "#/employees": "wrong_type",
        "#/addresses/0/country": "required",
        "#/addresses/0/contry": "unknown_field",
    }


async def test_lists_go_on_by_cursor_to_their_end(as_manager: httpx.AsyncClient) -> None:
    seen, cursor = [], ""
    while True:
        page = (await as_manager.get(f"/v1/things?limit=3&cursor={cursor}")).json()
        seen += [row["count"] for row in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert seen == list(range(7))


async def test_a_cursor_is_good_only_where_it_came_from(as_manager: httpx.AsyncClient) -> None:
    cursor = (await as_manager.get("/v1/things?limit=3&source=a&source=b")).json()["next_cursor"]
    assert (await as_manager.get(f"/v1/things?limit=5&source=b&source=a&cursor={cursor}")).status_code == 200
    broken = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for path in (
        f"/v1/things?cursor={cursor}",
        f"/v1/others?source=a&source=b&cursor={cursor}",
        f"/v1/things?source=a&source=b&cursor={broken}",
    ):
        problem(await as_manager.get(path), 400, "invalid_cursor")
    for other in ("%00", "%ff", "=", "a" * 5000, "e30"):
        problem(await as_manager.get(f"/v1/things?limit=0&cursor={other}"), 400, "invalid_cursor")


STRICT = [
    ("limit=0", "limit", "out_of_range"),
    ("limit=201", "limit", "out_of_range"),
    ("limit=x", "limit", "wrong_type"),
    ("limit=1e3", "limit", "wrong_type"),
    ("limit=" + "9" * 5000, "limit", "out_of_range"),
    ("limit=1&limit=2", "limit", "too_many"),
    ("channel=fone", "channel", "not_allowed"),
    ("lmit=3", "lmit", "unknown_field"),
    ("=", "", "unknown_field"),
    ("source=%00", "source", "invalid_character"),
]


async def test_query_parameters_are_strict(as_manager: httpx.AsyncClient) -> None:
    for query, parameter, code in STRICT:
        said = problem(await as_manager.get(f"/v1/things?{query}"), 422, "invalid")
        assert [(mistake["parameter"], mistake["code"]) for mistake in said["errors"]] == [(parameter, code)]


async def test_an_empty_parameter_is_as_good_as_none(as_manager: httpx.AsyncClient) -> None:
    assert (await as_manager.get("/v1/things?limit=&channel=&source=&cursor=")).status_code == 200


async def test_raw_bodies_have_their_own_limit_and_kind(edge: Edge, app: FastAPI) -> None:
    async with calling(app, await key_of(edge, PrincipalKind.SERVICE)) as client:
        lines = {"Content-Type": "application/x-ndjson"}
        assert (await client.post("/v1/raw", content=b"\xff" * 1000, headers=lines)).content == b"\xff" * 1000
        too_large = problem(await client.post("/v1/raw", content=b"x" * 1001, headers=lines), 413, "too_large")
        assert too_large["limit_bytes"] == 1000
        other = problem(await client.post("/v1/raw", json={}), 415, "unsupported_media_type")
        assert other["accepted"] == ["application/x-ndjson"]


async def test_a_form_is_known_by_its_path_and_slowed_by_its_address(edge: Edge, app: FastAPI) -> None:
    form = await key_of(edge, PrincipalKind.FORM)
    service = await key_of(edge, PrincipalKind.SERVICE)
    async with calling(app) as client:
        for unknown in ("lgf_" + "0" * 32, "x", "%00", service):
            answer = await client.post(f"/v1/forms/{unknown}", data={"email": "a@example.com"})
            problem(answer, 404, "not_found")
            assert "access-control-allow-origin" not in answer.headers
        for _ in range(30):
            answer = await client.post(f"/v1/forms/{form}", data={"email": "a@example.com"})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)
        slowed = await client.post(f"/v1/forms/{form}", content=LARGE)
        problem(slowed, 429, "rate_limited")
        assert (slowed.headers["retry-after"], slowed.headers["access-control-allow-origin"]) == ("60", ORIGIN)


async def test_head_is_a_get_without_its_body_and_ends_streams(as_rep: httpx.AsyncClient) -> None:
    for path in ("/livez", "/openapi.json", "/v1/stream", "/v1/nothing"):
        head = await as_rep.head(path)
        assert (head.status_code, head.content) == (404 if path == "/v1/nothing" else 200, b"")


async def test_the_documents_need_no_key_and_are_complete(app: FastAPI) -> None:
    async with calling(app) as client:
        said = (await client.get("/openapi.json")).json()
        topics = (await client.get("/asyncapi.json")).json()
        assert topics["asyncapi"].startswith("3.")
        for message in topics["components"]["messages"].values():
            assert (await client.get(message["payload"]["$ref"])).json()["title"] == message["title"]
        assert (await client.get("/schemas/lead.received.v1.json")).json()["title"] == "lead.received"
        problem(await client.get("/schemas/nothing.json"), 404, "not_found")
        metrics = await client.get("/metrics")
    assert "leadgate_http_requests_total" in metrics.text
    assert "thg_1" not in metrics.text
    note = said["paths"]["/v1/things/{thing_id}/notes"]["post"]
    assert note["summary"] == "Add a note"
    assert note["description"] == "It is kept."
    assert note["security"] == [{"key": []}, {"session": []}]
    assert note["x-principals"] == "admin, manager, rep"
    assert {"400", "401", "403", "404", "409", "413", "415", "422", "428", "500", "503", "201"} == set(
        note["responses"]
    )
    body = note["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert said["components"]["schemas"][body.rpartition("/")[2]]["examples"] == [{"text": "called", "employees": 12}]
    listed = said["paths"]["/v1/things"]["get"]
    assert {"limit", "cursor", "channel", "source"} <= {parameter.get("name") for parameter in listed["parameters"]}
    assert "/livez" not in said["paths"]
    text = json.dumps(said)
    for reference in set(text.split('"$ref": "#/')[1:]):
        here: Any = said
        for part in reference.partition('"')[0].split("/"):
            here = here[part]
