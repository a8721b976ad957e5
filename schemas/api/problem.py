"""What every 4xx and 5xx says. Source: RFC 9457, with `code` to branch on and all mistakes at once."""

from typing import Literal

from pydantic import ConfigDict, Field

from schemas.api.shape import Said

MistakeCode = Literal[
    "required",
    "unknown_field",
    "wrong_type",
    "too_long",
    "too_many",
    "out_of_range",
    "bad_format",
    "not_allowed",
    "invalid_email",
    "invalid_phone",
    "invalid_country",
    "invalid_url",
    "invalid_time",
    "in_future",
    "invalid_currency",
    "invalid_character",
]
"""The closed list of what can be wrong with one value."""


class MistakeOut(Said):
    """One mistake, where it is, and what to do about it. One of `pointer`, `parameter` and `header` says where."""

    pointer: str | None = Field(
        None, description="Of the body: RFC 6901, in a fragment.", examples=["#/company/employes"]
    )
    parameter: str | None = Field(None, description="Of the query.")
    header: str | None = Field(None, description="Of the headers.")
    code: MistakeCode
    detail: str
    remedy: str | None = Field(None, examples=["Did you mean employees?"])


class ProblemOut(Said):
    """A problem. Branch on `code`. Some have more: `state`, `limit_bytes`, `accepted`, `limit` `max` `current`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/invalid"])
    code: str = Field(examples=["invalid"])
    title: str
    status: int = Field(ge=400, le=599, examples=[422])
    detail: str
    request_id: str
    errors: list[MistakeOut] = Field(default=[], max_length=50, description="All mistakes at once, at most 50.")
