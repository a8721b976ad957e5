"""Attempts: one try to reach the person, and what comes after it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import insert, select, update

from router import cadence
from router.leases import first_next_step
from router.lifecycle import Act
from schemas.events.lifecycle import ItemAttempted, ItemPromiseKept
from schemas.words import (
    CONVERSATIONS,
    AttemptId,
    AttemptOutcome,
    Channel,
    ItemKind,
    LeadOutcome,
    PersonId,
    SourceName,
    Stage,
)
from services.runtime.ids import mint
from services.store import closing, completing, holding, items, lateness, steps, suppressions, tasks
from services.store import tables as t
from services.store.items import Claim
from services.store.work import Work

OPTED_OUT = "opted_out"
"""Why a lead is closed whose person wants to hear no more."""
KEPT_BY_THE_CLAIM = frozenset({ItemKind.OPPORTUNITY, ItemKind.CUSTOMER})
"""Whose claim stays, whatever the next step; of the others one that is not promised is anyone's."""


@dataclass(frozen=True, slots=True)
class Try:
    """What a rep says of an attempt. `next_at` lies ahead; a `promise` has one; after an opt-out there is none.

    `everywhere`: who opts out does so on all channels.
    """

    channel: Channel
    outcome: AttemptOutcome
    at: datetime
    note: str | None
    evidence: str | None
    next_at: datetime | None
    promise: bool
    everywhere: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt as recorded. `first`, `first_conversation`: of its item."""

    id: AttemptId
    first: bool
    first_conversation: bool


async def attempt(work: Work, said: Try) -> Attempt:
    """Record an attempt, and do what follows from it."""
    claim = await lateness.settle(work.tx, work.story, work.item, work.held)
    conversation = said.outcome in CONVERSATIONS
    made = Attempt(
        AttemptId(mint("att", work.tx.now)),
        first=work.item.attempted_at is None,
        first_conversation=conversation and work.item.conversed_at is None,
    )
    await _record(work, said, made)
    _tell(work, said, made)
    await _reached(work, said, made)
    claim = await _kept(work, claim, said)
    await _after(replace(work, claim=claim), claim, said)
    return made


async def _record(work: Work, said: Try, made: Attempt) -> None:
    await work.tx.execute(
        insert(t.attempts).values(
            id=made.id,
            claim_id=work.held.id,
            item_id=work.item.id,
            lead_id=work.story.id,
            rep_id=work.held.rep_id,
            channel=said.channel.value,
            outcome=said.outcome.value,
            at=said.at,
            note=said.note,
            evidence=said.evidence,
            next_at=said.next_at,
            promise=said.promise,
            first=made.first,
            first_conversation=made.first_conversation,
        )
    )


def _tell(work: Work, said: Try, made: Attempt) -> None:
    told = ItemAttempted(
        **work.on_item(),
        attempt_id=made.id,
        channel=said.channel,
        outcome=said.outcome,
        first=made.first,
        first_conversation=made.first_conversation,
        next_at=said.next_at,
        promise=said.promise,
        attempted_at=said.at if said.at < work.tx.now else None,
    )
    work.story.tell(told, work.actor, note=said.note)


async def _reached(work: Work, said: Try, made: Attempt) -> None:
    """Note on item and opportunity how far it has come."""
    columns: dict[str, Any] = {}
    if made.first:
        columns["attempted_at"] = said.at
    if made.first_conversation:
        columns["conversed_at"] = said.at
    if columns:
        await work.tx.execute(update(t.items).where(t.items.c.id == work.item.id).values(columns))
    if work.item.kind == ItemKind.OPPORTUNITY:
        conversed = said.outcome in CONVERSATIONS
        first = {"conversed_at": said.at} if conversed and work.deal.conversed_at is None else {}
        await work.progress(Stage.CONVERSATION if conversed else Stage.ATTEMPT, accepts=False, **first)


async def _kept(work: Work, claim: Claim, said: Try) -> Claim:
    """An attempt by its time, and a little after, keeps a promise; it is told once, and stands until its time."""
    if not claim.next_promise or claim.next_at is None or claim.settled_at is not None:
        return claim
    if said.at > claim.next_at + lateness.KEPT_WITHIN:
        return claim
    work.story.tell(ItemPromiseKept(**work.on_item(), due_at=claim.next_at), work.actor)
    return await holding.write(work.tx, claim, settled_at=work.tx.now)


async def _after(work: Work, claim: Claim, said: Try) -> None:
    """What comes next: the contract's section 5, "After an attempt"."""
    alive: dict[str, Any] = {"attempted_at": work.tx.now}
    stays = work.item.kind in KEPT_BY_THE_CLAIM
    over = claim.next_at is not None and claim.next_at <= work.tx.now
    if said.outcome == AttemptOutcome.OPT_OUT:
        await _opt_out(work, said)
    elif said.next_at is not None and not (stays or said.promise):
        await holding.write(work.tx, claim, **alive)
        await _defer(work, said.next_at)
    elif said.next_at is not None:
        await steps.next_step(work, claim, what=steps.FOLLOW_UP, at=said.next_at, promise=said.promise, **alive)
    elif stays and claim.attempted_at is None and (claim.next_at is None or over) and (at := _first_step(work)):
        await steps.next_step(work, claim, what=steps.FOLLOW_UP, at=at, **alive)
    elif not stays and (claim.next_at is None or over) and (then := await _in_cadence(work, said)):
        await holding.write(work.tx, claim, **alive)
        await _follow(work, then)
    else:
        columns = {**alive, **(holding.NO_NEXT_STEP if over else {})}
        await holding.extend(work.tx, work.policy, claim, work.item.opportunity_id, **columns)


