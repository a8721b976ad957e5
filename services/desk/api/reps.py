"""Reps: who works which queues, and who is there."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from fastapi import APIRouter

from router.policy.compiled import Policy
from router.targets import Aim
from schemas.api.page import ListQuery, Page
from schemas.api.reps import (
    FallsDueOut,
    LeaveIn,
    LeaveOut,
    PresenceIn,
    PresenceOut,
    RepIn,
    RepOut,
    RepPatch,
    TargetOut,
    TargetsOut,
)
from schemas.events.stamp import text_of
from schemas.words import Desk, Presence, PrincipalKind, QueueName, RepId, desk_of
from services import policies
from services.desk.fencing import told
from services.runtime.http.call import Call
from services.runtime.http.mistakes import did_you_mean
from services.runtime.http.problems import Conflict, Invalid, Mistake, NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.runtime.tx import ReadTx, Tx
from services.store import aims, covering, leaving, reps
from services.store.reps import Rep

routes = APIRouter(route_class=Route, tags=["reps"])

ME = "me"


@routes.post("/v1/reps", status_code=201)
@allow(PrincipalKind.MANAGER)
async def create(call: Call, body: RepIn, tx: Tx) -> RepOut:
    """Add a rep, present at first.

    Their key is made by `POST /v1/keys`, or by `leadgate keys create --kind rep --rep`.
    """
    policy = await policies.active(tx)
    made = await reps.create(
        tx,
        name=body.name,
        email=body.email,
        queues=_queues(call, policy, body.queues, before=()),
        skills=body.skills,
        territories=body.territories,
        zone=body.zone or policy.zone.key,
    )
    call.headers["Location"] = f"/v1/reps/{made.id}"
    return _shown(made, tx.now)


@routes.get("/v1/reps")
@allow(PrincipalKind.MANAGER)
async def listed(call: Call, query: ListQuery, tx: ReadTx) -> Page[RepOut]:
    """List the reps with a place, now or once, at one of your desks, newest first."""
    desks = frozenset(map(Desk, call.principal.desks)) or None
    after = (datetime.fromisoformat(call.after[0]), call.after[1]) if call.after else None
    rows = await reps.page(tx, desks=desks, after=after, limit=query.limit + 1)
    return call.page(
        rows,
        query.limit,
        out=lambda rep: _shown(rep, tx.now),
        place=lambda rep: (text_of(rep.created_at), rep.id),
    )


@routes.get("/v1/reps/{rep_id}")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def one(call: Call, rep_id: str, tx: ReadTx) -> RepOut:
    """Get a rep; `me` is whoever asks."""
    return _shown(_seen(call, await reps.find(tx, _named(call, rep_id))), tx.now)


@routes.get("/v1/reps/{rep_id}/targets")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def targets(call: Call, rep_id: str, tx: ReadTx) -> TargetsOut:
    """Tell how far a rep has come to the targets of their queues; `me` is whoever asks.

    Conversations and meetings held today, and meetings held this week, from Monday on, in the rep's zone.
    """
    rep = _seen(call, await reps.find(tx, _named(call, rep_id)))
    return TargetsOut(rep_id=rep.id, targets=aimed(await aims.of(tx, rep, await policies.active(tx))))


def aimed(found: Iterable[Aim]) -> list[TargetOut]:
    """Targets as they are shown."""
    return [
        TargetOut(
            queue=aim.queue,
            name=aim.name,
            target=aim.target,
            done=aim.done,
            since=aim.span.since,
            until=aim.span.until,
        )
        for aim in found
    ]


@routes.patch("/v1/reps/{rep_id}")
@allow(PrincipalKind.MANAGER)
async def change(call: Call, rep_id: str, body: RepPatch, tx: Tx) -> RepOut:
    """Change what is named of a rep. Claims run on, in queues that the rep has no more, too."""
    rep = _staying(_seen(call, await reps.lock(tx, rep_id)))
    columns = body.model_dump(exclude_unset=True)
    if "queues" in columns:
        columns["queues"] = _queues(call, await policies.active(tx), body.queues, before=rep.queues)
    return _shown(await reps.change(tx, rep, **columns), tx.now)


@routes.put("/v1/reps/{rep_id}/presence")
@allow(PrincipalKind.REP, PrincipalKind.MANAGER)
async def presence(call: Call, rep_id: str, body: PresenceIn, tx: Tx) -> PresenceOut:
    """Say that a rep is away, or there again; `me` is whoever asks.

    While away they pull nothing, and buffers do not count them. Their claims run on; but what falls due meanwhile is
    their cover's: a promise by the cover's next pull, a meeting from a day ahead, any other next step when it is due.
    """
    rep = _staying(_seen(call, await reps.lock(tx, _named(call, rep_id))))
    covers = await _covers(tx, rep, body.covers)
    changed = await reps.change(tx, rep, status=body.status.value, away_until=body.until, covers=covers)
    away = body.status is Presence.AWAY
    falling = await covering.falls_due(tx, changed) if away else []
    return PresenceOut(
        rep=_shown(changed, tx.now),
        falls_due=[FallsDueOut(item_id=each.item, what=each.what, at=each.at, cover=each.cover) for each in falling],
    )


@routes.post("/v1/reps/{rep_id}/leave")
@allow(PrincipalKind.MANAGER)
async def leave(call: Call, rep_id: str, body: LeaveIn, tx: Tx) -> LeaveOut:
    """A rep goes for good.

    Their keys are revoked. What they promised, and the meetings that they booked, are reserved for the first of the
    covers who is there and works the queue; the rest goes back where it came from, its age kept: through the pool, if
    there is one. Again it gives on what they still hold, if anything.
    """
    rep = _seen(call, await reps.find(tx, rep_id))
    named = rep.covers if rep.status is Presence.LEFT else await _covers(tx, rep, body.covers)
    async with told(tx) as stories:
        given = await leaving.leave(tx, stories, await policies.active(tx), rep.id, named, call.actor)
    return LeaveOut(moved=given.moved, returned=given.returned)


async def _covers(tx: ReadTx, rep: Rep, named: Sequence[str]) -> list[RepId]:
    """Who is to cover for a rep: others, who have not left and share a queue with them. Raises: Invalid."""
    able = await reps.colleagues(tx, rep)
    wrong = [
        Mistake(
            "not_allowed",
            "is no other rep who works one of the same queues",
            pointer=f"#/covers/{place}",
            remedy="Name somebody who could take it over",
        )
        for place, name in enumerate(named)
        if name not in able
    ]
    if wrong:
        raise Invalid(wrong)
    return list(dict.fromkeys(map(RepId, named)))


def _staying(rep: Rep) -> Rep:
    """A rep who has not left. Raises: Conflict."""
    if rep.status is Presence.LEFT:
        raise Conflict("wrong_state", "They have left.", state=rep.status.value)
    return rep


def _named(call: Call, rep_id: str) -> str:
    return call.rep_id if rep_id == ME and call.principal.rep_id is not None else rep_id


def _seen(call: Call, rep: Rep | None) -> Rep:
    """A rep that the caller may see. Raises: NotFound."""
    if rep is None:
        raise NotFound
    if call.principal.rep_id is not None:
        seen = call.rep_id == rep.id
    else:
        seen = not call.principal.desks or any(call.sees(desk) for desk in rep.desks)
    if not seen:
        raise NotFound
    return rep


def _queues(call: Call, policy: Policy, names: Sequence[str], *, before: Iterable[QueueName]) -> list[QueueName]:
    """The queues that a rep is to have: the policy's, and what changes is at the manager's desks. Raises: Invalid.

    What the rep had `before` and keeps is nobody's concern.
    """
    had = frozenset(before)
    wrong = [
        Mistake("not_allowed", detail, pointer=f"#/queues/{place}", remedy=remedy)
        for place, name in enumerate(names)
        if name not in had
        for detail, remedy in _refused(call, policy, name)
    ]
    taken = sorted(name for name in had - set(names) if name in policy.queues and not call.sees(desk_of(name)))
    if taken:
        detail = f"takes away {', '.join(taken)}, which is at no desk of yours"
        wrong.append(Mistake("not_allowed", detail, pointer="#/queues", remedy="Name it too"))
    if wrong:
        raise Invalid(wrong)
    return [QueueName(name) for name in names]


def _refused(call: Call, policy: Policy, name: str) -> Iterable[tuple[str, str]]:
    """Why a rep may not be given this queue, and what to do; nothing where they may."""
    if name not in policy.queues:
        yours = [queue for queue in policy.queues if call.sees(desk_of(queue))]
        yield "no such queue", did_you_mean(name, yours) or f"Send some of: {', '.join(yours)}"
    elif not call.sees(desk_of(QueueName(name))):
        yield "is at no desk of yours", f"You manage: {', '.join(sorted(call.principal.desks))}"


def _shown(rep: Rep, now: datetime) -> RepOut:
    away = rep.status is Presence.AWAY and not rep.is_present(now)
    return RepOut(
        id=rep.id,
        name=rep.name,
        email=rep.email,
        queues=rep.queues,
        skills=rep.skills,
        territories=rep.territories,
        zone=rep.zone,
        status=rep.status if away or rep.status is Presence.LEFT else Presence.PRESENT,
        until=rep.away_until if away else None,
        covers=rep.covers,
        created_at=rep.created_at,
    )
