"""Lists come in pages, newest first."""

from typing import Generic, TypeVar

from pydantic import Field

from schemas.api.shape import Query, Said

T = TypeVar("T")


class ListQuery(Query):
    """What every list takes."""

    limit: int = Field(50, ge=1, le=200, description="How many at most.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before, with the same filters.")


class Page(Said, Generic[T]):
    """One page of a list. `next_cursor` is null at the end."""

    data: list[T]
    next_cursor: str | None
