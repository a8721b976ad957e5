"""The work page: a rep's one button, what is known of whom they hold, and what they can say of it.

The page is rendered here, whole; its script calls the same API as any other client and then asks for the page anew.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from router.forecast import say, upstream_of
from router.policy.compiled import Policy
from router.targets import Aim
from schemas.api.shape import Query
from schemas.events.stamp import text_of
from schemas.words import (
    AttemptOutcome,
    Channel,
    Churn,
    Desk,
    Disqualified,
    Influence,
    Loss,
    MeetingMode,
    PrincipalKind,
    Refusal,
    Returned,
    Side,
    desk_of,
)
from services import policies
from services.runtime.http.call import Call
from services.runtime.http.problems import NotFound
from services.runtime.http.route import Route
from services.runtime.tx import ReadTx
from services.store import aims, covering, forecasts, holding, itemviews, reps
from services.store.covering import Falling
from services.web.page import page, seen_by

routes = APIRouter(route_class=Route, include_in_schema=False)

SHOWN = 50
"""Held items on the page; a rep with more works off the soonest."""


class Chosen(Query):
    claim: str | None = None


@routes.get("/work")
@seen_by(PrincipalKind.REP)
async def work(call: Call, query: Chosen, tx: ReadTx) -> Response:
    """What the rep holds, the one chosen in full."""
    rep = await reps.find(tx, call.rep_id)
    if rep is None:
        raise NotFound
    policy = await policies.active(tx)
    claims = await holding.page(tx, call.rep_id, after=None, limit=SHOWN)
    held = await itemviews.held(tx, policy, claims)
    chosen = next((each for each in held if each.claim.id == query.claim), held[0] if held else None)
    desks: dict[Desk, list[str]] = {}
    for queue in rep.queues:
        if queue in policy.queues:
            desks.setdefault(desk_of(queue), []).append(queue)
    present = rep.is_present(tx.now)
    colleagues = await reps.colleagues(tx, rep)
    return page(
        call,
        "work.html",
        title="Work",
        rep=rep,
        now=text_of(tx.now),
        present=present,
        until=rep.away_until and text_of(rep.away_until),
        colleagues=colleagues,
        covers=[colleagues[cover] for cover in rep.covers if cover in colleagues],
        falling=[] if present else [_falling(each) for each in await covering.falls_due(tx, rep)],
        owed=await _owed(tx, policy, desks),
        aims=[_aim(aim) for aim in await aims.of(tx, rep, policy)],
        desks=desks,
        titles=policy.titles,
        asks=policy.asks.get(desk_of(chosen.item.queue), ()) if chosen else (),
        held=[each.model_dump(mode="json") for each in held],
        chosen=None if chosen is None else chosen.model_dump(mode="json"),
        own=_own(chosen.item.lead.custom) if chosen else [],
        currency=policy.currency,
        words={**WORDS, "tasks": _spoken(policy.tasks)},
    )


async def _owed(tx: ReadTx, policy: Policy, desks: Collection[Desk]) -> list[dict[str, Any]]:
    """What the queues downstream of these desks need by their next day start."""
    return [
        {"says": say(ahead, queue.name, queue.calendar), "short": ahead.short}
        for queue in policy.queues.values()
        if upstream_of(queue.desk) & set(desks) and (ahead := await forecasts.of(tx, policy, queue)) is not None
    ]


def _own(custom: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The sender's own fields as a person reads them: `yes`, `north, south`."""
    return [(name, _read(value)) for name, value in (custom or {}).items() if value is not None]


def _read(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(value)
    return str(value)


def _falling(each: Falling) -> dict[str, Any]:
    return {"what": each.what, "at": text_of(each.at), "cover": each.cover}


def _aim(aim: Aim) -> dict[str, Any]:
    """A target in words: `Conversations today`."""
    what, _, per = aim.name.value.partition("_per_")
    return {"label": f"{what.capitalize()} {_PERIODS[per]}", "queue": aim.queue, "done": aim.done, "target": aim.target}


def _spoken(words: Iterable[StrEnum]) -> list[tuple[str, str]]:
    """A closed list as choices: `no_answer` reads as `No answer`."""
    named = {"sms": "SMS", "email": "E-mail"}
    return [(word.value, named.get(word.value, word.value.replace("_", " ").capitalize())) for word in words]


_PERIODS = {"day": "today", "week": "this week"}
WORDS = {
    "handovers": [
        ("pool", "To the pool: the next closer who is free"),
        ("live", "Live: to a closer who is waiting now"),
        ("booked", "Booked: they have agreed to a meeting"),
    ],
    "channels": _spoken(Channel),
    "outcomes": _spoken(AttemptOutcome),
    "disqualified": _spoken(Disqualified),
    "returned": _spoken(Returned),
    "lost": _spoken(Loss),
    "refused": _spoken(Refusal),
    "churned": _spoken(Churn),
    "influence": _spoken(Influence),
    "modes": _spoken(MeetingMode),
    "sides": _spoken(Side),
}
