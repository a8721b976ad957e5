"""What a new policy would change: by its fields for machines, in sentences for people.

Two files are compared as they are meant: a default that is written out changes nothing, and a rule that was moved is
told as moved.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from schemas.policy.file import PolicyFile

_NAMED = ("rules", "handover", "scores")
_KINDS = {"rules": "Rule", "handover": "Hand-over rule", "scores": "Score"}
_ORDERED = (("rules",), ("handover",))
_THINGS = {"calendars": "Calendar", "sources": "Source", "desks": "Desk"}
Parts: TypeAlias = tuple[str, ...]
"""Where something stands: names from the top of the file, a rule's its own."""


@dataclass(frozen=True, slots=True)
class Change:
    """What stands at `parts` in the one, and in the other; None: nothing does. Of `rules` itself: their order."""

    parts: Parts
    before: Any
    after: Any

    @property
    def path(self) -> str:
        """As in a mistake, but that a rule is found by its name: `rules[far away].then.nurture`."""
        if self.parts[0] in _NAMED and len(self.parts) > 1:
            section, name, *rest = self.parts
            return ".".join([f"{section}[{name}]", *rest])
        return ".".join(self.parts)

    @property
    def words(self) -> str:
        """A sentence."""
        subject, rest = _subject(self.parts)
        if self.parts in _ORDERED:
            return f"{subject} are tried in another order: {', '.join(self.after)} (before: {', '.join(self.before)})."
        what = " ".join(rest)
        if self.before is None:
            return f"{subject} {f'gets {what}' if what else 'is new'}: {_flow(self.after)}."
        if self.after is None:
            return f"{subject} no longer has {what}: {_flow(self.before)}." if what else f"{subject} is removed."
        return f"{subject}: {what} was {_flow(self.before)}, becomes {_flow(self.after)}."


def changes(before: PolicyFile, after: PolicyFile) -> tuple[Change, ...]:
    """All that differs, in the order of the new file; what it has no more stands where it was missed.

    A new rule whose place matters is told with the order of all.
    """
    return tuple(_between(_plain(before), _plain(after), ()))


def _plain(file: PolicyFile) -> dict[str, Any]:
    """The file with its defaults filled in, rules by their names; what says nothing left out."""
    whole: dict[str, Any] = _without_nothing(file.model_dump(mode="json", by_alias=True))
    for section in _NAMED:
        rules = whole.get(section, [])
        whole[section] = {rule["name"]: {key: of for key, of in rule.items() if key != "name"} for rule in rules}
    return whole


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nothing(each) for key, each in value.items() if each is not None and each != []}
    return [_without_nothing(each) for each in value] if isinstance(value, list) else value


def _between(before: Mapping[str, Any], after: Mapping[str, Any], at: Parts) -> Iterator[Change]:
    for key in (*after, *(key for key in before if key not in after)):
        here = (*at, key)
        one, other = before.get(key), after.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _between(one, other, here)
            if here[0] in _NAMED and len(here) == 1:
                yield from _reordered(list(one), list(other), here)
        elif repr(one) != repr(other):  # true and 1 are equal to Python, and not to a rule
            yield Change(here, one, other)


def _reordered(before: Sequence[str], after: Sequence[str], at: Parts) -> Iterator[Change]:
    """The order decides among rules; among scores it does not matter. One put at the end is where one expects it."""
    if at not in _ORDERED:
        return
    kept = [name for name in before if name in after]
    if [name for name in after if name in kept] != kept or after[: len(kept)] != kept:
        yield Change(at, list(before), list(after))


def _subject(parts: Parts) -> tuple[str, Parts]:
    """Whom a sentence is about, and the rest of the path."""
    match parts:
        case ("rules" | "handover" as section,):
            return f"{_KINDS[section]}s", ()
        case ("rules" | "handover" | "scores" as section, name, *rest):
            return f'{_KINDS[section]} "{name}"', tuple(rest)
        case ("desks", desk, "queues", queue, *rest):
            return f"Queue {desk}/{queue}", tuple(rest)
        case ("calendars" | "sources" | "desks" as section, name, *rest):
            return f"{_THINGS[section]} {name}", tuple(rest)
    return "The policy", parts


def _flow(value: Any) -> str:
    """A value as the policy writes it, on one line."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return ", ".join(
                f"{key} {{{_flow(each)}}}" if isinstance(each, dict) else f"{key} {_flow(each)}"
                for key, each in value.items()
            )
        case list():
            return ", ".join(f"({_flow(each)})" if isinstance(each, dict) else _flow(each) for each in value)
    return str(value)
