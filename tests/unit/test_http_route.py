"""An endpoint that forgets to say something does not start."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter
from kit.tiny import NoteIn, NoteOut

from schemas.words import PrincipalKind
from services.runtime.http.call import Call
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import Tx


async def silent(call: Call, body: NoteIn, tx: Tx) -> NoteOut:
    raise NotImplementedError


async def note(call: Call, body: NoteIn) -> NoteOut:
    raise NotImplementedError


async def untyped(call: Call, body) -> NoteOut:  # type: ignore[no-untyped-def]
    raise NotImplementedError


async def plain(call: Call, tx: Tx) -> dict[str, int]:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (silent, "does not say who may call it"),
        (allow(PrincipalKind.REP)(note), "keeps no answer for an Idempotency-Key"),
        (allow(PrincipalKind.REP)(untyped), "has no type"),
        (allow(PrincipalKind.REP)(plain), "returns a model"),
    ],
)
def test_it_is_refused_as_it_is_declared(endpoint: Callable[..., Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        APIRouter(route_class=Route).post("/v1/notes")(endpoint)


@pytest.mark.parametrize("kinds", [(), (PrincipalKind.FORM, PrincipalKind.REP)])
def test_a_rule_that_makes_no_sense_is_refused(kinds: tuple[PrincipalKind, ...]) -> None:
    with pytest.raises(TypeError):
        allow(*kinds)
    with pytest.raises(TypeError):
        allow(PrincipalKind.REP, public=True)


def test_an_admin_may_all_that_a_manager_may() -> None:
    @allow(PrincipalKind.MANAGER)
    async def seen(call: Call) -> None:
        return None

    route = Route("/v1/seen", seen, methods=["GET"])
    assert route.rule.kinds == {PrincipalKind.MANAGER, PrincipalKind.ADMIN}
