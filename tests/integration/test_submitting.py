"""Submitting leads: one, many, and once for each key."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest
from kit.intake import NDJSON, ingest, ndjson, records, submitted
from kit.tiny import calling, key_of
from starlette.types import Message, Receive, Scope, Send

from schemas.api.intake import EXAMPLE
from schemas.words import PrincipalKind
from services import policies
from services.runtime.paths import ROOT
from services.runtime.run import Edge

ANN = {"contact": {"email": "Ann.Lee@Example.com"}}
POSTED = {**EXAMPLE, "occurred_at": None, "consent": None}
STARTER = (ROOT / "deploy" / "policies" / "starter.yaml").read_text()


async def test_a_202_says_what_the_contract_says_and_is_in_the_log(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post("/v1/leads/inbound", json=POSTED)
    assert answer.status_code == 202
    said = answer.json()
    assert said == {
        "id": said["id"],
        "status": "accepted",
        "received_at": "2026-07-06T09:00:00.000Z",
        "receipt_url": f"/v1/leads/{said['id']}",
        "warnings": [],
    }
    assert answer.headers["Location"] == said["receipt_url"]
    assert answer.headers["Cache-Control"] == "no-store"
    [lead] = await submitted(edge)
    assert (lead.id, lead.source, lead.direction, lead.flag) == (said["id"], "crm", "inbound", None)
    assert lead.contact.email == "Ann.Lee@example.com"
    assert (lead.contact.email_kind, lead.contact.phone) == ("business", "+442079460123")
    assert (lead.company.domain, lead.company.employees) == ("example.com", 120)
    assert lead.custom == {"seats": 40, "trial": True, "regions": ["north", "south"]}


async def test_law_1_the_record_is_committed_before_the_202_is_sent(edge: Edge, database_url: str) -> None:
    service, form = await key_of(edge, PrincipalKind.SERVICE), await key_of(edge, PrincipalKind.FORM)
    other = await asyncpg.connect(database_url)
    app = ingest(edge)
    committed: list[int] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                committed.append(await other.fetchval("SELECT count(*) FROM log.records"))
            await send(message)

        await app(scope, receive, sent)

    async with calling(watched, service) as client:
        await client.post("/v1/leads/inbound", json=ANN)
        await client.post(f"/v1/forms/{form}", data=ANN["contact"])
        await client.post("/v1/leads/inbound/batch", content=ndjson(ANN, ANN), headers=NDJSON)
    await other.close()
    assert committed == [1, 2, 4]


async def test_a_record_is_an_event_that_says_nothing_personal_beside_its_value(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post("/v1/leads/outbound", json=POSTED, headers={"X-Request-Id": "from-the-crm"})
    [record] = await records(edge)
    headers = {name: value.decode() for name, value in record.headers}
    assert record.place.topic == "leads.outbound.v1"
    assert headers["ce_type"] == "leadgate.lead.submitted.v1"
    assert headers["ce_source"] == "/leadgate/ingest"
    assert headers["ce_subject"] == headers["ce_partitionkey"] == record.key
    assert headers["ce_correlationid"] == "from-the-crm"
    assert headers["ce_traceparent"] == answer.headers["traceparent"]
    assert "ann" not in (record.key + json.dumps(headers)).lower()


async def test_records_of_one_person_have_one_key(edge: Edge) -> None:
    people: list[dict[str, Any]] = [
        {"email": "ann@Example.com"},
        {"email": "ANN@example.com", "phone": "+442079460123"},
        {"phone": "+44 20 7946 0123"},
        {"phone": "+442079460123", "email": "no address"},
        {"profile_url": "https://www.linkedin.com/in/Ann"},
        {"profile_url": "linkedin.com/in/ann/"},
    ]
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        ids = [(await crm.post("/v1/leads/inbound", json={"contact": who})).json()["id"] for who in people]
    keys = {lead["id"]: record.key for record in await records(edge) if (lead := json.loads(record.value or b""))}
    by_person = [keys[each] for each in ids]
    assert by_person[0] == by_person[1] != by_person[2] == by_person[3] != by_person[4] == by_person[5]


async def test_what_does_not_parse_is_kept_with_a_warning_beside_a_valid_identity(edge: Edge) -> None:
    contact = {"email": "ann@example.com", "phone": "ring me", "profile_url": "ann"}
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post("/v1/leads/inbound", json={"contact": contact})
    assert answer.status_code == 202
    assert answer.json()["warnings"] == [
        {"pointer": "#/contact/phone", "code": "invalid_phone", "detail": "kept as sent"},
        {"pointer": "#/contact/profile_url", "code": "invalid_url", "detail": "kept as sent"},
    ]
    [lead] = await submitted(edge)
    assert (lead.contact.phone, lead.contact.phone_valid) == ("ring me", False)


async def test_a_number_is_dialled_in_the_region_that_the_policy_gives_the_source(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        await policies.publish(
            tx, policies.sound(STARTER.replace("sources:", "sources:\n  crm: {default_region: GB}", 1))
        )
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        assert (await crm.post("/v1/leads/inbound", json={"contact": {"phone": "020 7946 0123"}})).status_code == 202
    [lead] = await submitted(edge)
    assert lead.contact.phone == "+442079460123"


async def test_one_key_is_one_lead_over_any_path_and_whatever_its_body(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        once = {"Idempotency-Key": "k1"}
        answers = [
            await crm.post("/v1/leads/inbound", json=ANN, headers=once),
            await crm.post("/v1/leads/inbound", json=ANN, headers={"Idempotency-Key": '"k1"'}),
            await crm.post("/v1/leads/inbound", json={**ANN, "submission_id": "k1"}),
            await crm.post("/v1/leads/inbound", json={**ANN, "submission_id": "other"}, headers=once),
            await crm.post("/v1/leads/inbound", json={**ANN, "message": "another"}, headers=once),
            await crm.post("/v1/leads/outbound", json=ANN, headers=once),
        ]
        batch = await crm.post(
            "/v1/leads/inbound/batch", content=ndjson({**ANN, "submission_id": "k1"}), headers=NDJSON
        )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers} | {batch.json()["id"]}) == 1
    assert "Idempotent-Replayed" not in answers[1].headers
    by_body = [lead.submission_id for lead in await submitted(edge)]
    assert len(by_body) == 7
    assert len(set(by_body)) == 3


async def test_keys_of_two_sources_are_two_leads(edge: Edge) -> None:
    app = ingest(edge)
    ids = set()
    for source in ("crm", "erp"):
        async with calling(app, await key_of(edge, PrincipalKind.SERVICE, source=source)) as service:
            ids.add((await service.post("/v1/leads/inbound", json={**ANN, "submission_id": "k"})).json()["id"])
    assert len(ids) == 2


async def test_without_a_key_each_post_is_a_lead(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        ids = {(await crm.post("/v1/leads/inbound", json=ANN)).json()["id"] for _ in range(3)}
    assert len(ids) == 3


async def test_from_the_202_on_the_source_finds_its_lead_received(edge: Edge) -> None:
    app = ingest(edge)
    async with calling(app, await key_of(edge, PrincipalKind.SERVICE)) as crm:
        said = (await crm.post("/v1/leads/inbound", json=ANN)).json()
        found = await crm.get(said["receipt_url"])
    assert (found.status_code, found.json()["id"], found.json()["state"]) == (200, said["id"], "received")
    async with calling(app, await key_of(edge, PrincipalKind.SERVICE, source="erp")) as other:
        assert (await other.get(said["receipt_url"])).status_code == 404


async def test_only_services_submit(edge: Edge) -> None:
    app = ingest(edge)
    form = await key_of(edge, PrincipalKind.FORM)
    for key, status in ((None, 401), (form, 403), (await key_of(edge, PrincipalKind.ADMIN), 403), ("lgs_x", 401)):
        async with calling(app, key) as client:
            for path in ("inbound", "outbound", "inbound/batch"):
                assert (await client.post(f"/v1/leads/{path}", content=b"{bad")).status_code == status, (key, path)
    assert await records(edge) == []


async def test_two_hundred_at_once_are_each_kept(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        posts = (crm.post("/v1/leads/inbound", json={"contact": {"email": f"p{n}@example.com"}}) for n in range(200))
        answers = await asyncio.gather(*posts)
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["id"] for answer in answers} == {lead.id for lead in await submitted(edge)}


async def test_each_line_of_a_batch_is_answered_for_itself_in_order(edge: Edge) -> None:
    body = ndjson(
        {**ANN, "submission_id": "a"},
        b"  ",
        b"{bad",
        b'{"contact":{"email":"\xff@example.com"}}',
        {"contact": {"emial": "x"}},
        b'{"contact":{"phone":"+442079460123"}}\r',
        b'{"contact":{"email":"' + b"x" * 70_000 + b'"}}',
        b"[" * 50,
        {"contact": {"email": "ann@example.com", "phone": "?"}},
    )
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post("/v1/leads/outbound/batch", content=body, headers=NDJSON)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [(line["line"], line["status"]) for line in lines] == [
        (1, 202), (3, 400), (4, 400), (5, 422), (6, 202), (7, 413), (8, 400), (9, 202),
    ]  # fmt: skip
    assert lines[0] == {"line": 1, "status": 202, "id": lines[0]["id"], "warnings": []}
    assert lines[3]["problem"]["code"] == "invalid"
    assert lines[3]["problem"]["errors"][0]["remedy"] == "Did you mean email?"
    assert [warning["code"] for warning in lines[7]["warnings"]] == ["invalid_phone"]
    taken = await submitted(edge)
    assert {lead.id for lead in taken} == {line["id"] for line in lines if line["status"] == 202}
    assert {lead.direction for lead in taken} == {"outbound"}


async def test_lines_without_a_key_take_the_requests_and_their_number(edge: Edge) -> None:
    body = ndjson(ANN, b"", {**ANN, "submission_id": "own"}, ANN)
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        headers = {**NDJSON, "Idempotency-Key": "batch-7"}
        posts = [await crm.post("/v1/leads/inbound/batch", content=body, headers=headers) for _ in range(2)]
        own = (await crm.post("/v1/leads/inbound", json={**ANN, "submission_id": "own"})).json()["id"]
        others = await crm.post("/v1/leads/inbound/batch", content=ndjson(ANN, ANN), headers=NDJSON)
    first, second = ([json.loads(line)["id"] for line in post.text.splitlines()] for post in posts)
    assert first == second
    assert len(set(first)) == 3
    assert first[1] == own
    assert not {json.loads(line)["id"] for line in others.text.splitlines()} & set(first)


async def test_a_batch_of_nothing_is_answered_by_nothing(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        for body in (b"\n", b"\n \r\n\n"):
            answer = await crm.post("/v1/leads/inbound/batch", content=body, headers=NDJSON)
            assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize("body", [b"{}\n" * 10_001, b"x" * (10 * 1024 * 1024 + 1)], ids=["lines", "bytes"])
async def test_of_a_batch_too_large_as_a_whole_nothing_is_taken(edge: Edge, body: bytes) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post("/v1/leads/inbound/batch", content=ndjson(ANN) + b"\n" + body, headers=NDJSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["limit_bytes"] == 10 * 1024 * 1024
    assert await records(edge) == []


async def test_a_batch_of_many_groups_is_whole_and_in_order(edge: Edge) -> None:
    leads = [{"contact": {"email": f"p{n}@example.com"}, "submission_id": f"s{n}"} for n in range(230)]
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post("/v1/leads/inbound/batch", content=ndjson(*leads), headers=NDJSON)
        again = await crm.post("/v1/leads/inbound", json=leads[200])
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["line"] for line in lines] == list(range(1, 231))
    assert lines[200]["id"] == again.json()["id"]
    assert len(await submitted(edge)) == 231


FULL_DISK_SQL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF convert_from(NEW.value, 'UTF8') LIKE '%p60@%' THEN RAISE 'no space left on device' USING ERRCODE = '53100'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON log.records FOR EACH ROW EXECUTE FUNCTION full_disk();
"""


