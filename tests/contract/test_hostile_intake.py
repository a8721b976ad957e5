"""Whatever is sent to intake: a clear problem that names field and remedy, never a 5xx, and never half of it kept."""

import json
from typing import Any

import pytest
from kit.intake import FOR_PROGRAMS, NDJSON, ingest, records
from kit.tiny import calling, key_of

from schemas.words import PrincipalKind
from services.runtime.run import Edge

ANN = {"contact": {"email": "ann@example.com"}}
UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "blank": b"  \n ",
    "no JSON": b"{bad",
    "cut off": b'{"contact":{"email":"a@b.de"',
    "two values": b"{} {}",
    "array": b"[]",
    "text": b'"x"',
    "number": b"1",
    "null": b"null",
    "latin-1": '{"contact":{"email":"ä@b.de"}}'.encode("latin-1"),
    "utf-16": '{"contact":{"email":"a@b.de"}}'.encode("utf-16"),
    "overlong utf-8": b'{"contact":{"email":"a\xc0\xaf@b.de"}}',
    "raw NUL": b'{"contact":{"email":"a\x00@b.de"}}',
    "raw control character": b'{"contact":{"name":"a\x01b"}}',
    "NaN": b'{"contact":{"email":"a@b.de"},"custom":{"x":NaN}}',
    "infinity": b'{"contact":{"email":"a@b.de"},"custom":{"x":-Infinity}}',
    "beyond a double": b'{"contact":{"email":"a@b.de"},"custom":{"x":1e999}}',
    "endless digits": b'{"contact":{"email":"a@b.de"},"custom":{"x":' + b"9" * 20_000 + b"}}",
    "repeated key": b'{"contact":{"email":"a@b.de","email":"c@d.de"}}',
    "nested nine deep": b'{"custom":' + b'{"a":' * 8 + b"1" + b"}" * 9,
    "nested without end": b"[" * 60_000,
    "nested objects without end": b'{"a":' * 10_000,
    "byte order mark": b'\xef\xbb\xbf{"contact":{"email":"a@b.de"}}',
}
LONG = "x" * 2001
UNACCEPTABLE: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({}, [("#/contact", "required")]),
    ({"contact": {}}, [("#/contact", "required")]),
    ({"contact": {"email": None, "phone": " "}}, [("#/contact", "required")]),
    ({"contact": None}, [("#/contact", "wrong_type")]),
    ({"contact": "ann@example.com"}, [("#/contact", "wrong_type")]),
    ({"contact": []}, [("#/contact", "wrong_type")]),
    ({"contact": {"email": 1}}, [("#/contact/email", "wrong_type")]),
    ({"contact": {"email": ["a@b.de"]}}, [("#/contact/email", "wrong_type")]),
    ({"contact": {"email": "x"}}, [("#/contact/email", "invalid_email")]),
    ({"contact": {"email": "x" * 300 + "@b.de"}}, [("#/contact/email", "too_long")]),
    ({"contact": {"phone": "12"}}, [("#/contact/phone", "invalid_phone")]),
    ({"contact": {"profile_url": "ann"}}, [("#/contact/profile_url", "invalid_url")]),
    ({"contact": {"email": "x", "phone": "y"}}, [
        ("#/contact/email", "invalid_email"), ("#/contact/phone", "invalid_phone"),
    ]),
    ({**ANN, "submision_id": "x"}, [("#/submision_id", "unknown_field")]),
    ({**ANN, "company": {"employes": 3}}, [("#/company/employes", "unknown_field")]),
    ({**ANN, "source": "x"}, [("#/source", "unknown_field")]),
    ({**ANN, "id": "ld_x", "flag": "spam"}, [("#/id", "unknown_field"), ("#/flag", "unknown_field")]),
    ({**ANN, "company": {"employees": "120"}}, [("#/company/employees", "wrong_type")]),
    ({**ANN, "company": {"employees": 1.5}}, [("#/company/employees", "wrong_type")]),
    ({**ANN, "company": {"employees": True}}, [("#/company/employees", "wrong_type")]),
    ({**ANN, "company": {"employees": -1}}, [("#/company/employees", "out_of_range")]),
    ({**ANN, "company": {"employees": 10_000_001}}, [("#/company/employees", "out_of_range")]),
    ({**ANN, "company": {"employees": 10**300}}, [("#/company/employees", "out_of_range")]),
    ({**ANN, "company": {"country": "UK"}}, [("#/company/country", "invalid_country")]),
    ({**ANN, "company": {"website": "javascript:alert(1)"}}, [("#/company/website", "invalid_url")]),
    ({**ANN, "company": {"website": "https://" + "ä" * 64 + ".de"}}, [("#/company/website", "invalid_url")]),
    ({**ANN, "company": {"domain": "no domain"}}, [("#/company/domain", "bad_format")]),
    ({**ANN, "company": {"name": "x" * 201}}, [("#/company/name", "too_long")]),
    ({**ANN, "message": "x" * 10_001}, [("#/message", "too_long")]),
    ({**ANN, "message": {"html": "x"}}, [("#/message", "wrong_type")]),
    ({**ANN, "test": "yes"}, [("#/test", "wrong_type")]),
    ({**ANN, "list": 1}, [("#/list", "wrong_type")]),
    ({**ANN, "intent": "Demo!"}, [("#/intent", "bad_format")]),
    ({**ANN, "product": "x" * 41}, [("#/product", "bad_format")]),
    ({**ANN, "submission_id": "x" * 256}, [("#/submission_id", "too_long")]),
    ({**ANN, "submission_id": 7}, [("#/submission_id", "wrong_type")]),
    ({**ANN, "occurred_at": "2026-07-06T09:00:00"}, [("#/occurred_at", "invalid_time")]),
    ({**ANN, "occurred_at": "yesterday"}, [("#/occurred_at", "invalid_time")]),
    ({**ANN, "occurred_at": "2026-02-30T09:00:00Z"}, [("#/occurred_at", "invalid_time")]),
    ({**ANN, "occurred_at": 1751792400}, [("#/occurred_at", "wrong_type")]),
    ({**ANN, "occurred_at": "1999-12-31T23:59:59Z"}, [("#/occurred_at", "out_of_range")]),
    ({**ANN, "occurred_at": "2026-07-06T09:01:01Z"}, [("#/occurred_at", "in_future")]),
    ({**ANN, "consent": {"at": "2026-07-06T09:00:00"}}, [("#/consent/at", "invalid_time")]),
    ({**ANN, "contact": {"email": "a@b.de", "language": "English"}}, [("#/contact/language", "bad_format")]),
    ({**ANN, "contact": {"email": "a@b.de", "language": "en-"}}, [("#/contact/language", "bad_format")]),
    ({**ANN, "campaign": {"click_ids": {str(n): "x" for n in range(11)}}}, [("#/campaign/click_ids", "too_many")]),
    ({**ANN, "campaign": {"page_url": "https://a.com/" + LONG}}, [("#/campaign/page_url", "too_long")]),
    ({**ANN, "custom": {str(n): n for n in range(51)}}, [("#/custom", "too_many")]),
    ({**ANN, "custom": {"a b": 1}}, [("#/custom/a%20b", "bad_format")]),
    ({**ANN, "custom": {"a/b~c": 1}}, [("#/custom/a~1b~0c", "bad_format")]),
    ({**ANN, "custom": {"a": {"b": 1}}}, [("#/custom/a", "wrong_type")]),
    ({**ANN, "custom": {"a": [1]}}, [("#/custom/a", "wrong_type")]),
    ({**ANN, "custom": {"a": ["x"] * 21}}, [("#/custom/a", "too_many")]),
    ({**ANN, "custom": {"a": LONG}}, [("#/custom/a", "too_long")]),
    ({**ANN, "custom": {"a": 2**63}}, [("#/custom/a", "out_of_range")]),
    ({**ANN, "custom": [1]}, [("#/custom", "wrong_type")]),
    ({**ANN, "message": "a\0b"}, [("#/message", "invalid_character")]),
    ({**ANN, "custom": {"a": "\ud800"}}, [("#/custom/a", "invalid_character")]),
    ({"contact": {"email": "x"}, "message": 1, "nme": "x"}, [
        ("#/message", "wrong_type"), ("#/nme", "unknown_field"), ("#/contact/email", "invalid_email"),
    ]),
]  # fmt: skip


