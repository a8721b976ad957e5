"""What is asked of others about a lead before it is decided, as a policy writes it."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from schemas.policy.calendars import ElapsedText
from schemas.policy.written import Written

FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""Of an answer's field: a rule sees it as `enriched.<name>`."""
UrlText = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class EnrichmentModel(Written):
    """Each lead that meets `when` waits for an HTTP hook's answer, until `deadline` at most."""

    url: UrlText
    when: dict[str, Any] = Field(default={}, description="as of a rule; none: every lead")
    deadline: ElapsedText = "30s"
    send: Annotated[list[str], Field(min_length=1, max_length=50)] = ["company.domain"]
    fields: Annotated[dict[FieldName, Literal["text", "country", "number", "flag"]], Field(min_length=1, max_length=50)]
