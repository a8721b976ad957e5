"""Pull: a rep asks for the next thing."""

from pydantic import ConfigDict, Field

from schemas.api.claims import EXAMPLE as CLAIM_EXAMPLE
from schemas.api.claims import ClaimOut
from schemas.api.items import EXAMPLE as ITEM_EXAMPLE
from schemas.api.items import ItemOut
from schemas.api.shape import Ask, Said
from schemas.words import Why

LONGEST_WAIT = 60
"""Seconds."""


class PullIn(Ask):
    """How to ask."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"wait": 25, "test": False}, {}]})

    wait: int = Field(default=0, ge=0, le=LONGEST_WAIT, description="Seconds to wait for something to come.")
    test: bool = Field(default=False, description="Of the test leads, which no other pull gives.")


class PullOut(Said):
    """What to do next, and the claim on it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"why": "next", "item": ITEM_EXAMPLE, "claim": CLAIM_EXAMPLE}]}
    )

    why: Why
    item: ItemOut
    claim: ClaimOut