async def test_what_cannot_be_read_is_400_everywhere_and_harms_no_other_line(edge: Edge) -> None:
    good = json.dumps(ANN).encode()
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        form = f"/v1/forms/{await key_of(edge, PrincipalKind.FORM)}"
        for name, raw in UNREADABLE.items():
            single = await crm.post("/v1/leads/inbound", content=raw, headers={"Content-Type": "application/json"})
            assert (single.status_code, single.json()["code"]) == (400, "malformed_body"), name
            posted = await crm.post(form, content=raw, headers=FOR_PROGRAMS | {"Content-Type": "application/json"})
            assert (posted.status_code, posted.json()["code"]) == (400, "malformed_body"), name
        assert await records(edge) == []
        for name, raw in UNREADABLE.items():
            line = raw.replace(b"\n", b" ")
            batch = await crm.post("/v1/leads/inbound/batch", content=b"\n".join([good, line, good]), headers=NDJSON)
            answers = {each["line"]: each["status"] for each in map(json.loads, batch.text.splitlines())}
            assert answers == ({1: 202, 2: 400, 3: 202} if line.strip() else {1: 202, 3: 202}), name
    assert len(await records(edge)) == 2 * len(UNREADABLE)


async def test_what_is_not_acceptable_is_422_with_all_mistakes_each_in_its_place(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        for body, mistakes in UNACCEPTABLE:
            raw = json.dumps(body)
            answer = await crm.post("/v1/leads/inbound", content=raw, headers={"Content-Type": "application/json"})
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (422, "invalid"), body
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert sorted((each["pointer"], each["code"]) for each in problem["errors"]) == sorted(mistakes), body
            assert all(each["detail"] for each in problem["errors"]), body
            batch = await crm.post("/v1/leads/inbound/batch", content=raw, headers=NDJSON)
            assert json.loads(batch.text)["problem"]["errors"] == problem["errors"]
    assert await records(edge) == []


async def test_at_most_fifty_mistakes_are_told(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post("/v1/leads/inbound", json={f"x{n}": n for n in range(300)})
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 50)


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1024 * 1024])
async def test_a_body_over_64_kib_is_413(edge: Edge, size: int) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post(
            "/v1/leads/inbound", content=b"{" + b" " * size, headers={"Content-Type": "application/json"}
        )
    assert (answer.status_code, answer.json()["limit_bytes"]) == (413, 64 * 1024)


