"""Reading a lead from its JSON in one pass, as nearly all can be; the long way tells what is wrong. Pure."""

from datetime import datetime
from math import isfinite
from typing import Final

from pydantic import ValidationError

from schemas.api.intake import LeadIn

_VALIDATOR: Final = LeadIn.__pydantic_validator__


def read_lead(raw: bytes, now: datetime) -> LeadIn | None:
    """The lead; None where anything may be wrong with it.

    It must say no more than `parse` and the model together would: a key only once, no U+0000, no infinity.
    """
    if b"\\u0000" in raw:
        return None
    try:
        lead = _VALIDATOR.validate_json(raw, strict=True, context={"now": now})
    except ValidationError:
        return None
    infinite = lead.custom is not None and any(type(v) is float and not isfinite(v) for v in lead.custom.values())
    return lead if _each_key_once(raw, lead) and not infinite else None


def _each_key_once(raw: bytes, lead: LeadIn) -> bool:
    """Whether as many keys were written as are there. What only looks like a key makes them more, never fewer."""
    there = len(lead.model_fields_set) + len(lead.contact.model_fields_set)
    if lead.company is not None:
        there += len(lead.company.model_fields_set)
    if lead.campaign is not None:
        there += len(lead.campaign.model_fields_set) + len(lead.campaign.click_ids or ())
    if lead.consent is not None:
        there += len(lead.consent.model_fields_set)
    written = raw.translate(None, b" \t\r\n")
    return written.count(b'":') == there + len(lead.custom or ())
