"""YAML to plain values, each with its line. Hostile or broken text makes a mistake, never an error."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from router.policy.mistakes import Mistake, Path, written

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})


@dataclass(frozen=True, slots=True)
class Parsed:
    """The file's values; `lines`: where each stands, from 1. With a mistake, `values` is None."""

    values: Any
    lines: dict[Path, int]
    mistake: Mistake | None = None


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read."""

    path: Path
    into: list[Any] | dict[str, Any]
    key: str | None = None

    def next(self) -> Path:
        """Where the next value stands."""
        return (*self.path, len(self.into) if self.key is None else self.key)


class _Wrong(Exception):
    def __init__(self, mark: Any, path: Path, detail: str, remedy: str, value: str | None = None) -> None:
        self.mistake = Mistake(mark.line + 1, written(path), value, detail, remedy)


@dataclass(slots=True)
class _Reader:
    lines: dict[Path, int] = field(default_factory=dict)
    values: Any = None
    held: list[_Open] = field(default_factory=list)
    documents: int = 0

    def read(self, events: Iterator[Any]) -> None:
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    self._document(event)
                case yaml.AliasEvent():
                    raise _Wrong(event.start_mark, self._here(), "an alias (*)", "Write the value out.")
                case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                    self._begin(event)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self.held.pop()
                case yaml.ScalarEvent():
                    self._scalar(event)

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _Wrong(event.start_mark, (), "a second document (---)", "Write one policy in one file.")

    def _begin(self, event: Any) -> None:
        self._plain(event)
        if len(self.held) >= MAX_DEPTH:
            raise _Wrong(event.start_mark, (), f"nested deeper than {MAX_DEPTH}", "Write it flatter.")
        if self._wants_key():
            raise _Wrong(event.start_mark, self._here(), "a list or mapping as a key", "Write a name there.")
        path = self.held[-1].next() if self.held else ()
        into: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        self._put(into, event)
        self.held.append(_Open(path, into))

    def _scalar(self, event: Any) -> None:
        self._plain(event)
        if event.tag not in _TEXT_TAGS:
            raise _Wrong(event.start_mark, self._here(), f"a tag ({event.tag})", "Write the value without it.")
        holder = self.held[-1] if self.held else None
        if holder is not None and isinstance(holder.into, dict) and holder.key is None:
            key = event.value
            if key in holder.into:
                raise _Wrong(event.start_mark, (*holder.path, key), "this name stands here twice", "Keep one.", key)
            holder.key = key
            self.lines[(*holder.path, key)] = event.start_mark.line + 1
            return
        self._put(scalar(event.value) if event.implicit[0] else event.value, event)

    def _put(self, value: Any, event: Any) -> None:
        if not self.held:
            self.values = value
            self.lines[()] = event.start_mark.line + 1
            return
        holder = self.held[-1]
        self.lines.setdefault(holder.next(), event.start_mark.line + 1)
        if isinstance(holder.into, list):
            holder.into.append(value)
        elif holder.key is not None:
            holder.into[holder.key] = value
            holder.key = None

    def _plain(self, event: Any) -> None:
        if event.anchor is not None:
            raise _Wrong(event.start_mark, self._here(), "an anchor (&)", "Write the value out where it is used.")
        if not isinstance(event, yaml.ScalarEvent) and event.tag is not None:
            raise _Wrong(event.start_mark, self._here(), f"a tag ({event.tag})", "Write the value without it.")

    def _wants_key(self) -> bool:
        return bool(self.held) and isinstance(self.held[-1].into, dict) and self.held[-1].key is None

    def _here(self) -> Path:
        return self.held[-1].path if self.held else ()


def parse(text: str | bytes) -> Parsed:
    """Read a policy file: UTF-8 YAML, one document, no aliases, anchors or tags, no name twice in one mapping."""
    decoded = _decoded(text)
    if isinstance(decoded, Mistake):
        return Parsed(None, {}, decoded)
    reader = _Reader()
    try:
        reader.read(yaml.parse(decoded, Loader=_LOADER))
    except _Wrong as wrong:
        return Parsed(None, {}, wrong.mistake)
    except yaml.MarkedYAMLError as broken:
        mark = broken.problem_mark or broken.context_mark
        detail = ", ".join(part for part in (broken.context, broken.problem) if part)
        return Parsed(None, {}, _broken(mark.line + 1 if mark else None, detail))
    except (yaml.YAMLError, ValueError, OverflowError) as broken:  # a character that YAML does not allow
        return Parsed(None, {}, _broken(None, str(broken).replace("\n", " ")))
    return Parsed(reader.values, reader.lines or {(): 1})


def scalar(word: str) -> str | int | float | bool | None:
    """What an unquoted word is, by YAML 1.2: `no`, `09:00`, `2026-10-01` and `01234` stay text.

    >>> [scalar(word) for word in ("GB", "no", "true", "50", "0.5", "01234", "null")]
    ['GB', 'no', True, 50, 0.5, '01234', None]
    """
    if word in ("", "~", "null", "Null", "NULL"):
        return None
    if word in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return word in ("true", "True", "TRUE")
    digits = word[1:] if word[0] in "+-" else word
    if not digits.isascii() or len(digits) > 30:
        return word
    if digits.isdecimal():
        return int(word) if digits == "0" or digits[0] != "0" else word
    whole, dot, rest = digits.partition(".")
    if dot and (whole + rest).isdecimal() and whole.isdecimal() and (whole == "0" or whole[0] != "0"):
        return float(word)
    return word


def _decoded(text: str | bytes) -> str | Mistake:
    try:
        raw = text.encode() if isinstance(text, str) else text
        if len(raw) > MAX_BYTES:
            return Mistake(None, "", None, f"longer than {MAX_BYTES} bytes", "Shorten it.")
        return raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as wrong:
        line = wrong.object[: wrong.start].count(b"\n") + 1
        return Mistake(line, "", None, "not UTF-8", "Save the file as UTF-8.")
    except UnicodeEncodeError as wrong:
        line = wrong.object[: wrong.start].count("\n") + 1
        return Mistake(line, "", None, "a lone surrogate", "Remove the character.")


def _broken(line: int | None, detail: str) -> Mistake:
    return Mistake(line, "", None, f"not YAML: {detail}", "Check indentation, colons, brackets and quotes here.")
