"""A submission as rules see it: normalised, by path, and nothing in it that names a person."""

import math
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from router.policy.rule import Features, Value
from schemas.events.intake import LeadSubmitted
from schemas.features import BY_PATH, CUSTOM, ENRICHED, QUALIFICATION, RELATION, SCORE
from schemas.person import Contact
from schemas.words import Frozen, Relation

F = TypeVar("F", bound=Frozen)
_SAID_OF = {
    "email_kind": "email",
    "email_valid": "email",
    "phone_valid": "phone",
    "profile_valid": "profile_url",
}
_HAS = {"has_email": "email_valid", "has_phone": "phone_valid", "has_profile": "profile_valid"}


def features_of(
    lead: LeadSubmitted,
    looks_at: Collection[str],
    qualification: Mapping[str, Any] | None = None,
    *,
    relation: Relation | None = None,
    enriched: Mapping[str, Any] | None = None,
) -> Features:
    """What stands at the paths of `looks_at`; what is not known is left out. Sorted, so that equal is alike.

    `relation`: what their company is to us. `enriched`: what a hook answered, by `enriched.<name>`.
    """
    beside = {f"{QUALIFICATION}{name}": value for name, value in (qualification or {}).items()}
    beside |= {**(enriched or {}), RELATION: relation}
    found = ((path, _clean(_at(lead, path, beside))) for path in sorted(looks_at))
    return {path: value for path, value in found if value is not None}


def renewed(old: LeadSubmitted, new: LeadSubmitted) -> LeadSubmitted:
    """A nurtured lead as its person's next submission makes it: how they came and what they say now; the rest stays.

    It keeps its own id and the time at which it was captured.
    """
    return new.model_copy(
        update={
            "id": old.id,
            "submission_id": old.submission_id,
            "received_at": old.received_at,
            "occurred_at": old.occurred_at,
            "contact": _contact(old.contact, new.contact),
            "company": _over(old.company, new.company),
            "intent": new.intent or old.intent,
            "product": new.product or old.product,
            "message": new.message or old.message,
            "consent": new.consent or old.consent,
            "custom": {**old.custom, **new.custom},
        }
    )


def filled(old: LeadSubmitted, new: LeadSubmitted) -> LeadSubmitted:
    """A lead in whose contact stands what its person's next submission adds; nothing that it has is replaced."""
    return old.model_copy(update={"contact": _contact(new.contact, old.contact)})


def unfilled(known: LeadSubmitted, gave: LeadSubmitted, own: Contact) -> LeadSubmitted:
    """A lead without what only another one gave it: it is somebody else's. `own` is the contact that it came with."""
    borrowed = {
        name
        for name in Contact.model_fields
        if name not in _SAID_OF
        and getattr(own, name) is None
        and getattr(known.contact, name) == getattr(gave.contact, name)
    }
    but = borrowed | {said for said, name in _SAID_OF.items() if name in borrowed}
    kept = known.contact.model_dump(exclude=but)
    return known.model_copy(update={"contact": Contact(**kept)})


def _at(lead: LeadSubmitted, path: str, beside: Mapping[str, Any]) -> Any:
    if path.startswith(CUSTOM):
        return lead.custom.get(path.removeprefix(CUSTOM))
    if path == RELATION or path.startswith((QUALIFICATION, ENRICHED)):
        return beside.get(path)
    if path not in BY_PATH or path == SCORE:
        return None
    place, _, name = path.rpartition(".")
    held = getattr(lead, place) if place else lead
    return None if held is None else getattr(held, _HAS.get(name, name))


def _clean(value: Any) -> Value | None:
    """A value that JSON, and PostgreSQL's, gives back as it was: whole numbers whole, none endless."""
    match value:
        case bool():
            return value
        case float():
            if not math.isfinite(value):
                return None
            return int(value) if value.is_integer() else value
        case list() | tuple():
            return tuple(str(each) for each in value)
        case str():
            return str(value) or None
        case int():
            return value
    return None


def _contact(old: Contact, new: Contact) -> Contact:
    """An identity goes with what is said of it: whether it is valid, and of which kind an e-mail is."""
    merged = _over(old, new)
    return merged.model_copy(
        update={said: getattr(new if getattr(new, name) else old, said) for said, name in _SAID_OF.items()}
    )


def _over(old: F, new: F) -> F:
    said = {name: value for name in type(new).model_fields if (value := getattr(new, name)) not in (None, {})}
    return old.model_copy(update=said)