async def _in_cadence(work: Work, said: Try) -> cadence.Next | None:
    """What the cadence of the lead's source says after this attempt; None where it has none, or somebody was reached.

    It counts the item's attempts, whoever made them. A task is not ended by it: whoever raised it waits for an answer.
    """
    source = work.policy.sources.get(SourceName(work.story.row["source"]))
    if source is None or source.cadence is None or said.outcome not in cadence.FRUITLESS:
        return None
    made = t.attempts.c
    rows = await work.tx.fetch(select(made.outcome).where(made.item_id == work.item.id).order_by(made.at, made.id))
    nth = cadence.tries([AttemptOutcome(row["outcome"]) for row in rows])
    then = cadence.after(source.cadence, nth=nth, at=said.at, now=work.tx.now)
    return None if work.item.kind == ItemKind.TASK and not isinstance(then, cadence.TryAgain) else then


async def _follow(work: Work, then: cadence.Next) -> None:
    match then:
        case cadence.TryAgain(at=at):
            await _defer(work, at)
        case cadence.Unreachable():
            await completing.unreached(work)
        case cadence.Rest(until=until):
            await completing.nurture(work, until)
        case _:
            assert_never(then)


def _first_step(work: Work) -> datetime | None:
    queue = work.policy.queues.get(work.held.queue)
    return None if queue is None else first_next_step(queue, work.tx.now)


async def _defer(work: Work, until: datetime) -> None:
    """Give it back to sleep until then, for anyone."""
    detail = {"due_at": until}
    await items.apply(
        work.tx, work.story, work.item, Act.DEFER, work.actor, claim=work.held, detail=detail, next_at=until
    )


async def _opt_out(work: Work, said: Try) -> None:
    """They want to hear no more: the item ends, and that channel, or all; with the last one their other leads end."""
    if work.item.kind == ItemKind.OPPORTUNITY:
        await closing.lose(work, OPTED_OUT, None, LeadOutcome.DISQUALIFIED)
    elif work.item.kind == ItemKind.CUSTOMER:
        await work.finish(Act.COMPLETE, outcome=OPTED_OUT)
    elif work.item.kind == ItemKind.TASK:
        await tasks.decline(work, OPTED_OUT)
    else:
        await work.finish(Act.COMPLETE, outcome=LeadOutcome.DISQUALIFIED.value, reason=OPTED_OUT)
        work.close(LeadOutcome.DISQUALIFIED, OPTED_OUT)
    person = PersonId(work.story.row["person_id"])
    await suppressions.suppress(work.tx, person, None if said.everywhere else said.channel, OPTED_OUT)
    await suppressions.close_person(work.tx, work.stories, person)
