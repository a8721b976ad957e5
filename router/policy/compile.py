"""Compile a checked policy file to what decisions read."""

from datetime import time
from fractions import Fraction
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo

from router.calendar import Calendar, Duration
from router.policy.cadences import cadence_of
from router.policy.compiled import (
    CreditShares,
    Enrichment,
    FixedBuffer,
    Outbound,
    PersonHours,
    Policy,
    Queue,
    RankCredit,
    ReleasePlan,
    RepHourBuffer,
    Source,
    Targets,
)
from router.policy.conditions import Conditions, Where
from router.policy.durations import duration, elapsed, week
from router.policy.enrichments import enriched, enrichment_of
from router.policy.escalation import step_of
from router.policy.mistakes import Mistakes
from router.policy.parse import parse
from router.policy.regions import zone
from router.policy.rule import FALLBACK, All, Handover, Place, Refuse, Rule, Score, Sleep, Then
from router.policy.rulebook import Rulebook
from router.policy.scorebook import Scorebook
from router.policy.structure import structured
from schemas.features import SCORE
from schemas.policy.calendars import CalendarModel
from schemas.policy.desks import QueueModel, ReleaseModel
from schemas.policy.file import PolicyFile, ThenModel
from schemas.words import (
    KIND_OF_DESK,
    Desk,
    Direction,
    MeetingMode,
    Priority,
    Qualify,
    QueueName,
    Rejection,
    SourceName,
    TaskKind,
    desk_of,
)

T = TypeVar("T")
_ALWAYS = All(())


def again(text: str, version: int) -> Policy:
    """The policy of a text that was checked when it was published; what costs time to check is taken as right.

    Raises: ValueError where it is right no longer, as when a zone or a holiday region is gone.
    """
    parsed = parse(text)
    mistakes = Mistakes(parsed.lines)
    file = structured(parsed.values, mistakes).file
    return policy_of(_sure(None if mistakes else file), version)


def policy_of(file: PolicyFile, version: int) -> Policy:
    """Compile a file that `check` has passed."""
    calendars = {name: _calendar(name, written) for name, written in file.calendars.items()}
    queues = {
        QueueName(f"{desk}/{name}"): _queue(Desk(desk), name, queue, calendars[queue.calendar])
        for desk, held in file.desks.items()
        for name, queue in held.queues.items()
    }
    conditions = Conditions(Mistakes({}), enriched(file), scored=bool(file.scores))
    enrichment = _enrichment(file, conditions)
    scores = Scorebook(
        Score(each.name, conditions.read(each.when, (), where=Where.SCORES), each.add) for each in file.scores
    )
    rules = tuple(_rule(rule.name, conditions.read(rule.when, (), where=Where.RULES), rule.then) for rule in file.rules)
    handover = tuple(
        _handover(rule.name, conditions.read(rule.when, (), where=Where.HANDOVER), ThenModel(**rule.then.model_dump()))
        for rule in file.handover
    )
    credits = file.rank_credit
    return Policy(
        version=version,
        currency=file.currency,
        zone=_zone(file.timezone),
        rules=Rulebook(rules),
        handover=Rulebook(handover),
        fallback=MappingProxyType(
            {
                Direction.INBOUND: _rule(FALLBACK, _ALWAYS, ThenModel(queue=file.fallback.inbound)),
                Direction.OUTBOUND: _rule(FALLBACK, _ALWAYS, ThenModel(queue=file.fallback.outbound)),
            }
        ),
        fallback_handover=_handover(FALLBACK, _ALWAYS, ThenModel(queue=file.fallback.handover)),
        queues=MappingProxyType(queues),
        titles=MappingProxyType({Desk(desk): held.title for desk, held in file.desks.items() if held.title}),
        asks=MappingProxyType({Desk(desk): tuple(held.asks) for desk, held in file.desks.items() if held.asks}),
        customer_queue=next((name for name, queue in queues.items() if queue.desk is Desk.CUSTOMER), None),
        tasks=MappingProxyType({TaskKind(kind): QueueName(queue) for kind, queue in file.tasks.items()}),
        rank_credit=RankCredit(*(elapsed(text) for text in (credits.list, credits.normal, credits.high, credits.hot))),
        acceptance_required=file.acceptance == "required",
        face_to_face=frozenset(MeetingMode(mode) for mode in file.face_to_face),
        maturity=elapsed(file.maturity),
        credit=CreditShares(file.credit.qualifier, file.credit.closer),
        sources=MappingProxyType(
            {
                SourceName(name): Source(held.default_region, cadence_of(held.cadence) if held.cadence else None)
                for name, held in file.sources.items()
            }
        ),
        looks_at=frozenset(clause.path for clause in conditions.made.values()) - {SCORE},
        scores=scores,
        enrichment=enrichment,
        reopen_within=None if file.reopen_within is None else elapsed(file.reopen_within),
        outbound=Outbound(elapsed(file.outbound.cool_down), file.outbound.one_active) if file.outbound else None,
    )


