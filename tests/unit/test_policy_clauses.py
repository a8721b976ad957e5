"""The meaning of each operator, and three-valued logic."""

from itertools import product

import pytest

from router.policy.clauses import check_of, clause, leaves, truth, words
from router.policy.conditions import Conditions, Where
from router.policy.mistakes import Mistakes
from router.policy.rule import All, Any, Not, Verdict
from schemas.policy.operators import Between, Compare, Contains, Known, Matches, OneOf, StartsWith

MET, UNMET, MISSING, WRONG_TYPE = Verdict

TABLE = [
    (OneOf(values=("GB", "IE")), "GB", MET),
    (OneOf(values=("GB", "IE")), "gb", MET),
    (OneOf(values=("GB", "IE")), "FR", UNMET),
    (OneOf(values=("GB", "IE")), None, MISSING),
    (OneOf(values=("GB", "IE")), 5, WRONG_TYPE),
    (OneOf(values=("GB", "IE")), True, WRONG_TYPE),
    (OneOf(values=("Straße",)), "STRASSE", MET),
    (OneOf(values=("north",)), ("South", "North"), MET),
    (OneOf(values=("north",)), ("south",), UNMET),
    (OneOf(values=("north",)), (), UNMET),
    (OneOf(values=(40, 50)), 40, MET),
    (OneOf(values=(40, 50)), 41, UNMET),
    (OneOf(values=(40,)), "40", WRONG_TYPE),
    (OneOf(values=(1,)), True, WRONG_TYPE),
    (OneOf(values=(True,)), 1, WRONG_TYPE),
    (OneOf(values=(True,)), True, MET),
    (OneOf(values=(True,)), False, UNMET),
    (OneOf(values=("1", 1, True)), 1, MET),
    (Compare(sign=">=", than=50), 50, MET),
    (Compare(sign=">=", than=50), 49, UNMET),
    (Compare(sign=">", than=50), 50, UNMET),
    (Compare(sign="<=", than=50), 50.0, MET),
    (Compare(sign="<", than=50), 49.5, MET),
    (Compare(sign="<", than=50), None, MISSING),
    (Compare(sign=">=", than=50), "60", WRONG_TYPE),
    (Compare(sign=">=", than=0), True, WRONG_TYPE),
    (Between(low=50, high=500), 50, MET),
    (Between(low=50, high=500), 500, MET),
    (Between(low=50, high=500), 501, UNMET),
    (Between(low=50, high=500), ("51",), WRONG_TYPE),
    (Contains(text="Logis"), "freight and logistics", MET),
    (Contains(text="Logis"), "food", UNMET),
    (Contains(text="north"), ("North", "south"), MET),
    (Contains(text="north"), ("northern",), UNMET),
    (Contains(text="1"), 1, WRONG_TYPE),
    (StartsWith(text="EN"), "en-GB", MET),
    (StartsWith(text="EN"), "de", UNMET),
    (StartsWith(text="EN"), ("en",), WRONG_TYPE),
    (Matches(pattern="^LS[0-9]"), "LS1 1AA", MET),
    (Matches(pattern="[0-9]"), "LS1 1AA", MET),
    (Matches(pattern="^ls"), "LS1 1AA", UNMET),
    (Matches(pattern="(?i)^ls"), "LS1 1AA", MET),
    (Matches(pattern="1"), 1, WRONG_TYPE),
    (Known(known=True), False, MET),
    (Known(known=True), None, UNMET),
    (Known(known=False), None, MET),
    (Known(known=False), "x", UNMET),
]


@pytest.mark.parametrize(("test", "value", "verdict"), TABLE)
def test_a_test_says_of_a_value(test, value, verdict):
    assert check_of(test)(value) is verdict


def test_a_pattern_takes_linear_time():
    """Backtracking engines need 2 to the length of the text."""
    assert check_of(Matches(pattern="^(a+)+$"))("a" * 2000 + "b") is UNMET


def test_a_test_reads_as_words():
    tests = [OneOf(values=("GB", True, 5)), Between(low=1, high=2), Known(known=False), Matches(pattern="^a")]
    assert [words(test) for test in tests] == ["GB, true, 5", "between 1 and 2", "not known", "matches ^a"]


T, F, U = "m", "u", "-"
KLEENE_ALL = {(T, T): True, (T, F): False, (T, U): None, (F, F): False, (F, U): False, (U, U): None}
KLEENE_ANY = {(T, T): True, (T, F): True, (T, U): True, (F, F): False, (F, U): None, (U, U): None}


@pytest.mark.parametrize(("one", "other"), list(product("mu-", repeat=2)))
def test_all_and_any_are_kleenes(one, other):
    parts = (clause("a", Known(known=True)), clause("b", Known(known=True)))
    pair = (one, other) if (one, other) in KLEENE_ALL else (other, one)
    assert truth(All(parts), iter([one, other])) is KLEENE_ALL[pair]
    assert truth(Any(parts), iter([one, other])) is KLEENE_ANY[pair]


@pytest.mark.parametrize(("letter", "is_so"), [("m", False), ("u", True), ("-", None), ("x", None)])
def test_the_contrary_of_the_unknown_is_unknown(letter, is_so):
    assert truth(Not(clause("a", Known(known=True))), iter([letter])) is is_so


def test_a_nested_condition_is_read_as_it_stands():
    mistakes = Mistakes({})
    when = {
        "direction": "inbound",
        "any": [{"intent": "demo"}, {"company.employees": ">= 50", "not": {"source": "fair"}}],
    }
    read = Conditions(mistakes).read(when, (), where=Where.RULES)
    assert not mistakes
    assert [each.path for each in leaves(read)] == ["direction", "intent", "company.employees", "source"]
    assert truth(read, iter("mumu")) is True
    assert truth(read, iter("mumm")) is False
    assert truth(read, iter("mu-u")) is None


def test_equal_clauses_are_one_and_look_alikes_are_not():
    conditions = Conditions(Mistakes({}))
    rules = [{"custom.a": 1}, {"custom.a": True}, {"custom.a": "1"}, {"custom.a": 1}, {"custom.a": [1]}]
    read = [leaves(conditions.read(each, (), where=Where.RULES))[0] for each in rules]
    assert len(set(read)) == 3
    assert read[0] is read[3] is read[4]
