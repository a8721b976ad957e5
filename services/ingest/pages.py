"""The pages that a person sees who sent a form: thanks, what to correct, what went wrong."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from services.runtime.http.problems import Code, Mistake, Problem
from services.runtime.paths import ROOT

_FOLDER: Final = ROOT / "services" / "ingest" / "templates"
_TEMPLATE: Final = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
).get_template("form.html")
_STYLE: Final = (_FOLDER / "form.css").read_text()
_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",  # the form's key is in the path
    "Cache-Control": "no-store",
}
_LABELS: Final[Mapping[str, str]] = {
    "email": "E-mail", "phone": "Phone", "name": "Name", "first_name": "First name", "last_name": "Last name",
    "job_title": "Job title", "company": "Company", "website": "Website", "country": "Country", "message": "Message",
}  # fmt: skip
_SAID: Final[Mapping[Code, tuple[str, str]]] = {
    Code.UNAVAILABLE: (
        "Please try again in a moment",
        "We could not take your message just now. Reload this page, and it will be sent again.",
    ),
    Code.RATE_LIMITED: ("One moment, please", "That was often in a short time. Wait a minute, then reload this page."),
    Code.TOO_LARGE: ("That is too long", "Please go back and shorten what you wrote."),
    Code.NOT_FOUND: ("This form is closed", "Please look for another way to reach us."),
}
_ELSE: Final = ("Something went wrong", "What was sent could not be read. Please go back and try again.")


def thanks() -> HTMLResponse:
    """It was taken."""
    return _page(200, "Thank you", "We have received your message, and will be in touch soon.", good=True)


def corrections(mistakes: Iterable[tuple[str, Mistake]]) -> HTMLResponse:
    """What to correct: each mistake with the name of its field."""
    shown = [
        {
            "label": _LABELS.get(field, field),
            "detail": _ended(_plain(field, mistake)),
            "remedy": _ended(mistake.remedy or ""),
        }
        for field, mistake in mistakes
    ]
    return _page(422, "Please check what you entered", "Nothing has been sent yet.", mistakes=shown)


def apology(problem: Problem) -> HTMLResponse:
    """Any other problem, in words for somebody who only filled in a form."""
    page = _page(problem.status, *_SAID.get(problem.code, _ELSE))
    page.headers.update(problem.headers)
    return page


def _plain(field: str, mistake: Mistake) -> str:
    """What is wrong, to follow the field's label."""
    return "or phone is required" if (field, mistake.code) == ("email", "required") else mistake.detail


def _ended(text: str) -> str:
    return text + "." if text and text[-1] not in ".?!" else text


def _page(
    status: int, title: str, text: str, *, good: bool = False, mistakes: list[dict[str, Any]] | None = None
) -> HTMLResponse:
    style = Markup(_STYLE)  # noqa: S704 - a file of ours
    body = _TEMPLATE.render(title=title, text=text, good=good, mistakes=mistakes or [], style=style)
    return HTMLResponse(body, status, _HEADERS)
