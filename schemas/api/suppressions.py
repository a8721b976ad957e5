"""Opt-outs: whom nobody may reach, on one channel or on all."""

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.api.shape import Ask, Said, example
from schemas.api.values import Text
from schemas.events.stamp import Moment

ChannelName = Literal["phone", "email", "sms", "social", "all"]


class SuppressionIn(Ask):
    """Who, by one of e-mail, phone and profile; it holds for the whole person, and outlives their erasure."""

    model_config = example({"email": "ann@example.com", "channel": "all", "reason": "by letter"})

    email: str | None = Field(default=None, max_length=254)
    phone: str | None = Field(default=None, max_length=200, description="With its country code.")
    profile_url: str | None = Field(default=None, max_length=2000)
    channel: ChannelName
    reason: Text = Field(min_length=1, description="Kept for good: name no person in it.")

    @model_validator(mode="after")
    def _one(self) -> "SuppressionIn":
        if sum(given is not None for given in (self.email, self.phone, self.profile_url)) != 1:
            raise PydanticCustomError(
                "required", "one of email, phone and profile_url is required", {"remedy": "Send exactly one of them"}
            )
        return self


class SuppressionOut(Said):
    """An opt-out. Whose it is cannot be told from it."""

    model_config = example(
        {
            "id": "sup_01jz8m4s1n9d2e4r8t6y5a7c9b",
            "channel": "all",
            "reason": "by letter",
            "created_at": "2026-07-06T09:30:00.123Z",
        }
    )

    id: str
    channel: str
    reason: str
    created_at: Moment
