"""What a body becomes: golden forms, for ids depend on them for ever."""

from datetime import UTC, datetime
from typing import Any

import pytest

from router.identifiers import emails
from schemas.api.intake import EXAMPLE
from schemas.words import EmailKind
from services.ingest.normalise import Normal, normalise
from services.runtime.http.problems import Invalid

NOW = datetime(2026, 7, 6, 9, 30, tzinfo=UTC)


def read(body: dict[str, Any], region: str | None = None) -> Normal:
    return normalise(body, default_region=region, now=NOW)


def test_what_was_said_of_a_small_and_a_full_body_is_written_like_this_for_ever() -> None:
    assert read({"contact": {"email": "Ann@Example.com"}, "custom": {"a": None}}).said == (
        b'{"contact":{"email":"Ann@example.com"}}'
    )
    assert read(EXAMPLE).said.decode() == (
        '{"campaign":{"click_ids":{"gclid":"x"},"page_url":"https://example.com/demo","utm_campaign":"q3",'
        '"utm_medium":"cpc","utm_source":"google"},"company":{"city":"Leeds","country":"GB","employees":120,'
        '"industry":"logistics","name":"Example Ltd","postal_code":"LS1 1AA","website":"https://www.example.com"},'
        '"consent":{"contact":true,"marketing":false,"text":"You may ring me."},"contact":{"country":"GB",'
        '"email":"Ann.Lee@example.com","job_title":"COO","language":"en-GB","name":"Ann Lee","phone":"+442079460123"},'
        '"custom":{"regions":["north","south"],"seats":40,"trial":true},"intent":"demo",'
        '"message":"We have 40 vans and lose an hour a day on each.","product":"fleet"}'
    )
    assert read({"contact": {"email": "ann@example.com"}, "custom": {"b": 1, "a": 1e-5}}).said == (
        b'{"contact":{"email":"ann@example.com"},"custom":{"a":1e-05,"b":1}}'
    )


def test_better_lists_make_no_other_body(monkeypatch: pytest.MonkeyPatch) -> None:
    before = read(EXAMPLE)
    monkeypatch.setattr(emails, "_kind", lambda domain: EmailKind.FREE)
    after = read(EXAMPLE)
    assert before.contact["email_kind"] != after.contact["email_kind"]
    assert before.company["domain"] != after.company["domain"]
    assert before.said == after.said


@pytest.mark.parametrize(
    ("company", "email", "domain"),
    [
        ({}, "ann@mail.example.co.uk", "example.co.uk"),
        ({}, "ann@gmail.com", None),
        ({}, "ann@mailinator.com", None),
        ({"website": "https://shop.example.com/x"}, "ann@other.com", "example.com"),
        ({"website": "https://facebook.com/example"}, "ann@other.com", "other.com"),
        ({"website": "http://192.168.0.1/"}, "ann@other.com", "other.com"),
        ({"domain": "WWW.Example.de", "website": "https://example.com"}, "ann@other.com", "example.de"),
        ({"domain": "gmail.com", "website": "https://example.com"}, "ann@gmail.com", None),
    ],
)
def test_an_accounts_domain_is_told_or_the_websites_or_a_business_emails(
    company: dict[str, Any], email: str, domain: str | None
) -> None:
    assert read({"contact": {"email": email}, "company": company}).company["domain"] == domain


@pytest.mark.parametrize(
    ("country", "region", "phone"),
    [
        (None, None, None),
        (None, "GB", "+442079460123"),
        ("GB", "DE", "+442079460123"),
        ("gb", None, "+442079460123"),
        ("FR", "GB", "+442079460123"),
    ],
)
def test_a_phone_is_of_the_contacts_country_then_of_the_sources_region(
    country: str | None, region: str | None, phone: str | None
) -> None:
    contact = {"email": "ann@example.com", "phone": "020 7946 0123", "country": country}
    normal = read({"contact": contact}, region)
    assert (normal.contact["phone"], normal.contact["phone_valid"]) == (phone or "020 7946 0123", phone is not None)


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("EN", "en"),
        ("en_gb", "en-GB"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-de-1996", "de-DE-1996"),
    ],
)
def test_language_tags_have_one_case(written: str, tag: str) -> None:
    assert read({"contact": {"email": "a@b.de", "language": written}}).contact["language"] == tag


def test_all_mistakes_are_told_at_once_whatever_found_them() -> None:
    body = {
        "contact": {"email": "x", "country": "UK"},
        "company": {"website": "ftp://x", "employees": -1},
        "consent": {"at": "2026-07-06T10:00:00Z"},
        "extra": 1,
    }
    with pytest.raises(Invalid) as refused:
        read(body)
    assert {(each.pointer, each.code) for each in refused.value.mistakes} == {
        ("#/contact/email", "invalid_email"),
        ("#/contact/country", "invalid_country"),
        ("#/company/website", "invalid_url"),
        ("#/company/employees", "out_of_range"),
        ("#/consent/at", "in_future"),
        ("#/extra", "unknown_field"),
    }
