"""Keys over the API."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from schemas.api.shape import Ask, Said
from schemas.events.stamp import Moment
from schemas.ids import looks_like
from schemas.words import Desk, PrincipalKind, RepId, SourceName

MOST_URLS = 50
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*|\[[0-9a-f:.]{2,45}\]")
_PORTS = {"http": 80, "https": 443}


def _web(url: str) -> str:
    """Check an absolute web address, and bring its scheme and host into lower case."""
    wrong = PydanticCustomError(
        "invalid_url",
        "is no web address",
        {"remedy": "Write it as https://example.com/thanks, a host beyond ASCII as xn--…"},
    )
    if any(char <= " " or char == "\x7f" for char in url):
        raise wrong
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    if parts.scheme.lower() not in _PORTS or not _HOST.fullmatch(shown) or parts.username or parts.password:
        raise wrong
    at = shown if port in (None, _PORTS[parts.scheme]) else f"{shown}:{port}"
    return parts._replace(netloc=at).geturl()


def _origin(url: str) -> str:
    """Check a web origin: scheme, host and port. Source: RFC 6454."""
    parts = urlsplit(_web(url))
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise PydanticCustomError(
            "invalid_url", "is no origin", {"remedy": "Write it without a path, as https://example.com"}
        )
    return f"{parts.scheme}://{parts.netloc}"


def _rep(rep_id: str) -> RepId:
    if not looks_like("rep", rep_id):
        raise PydanticCustomError("bad_format", "is no id of a rep", {"remedy": "Write it as rep_…, from GET /v1/reps"})
    return RepId(rep_id)


Url = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_web)]
Origin = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_origin)]
Source = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$"), AfterValidator(SourceName)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Urls = Annotated[tuple[Url, ...], Field(max_length=MOST_URLS)]


class FormKeyIn(Ask):
    """A publishable key that can only create leads: of a web form."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "form",
                    "source": "web",
                    "origins": ["https://example.com"],
                    "thank_you": ["https://example.com/thanks"],
                }
            ]
        }
    )

    kind: Literal[PrincipalKind.FORM]
    name: Name | None = None
    source: Source
    origins: Annotated[tuple[Origin, ...], Field(max_length=MOST_URLS)] = ()
    thank_you: Urls = ()
    error_pages: Urls = ()


class ServiceKeyIn(Ask):
    """A secret key of a system that puts leads in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "service", "source": "crm"}]})

    kind: Literal[PrincipalKind.SERVICE]
    name: Name | None = None
    source: Source


class RepKeyIn(Ask):
    """A rep's own key."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "rep", "rep_id": "rep_01k0c2v5x8f7q3m4n6p9r1s2t3"}]}
    )

    kind: Literal[PrincipalKind.REP]
    name: Name | None = None
    rep_id: Annotated[str, AfterValidator(_rep)]


class ManagerKeyIn(Ask):
    """A manager's key; no desks: all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "manager", "name": "Mo", "desks": ["closing"]}]})

    kind: Literal[PrincipalKind.MANAGER]
    name: Name
    desks: Annotated[tuple[Desk, ...], Field(max_length=len(Desk))] = ()


class AdminKeyIn(Ask):
    """An admin's key."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "admin", "name": "ops"}]})

    kind: Literal[PrincipalKind.ADMIN]
    name: Name


KeyIn = Annotated[FormKeyIn | ServiceKeyIn | RepKeyIn | ManagerKeyIn | AdminKeyIn, Field(discriminator="kind")]


class KeyOut(Said):
    """A key; `hint` are the last characters of its secret."""

    id: str
    kind: PrincipalKind
    name: str | None
    hint: str
    source: SourceName | None
    rep_id: RepId | None
    desks: list[str]
    origins: list[str]
    thank_you: list[str]
    error_pages: list[str]
    created_at: Moment
    revoked_at: Moment | None


class NewKeyOut(KeyOut):
    """A key with its secret, which is told here and never again."""

    key: str
