"""What all parts of a written policy share: nothing unknown is let pass, nothing is converted."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Written(BaseModel):
    """A part of the policy file."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""Of a calendar or queue."""
Title = Annotated[str, StringConstraints(pattern=r"^[^\s\p{Cc}]([^\p{Cc}]{0,78}[^\s\p{Cc}])?$")]
"""Of a rule: up to 80 characters, none of them a control character, which no database or screen takes."""
SourceText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""A source's name, as its keys have it."""
SegmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,39}$")]
"""A label."""
SkillName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""As the reps have it, as `de`."""
QueueText = Annotated[str, StringConstraints(max_length=80)]
"""`desk/queue`, as `closing/uk`."""
RegionText = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""
