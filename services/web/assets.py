"""Templates and static files: of this folder and of every process that has pages, merged by name."""

import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from services.runtime.paths import ROOT
from services.web import charts

_SERVICES: Final = ROOT / "services"
_TEXT: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file."""

    body: bytes
    media_type: str


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    """All static files, by name."""
    found: dict[str, Asset] = {}
    for folder in sorted(_SERVICES.glob("*/static")):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                guessed = _TEXT.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
                found[name] = Asset(path.read_bytes(), guessed)
    return found


@lru_cache(maxsize=1)
def edition() -> str:
    """A digest of all static files: it stands in their addresses, so that caches may keep them for ever."""
    every = hashlib.blake2b(digest_size=8)
    for name, asset in assets().items():
        every.update(f"{name}\0{len(asset.body)}\0".encode() + asset.body)
    return every.hexdigest()


def static(name: str) -> str:
    """The address of a static file. Scripts find each other by relative imports. Raises: KeyError, there is none."""
    assets()[name]
    return f"/static/{edition()}/{name}"


@lru_cache(maxsize=1)
def templates() -> Environment:
    """The templates; `parts.html` has the components. A name that is not given is an error, and all is escaped."""
    made = Environment(
        loader=FileSystemLoader(sorted(_SERVICES.glob("*/templates"))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown: dict[str, Any] = {"static": static, "charts": charts}
    made.globals.update(shown)
    made.filters["ticked"] = ticked
    return made


def ticked(text: str) -> Markup:
    """A docstring's text for a page: what stands between back-ticks as code.

    >>> ticked("`a<b` is so")
    Markup('<code>a&lt;b</code> is so')
    """
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )
