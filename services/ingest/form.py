"""A form's flat names as a lead's body, and the way back, so that mistakes name the fields that people see. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from router.identifiers.links import read_link
from schemas.api.intake import Warned
from schemas.api.normal import MOST_EMPLOYEES, WEB, clean
from services.runtime.http.body import escaped, odd, odd_character
from services.runtime.http.problems import Invalid, Mistake

_PLACES: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    **{name: (("contact", name),) for name in ("email", "phone", "name", "first_name", "last_name", "job_title")},
    "country": (("contact", "country"), ("company", "country")),  # a form asks once
    "company": (("company", "name"),),
    "website": (("company", "website"),),
    "employees": (("company", "employees"),),
    "intent": (("intent",),),
    "product": (("product",),),
    "message": (("message",),),
    "_submission_id": (("submission_id",),),
}
"""Where a field's value goes."""
_UTM: Final = frozenset(f"utm_{part}" for part in ("source", "medium", "campaign", "term", "content"))
_CLICK_IDS: Final = frozenset(
    ["gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "twclid", "li_fat_id", "yclid"]
)
"""What advertisers' links carry along."""
_CAPTCHAS: Final = frozenset(["g-recaptcha-response", "h-captcha-response", "cf-turnstile-response"])
"""Answers to puzzles: long, good for once, and of no use to anybody later."""
_CONTROLS: Final = frozenset(["_next", "_error", "_trap"])
_YES: Final = frozenset(["1", "on", "true", "yes", "y"])
_NO: Final = frozenset(["0", "off", "false", "no", "n"])
_WHOLE: Final = re.compile(r"\d{1,3}([., ’']?\d{3}){0,2}|\d{1,8}", re.ASCII)
_ODD: Final = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was sent. `body` is a lead's; `fields` tells which field a pointer into that came from."""

    body: dict[str, Any]
    fields: dict[str, str]
    next: str | None
    error: str | None
    trapped: bool
    warnings: tuple[Warned, ...]

    def field_of(self, pointer: str | None) -> str:
        """The field that a pointer into the lead's body means; `email`, where it means nobody in particular.

        >>> read_form([("company", "x")]).field_of("#/company/name")
        'company'
        """
        told = pointer or "#"
        return self.fields.get(told, "email" if told in ("#", "#/contact") else told[2:])

    def in_its_words(self, mistakes: Iterable[Mistake]) -> list[tuple[str, Mistake]]:
        """The same mistakes with the names of the form's fields, and pointing at them; each field once."""
        found: dict[str, Mistake] = {}
        for mistake in mistakes:
            field = self.field_of(mistake.pointer)
            found.setdefault(field, replace(mistake, pointer=f"#/{escaped(field)}"))
        return list(found.items())

    def warned(self, warnings: Iterable[Warned]) -> list[Warned]:
        """The same warnings, at the form's fields."""
        told = [each.model_copy(update={"pointer": f"#/{escaped(self.field_of(each.pointer))}"}) for each in warnings]
        return [*self.warnings, *told]


def read_form(pairs: Iterable[tuple[str, Any]]) -> Filled:
    """Read the fields of a form in the order sent. What has no place goes to `custom`; the empty is left out.

    What came along with the page and nobody typed (where they came from, click ids) is left out with a warning where it
    is too long or no address: no reason to lose a lead. Of a field sent twice the last counts; in `custom` both do.

    Raises: Invalid, a text holds U+0000.
    """
    values: dict[str, list[Any]] = {}
    strange: list[Mistake] = []
    for name, value in pairs:
        if isinstance(value, str) and odd(value):
            strange.append(odd_character(pointer=f"#/{escaped(name)}"))
        elif (cleaned := clean(value)) is not None:
            values.setdefault(name.removesuffix("[]"), []).append(cleaned)
    if strange:
        raise Invalid(strange)
    return _Reading(values).filled()


class _Reading:
    """Lays values where they belong."""

    def __init__(self, values: Mapping[str, list[Any]]) -> None:
        self._values = values
        self._body: dict[str, Any] = {"contact": {}}
        self._fields: dict[str, str] = {}
        self._warnings: list[Warned] = []

    def filled(self) -> Filled:
        for name, values in self._values.items():
            if name not in _CONTROLS and name not in _CAPTCHAS:
                self._lay(name, values)
        return Filled(
            body=self._body,
            fields=self._fields,
            next=self._text("_next"),
            error=self._text("_error"),
            trapped="_trap" in self._values,
            warnings=tuple(self._warnings),
        )

    def _text(self, name: str) -> str | None:
        value = self._values.get(name, [None])[-1]
        return value if isinstance(value, str) else None

    def _lay(self, name: str, values: list[Any]) -> None:
        value = values[-1]
        if name in _UTM:
            self._along(name, ("campaign", name), value, 200)
        elif name in _CLICK_IDS:
            self._along(name, ("campaign", "click_ids", name), value, 200)
        elif name == "_page":
            self._along(name, ("campaign", "page_url"), value, 2000)
        elif name == "consent":
            self._consent(value)
        elif name == "employees" and _whole(value) is None and not isinstance(value, bool):
            self._custom(name, values)  # "51 to 200" is worth keeping
        elif name in _PLACES:
            for place in _PLACES[name]:
                self._put(name, place, _tidied(name, value))
        else:
            self._custom(name, values)

    def _put(self, name: str, place: tuple[str, ...], value: Any) -> None:
        *outer, last = place
        here = self._body
        for part in outer:
            here = here.setdefault(part, {})
        here[last] = value
        self._fields["#/" + "/".join(place)] = name

    def _along(self, name: str, place: tuple[str, ...], value: Any, longest: int) -> None:
        if isinstance(value, str) and len(value) > longest:
            self._warnings.append(Warned(pointer=f"#/{name}", code="too_long", detail="left out"))
        elif name == "_page" and isinstance(value, str) and not (WEB.fullmatch(value) and read_link(value)):
            self._warnings.append(Warned(pointer=f"#/{name}", code="invalid_url", detail="left out"))
        else:
            self._put(name, place, value)

    def _consent(self, value: Any) -> None:
        """Take a ticked box, whatever its value says, for a yes, and its words for what was agreed to."""
        word = str(value).lower() if isinstance(value, str | int) else ""
        if word in _YES or word in _NO:
            self._put("consent", ("consent", "contact"), word in _YES)
        elif isinstance(value, str):
            self._put("consent", ("consent", "contact"), True)
            self._put("consent", ("consent", "text"), value)
        else:
            self._put("consent", ("consent", "contact"), value)

    def _custom(self, name: str, values: list[Any]) -> None:
        key = _ODD.sub("_", name)[:64] or "_"
        custom = self._body.setdefault("custom", {})
        before = custom.get(key, [])
        together = [*(before if isinstance(before, list) else [before]), *values]
        self._put(name, ("custom", key), together if len(together) > 1 else values[0])


def _whole(value: Any) -> int | None:
    """Read a number of employees as people write it; None where it is none.

    >>> _whole("1,200")
    1200
    """
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value):
            return None
        value = int(re.sub(r"\D", "", value))
        return value if value <= MOST_EMPLOYEES else None
    return value if isinstance(value, int) else None


def _tidied(name: str, value: Any) -> Any:
    """A choice's label serves as its word: `Demo request` is `demo-request`."""
    if name == "employees":
        return value if isinstance(value, bool) else _whole(value)
    if name in ("intent", "product") and isinstance(value, str):
        return "-".join(value.lower().split())
    return value
