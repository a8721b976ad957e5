"""The three shapes of the API: what a caller sends, what it asks for in the query, what it is told."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Ask(BaseModel):
    """A request body, or an object in one. Unknown fields are refused; a number is no text, and text no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Query(BaseModel):
    """Query parameters, which are all text. Unknown ones are refused; a list may be repeated."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Said(BaseModel):
    """An answer, or an object in one. What is known but empty is `null`, never absent."""

    model_config = ConfigDict(frozen=True)


class Nothing(Ask):
    """The body of a request that needs none: nothing, or `{}`."""


def example(*examples: dict[str, Any]) -> ConfigDict:
    """The configuration of a model that is shown by these examples."""
    return ConfigDict(json_schema_extra={"examples": list(examples)})