async def test_the_largest_acceptable_body_is_accepted_and_kept_whole(edge: Edge) -> None:
    custom = {f"k{n}": ["ẞ" * 100] * 3 for n in range(50)}
    body = {**ANN, "message": "m" * 10_000, "custom": custom}
    raw = json.dumps(body, ensure_ascii=False).encode()
    assert 50_000 < len(raw) <= 64 * 1024
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post("/v1/leads/inbound", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code == 202, answer.text
    [record] = await records(edge)
    assert json.loads(record.value or b"")["custom"] == custom


async def test_a_form_whose_text_swells_beyond_any_record_is_413_and_no_fault_of_ours(edge: Edge) -> None:
    parts = b"".join(
        b'--X\r\nContent-Disposition: form-data; name="k%d[]"\r\n\r\n' % (n % 50) + b"\x01" * 1990 + b"\r\n"
        for n in range(99)
    )
    email = b'--X\r\nContent-Disposition: form-data; name="email"\r\n\r\nann@example.com\r\n--X--\r\n'
    async with calling(ingest(edge)) as script:
        path = f"/v1/forms/{await key_of(edge, PrincipalKind.FORM)}"
        headers = FOR_PROGRAMS | {"Content-Type": "multipart/form-data; boundary=X"}
        answer = await script.post(path, content=parts + email, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert await records(edge) == []


async def test_headers_are_checked_before_the_body(edge: Edge) -> None:
    json_ = {"Content-Type": "application/json"}
    wrong: list[tuple[dict[str, str], int, str]] = [
        ({"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        ({"Content-Type": "application/json; charset=latin-1"}, 415, "unsupported_media_type"),
        (json_ | {"Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
        *((json_ | {"Idempotency-Key": key}, 400, "malformed_header") for key in ("", "a b", '"', "x" * 256)),
    ]
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        for headers, status, code in wrong:
            answer = await crm.post("/v1/leads/inbound", content=b"{bad", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code), headers


async def test_unknown_query_parameters_are_refused(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post("/v1/leads/inbound?dryrun=1", json=ANN)
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "dryrun")


async def test_what_cannot_be_read_is_told_before_an_unknown_parameter(edge: Edge) -> None:
    key = await key_of(edge, PrincipalKind.SERVICE)
    async with calling(ingest(edge), key) as client:
        headers = {"Content-Type": "application/json"}
        for body, status in ((b"{", 400), (b"", 400), (b'{"contact":{"name":"\\u0000"}}', 422)):
            answer = await client.post("/v1/leads/inbound?x=1", content=body, headers=headers)
            assert answer.status_code == status, body
        told = answer.json()["errors"]
        assert (told[0]["parameter"], told[1]["pointer"]) == ("x", "#/contact/name")


async def test_a_remedy_stands_where_one_is_known(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        body = {"contact": {"emial": "x", "phone": "12", "country": "UK"}, "company": {"employes": 3}}
        errors = (await crm.post("/v1/leads/inbound", json=body)).json()["errors"]
    assert {each["pointer"]: each["remedy"] for each in errors} == {
        "#/contact/emial": "Did you mean email?",
        "#/contact/country": "Did you mean GB?",
        "#/company/employes": "Did you mean employees?",
        "#/contact/phone": "Write it with its country code, as +44 20 7946 0123",
    }