async def test_when_the_log_fails_midway_each_line_says_whether_it_was_taken(edge: Edge, database_url: str) -> None:
    other = await asyncpg.connect(database_url)
    await other.execute(FULL_DISK_SQL)
    await other.close()
    leads = [{"contact": {"email": f"p{n}@example.com"}} for n in range(1, 121)]
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post("/v1/leads/inbound/batch", content=ndjson(*leads, b"{bad"), headers=NDJSON)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["line"] for line in lines] == list(range(1, 122))
    statuses = {line["line"]: line["status"] for line in lines}
    assert statuses == {**dict.fromkeys(range(1, 51), 202), **dict.fromkeys(range(51, 121), 503), 121: 400}
    assert lines[60]["problem"]["code"] == "unavailable"
    assert {lead.id for lead in await submitted(edge)} == {line["id"] for line in lines if line["status"] == 202}


async def test_batches_are_ndjson_of_a_known_direction(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        wrong_kind = await crm.post("/v1/leads/inbound/batch", json=[ANN])
        assert (wrong_kind.status_code, wrong_kind.json()["accepted"]) == (415, ["application/x-ndjson"])
        assert (await crm.post("/v1/leads/sideways/batch", content=b"{}", headers=NDJSON)).status_code == 404
        assert (await crm.post("/v1/leads/sideways", json=ANN)).status_code in (404, 405)


async def test_what_is_accepted_and_refused_is_counted(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        await crm.post("/v1/leads/inbound", json=ANN)
        await crm.post("/v1/leads/inbound", json={})
        await crm.post("/v1/leads/inbound/batch", content=ndjson(ANN, b"{"), headers=NDJSON)
        metrics = (await crm.get("/metrics")).text
    assert 'leadgate_intake_accepted_total{how="single",source="crm"} 1.0' in metrics
    assert 'leadgate_intake_accepted_total{how="batch",source="crm"} 1.0' in metrics
    assert 'leadgate_intake_refused_total{code="invalid",how="single"} 1.0' in metrics
    assert 'leadgate_intake_refused_total{code="malformed_body",how="batch"} 1.0' in metrics
