"""Rules that are never reached: a few rules are looked at, and what is found is as if each were looked at with each."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.rulebooks import with_rules

from router.policy import shadows
from router.policy.check import check
from router.policy.conditions import Conditions, Where
from router.policy.mistakes import Mistakes
from router.policy.rule import All

TEXTS = st.sampled_from(["a", "A", "b", "ab", "bc"])
CLAUSES = st.one_of(
    st.tuples(st.just("direction"), st.sampled_from(["inbound", "outbound", ["inbound", "outbound"]])),
    st.tuples(st.just("company.country"), st.lists(st.sampled_from(["GB", "gb", "IE", "DE"]), min_size=1, max_size=3)),
    st.tuples(
        st.sampled_from(["intent", "custom.x"]),
        st.one_of(
            TEXTS,
            st.lists(TEXTS, min_size=1, max_size=3),
            TEXTS.map(lambda text: {"contains": text}),
            TEXTS.map(lambda text: {"starts_with": text}),
            st.booleans().map(lambda known: {"known": known}),
        ),
    ),
    st.tuples(
        st.sampled_from(["company.employees", "custom.x"]),
        st.one_of(
            st.integers(1, 3),
            st.lists(st.sampled_from([1, 2, 2.0]), min_size=1, max_size=2),
            st.sampled_from([">= 1", ">= 2", "< 3", "<= 2", {"between": [1, 2]}, {"between": [1, 3]}]),
        ),
    ),
    st.tuples(st.just("custom.x"), st.one_of(st.booleans(), st.lists(st.sampled_from([True, 1, "a"]), min_size=1))),
)
PLAIN = st.lists(CLAUSES, min_size=1, max_size=3).map(dict)
WHENS = st.builds(
    lambda plain, any_, not_: plain | ({"any": any_} if any_ else {}) | ({"not": not_} if not_ else {}),
    st.lists(CLAUSES, min_size=1, max_size=2).map(dict),
    st.lists(PLAIN, max_size=2),
    st.one_of(st.none(), PLAIN),
)
CONDITIONS = st.lists(st.one_of(PLAIN, WHENS), min_size=2, max_size=12)


@settings(max_examples=300)
@given(CONDITIONS)
def test_what_is_found_is_as_if_each_were_looked_at_with_each(whens: list[dict[str, Any]]) -> None:
    mistakes = Mistakes({})
    read = Conditions(mistakes)
    conditions = [read.read(when, ("rules", index), where=Where.RULES) for index, when in enumerate(whens)]
    assert not mistakes, list(mistakes)
    assert list(shadows.shadowed(conditions)) == list(_each_with_each(conditions))


def _each_with_each(conditions: list[All]) -> Any:
    for later, condition in enumerate(conditions):
        known, before = shadows._by_path(condition), list(enumerate(conditions[:later]))
        blamed = [shadows._blocker(condition, known, way, before) for way in shadows._possible(condition)]
        found = [earlier for earlier in blamed if earlier is not None]
        if found and len(found) == len(blamed):
            yield later, max(found)


def test_of_a_thousand_rules_few_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [
        f"{{name: r{number}, when: {{direction: inbound, any: [{{custom.a: a{number}}}, {{custom.b: b{number}}}], "
        f"company.country: GB}}, then: {{nurture: 1d}}}}"
        for number in range(1000)
    ]
    looked = 0
    worth = shadows._Before.worth_a_look

    def counted(*given: Any) -> Any:
        nonlocal looked
        found = worth(*given)
        looked += len(found)
        return found

    monkeypatch.setattr(shadows._Before, "worth_a_look", counted)
    assert check(with_rules(*rules)).ok
    assert looked < 2000
