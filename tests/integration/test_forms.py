"""Forms: what browsers and programs post with a publishable key, and what they get."""

from typing import Any

from kit.intake import FOR_PROGRAMS, ingest, records, submitted
from kit.tiny import calling, key_of

from schemas.words import PrincipalKind
from services.runtime import keys
from services.runtime.access import Access
from services.runtime.run import Edge

FOR_PEOPLE = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ORIGIN = "https://example.com"
THANKS = "https://example.com/thanks"
OTHER = "https://example.com/danke?lang=de"
OOPS = "https://example.com/oops?x=1#form"
LISTED: dict[str, Any] = {"origins": (ORIGIN,), "thank_you": (THANKS, OTHER), "error_pages": (OOPS,)}
ANN = {"email": "ann@example.com"}


async def form_of(edge: Edge, **more: Any) -> str:
    return f"/v1/forms/{await key_of(edge, PrincipalKind.FORM, **more)}"


async def test_a_form_becomes_an_inbound_lead_of_its_source(edge: Edge) -> None:
    sent = {
        **ANN,
        "name": "Ann Lee",
        "company": "Acme",
        "country": "gb",
        "phone": "020 7946 0123",
        "consent": "on",
        "colour": "blue",
        "_page": "https://example.com/demo",
        "gclid": "g1",
    }
    async with calling(ingest(edge)) as browser:
        assert (await browser.post(await form_of(edge), data=sent, headers=FOR_PEOPLE)).status_code == 200
    [lead] = await submitted(edge)
    assert (lead.source, lead.direction, lead.flag, lead.hand_raiser) == ("web", "inbound", None, True)
    assert (lead.contact.name, lead.contact.phone, lead.company.country) == ("Ann Lee", "+442079460123", "GB")
    assert (lead.campaign.page_url, lead.campaign.click_ids) == ("https://example.com/demo", {"gclid": "g1"})
    assert lead.custom == {"colour": "blue"}
    assert lead.consent is not None
    assert lead.consent.contact is True


async def test_people_are_sent_on_to_listed_pages_only(edge: Edge) -> None:
    wanted = {
        None: THANKS,
        OTHER: OTHER,
        "https://evil.example/": THANKS,
        THANKS + "/": THANKS,
        "//evil.example": THANKS,
    }
    async with calling(ingest(edge)) as browser:
        path = await form_of(edge, **LISTED)
        for next_, to in wanted.items():
            answer = await browser.post(path, data=ANN | ({"_next": next_} if next_ else {}), headers=FOR_PEOPLE)
            assert (answer.status_code, answer.headers["Location"]) == (303, to)


async def test_where_no_page_is_listed_people_are_thanked_by_ours_which_runs_nothing(edge: Edge) -> None:
    async with calling(ingest(edge)) as browser:
        answer = await browser.post(await form_of(edge), data=ANN | {"_next": THANKS}, headers=FOR_PEOPLE)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Thank you" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "<script" not in answer.text


async def test_a_mistake_sends_people_to_the_listed_error_page_with_the_fields(edge: Edge) -> None:
    async with calling(ingest(edge)) as browser:
        path = await form_of(edge, **LISTED)
        sent = {"email": "x", "country": "Utopia", "_error": OOPS}
        answer = await browser.post(path, data=sent, headers=FOR_PEOPLE)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "https://example.com/oops?x=1&code=invalid&field=country&field=email#form"
    assert await records(edge) == []


async def test_else_a_mistake_is_a_page_that_names_the_fields(edge: Edge) -> None:
    async with calling(ingest(edge)) as browser:
        path = await form_of(edge, **LISTED)
        for error in ({}, {"_error": "https://evil.example/"}):
            for accept in (FOR_PEOPLE, {}):
                answer = await browser.post(path, data={"email": "<b>x", "message": "hello"} | error, headers=accept)
                assert answer.status_code == 422
                assert "E-mail" in answer.text
                assert "<b>x" not in answer.text


