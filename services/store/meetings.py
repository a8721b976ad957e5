"""Meetings of an opportunity: booked, moved, held or not."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, update

from router.lifecycle import MEETING, Act
from schemas.events.opportunity import OpportunityMeeting
from schemas.words import MeetingId, MeetingMode, MeetingState, OpportunityId, Role, Stage
from services.runtime.ids import mint
from services.runtime.tx import ReadTx
from services.store import tables as t
from services.store.story import WrongState
from services.store.work import Work

MOVED = "moved"
"""What the event says of a meeting that stays booked, at another time."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """A row of `routing.meetings`, as read. `moves`: how often its time was changed."""

    id: MeetingId
    opportunity_id: OpportunityId
    state: MeetingState
    at: datetime
    mode: MeetingMode
    moves: int

    @classmethod
    def of(cls, row: RowMapping) -> "Meeting":
        values = {f.name: row[f.name] for f in fields(cls)}
        return cls(**{**values, "state": MeetingState(row["state"]), "mode": MeetingMode(row["mode"])})


async def find(tx: ReadTx, opportunity: OpportunityId, meeting: str) -> Meeting | None:
    m = t.meetings.c
    row = await tx.one(select(t.meetings).where(m.id == meeting, m.opportunity_id == opportunity))
    return None if row is None else Meeting.of(row)


async def book(work: Work, *, at: datetime, mode: MeetingMode) -> Meeting:
    """Book a meeting, at any time."""
    meeting = Meeting(MeetingId(mint("mtg", work.tx.now)), work.deal.id, MeetingState.BOOKED, at, mode, 0)
    await work.tx.execute(insert(t.meetings).values({f.name: getattr(meeting, f.name) for f in fields(meeting)}))
    _tell(work, meeting, meeting.state.value)
    await work.alive()
    return meeting


async def move(work: Work, meeting: Meeting, to: datetime) -> Meeting:
    """Put it off, or bring it forward. Raises: WrongState where it is no longer booked."""
    moved = await _changed(work, meeting, Act.MOVE, at=to, moves=meeting.moves + 1, asked_at=None)
    _tell(work, moved, MOVED)
    await work.alive()
    return moved


async def end(work: Work, meeting: Meeting, act: Act) -> Meeting:
    """It was held, nobody came, or it was called off. Raises: WrongState where it is no longer booked.

    A held one is a conversation, at its time or now if that is sooner, and accepts the opportunity.
    """
    ended = await _changed(work, meeting, act, rep_id=work.rep)
    columns: dict[str, Any] = {}
    if ended.state == MeetingState.HELD:
        at = min(ended.at, work.tx.now)
        item = {name: at for name in ("attempted_at", "conversed_at") if getattr(work.item, name) is None}
        if item:
            await work.tx.execute(update(t.items).where(t.items.c.id == work.item.id).values(item))
        conversed = {} if work.deal.conversed_at else {"conversed_at": at}
        await work.progress(Stage.MEETING, accepts=True, **conversed)
        columns["attempted_at"] = work.tx.now
    _tell(work, ended, ended.state.value)
    await work.alive(**columns)
    return ended


async def _changed(work: Work, meeting: Meeting, act: Act, **columns: Any) -> Meeting:
    arrow = MEETING.move(meeting.state, act)
    if arrow is None or Role(work.actor.kind) not in arrow.by:
        raise WrongState("meeting", meeting.state, act)
    columns["state"] = arrow.target
    await work.tx.execute(update(t.meetings).where(t.meetings.c.id == meeting.id).values(columns))
    return replace(meeting, **{name: value for name, value in columns.items() if hasattr(meeting, name)})


def _tell(work: Work, meeting: Meeting, state: str) -> None:
    told = OpportunityMeeting(
        **work.on_deal(),
        meeting_id=meeting.id,
        mode=meeting.mode,
        scheduled_for=meeting.at,
        state=state,
        face_to_face=meeting.mode in work.policy.face_to_face,
    )
    work.story.tell(told, work.actor)
