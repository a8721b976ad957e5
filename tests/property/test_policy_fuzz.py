"""Checking a policy answers to anything, and says where."""

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kit.rulebooks import EXAMPLE

from router.policy.check import check
from router.policy.compile import policy_of
from router.policy.parse import parse

VOCABULARY = """version rules when then not any known between matches queue qualify by-rep closing/uk hours always
mon-fri zone direction inbound intent company.country custom.x nurture 90d release buffer fixed"""
WORDS = st.sampled_from([*VOCABULARY.split(), "3 working days", ">= 5"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | WORDS
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6) | WORDS, inner, max_size=4),
    max_leaves=20,
)
BASE = parse(EXAMPLE).values


def places(value, path=()):
    """Every path in the example."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inner:
        yield from places(held, (*path, key))


PLACES = [path for path in places(BASE) if path]


def put(value, path, what):
    """The value with something else at a path."""
    if not path:
        return what
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], what)
    return copy


def answers(text):
    checked = check(text)
    assert checked.ok != bool(checked.mistakes)
    assert len(checked.mistakes) <= 50
    for mistake in checked.mistakes:
        assert mistake.detail
        assert mistake.line is None or mistake.line >= 1
    if checked.file is not None:
        policy_of(checked.file, 1)


@given(st.binary(max_size=200) | st.text(max_size=200))
@example("a: !!binary x")
@example("? a\n")
@example("*a")
@example("\ufeff\ufeff")
@example("a: >\n  \x85")
def test_anything_at_all_is_answered(text):
    answers(text)


@given(st.text(alphabet="abc:-[]{}&*!|>'\"%@`#,? \n\t~=<.0", max_size=60))
def test_anything_that_looks_like_yaml_is_answered(text):
    answers(text)


@given(st.sampled_from(PLACES), TREES)
@settings(max_examples=150)
def test_the_example_with_anything_at_any_place_is_answered(path, what):
    answers(yaml.safe_dump(put(BASE, path, what), allow_unicode=True, sort_keys=False))


@given(st.dictionaries(WORDS | st.text(max_size=5), TREES, max_size=4))
@settings(max_examples=150)
def test_any_condition_is_answered(when):
    answers(yaml.safe_dump(put(BASE, ("rules", 0, "when"), when), allow_unicode=True, sort_keys=False))