async def test_the_page_says_what_is_missing_in_words_for_people(edge: Edge) -> None:
    async with calling(ingest(edge)) as browser:
        path = await form_of(edge)
        missing = await browser.post(path, data={"name": "Ann"}, headers=FOR_PEOPLE)
        wrong = await browser.post(path, data=ANN | {"country": "UK"}, headers=FOR_PEOPLE)
    assert "<strong>E-mail</strong> or phone is required.</li>" in missing.text
    assert "<strong>Country</strong> is no country of ISO 3166-1. <span>Did you mean GB?</span>" in wrong.text


async def test_programs_get_what_any_lead_gets(edge: Edge) -> None:
    async with calling(ingest(edge)) as script:
        path = await form_of(edge, **LISTED)
        taken = await script.post(path, data=ANN | {"phone": "?", "utm_term": "x" * 201}, headers=FOR_PROGRAMS)
        refused = await script.post(path, data={"email": "x", "How many?": "y" * 3000}, headers=FOR_PROGRAMS)
    assert taken.status_code == 202
    assert taken.headers["Location"] == taken.json()["receipt_url"]
    assert [warning["pointer"] for warning in taken.json()["warnings"]] == ["#/utm_term", "#/phone"]
    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        ("#/How%20many?", "too_long"),
        ("#/email", "invalid_email"),
    ]


async def test_all_three_kinds_of_body_make_the_same_submission(edge: Edge) -> None:
    fields = ANN | {"company": "Ämter GmbH", "_submission_id": "s1"}
    async with calling(ingest(edge)) as script:
        path = await form_of(edge)
        answers = [
            await script.post(path, data=fields, headers=FOR_PROGRAMS),
            await script.post(path, data=fields, files={"cv": b"\xff\x00"}, headers=FOR_PROGRAMS),
            await script.post(path, json=fields),
            await script.post(path, json=ANN, headers=FOR_PROGRAMS | {"Idempotency-Key": "s1"}),
        ]
    assert [answer.status_code for answer in answers] == [202] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    bodies = [lead.submission_id for lead in await submitted(edge)]
    assert bodies[0] == bodies[1] == bodies[2] != bodies[3]


async def test_an_unlisted_origin_and_a_filled_trap_are_answered_as_any_and_flagged(edge: Edge) -> None:
    posts = [
        ({}, {}, None),
        ({}, {"Origin": "null"}, None),
        ({}, {"Origin": ORIGIN}, None),
        ({}, {"Origin": "https://evil.example"}, "review"),
        ({"_trap": "http://spam"}, {"Origin": ORIGIN}, "spam"),
        ({"_trap": "http://spam"}, {"Origin": "https://evil.example"}, "spam"),
    ]
    async with calling(ingest(edge)) as browser:
        path = await form_of(edge, **LISTED)
        answers = [
            await browser.post(path, data=ANN | sent, headers=FOR_PROGRAMS | headers | {"Idempotency-Key": f"k{n}"})
            for n, (sent, headers, _) in enumerate(posts)
        ]
    flags = {lead.id: lead.flag for lead in await submitted(edge)}
    assert {answer.status_code for answer in answers} == {202}
    assert {tuple(answer.json()) for answer in answers} == {("id", "status", "received_at", "receipt_url", "warnings")}
    assert [flags[answer.json()["id"]] for answer in answers] == [flag for _, _, flag in posts]


async def test_the_flag_is_no_part_of_what_was_said(edge: Edge) -> None:
    async with calling(ingest(edge)) as browser:
        path = await form_of(edge, **LISTED)
        for origin in (ORIGIN, "https://evil.example"):
            await browser.post(path, data=ANN | {"_submission_id": "s"}, headers={"Origin": origin})
    assert len({lead.submission_id for lead in await submitted(edge)}) == 1


