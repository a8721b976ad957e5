"""YAML to values: what people write means what they mean, and what is hostile is a mistake."""

import pytest

from router.policy.parse import MAX_BYTES, MAX_DEPTH, parse


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("NO", "NO"),  # Norway
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("08:30", "08:30"),
        ("10:30", "10:30"),  # 630 in YAML 1.1
        ("2026-10-01", "2026-10-01"),
        ("01234", "01234"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("1e3", "1e3"),
        (".5", ".5"),
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("-", [None]),
        ("0.5", 0.5),
        ("-0.25", -0.25),
        ("null", None),
        ("~", None),
        ("", None),
        ("none", "none"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("²", "²"),
        ("٥", "٥"),
        ("9" * 31, "9" * 31),
    ],
)
def test_an_unquoted_word_is_read_by_yaml_1_2(word, value):
    parsed = parse(f"a: {word}" if word != "-" else "a:\n  - ")
    assert parsed.mistake is None
    assert parsed.values == {"a": value}
    assert type(parsed.values["a"]) is type(value)


def test_each_value_has_its_line():
    parsed = parse("a:\n  - b: 1\n    c: [x,\n      y]\n  - d:\n      e\n")
    assert parsed.lines[("a",)] == 1
    assert parsed.lines[("a", 0)] == 2
    assert parsed.lines[("a", 0, "b")] == 2
    assert parsed.lines[("a", 0, "c", 1)] == 4
    assert parsed.lines[("a", 1, "d")] == 5


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
HOSTILE = {
    "an alias": ("a: 1\nb: *a\n", 2, "alias"),
    "an alias bomb": (BOMB, 1, "anchor"),
    "a tag": ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "tag"),
    "a tag on a scalar": ("a: 1\nb: !!int 5\n", 2, "tag"),
    "a tag on a name": ("a: 1\n!!int b: 5\n", 2, "tag"),
    "a name twice": ("a:\n  b: 1\n  c: 2\n  b: 3\n", 4, "twice"),
    "a list as name": ("a: 1\n? [b]\n: 2\n", 2, "key"),
    "a second document": ("a: 1\n---\nb: 2\n", 2, "second document"),
    "deep nesting": ("a: " + "[" * 10_000, 1, "nested deeper"),
    "deep mappings": ("{a: " * 10_000, 1, "nested deeper"),
    "a broken bracket": ("a: 1\nb: [1, 2\n", 3, "not YAML"),
    "a tab": ("a:\n\tb: 1\n", 2, "not YAML"),
    "bad indentation": ("a: 1\n b: 2\n", 2, "not YAML"),
    "a control character": ("a: \x00\n", None, "not YAML"),
    "an impossible character": ('a: "\\UFFFFFFFF"\n', None, "not YAML"),
    "a lone surrogate": ("a: 1\nb: \ud800\n", 2, "surrogate"),
    "no UTF-8": (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
    "too long": (b"#" * (MAX_BYTES + 1), None, "longer than"),
}


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_hostile_text_is_a_mistake(kind):
    text, line, detail = HOSTILE[kind]
    parsed = parse(text)
    assert parsed.mistake is not None
    assert detail in parsed.mistake.detail
    if line is not None and "YAML" not in detail:
        assert parsed.mistake.line == line
    assert parsed.mistake.remedy
    assert parsed.values is None


def test_a_byte_order_mark_does_no_harm():
    assert parse(b"\xef\xbb\xbfa: 1\n").values == {"a": 1}


def test_nesting_up_to_the_limit_is_read():
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH).mistake is None
    assert parse("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)).mistake is not None


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_has_no_values(text):
    assert parse(text).values is None
    assert parse(text).mistake is None
