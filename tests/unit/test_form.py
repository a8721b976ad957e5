"""A form's flat names as a lead's body, and the bodies that browsers send."""

from html.parser import HTMLParser
from typing import Any

import pytest

from services.ingest.form import read_form
from services.ingest.formbody import MOST_FIELDS, fields_of
from services.ingest.snippet import snippet
from services.runtime.http.problems import Invalid, MalformedBody, Mistake, TooLarge

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = 'multipart/form-data; boundary="X"'


def part(head: str, value: bytes = b"v") -> bytes:
    return b"--X\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + value + b"\r\n"


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"email": "a@b.de", "first_name": "Ann"}, {"contact": {"email": "a@b.de", "first_name": "Ann"}}),
        ({"country": "GB"}, {"contact": {"country": "GB"}, "company": {"country": "GB"}}),
        ({"company": "Acme", "website": "acme.com"}, {"company": {"name": "Acme", "website": "acme.com"}}),
        ({"employees": "1,200"}, {"company": {"employees": 1200}}),
        ({"employees": 120}, {"company": {"employees": 120}}),
        ({"employees": "51-200"}, {"custom": {"employees": "51-200"}}),
        ({"employees": "99999999"}, {"custom": {"employees": "99999999"}}),
        ({"intent": "Demo  Request"}, {"intent": "demo-request"}),
        ({"consent": "on"}, {"consent": {"contact": True}}),
        ({"consent": "No"}, {"consent": {"contact": False}}),
        ({"consent": True}, {"consent": {"contact": True}}),
        ({"consent": 1}, {"consent": {"contact": True}}),
        ({"consent": "You may ring me"}, {"consent": {"contact": True, "text": "You may ring me"}}),
        ({"consent": ["x"]}, {"consent": {"contact": ["x"]}}),
        ({"utm_source": "x", "gclid": "g"}, {"campaign": {"utm_source": "x", "click_ids": {"gclid": "g"}}}),
        ({"_page": "https://a.com/x"}, {"campaign": {"page_url": "https://a.com/x"}}),
        ({"_submission_id": "s1"}, {"submission_id": "s1"}),
        ({"How did you?": "web", "seats": 4}, {"custom": {"How_did_you_": "web", "seats": 4}}),
        ({"x" * 70: "y"}, {"custom": {"x" * 64: "y"}}),
        ({"message": "  ", "phone": ""}, {}),
        ({"g-recaptcha-response": "0" * 3000, "_trap": "", "_next": "x"}, {}),
        ({"contact": {"email": "a@b.de"}}, {"custom": {"contact": {"email": "a@b.de"}}}),
    ],
)
def test_each_field_has_its_place_and_the_rest_goes_to_custom(fields: dict[str, Any], body: dict[str, Any]) -> None:
    assert read_form(fields.items()).body == {"contact": {}, **body}


def test_of_a_field_sent_twice_the_last_counts_and_in_custom_both_do() -> None:
    sent = fields_of(URLENCODED, b"email=a@b.de&email=c@d.de&consent=no&consent=yes&likes[]=tea&likes[]=coffee")
    assert read_form(sent).body == {
        "contact": {"email": "c@d.de"},
        "consent": {"contact": True},
        "custom": {"likes": ["tea", "coffee"]},
    }


def test_what_nobody_typed_is_left_out_with_a_warning_rather_than_cost_a_lead() -> None:
    filled = read_form([("email", "a@b.de"), ("utm_term", "x" * 201), ("fbclid", "x" * 201), ("_page", "nowhere")])
    assert filled.body == {"contact": {"email": "a@b.de"}}
    assert [(each.pointer, each.code) for each in filled.warnings] == [
        ("#/utm_term", "too_long"),
        ("#/fbclid", "too_long"),
        ("#/_page", "invalid_url"),
    ]


def test_control_fields_are_told_apart() -> None:
    filled = read_form([("_next", " https://a.com "), ("_error", "https://a.com/e"), ("_trap", "x")])
    assert (filled.next, filled.error, filled.trapped) == ("https://a.com", "https://a.com/e", True)
    assert not read_form([("_trap", " ")]).trapped


def test_mistakes_name_the_fields_that_people_see_each_once() -> None:
    filled = read_form([("company", "x"), ("country", "x"), ("How many?", "x")])
    pointers = [
        "#/company/name",
        "#/contact/country",
        "#/company/country",
        "#/custom/How_many_",
        "#/contact",
        "#/intent",
    ]
    named = filled.in_its_words(Mistake("bad_format", "x", pointer=pointer) for pointer in pointers)
    assert [(field, mistake.pointer) for field, mistake in named] == [
        ("company", "#/company"),
        ("country", "#/country"),
        ("How many?", "#/How%20many?"),
        ("email", "#/email"),
        ("intent", "#/intent"),
    ]