async def test_only_pages_of_listed_origins_may_read_the_answer(edge: Edge) -> None:
    async with calling(ingest(edge)) as browser:
        path = await form_of(edge, **LISTED)
        for origin, allowed in ((ORIGIN, ORIGIN), ("https://evil.example", None), ("null", None)):
            headers = {"Origin": origin} | FOR_PROGRAMS
            asked = await browser.options(path, headers=headers | {"Access-Control-Request-Method": "POST"})
            assert asked.status_code == 204
            taken = await browser.post(path, data=ANN, headers=headers)
            refused = await browser.post(path, data={}, headers=headers)
            for answer in (asked, taken, refused):
                assert answer.headers.get("Access-Control-Allow-Origin") == allowed, (origin, answer)
                assert answer.headers["Vary"] == "Origin"
                assert "Access-Control-Allow-Credentials" not in answer.headers
            assert asked.headers.get("Access-Control-Max-Age") == (allowed and "600")
            assert asked.headers.get("Access-Control-Allow-Methods") == (allowed and "POST, OPTIONS")
            assert asked.headers.get("Access-Control-Allow-Headers") == (
                allowed and "Content-Type, Idempotency-Key, X-Request-Id"
            )


async def test_nothing_else_may_be_read_by_pages_of_others(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.SERVICE)) as crm:
        answer = await crm.post("/v1/leads/inbound", json={"contact": ANN}, headers={"Origin": ORIGIN})
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_an_unknown_or_revoked_key_or_one_of_another_kind_is_no_form(edge: Edge) -> None:
    form = await key_of(edge, PrincipalKind.FORM)
    service = await key_of(edge, PrincipalKind.SERVICE)
    access: Access = edge.access
    async with calling(ingest(edge)) as browser:
        assert (await browser.post(f"/v1/forms/{form}", data=ANN)).status_code == 200
        principal = await access.of_key(form)
        assert principal is not None
        async with edge.database.tx() as tx:
            await keys.revoke(tx, principal.key_id)
        access.forget(principal.key_id)
        for key in (form, service, "lgf_" + "0" * 32, "x"):
            problem = await browser.post(f"/v1/forms/{key}", data=ANN)
            assert (problem.status_code, problem.json()["code"]) == (404, "not_found"), key
            page = await browser.post(f"/v1/forms/{key}", data=ANN, headers=FOR_PEOPLE)
            assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


async def test_a_key_is_never_taken_from_a_header_instead_of_the_path(edge: Edge) -> None:
    async with calling(ingest(edge), await key_of(edge, PrincipalKind.FORM)) as browser:
        assert (await browser.post("/v1/forms/lgf_" + "0" * 32, data=ANN)).status_code == 404


async def test_too_many_posts_from_one_address_are_told_to_wait(edge: Edge) -> None:
    async with calling(ingest(edge)) as browser:
        path = await form_of(edge)
        answers = [await browser.post(path, data=ANN, headers=FOR_PROGRAMS) for _ in range(31)]
        page = await browser.post(path, data=ANN, headers=FOR_PEOPLE)
    assert [answer.status_code for answer in answers] == [202] * 30 + [429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert (page.status_code, page.headers["Retry-After"]) == (429, answers[-1].headers["Retry-After"])


async def test_problems_reach_people_as_pages_and_programs_as_problems(edge: Edge) -> None:
    posts: list[tuple[dict[str, Any], int, str]] = [
        (
            {"content": b"x=" + b"y" * 300_000, "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
            413,
            "too_large",
        ),
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
        (
            {"content": b"email=%ff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
            400,
            "malformed_body",
        ),
        ({"content": b"{bad", "headers": {"Content-Type": "application/json"}}, 400, "malformed_body"),
    ]
    async with calling(ingest(edge)) as browser:
        path = await form_of(edge)
        for post, status, code in posts:
            problem = await browser.post(path, content=post["content"], headers=post["headers"] | FOR_PROGRAMS)
            assert (problem.status_code, problem.json()["code"]) == (status, code)
            page = await browser.post(path, content=post["content"], headers=post["headers"] | FOR_PEOPLE)
            assert (page.status_code, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
