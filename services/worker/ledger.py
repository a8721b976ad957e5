"""The duty of the ledger: count what was accepted while the intake log has it, and raise the alarm at a residual.

`balance` is also what `leadgate ledger` shows. It counts the log first and looks at the leads afterwards, so that none
is missed that is routed meanwhile; a lead that is not held then is still to be read, or laid aside, or lost.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from router.books import Hour, Row, hour_of, rows
from schemas.topics import INTAKE
from schemas.words import LeadId, LeadState
from services.runtime import deadletters, positions
from services.runtime.edge import Edge
from services.runtime.leader import Leader
from services.runtime.log.port import EventLog, Place, Record
from services.store import ledger
from services.store.ledger import Held
from services.worker.loops import Duty

NAME = "ledger"
READER = "router"
"""The consumer that reads the intake topics."""
INTERVAL = timedelta(hours=1)
_BACK = timedelta(hours=26)
"""How far back the duty counts each time: a day at least is counted again and again, until it is over for long."""
_PAGE = 5000
_HOUR = timedelta(hours=1)
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_ON_THE_WAY = timedelta(minutes=1)
"""A lead that was captured so lately may have come into the log after we had read it, and be held by now."""
_ASKEW = timedelta(minutes=10)
"""Records are looked for from so much earlier on: their times are Kafka's, by its brokers' clocks, not the leads'."""
_IN_TABLE = Place("", -1)
"""Where the router has not read: the log table, with Kafka."""

_log = structlog.get_logger("leadgate.ledger")


@dataclass(slots=True)
class Accepted:
    """What the intake log holds of a lead: its first hour, and every place where it stands."""

    hour: Hour
    at: list[tuple[Place, int]] = field(default_factory=list)


def duty(edge: Edge) -> Duty:
    """Count, keep what was counted, tell of a residual."""
    leader = Leader(NAME, INTERVAL)

    async def turn() -> bool:
        async with edge.database.tx() as tx:
            if not await leader.leads(tx):
                return False
            since = _whole(tx.now - _BACK)
        residual = sum(abs(row.residual) for row in await balance(edge, since, None))
        edge.telemetry.residual.set(residual)
        if residual:
            _log.error("books_do_not_balance", residual=residual, see="leadgate ledger")
        return False

    return Duty(NAME, turn, INTERVAL)


async def balance(
    edge: Edge, since: datetime | None, until: datetime | None, progress: Callable[[int], None] = lambda _: None
) -> Sequence[Row]:
    """The books of the hours from `since` to `until` (None: the first there is, now). What was counted is kept.

    Raises: LogUnavailable, and what the database raises.
    """
    async with edge.database.read() as tx:
        began = tx.now
    complete_from = await _complete_from(edge.log, began)
    counted_from = max(filter(None, (since, complete_from)), default=None)
    accepted = await _accepted(edge, counted_from, progress)
    async with edge.database.read() as tx:
        standing = await positions.standings(tx, READER)
        aside = await deadletters.places(tx, READER)
        kept = await ledger.as_counted(tx, since, complete_from) if complete_from else {}
    held = [
        one
        async for one in _walk(edge, since)
        if one.hour in kept
        or (_within(one.hour, counted_from) and (one.id in accepted or one.received_at < began - _ON_THE_WAY))
    ]
    missing = accepted.keys() - {one.id for one in held}
    others = await _found(edge, missing)
    held += [one for one in others if _within(one.hour, counted_from)]
    elsewhere = {one.id for one in others}
    hours = {one.id: one.hour for one in held}
    totals: Counter[Hour] = Counter(hours[lead] for lead in accepted if lead in hours)
    dead: Counter[Hour] = Counter()
    unread: list[tuple[Hour, LeadState]] = []
    for lead in missing - elsewhere:
        found = accepted[lead]
        if _within(found.hour, counted_from):
            totals[found.hour] += 1
            if any(place not in standing or offset >= standing[place].position for place, offset in found.at):
                unread.append((found.hour, LeadState.RECEIVED))
            elif any(at in aside for at in found.at):
                dead[found.hour] += 1
    async with edge.database.tx() as tx:
        counted = totals.keys() - kept.keys()  # of an hour that is over for the log, it has those sent again at most
        await ledger.keep(tx, {hour: (totals[hour], dead[hour]) for hour in counted})
    for hour, (count, laid_aside) in kept.items():
        totals[hour], dead[hour] = count, laid_aside
    states = [*((one.hour, one.state) for one in held), *unread]
    return [row for row in rows(totals, states, dead) if _within(row.hour, since, until)]


async def _complete_from(log: EventLog, now: datetime) -> datetime | None:
    """From which hour on the intake log has all; None: from its beginning."""
    if not any((await log.starts(INTAKE)).values()):
        return None
    return _whole(now - min(topic.kept for topic in INTAKE if topic.kept is not None))


async def _accepted(edge: Edge, since: datetime | None, progress: Callable[[int], None]) -> Mapping[LeadId, Accepted]:
    """Every lead in the log; with Kafka in what is on its way there first, so that none slips through between."""
    accepted: dict[LeadId, Accepted] = {}
    count = 0
    for log in (edge.log,) if edge.kafka is None else (edge.table, edge.log):
        async for records in log.read(INTAKE, since=None if since is None else since - _ASKEW):
            for record in records:
                if (lead := _lead(record)) is not None:
                    id_, hour = lead
                    place = record.place if log is edge.log else _IN_TABLE
                    accepted.setdefault(id_, Accepted(hour)).at.append((place, record.offset))
            count += len(records)
            progress(count)
    return accepted


def _lead(record: Record) -> tuple[LeadId, Hour] | None:
    """The lead that a record tells of, and its hour; None: it is a test, or no submission (see the dead letters)."""
    try:
        lead = json.loads(record.value or b"")
        at = datetime.fromisoformat(lead["received_at"])
        return None if lead["test"] else (LeadId(lead["id"]), hour_of(lead["source"], at))
    except (ValueError, KeyError, TypeError):
        return None


async def _walk(edge: Edge, since: datetime | None) -> AsyncIterator[Held]:
    """All leads that we hold, in the order of capture."""
    after = (since or _FIRST, "")
    while True:
        async with edge.database.read() as tx:
            page = await ledger.held(tx, after, _PAGE)
        for one in page:
            yield one
        if len(page) < _PAGE:
            return
        after = (page[-1].received_at, page[-1].id)


async def _found(edge: Edge, leads: Collection[LeadId]) -> list[Held]:
    """Which of these we hold after all: captured in an earlier hour, or routed just now."""
    wanted, found = sorted(leads), list[Held]()
    for first in range(0, len(wanted), _PAGE):
        async with edge.database.read() as tx:
            found += await ledger.held_of(tx, wanted[first : first + _PAGE])
    return found


def _whole(at: datetime) -> datetime:
    """The next whole hour."""
    floor = at.replace(minute=0, second=0, microsecond=0)
    return floor if floor == at else floor + _HOUR


def _within(hour: Hour, since: datetime | None, until: datetime | None = None) -> bool:
    return (since is None or hour.at >= since) and (until is None or hour.at < until)
