"""What an endpoint says about itself: who may, how much, of what kind. The route enforces it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.responses import Response

from schemas.words import PrincipalKind
from services.runtime.http.body import JSON, JSON_LIMIT

if TYPE_CHECKING:
    from services.runtime.http.call import Call

E = TypeVar("E", bound=Callable[..., Any])
Finish = Callable[["Call", Response], Response]
"""Has the last word on every answer of a route, problems too (`ProblemResponse`): CORS of forms, pages for people."""

_ATTRIBUTE: Final = "__leadgate_rule__"


@dataclass(frozen=True, slots=True)
class Rule:
    """`kinds` empty: nobody needs a key. A form's key is the path parameter `key`; all others come as credentials."""

    kinds: frozenset[PrincipalKind]
    limit_bytes: int
    media: tuple[str, ...]
    idempotent: bool
    finish: Finish | None

    @property
    def public(self) -> bool:
        return not self.kinds

    @property
    def keyed_by_path(self) -> bool:
        return self.kinds == {PrincipalKind.FORM}


def allow(
    *kinds: PrincipalKind,
    public: bool = False,
    limit_bytes: int = JSON_LIMIT,
    media: tuple[str, ...] = (JSON,),
    idempotent: bool = True,
    finish: Finish | None = None,
) -> Callable[[E], E]:
    """Say who may call an endpoint: these kinds of principal, or anybody (`public`).

    An admin may all that a manager may.

    `idempotent=False`: a POST that has its own rule for the Idempotency-Key, or none.
    """
    if public == bool(kinds) or (PrincipalKind.FORM in kinds and len(kinds) > 1):
        raise TypeError("an endpoint is public, or for forms, or for some kinds of other principals")
    admitted = frozenset(kinds) | ({PrincipalKind.ADMIN} if PrincipalKind.MANAGER in kinds else frozenset())
    rule = Rule(admitted, limit_bytes, media, idempotent, finish)

    def mark(endpoint: E) -> E:
        setattr(endpoint, _ATTRIBUTE, rule)
        return endpoint

    return mark


def rule_of(endpoint: Callable[..., Any]) -> Rule:
    """What the endpoint says. Raises: TypeError, it says nothing: nothing is open by forgetting."""
    rule = getattr(endpoint, _ATTRIBUTE, None)
    if not isinstance(rule, Rule):
        raise TypeError(
            f"{endpoint.__module__}.{endpoint.__name__} does not say who may call it: decorate it with @allow(…)"
        )
    return rule
