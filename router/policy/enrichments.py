"""Enrichment: the HTTP hook that a policy asks about a lead before it decides."""

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from router.policy.compiled import Enrichment
from router.policy.desks import check_duration
from router.policy.durations import elapsed
from router.policy.mistakes import Mistakes, Path, nearest
from router.policy.rule import All
from schemas.features import CUSTOM, ENRICHED, FEATURES, RELATION, SCORE, Feature, FeatureType
from schemas.policy.enrichment import EnrichmentModel
from schemas.policy.file import PolicyFile

LONGEST_DEADLINE = timedelta(hours=1)
_TYPES = {
    "text": FeatureType.TEXT,
    "country": FeatureType.COUNTRY,
    "number": FeatureType.NUMBER,
    "flag": FeatureType.FLAG,
}
_SENDABLE = tuple(each.path for each in FEATURES if not each.handover and each.path not in (SCORE, RELATION))


def enriched(file: PolicyFile) -> Mapping[str, Feature]:
    """What the hook answers, as rules may look at it, by path."""
    fields = file.enrichment.fields if file.enrichment else {}
    paths = {f"{ENRICHED}{name}": _TYPES[kind] for name, kind in fields.items()}
    return {path: Feature(path, kind, "as the hook answers") for path, kind in paths.items()}


def check_enrichment(enrichment: EnrichmentModel, mistakes: Mistakes) -> None:
    """All but its condition."""
    path: Path = ("enrichment",)
    detail, remedy = _misfit(enrichment.url)
    if detail is not None:
        mistakes.add((*path, "url"), enrichment.url, detail, remedy)
    check_duration(enrichment.deadline, (*path, "deadline"), mistakes, longest=LONGEST_DEADLINE)
    for index, sent in enumerate(enrichment.send):
        if sent not in _SENDABLE and not (sent.startswith(CUSTOM) and len(sent) > len(CUSTOM)):
            remedy = nearest(sent, _SENDABLE) or f"There are {', '.join(_SENDABLE)}, custom.*."
            mistakes.add((*path, "send", index), sent, "no field that can be sent", remedy)


def enrichment_of(enrichment: EnrichmentModel, when: All) -> Enrichment:
    """Compile one that `check_enrichment` has passed."""
    return Enrichment(
        url=enrichment.url,
        when=when,
        deadline=elapsed(enrichment.deadline),
        send=tuple(enrichment.send),
        fields=frozenset(f"{ENRICHED}{name}" for name in enrichment.fields),
    )


def _misfit(url: str) -> tuple[str | None, str | None]:
    """Why this is no address of a hook, and what to write instead."""
    whole = "Write a whole address, as https://enrich.example.com/lead."
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        return "not an address", whole
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_one:
        return "not an address", whole
    if not url.isascii() or any(letter <= " " for letter in url):
        return "not an address", "Encode it: ASCII alone, and no space."
    if parts.username is not None or parts.password is not None:
        return "holds a password, which everybody who reads the policy would know", (
            "Give it to the worker as LEADGATE_ENRICHMENT_TOKEN."
        )
    return ("with a fragment, which is never sent", "Remove all from # on.") if parts.fragment else (None, None)
