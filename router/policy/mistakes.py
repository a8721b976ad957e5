"""A mistake in a policy: where, what, and what to do instead."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the top of the file."""
AT_MOST = 50
"""So many mistakes are told at once."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """`value` is what stands there, where it is a single value; `line` counts from 1."""

    line: int | None
    path: str
    value: str | int | float | bool | None
    detail: str
    remedy: str | None


class Mistakes(list[Mistake]):
    """Found one after the other, placed by the lines of the file."""

    def __init__(self, lines: Mapping[Path, int]) -> None:
        super().__init__()
        self._lines = lines
        self.paths: list[Path] = []
        """Of each mistake added here, in order."""

    def add(self, path: Path, value: Any, detail: str, remedy: str | None = None) -> None:
        """Note one; what does not stand in the file has the line of what should hold it. Too many are not noted."""
        if len(self) >= 10 * AT_MOST:
            return
        spoken = Mistake(self.line(path), written(path), plain(value), detail, remedy)
        if spoken not in self:
            self.append(spoken)
            self.paths.append(path)

    def line(self, path: Path) -> int | None:
        while path not in self._lines and path:
            path = path[:-1]
        return self._lines.get(path)

    def told(self) -> list[Mistake]:
        """By line, at most `AT_MOST`."""
        return sorted(self, key=lambda mistake: mistake.line or 0)[:AT_MOST]


def written(path: Path) -> str:
    """Write a path as people do.

    >>> written(("rules", 2, "then", "queue"))
    'rules[2].then.queue'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def plain(value: Any) -> str | int | float | bool | None:
    """A single value as it is, a long one cut; of a list or mapping: None."""
    if isinstance(value, str):
        return value if len(value) <= 200 else value[:199] + "…"
    return value if isinstance(value, int | float | bool) else None


def nearest(word: Any, known: Iterable[str]) -> str | None:
    """`Did you mean …?`, of what is known, where something is near."""
    found = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f"Did you mean {found[0]}?" if found else None
