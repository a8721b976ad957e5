"""What holds of every body, whatever is in it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unicodedata import normalize

from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import to_json

from router.identifiers.emails import read_email
from router.identifiers.links import Link, profile, read_link
from router.identifiers.phones import read_phone
from schemas.api.intake import EXAMPLE
from services.ingest.normalise import Normal, normalise
from services.runtime.http.problems import Invalid

DERIVED = ("email_kind", "email_valid", "phone_valid", "profile_valid")
NOW = datetime(2026, 7, 6, 9, 30, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30) | st.sampled_from(
    ["Zoe\u0308 Ångström", "\u212bbo\ufeff", " \u200b", "\u1100\u1161", "\u0958x", "Ann  Lee\n"]
)
lines = st.none() | texts
slugs = st.none() | st.from_regex(r"[a-z0-9_-]{1,10}", fullmatch=True)
countries = st.sampled_from([None, "GB", "de", " fr ", "US"])
times = st.integers(10**9, 17 * 10**8).map(lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat())
emails = st.sampled_from(
    ["Ann@Example.com", " ann@gmail.com", "ann@bücher.de", "ünï@example.com", "a@x.mailinator.com"]
)
phones = st.sampled_from(["020 7946 0123", "+44 20 7946 0123", "030 123456", "12"]) | lines
profiles = st.sampled_from(["uk.linkedin.com/in/Ann/", "https://x.com/ann?utm_source=a", "n/a"]) | lines
contacts = st.fixed_dictionaries(
    {"email": emails, **dict.fromkeys(("name", "job_title"), lines)},
    optional={
        "phone": phones,
        "profile_url": profiles,
        "language": st.sampled_from(["en-gb", "ZH_hant_tw"]),
        "country": countries,
    },
) | st.fixed_dictionaries({"phone": phones, "profile_url": profiles, "email": lines})
companies = st.fixed_dictionaries(
    {"name": lines},
    optional={
        "website": st.sampled_from(
            [None, "www.Example.com", "https://shop.bücher.de/", "http://linkedin.com/company/x"]
        ),
        "domain": st.sampled_from([None, "Example.co.uk", "https://www.example.com/x", "gmail.com"]),
        "employees": st.none() | st.integers(0, 10_000_000),
        "country": countries,
    },
)
customs = st.dictionaries(
    st.from_regex(r"[A-Za-z0-9_.-]{1,8}", fullmatch=True),
    lines | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
    | st.lists(texts, max_size=4),
    min_size=2,
    max_size=5,
)  # fmt: skip
bodies = st.fixed_dictionaries(
    {
        "contact": contacts,
        "company": st.just({}) | companies,
        "consent": st.none() | st.fixed_dictionaries({"contact": st.booleans(), "text": lines, "at": times}),
        "custom": st.none() | customs,
        "message": lines,
    },
    optional={
        "submission_id": lines,
        "occurred_at": times,
        "test": st.booleans() | st.none(),
        "list": st.booleans(),
        "intent": slugs,
        "product": slugs,
        "campaign": st.fixed_dictionaries({}, optional={"utm_source": lines, "click_ids": st.just({"gclid": " x "})}),
    },
)


def read(body: dict[str, Any], *, region: str | None = "GB", now: datetime = NOW) -> Normal | None:
    try:
        return normalise(body, default_region=region, now=now)
    except Invalid:
        return None


def written(normal: Normal) -> dict[str, Any]:
    """The normal form as a sender would post it."""
    posted = {
        **vars(normal.lead),
        "contact": {name: value for name, value in normal.contact.items() if name not in DERIVED},
        "company": {name: value for name, value in normal.company.items() if name != "domain"},
        "campaign": normal.campaign,
        "consent": normal.consent,
    }
    return json.loads(to_json(posted))  # type: ignore[no-any-return]


@given(bodies)
@example(EXAMPLE)
def test_what_is_normal_stays_as_it_is(body: dict[str, Any]) -> None:
    normal = read(body)
    if normal is None or (body.get("company") or {}).get("domain"):
        return
    again = read(written(normal))
    assert again is not None
    assert (again.contact, again.company, again.lead.custom, again.warnings) == (
        normal.contact, normal.company, normal.lead.custom, normal.warnings,
    )  # fmt: skip
    assert again.said == normal.said


@given(bodies, st.randoms(use_true_random=False))
def test_the_order_of_the_keys_and_what_is_null_or_blank_make_no_other_body(body: dict[str, Any], random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        pairs = [(key, shuffled(each)) for key, each in value.items()]
        random.shuffle(pairs)
        return dict(pairs)

    other = shuffled({**body, "contact": {**body["contact"], "job_title": body["contact"].get("job_title") or " "}})
    one, two = read(body), read({"intent": None, **other})
    assert (one and one.said) == (two and two.said)


@given(bodies)
def test_composed_or_not_it_is_the_same_text(body: dict[str, Any]) -> None:
    def decomposed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: decomposed(each) for key, each in value.items()}
        if isinstance(value, list):
            return [decomposed(each) for each in value]
        return normalize("NFD", value) if isinstance(value, str) else value

    one, two = read(body), read(decomposed(body))
    assert (one and one.said) == (two and two.said)


@given(bodies, times)
def test_times_and_the_key_make_no_other_body(body: dict[str, Any], time: str) -> None:
    later = {**body, "occurred_at": time, "submission_id": "other"}
    if body["consent"]:
        later["consent"] = {**body["consent"], "at": time}
    one, two = read(body), read(later, now=NOW + timedelta(days=400))
    assert (one and one.said) == (two and two.said)


@given(bodies, st.sampled_from(["name", "message", "product", "employees", "list", "custom"]))
def test_anything_else_makes_another_body(body: dict[str, Any], what: str) -> None:
    other: dict[str, Any] = {
        "name": {"contact": {**body["contact"], "name": "Somebody Else"}},
        "message": {"message": "something else"},
        "product": {"product": "something-else"},
        "employees": {"company": {**body["company"], "employees": 4711}},
        "list": {"list": not body.get("list", False)},
        "custom": {"custom": {**(body["custom"] or {}), "something-else": 1}},
    }[what]
    one, two = read(body), read({**body, **other})
    if one is not None and two is not None and body | other != body:
        assert one.said != two.said


@given(
    texts
    | st.emails()
    | st.from_regex(r"[a-z.+']{1,9}@([a-z0-9-]{1,5}\.){1,3}[a-z]{2,5}", fullmatch=True)
    | st.from_regex(r"[\w.+'-]{1,70}@([a-zA-Z0-9-]{1,65}\.){1,3}[a-z]{2,5}", fullmatch=True)
)
def test_the_short_way_for_plain_addresses_agrees_with_the_library(text: str) -> None:
    try:
        domain = validate_email(text, check_deliverability=False, test_environment=True, strict=True).ascii_domain
    except EmailNotValidError:
        domain = None
    found = read_email(text)
    if domain is None or "." not in domain or len(text) > 254:
        assert found is None
    else:
        assert found is not None
        assert found.domain == domain
        assert found.address == f"{text.rpartition('@')[0]}@{domain}"


@given(texts | st.from_regex(r"(https?://)?[\w.:@-]{1,20}(/[\w/?=&#%.]{0,20})?", fullmatch=True))
def test_addresses_are_read_to_one_form_or_none(text: str) -> None:
    link, page = read_link(text), profile(text)
    assert link is None or read_link(link.address) == Link(link.address, link.host)
    assert page is None or profile(page) == page


@given(texts | st.from_regex(r"[+0-9() x;.-]{1,70}", fullmatch=True), st.sampled_from(["GB", "DE", "US", None]))
def test_numbers_are_read_to_e164_or_not_at_all(text: str, region: str | None) -> None:
    number = read_phone(text, [region])
    assert number is None or read_phone(number, []) == number
