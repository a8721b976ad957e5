"""What pydantic found is told in the contract's words: every mistake, where it is, what to do."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import pytest
from kit.tiny import Address, Lost, NoteIn, Won
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from schemas.api.problem import MistakeCode
from schemas.api.questions import Period
from schemas.api.shape import Ask
from schemas.api.values import day
from services.runtime.http.mistakes import body_mistakes, query_mistakes

Day = Annotated[date, BeforeValidator(day)]
NOW = datetime(2026, 7, 6, 9, 30, tzinfo=UTC)


class Inner(Ask):
    kind: Literal["a", "b"]
    size: int | str | None = None
    day: Day | None = None


class Outer(NoteIn):
    end: Annotated[Won | Lost, Field(discriminator="outcome")] | None = None
    inner: Inner | None = None
    ratio: float = Field(0, gt=0, lt=1)
    code: str = Field("a", min_length=1, pattern="^[a-z]+$")
    flag: bool = False


def mistakes(body: dict[str, Any]) -> list[tuple[str | None, MistakeCode, str | None]]:
    adapter: TypeAdapter[Outer] = TypeAdapter(Outer)
    from json import dumps

    try:
        adapter.validator.validate_json(dumps(body), strict=True, context={"now": NOW})
    except ValidationError as error:
        return [(one.pointer, one.code, one.remedy) for one in body_mistakes(error, Outer, body)]
    return []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"text": None}, ("#/text", "wrong_type", None)),
        ({"text": "x" * 2001}, ("#/text", "too_long", None)),
        ({"employes": 3}, ("#/employes", "unknown_field", "Did you mean employees?")),
        ({"zzz": 3}, ("#/zzz", "unknown_field", None)),
        ({"a/b": 3}, ("#/a~1b", "unknown_field", None)),
        ({"employees": "3"}, ("#/employees", "wrong_type", None)),
        ({"employees": 3.0}, ("#/employees", "wrong_type", None)),
        ({"employees": True}, ("#/employees", "wrong_type", None)),
        ({"employees": -1}, ("#/employees", "out_of_range", None)),
        ({"employees": 10**30}, ("#/employees", "out_of_range", None)),
        ({"channel": "fone"}, ("#/channel", "not_allowed", "Did you mean phone?")),
        ({"channel": 3}, ("#/channel", "not_allowed", None)),
        ({"at": "yesterday"}, ("#/at", "invalid_time", "Write it as 2026-07-06T09:30:00Z")),
        ({"at": "2026-07-06T09:30:00"}, ("#/at", "invalid_time", "Write it as 2026-07-06T09:30:00Z")),
        ({"at": "2026-02-30T09:30:00Z"}, ("#/at", "invalid_time", "Write it as 2026-07-06T09:30:00Z")),
        ({"at": "0001-01-01T00:00:00+14:00"}, ("#/at", "invalid_time", "Write it as 2026-07-06T09:30:00Z")),
        ({"at": "1066-10-14T00:00:00Z"}, ("#/at", "out_of_range", None)),
        ({"at": 1783330200}, ("#/at", "wrong_type", None)),
        ({"at": "2026-07-06T09:31:00.001Z"}, ("#/at", "in_future", "Check your clock")),
        ({"at": "2999-01-01T00:00:00Z"}, ("#/at", "in_future", "Check your clock")),
        ({"next_at": "2999-01-01T00:00:00Z"}, ("#/next_at", "out_of_range", None)),
        ({"value": {"amount": 1.5, "currency": "GBP"}}, ("#/value/amount", "wrong_type", None)),
        ({"value": {"amount": 10**16, "currency": "GBP"}}, ("#/value/amount", "out_of_range", None)),
        ({"value": {"amount": 1, "currency": "XXX"}}, ("#/value/currency", "invalid_currency", "Write it as GBP")),
        ({"value": {"amount": 1}}, ("#/value/currency", "required", None)),
        ({"value": {"amount": 1, "currency": "GBP", "minor": 1}}, ("#/value/minor", "unknown_field", None)),
        ({"addresses": [{"country": "GB"}, {"contry": "GB"}]}, ("#/addresses/1/country", "required", None)),
        ({"addresses": [{"country": "GB"}] * 4}, ("#/addresses", "too_many", None)),
        ({"addresses": "GB"}, ("#/addresses", "wrong_type", None)),
        ({"custom": {"a": [1]}}, ("#/custom/a", "wrong_type", None)),
        ({"end": {"outcome": "wun", "value": None}}, ("#/end/outcome", "not_allowed", "Did you mean won?")),
        ({"end": {}}, ("#/end/outcome", "required", None)),
        ({"end": {"outcome": "lost"}}, ("#/end/reason", "required", None)),
        ({"end": {"outcome": "lost", "reason": "x", "value": 1}}, ("#/end/value", "unknown_field", None)),
        (
            {"end": {"outcome": "won", "value": {"amount": 1, "curency": "GBP", "currency": "GBP"}}},
            ("#/end/value/curency", "unknown_field", "Did you mean currency?"),
        ),
        ({"inner": {"kind": "c"}}, ("#/inner/kind", "not_allowed", None)),
        ({"inner": {"kind": "a", "size": []}}, ("#/inner/size", "wrong_type", None)),
        ({"inner": {"kind": "a", "day": "2026-7-6"}}, ("#/inner/day", "invalid_time", "Write it as 2026-07-06")),
        ({"inner": {"kind": "a", "day": "2026-02-30"}}, ("#/inner/day", "invalid_time", "Write it as 2026-07-06")),
        ({"ratio": 1}, ("#/ratio", "out_of_range", None)),
        ({"code": ""}, ("#/code", "required", None)),
        ({"code": "A"}, ("#/code", "bad_format", None)),
        ({"flag": "true"}, ("#/flag", "wrong_type", None)),
    ],
)
def test_each_mistake_has_its_code_and_place(more: dict[str, Any], expected: tuple[str, str, str | None]) -> None:
    assert expected in mistakes({"text": "a", **more})


def test_what_is_fine_is_fine() -> None:
    fine = {
        "text": "a",
        "at": "2026-07-06t11:30:59.999+02:00",
        "value": {"amount": 0, "currency": "GBP"},
        "end": {"outcome": "lost", "reason": "x"},
        "inner": {"kind": "a", "size": "x", "day": "2026-07-06"},
        "custom": {"a": "x", "b": 1, "c": 0.5, "d": True, "e": None},
        "addresses": [{"country": "GB"}],
    }
    assert mistakes(fine) == []


def test_all_mistakes_are_told_at_once_and_each_place_once() -> None:
    told = mistakes({"txt": "a", "employees": "x", "at": 1, "inner": {"kind": 1, "size": {}}, "addresses": [{}, {}]})
    places = [pointer for pointer, _, _ in told]
    assert sorted(filter(None, places)) == sorted(
        [
            "#/text",
            "#/txt",
            "#/employees",
            "#/at",
            "#/inner/kind",
            "#/inner/size",
            "#/addresses/0/country",
            "#/addresses/1/country",
        ]
    )


def test_at_most_fifty_mistakes_are_told_and_long_names_cost_nothing() -> None:
    assert len(mistakes({"text": "a"} | {f"unknown_{i}": 1 for i in range(3000)})) == 50
    assert mistakes({"text": "a", "x" * 60_000: 1})[0][1] == "unknown_field"


def test_a_parameter_is_told_by_the_name_that_a_sender_writes() -> None:
    for sent, remedy in (("fron", "Did you mean from?"), ("from_", "Did you mean from?"), ("tzz", "Did you mean tz?")):
        with pytest.raises(ValidationError) as refused:
            Period.model_validate({sent: "x"})
        (told,) = query_mistakes(refused.value, Period, {sent: "x"})
        assert (told.parameter, told.code, told.remedy) == (sent, "unknown_field", remedy)


def test_a_model_that_is_no_union_is_looked_through(  # the remedy knows the fields of a list's entries
) -> None:
    assert ("#/addresses/0/citty", "unknown_field", "Did you mean city?") in mistakes(
        {"text": "a", "addresses": [{"country": "GB", "citty": "x"}]}
    )
    assert Address(country="GB").city is None
