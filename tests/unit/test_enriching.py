"""What is taken of a hook's answer, what the hook is told, and when it is asked again."""

from datetime import timedelta

import pytest
from kit.rulebooks import NOW, policy_of, submitted, with_rules

from router.enriching import LARGEST, MAX_TEXT, NoAnswer, answer_of, next_try, pause, question

FIELDS = {"enriched.size", "enriched.kind"}
POLICY = policy_of(
    with_rules().replace(
        "maturity: 90d",
        "enrichment: {url: 'https://example.com', send: [company.domain, custom.tags, contact.country], "
        "fields: {size: number}}",
    )
)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"size": 5, "kind": "shop", "other": 1}', {"enriched.kind": "shop", "enriched.size": 5}),
        (b'{"size": 5.0}', {"enriched.size": 5}),
        (b'{"size": null, "kind": ""}', {}),
        (b"{}", {}),
        (b'{"size": {"deep": 1}, "kind": [1, 2]}', {}),
        (b'{"kind": ["a", "b", ""]}', {"enriched.kind": ("a", "b")}),
        (b'{"size": true}', {"enriched.size": True}),
        (f'{{"size": {LARGEST + 1}, "kind": "x"}}'.encode(), {"enriched.kind": "x"}),
        (b'{"size": 1e400}', {}),
        (rb'{"kind": "a\u0000b"}', {}),
        (rb'{"kind": "\ud800"}', {}),
        (b'{"kind": "' + b"x" * (MAX_TEXT + 5) + b'"}', {"enriched.kind": "x" * MAX_TEXT}),
    ],
)
def test_only_what_a_rule_can_test_and_a_receipt_can_keep_is_taken(body: bytes, answer: dict[str, object]) -> None:
    assert answer_of(body, FIELDS) == answer


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b'{"size": NaN}', b"[" * 100_000])
def test_what_is_no_json_object_is_no_answer(body: bytes) -> None:
    with pytest.raises(NoAnswer):
        answer_of(body, FIELDS)


def test_the_hook_is_told_what_is_known_of_what_the_policy_sends() -> None:
    assert POLICY.enrichment is not None
    lead = submitted(company={"domain": "example.com"}, custom={"tags": ["a"]}, intent="demo")
    fields = {"company.domain": "example.com", "custom.tags": ["a"]}
    assert question(lead, POLICY.enrichment) == {"lead_id": "ld_1", "test": False, "fields": fields}


def test_it_is_asked_again_ever_later_and_not_past_the_deadline() -> None:
    assert [pause(tries).total_seconds() for tries in (1, 2, 3, 5, 6, 99)] == [1, 2, 4, 16, 30, 30]
    assert next_try(NOW, 1, NOW + timedelta(seconds=2)) == NOW + timedelta(seconds=1)
    assert next_try(NOW, 2, NOW + timedelta(seconds=2)) is None