def test_nul_is_refused_wherever_it_stands() -> None:
    with pytest.raises(Invalid) as refused:
        read_form(fields_of(URLENCODED, b"email=a%00&x=%00"))
    assert [(each.code, each.pointer) for each in refused.value.mistakes] == [
        ("invalid_character", "#/email"),
        ("invalid_character", "#/x"),
    ]


@pytest.mark.parametrize(
    ("kind", "raw", "fields"),
    [
        (URLENCODED, b"a=1&b=%C3%A9+x&c&=3&&a=2", [("a", "1"), ("b", "é x"), ("c", ""), ("", "3"), ("a", "2")]),
        (URLENCODED, "a=é".encode(), [("a", "é")]),
        (URLENCODED, b"a=%zz%", [("a", "%zz%")]),
        (URLENCODED, b"", []),
        (MULTIPART, part('name="a"', "é".encode()) + b"--X--\r\n", [("a", "é")]),
        (MULTIPART, part('name="a"') + part('name="f"; filename="x.png"', b"\xff\x00") + b"--X--", [("a", "v")]),
        ("application/json", b'{"a":"x","b":[1]}', [("a", "x"), ("b", [1])]),
    ],
)
def test_all_three_kinds_of_body_are_the_same_fields(kind: str, raw: bytes, fields: list[tuple[str, Any]]) -> None:
    assert fields_of(kind, raw) == fields


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (URLENCODED, b"a=%ff"),
        (URLENCODED, b"%ff=a"),
        (MULTIPART, b""),
        (MULTIPART, part('name="a"')),
        (MULTIPART, b"--Y\r\n"),
        (MULTIPART, part('nome="a"') + b"--X--"),
        (MULTIPART, part('name="a"', b"\xff") + b"--X--"),
        (MULTIPART, b"--X\r\nno header\r\n\r\nv\r\n--X--"),
        ("multipart/form-data", part('name="a"') + b"--X--"),
        ("multipart/form-data; boundary=" + "x" * 300, b"--" + b"x" * 300 + b"--"),
        ("application/json", b"[]"),
        ("application/json", b'{"a":1,"a":2}'),
    ],
)
def test_what_cannot_be_read_is_malformed(kind: str, raw: bytes) -> None:
    with pytest.raises(MalformedBody):
        fields_of(kind, raw)


def test_a_form_has_at_most_a_hundred_fields_files_included() -> None:
    few, many = b"&".join([b"a=1"] * MOST_FIELDS), b"&".join([b"a=1"] * (MOST_FIELDS + 1))
    assert len(fields_of(URLENCODED, few)) == MOST_FIELDS
    files = part('name="f"; filename="x"') * (MOST_FIELDS + 1) + b"--X--"
    for kind, raw in ((URLENCODED, many), (MULTIPART, files)):
        with pytest.raises(Invalid) as refused:
            fields_of(kind, raw)
        assert [each.code for each in refused.value.mistakes] == ["too_many"]


def test_json_has_the_limit_of_json() -> None:
    with pytest.raises(TooLarge):
        fields_of("application/json", b'{"a":"' + b"x" * 70_000 + b'"}')


class Page(HTMLParser):
    """The parts of a page that matter to a form."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.found if found == tag]


def test_the_snippet_is_a_form_of_known_fields_with_a_trap_that_people_never_meet() -> None:
    page = Page(snippet("https://leads.example.com/v1/forms/lgf_x", next_='https://example.com/?a=1&b="2"'))
    assert page.all("form") == [
        {"action": "https://leads.example.com/v1/forms/lgf_x", "method": "post", "accept-charset": "utf-8"}
    ]
    assert not page.all("script")
    inputs = {each["name"]: each for each in page.all("input") + page.all("textarea")}
    assert inputs["_next"]["value"] == 'https://example.com/?a=1&b="2"'
    assert "hidden" in page.all("div")[0]
    assert inputs["_trap"]["tabindex"] == "-1"
    filled = read_form((name, "x") for name in inputs if name)
    assert "custom" not in filled.body
    assert len(page.all("label")) == len(inputs) - 1


def test_the_snippet_names_no_page_where_none_is_listed() -> None:
    assert "_next" not in snippet("https://leads.example.com/v1/forms/lgf_x")
