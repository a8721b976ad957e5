"""Hours of persons, on items: whether a pull may give one now, and when that is to be looked at again.

What is out of hours stands apart in the index of its queue, so that a pull finds the first that it may give by one
look, however many sleep. The pull itself has the last word: it looks at what it takes, so nothing depends on when
sweeps run.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, union_all, update

from router.hours import Turn, country_of, turn
from router.policy.compiled import PersonHours, Policy
from schemas.events.intake import Company
from schemas.person import Contact
from schemas.words import ItemState, LeadId
from services.runtime.tx import ReadTx, Tx
from services.store import queues
from services.store import tables as t
from services.store.due import Due, items_again, look
from services.store.items import Item
from services.store.rows import among
from services.store.story import telling

_LIES = queues.spelled(t.items.c.state, ItemState.POOLED, ItemState.QUEUED)
_ANYTIME: Mapping[str, Any] = {"out_of_hours": False, "turns_at": None, "person_hours": None}


async def may_disturb(tx: Tx, policy: Policy, item: Item) -> bool:
    """Whether the person of an item, locked, may be disturbed now; if not, it is put aside until they may."""
    if policy.queues[item.queue].person_hours is None:
        return True
    found = (await _turns(tx, policy, [item]))[0]
    assert found is not None
    if not found.open:
        await _set(tx, policy, item, found)
    return found.open


async def turning_items(tx: ReadTx, limit: int, but: Collection[str]) -> list[Due]:
    """Items in pool and queue of which it is to be looked at again."""
    return await look(tx, t.items, _turning(tx.now), t.items.c.turns_at, limit, but)


async def unlooked_items(tx: ReadTx, policy: Policy, limit: int, but: Collection[str]) -> list[Due]:
    """Items in pool and queue that were not looked at by the hours that the policy has for their queue."""
    item = t.items.c
    parts = [
        select(item.id, item.lead_id).where(which, item.id.not_in(but)).limit(limit).subquery().select()
        for which in _unlooked(policy)
    ]
    return [Due(row["id"], row["lead_id"]) for row in await tx.fetch(union_all(*parts).limit(limit))]


async def turn_items(tx: Tx, policy: Policy, found: Sequence[Due]) -> int:
    """Look at these again; how many there were. Who waits for one that opens is woken."""
    async with telling(tx) as stories:
        due = await items_again(tx, stories, found, or_(_turning(tx.now), *_unlooked(policy)))
        for item, turned in zip(due, await _turns(tx, policy, due), strict=True):
            await _set(tx, policy, item, turned)
            if turned is None or turned.open:
                tx.wake(f"queue:{item.queue}", f"floor:{item.queue}")
    return len(due)


def _turning(now: datetime) -> ColumnElement[bool]:
    return and_(_LIES, t.items.c.turns_at <= now)


def _unlooked(policy: Policy) -> list[ColumnElement[bool]]:
    item = t.items.c
    with_hours = {name: queue.person_hours for name, queue in policy.queues.items() if queue.person_hours}
    others = and_(_LIES, item.turns_at.is_not(None), item.queue.not_in(with_hours))
    return [
        others,
        *(
            and_(_LIES, item.queue == name, item.person_hours.is_distinct_from(_text(hours)))
            for name, hours in with_hours.items()
        ),
    ]


async def _turns(tx: ReadTx, policy: Policy, items: Sequence[Item]) -> list[Turn | None]:
    """When each turns; None: its queue has no such hours."""
    details = t.lead_details.c
    columns = (details.lead_id, details.contact, details.company)
    rows = await tx.fetch(select(*columns).where(details.lead_id == among([item.lead_id for item in items])))
    said = {LeadId(row["lead_id"]): row for row in rows}
    return [_turn(policy, item, said.get(item.lead_id), tx.now) for item in items]


def _turn(policy: Policy, item: Item, said: Mapping[Any, Any] | None, now: datetime) -> Turn | None:
    queue = policy.queues.get(item.queue)
    if queue is None or queue.person_hours is None:
        return None
    country = None
    if said is not None:
        country = country_of(Contact.model_validate(said["contact"]), Company.model_validate(said["company"]))
    return turn(queue.person_hours, country, queue.calendar.zone, now)


async def _set(tx: Tx, policy: Policy, item: Item, turned: Turn | None) -> None:
    columns = _ANYTIME
    if turned is not None and (hours := policy.queues[item.queue].person_hours):
        columns = {"out_of_hours": not turned.open, "turns_at": turned.at, "person_hours": _text(hours)}
    await tx.execute(update(t.items).where(t.items.c.id == item.id).values(columns))


def _text(hours: PersonHours) -> str:
    return f"{hours.opens:%H:%M}-{hours.closes:%H:%M}"