def _enrichment(file: PolicyFile, conditions: Conditions) -> Enrichment | None:
    asked = file.enrichment
    if asked is None:
        return None
    return enrichment_of(asked, conditions.read(asked.when, (), where=Where.ENRICHMENT))


def _rule(name: str, when: All, then: ThenModel) -> Rule:
    return Rule(name, when, _then(then))


def _handover(name: str, when: All, then: ThenModel) -> Handover:
    return Handover(name, when, _place(then, QueueName(str(then.queue)), Qualify.BY_REP))


def _then(then: ThenModel) -> Then:
    if then.nurture is not None:
        return Sleep(elapsed(then.nurture), then.segment)
    if then.reject is not None:
        return Refuse(Rejection(then.reject), then.segment)
    queue = QueueName(str(then.queue))
    unsaid = Qualify.BYPASS if desk_of(queue) is Desk.CLOSING else Qualify.BY_REP
    return _place(then, queue, Qualify(then.qualify.replace("-", "_")) if then.qualify else unsaid)


def _place(then: ThenModel, queue: QueueName, qualify: Qualify) -> Place:
    return Place(
        queue,
        qualify,
        Priority(then.priority) if then.priority else None,
        _optional(then.sla),
        then.segment,
    )


def _queue(desk: Desk, name: str, queue: QueueModel, calendar: Calendar) -> Queue:
    lease = duration(queue.lease)
    return Queue(
        name=QueueName(f"{desk}/{name}"),
        desk=desk,
        kind=KIND_OF_DESK[desk],
        calendar=calendar,
        in_hand=queue.in_hand,
        open=queue.open,
        lease=lease,
        next_step=_optional(queue.next_step),
        grace=lease if queue.grace is None else duration(queue.grace),
        release=_release(queue.release) if queue.release else None,
        returns_per_week=queue.returns_per_week,
        person_hours=_person_hours(queue.person_hours) if queue.person_hours else None,
        when_empty=QueueName(queue.when_empty) if queue.when_empty else None,
        targets=Targets(**queue.targets.model_dump()) if queue.targets else None,
        skills=frozenset(queue.skills),
        escalate=tuple(step_of(step) for step in queue.escalate),
    )


def _person_hours(text: str) -> PersonHours:
    opens, _, closes = text.partition("-")
    return PersonHours(time.fromisoformat(opens), time.fromisoformat(closes))


def _release(release: ReleaseModel) -> ReleasePlan:
    buffer = release.buffer
    if buffer.fixed is not None:
        return ReleasePlan(time.fromisoformat(release.at), FixedBuffer(buffer.fixed))
    return ReleasePlan(time.fromisoformat(release.at), RepHourBuffer(Fraction(str(buffer.per_rep_hour))))


def _calendar(name: str, written: CalendarModel) -> Calendar:
    hours = week(written.hours, (), Mistakes({}))
    return Calendar(name, _zone(written.zone), _sure(hours), written.holidays)


def _optional(text: str | None) -> Duration | None:
    return None if text is None else duration(text)


def _zone(name: str) -> ZoneInfo:
    return _sure(zone(name))


def _sure(value: T | None) -> T:
    if value is None:
        raise ValueError("only a policy that `check` has passed can be compiled")
    return value
