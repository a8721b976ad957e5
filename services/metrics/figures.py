"""The definition of each figure on a scorecard, of a rep or of a desk."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from router.policy.compiled import Policy, Targets
from schemas.api.scorecards import FigureOut
from schemas.words import Desk
from services.metrics.cards import Card
from services.metrics.catalogue import DeedKind
from services.metrics.deeds import CONVERSED
from services.metrics.series import RULE_OF, clock

QUALIFIED = "qualified"
"""The word of an item that was completed so."""
Goals = Callable[[str], float | None]
"""The target of a figure, if the policy names one."""


def figures(desk: str, card: Card, goals: Goals, *, small: bool) -> tuple[FigureOut, ...]:
    """The figures of a desk's own trade, then those of all desks. `small`: ratios even of fewer than 20."""
    least = 1 if small else RULE_OF
    match desk:
        case Desk.INBOUND:
            own = [_qualifying("lead_to_qualified", card, least), _p50("response_p50", card.ended_ms, card.waiting)]
        case Desk.OUTBOUND:
            prospects = _count("new_prospects", card, DeedKind.PROSPECTED)
            own = [prospects, _qualifying("prospect_to_qualified", card, least)]
        case Desk.CLOSING:
            own = _closing(card, goals, least)
        case Desk.CUSTOMER:
            own = [_ratio("retention", card.stayed, card.held, least), _money("enlargement", card.enlarged)]
        case _:
            own = []
    return (*own, *_fair(card))


def goals_of(policy: Policy, queues: Sequence[str]) -> Goals:
    """The targets of these queues; the largest where they differ."""
    targets = [queue.targets for name, queue in policy.queues.items() if name in queues and queue.targets is not None]

    def goal(figure: str) -> float | None:
        return max((value for each in targets if (value := _target(each, figure)) is not None), default=None)

    return goal


def _target(targets: Targets, figure: str) -> int | None:
    return {
        "conversations_per_day": targets.conversations_per_day,
        "meetings_per_week": targets.meetings_per_week,
    }.get(figure)


def _closing(card: Card, goals: Goals, least: int) -> list[FigureOut]:
    conversations = sum(n for (kind, word), n in card.deeds.items() if kind is DeedKind.TRIED and word in CONVERSED)
    return [
        _ratio("qualified_to_won", len(card.cycles_ms), card.taken, least),
        _p50("cycle_p50", card.cycles_ms, 0),
        _rate("conversations_per_day", conversations, card.days, "per_day", goals),
        _rate("meetings_per_week", card.meetings, card.weeks, "per_week", goals),
    ]


def _fair(card: Card) -> list[FigureOut]:
    return [
        _count("pulls", card, DeedKind.PULLED),
        _split("returns", card, DeedKind.RETURNED),
        _split("exceptions", card, DeedKind.EXCEPTED),
        FigureOut(name="returned_then_won", value=card.returned_then_won, unit="count"),
        _count("promises_kept", card, DeedKind.PROMISE_KEPT),
        _count("promises_broken", card, DeedKind.PROMISE_BROKEN),
        FigureOut(name="credited_won", value=round(card.shares, 9), unit="shares"),
    ]


def _words(card: Card, kind: DeedKind) -> Mapping[str, int]:
    return {word or "": n for (of, word), n in sorted(card.deeds.items(), key=str) if of is kind}


def _total(card: Card, kind: DeedKind) -> int:
    return sum(_words(card, kind).values())


def _count(name: str, card: Card, kind: DeedKind) -> FigureOut:
    return FigureOut(name=name, value=_total(card, kind), unit="count")


def _split(name: str, card: Card, kind: DeedKind) -> FigureOut:
    return FigureOut(name=name, value=_total(card, kind), unit="count", by=_words(card, kind))


def _qualifying(name: str, card: Card, least: int) -> FigureOut:
    """Of the items completed, those whose opportunity counts as qualified."""
    return _ratio(name, _total(card, DeedKind.PASSED), _total(card, DeedKind.COMPLETED), least)


def _ratio(name: str, part: int, whole: int, least: int) -> FigureOut:
    value = part / whole if whole >= least else None
    return FigureOut(name=name, value=value, unit="ratio", numerator=part, denominator=whole)


def _rate(name: str, n: int, of: int, unit: Literal["per_day", "per_week"], goals: Goals) -> FigureOut:
    """So many for each day (or week) on which the rep tried to reach anybody."""
    value = n / of if of else None
    return FigureOut(name=name, value=value, unit=unit, numerator=n, denominator=of, target=goals(name))


def _p50(name: str, ended_ms: Sequence[int], waiting: int) -> FigureOut:
    """The median, by nearest rank; what still waits is longer than any."""
    figures = clock(sorted(ended_ms), waiting)
    return FigureOut(name=name, value=figures.p50_ms, unit="ms", denominator=figures.n)


def _money(name: str, sums: Mapping[str, int]) -> FigureOut:
    """One sum for each currency; the value where there is only one."""
    value = None if len(sums) > 1 else sum(sums.values())
    return FigureOut(name=name, value=value, unit="money", by=dict(sorted(sums.items())))
