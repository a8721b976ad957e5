"""Addresses on the web: their normal form, the company behind a domain, the person behind a profile."""

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import idna
from publicsuffixlist import PublicSuffixList

_SUFFIXES = PublicSuffixList()
_PLAIN = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]{2,63})"
    r"(?P<rest>(?:/[!-\"$->@-~]*)?(?:\?[!-\"$-~]+)?(?:\#[!-~]+)?)",
    re.IGNORECASE | re.ASCII,
)
"""What nearly all addresses look like; the rest take the long way through the library, which agrees on these."""
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_PORTS = {"http": 80, "https": 443}
_SHELL = re.compile(r"^((www|m|mobile)\.)+(?=[^.]+\.[^.])")
"""What stands before a site's name and tells only how it is shown."""

NETWORKS = frozenset([
    "facebook.com", "github.com", "google.com", "instagram.com", "linkedin.com", "linktr.ee", "pinterest.com",
    "tiktok.com", "twitter.com", "vimeo.com", "wa.me", "x.com", "xing.com", "youtube.com",
])  # fmt: skip
"""Where companies have a page but not their name: a website there says nothing of who they are."""
_CASELESS = frozenset(
    ["facebook.com", "github.com", "instagram.com", "linkedin.com", "tiktok.com", "x.com", "xing.com"]
)
"""Networks on which the case of a profile's path has no meaning, nor has its query, but for a number in `id`."""
_RENAMED = {"twitter.com": "x.com", "fb.com": "facebook.com"}


class Link(NamedTuple):
    """A page's address in its normal form, and its host."""

    address: str
    host: str


def read_link(text: str) -> Link | None:
    """Read a page's address; None where there can be no such host.

    >>> read_link("WWW.Example.com:443/A")
    Link(address='https://www.example.com/A', host='www.example.com')
    """
    split = _split(text)
    if split is None:
        return None
    scheme, host, port, rest = split
    at = f":{port}" if port not in (None, _PORTS[scheme]) else ""
    return Link(f"{scheme}://{host}{at}{rest}", host)


def profile(text: str) -> str | None:
    """Write a person's page so that one person's is always the same: https, no `www`, no tracking, no slash at the end.

    >>> profile("http://uk.LinkedIn.com/in/AnnLee/?trk=x")
    'https://linkedin.com/in/annlee'

    None where it is no address, or names nobody.
    """
    split = _split(text)
    if split is None:
        return None
    _, host, _, rest = split
    if "." not in host:
        return None
    name = _SHELL.sub("", host)
    network = _RENAMED.get(registrable(name) or name, registrable(name) or name)
    path, _, query = rest.partition("#")[0].partition("?")
    path = re.sub(r"/{2,}", "/", path).rstrip("/")
    kept = [(key, value) for key, value in parse_qsl(query) if not key.lower().startswith("utm_")]
    if network in _CASELESS:
        name, path = network, path.lower()
        kept = [(key, value) for key, value in kept if key == "id" and value.isdecimal()]
    if not path and not kept:
        return None
    return f"https://{name}{path}" + (f"?{urlencode(sorted(kept))}" if kept else "")


def domain_of(text: str) -> str | None:
    """Find a company's domain, registered under a public suffix, in a domain or an address; None where there is none.

    >>> domain_of("https://www.shop.example.co.uk/x")
    'example.co.uk'
    """
    split = _split(text)
    return registrable(split[1]) if split else None


@lru_cache(maxsize=8192)
def registrable(host: str) -> str | None:
    """Cut a host down to what was registered under a public suffix. Source: publicsuffix.org, private part included."""
    if "." not in host or host.rpartition(".")[2].isdecimal() or host.startswith("["):
        return None
    found: str | None = _SUFFIXES.privatesuffix(host)
    return found


def _split(text: str) -> tuple[str, str, int | None, str] | None:
    """Take an address apart: scheme (https where unsaid), host, port, and the rest as written."""
    if (plain := _PLAIN.fullmatch(text)) and (plain["scheme"] or "://" not in text) and len(plain["host"]) <= 253:
        rest = plain["rest"]
        return (plain["scheme"] or "https").lower(), plain["host"].lower(), None, "" if rest == "/" else rest
    return _apart(text)


def _apart(text: str) -> tuple[str, str, int | None, str] | None:
    if not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = _host(parts.hostname or ""), parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if host is None or scheme not in _PORTS or parts.username is not None:
        return None
    path = "" if parts.path == "/" and not parts.query and not parts.fragment else parts.path
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return scheme, host, port, path + query + fragment


def _host(name: str) -> str | None:
    """Write a host in lower-case ASCII: an IP address, or labels that IDNA allows."""
    if ":" in name:
        return f"[{ipaddress.IPv6Address(name).compressed}]"
    host = name.rstrip(".").lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return None
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        return None
    return host
