"""Scorecards reckoned the plain way: all stories at hand, each figure counted by itself."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from kit import naive_metrics as naive
from kit.naive_metrics import TALKS, Story
from schemas.events.stamp import Told

Whose = tuple[str, str]
Figures = dict[str, Any]


@dataclass(frozen=True)
class Doing:
    """Something that counts for or against somebody."""

    kind: str
    told: Told
    at: datetime
    dims: Mapping[str, str | None]
    word: str | None = None
    share: float = 0.0

    @property
    def whose(self) -> Whose:
        return str(self.dims["desk"]), str(self.dims["rep"])


def doings(story: Story) -> Iterator[Doing]:
    for place, told in enumerate(story.told):
        event: Any = told.event
        seen = story.told[:place]

        def doing(kind: str, word: str | None = None, told: Told = told, event: Any = event, **more: Any) -> Doing:
            dims = story.dims(event.queue, story.segment_at(told), event.rep_id)
            return Doing(kind, told, more.pop("at", told.stamp.at), more.pop("dims", dims), word, **more)

        match told.name:
            case "item.claimed":
                yield doing("pulls")
                if event.exception:
                    yield doing("exceptions", event.exception)
                made = [one for one in seen if one.name == "opportunity.created"]
                if event.kind == "opportunity" and made:
                    since = story.told[made[-1].stamp.seq : place]
                    if not any(one.name == "item.claimed" and _kind(one) == "opportunity" for one in since):
                        yield doing("taken", made[-1].event.opportunity_id)  # type: ignore[attr-defined]
                sold = [one for one in seen if one.name == "customer.created"]
                if event.kind == "customer" and sold:
                    yield doing("held", sold[-1].event.customer_id)  # type: ignore[attr-defined]
            case "item.attempted":
                at = event.attempted_at or told.stamp.at
                yield doing("tried", event.outcome, at=at)
                if event.first and event.kind == "prospect":
                    yield doing("prospected", at=at)
            case "item.returned":
                yield doing("returns", event.reason)
            case "item.completed" if event.kind in ("enquiry", "prospect"):
                yield doing("completed")
            case "item.promise_kept" | "item.promise_broken":
                yield doing("promises_" + told.name.rpartition("_")[2])
            case "opportunity.meeting" if event.state == "held":
                yield doing("tried", "conversation", at=min(event.scheduled_for, told.stamp.at))
    for opportunity in {told.event.opportunity_id for told in story.of("opportunity.created")}:  # type: ignore[attr-defined]
        yield from _passed(story, opportunity)
        for told in naive.ends(story, opportunity):
            if naive._is_win(told):
                yield from _shares(story, told, opportunity)


def _passed(story: Story, opportunity: str) -> Iterator[Doing]:
    """By whom it was qualified, when they completed their item, if it counts as qualified."""
    counted = naive.counts_as_qualified(story, opportunity)
    made = next(one for one in story.of("opportunity.created") if one.event.opportunity_id == opportunity)  # type: ignore[attr-defined]
    done = [
        one
        for one in story.told
        if one.stamp.seq < made.stamp.seq
        and one.name == "item.completed"
        and one.event.outcome == "qualified"  # type: ignore[attr-defined]
        and one.event.kind in naive.WORK  # type: ignore[attr-defined]
    ]
    if counted is None or made.event.qualified_by in (None, "auto") or not done:  # type: ignore[attr-defined]
        return
    event: Any = done[-1].event
    dims = story.dims(event.queue, story.segment_at(counted), event.rep_id)
    yield Doing("passed", counted, done[-1].stamp.at, dims)


def _shares(story: Story, told: Told, opportunity: str) -> Iterator[Doing]:
    event: Any = told.event
    mine = story.dims(event.queue, story.segment_at(told), event.rep_id)
    for each in event.credit:
        dims = {**mine, "rep": each.rep_id}
        if each.desk != mine["desk"]:
            passed = [
                one.event for one in story.told if one.name == "item.completed" and _qualifies(one, story, opportunity)
            ]
            queue = passed[-1].queue if passed else f"{each.desk}/"  # type: ignore[attr-defined]
            dims |= {"queue": queue, "desk": queue.split("/")[0]}
        yield Doing("credited", told, event.won_at, dims, share=each.share)
    if not event.credit:
        yield Doing("credited", told, event.won_at, mine, share=1.0)


def _qualifies(one: Told, story: Story, opportunity: str) -> bool:
    event: Any = one.event
    made = next(each for each in story.of("opportunity.created") if each.event.opportunity_id == opportunity)  # type: ignore[attr-defined]
    by_rep = made.event.qualified_by not in (None, "auto")  # type: ignore[attr-defined]
    return by_rep and one.stamp.seq < made.stamp.seq and event.outcome == "qualified" and event.kind in naive.WORK


def _kind(told: Told) -> str:
    return str(told.event.kind)  # type: ignore[attr-defined]


def cards(
    all_: Mapping[str, Story], start: datetime, end: datetime, zone: ZoneInfo, filters: Mapping[str, Sequence[str]]
) -> dict[Whose, Figures]:
    """Each figure of each rep at each desk, as far as it is not nought."""
    found: dict[Whose, Figures] = defaultdict(lambda: defaultdict(Counter))

    def asked(at: datetime | None, dims: Mapping[str, str | None]) -> bool:
        named = dims["rep"] is not None and dims["desk"] is not None
        return named and (at is None or start <= at < end) and naive.matches(dims, filters)

    days: dict[Whose, set[Any]] = defaultdict(set)
    weeks: dict[Whose, set[Any]] = defaultdict(set)
    lost: dict[Whose, set[str]] = defaultdict(set)
    cycles: dict[Whose, list[int]] = defaultdict(list)
    waits: dict[Whose, list[Any]] = defaultdict(list)
    holders: dict[str, tuple[Story, Doing]] = {}
    for story in all_.values():
        wins = [(told, opp) for opp in _opportunities(story) for told in naive.ends(story, opp) if naive._is_win(told)]
        for doing in doings(story):
            if doing.kind == "held" and doing.at < end:
                holders[str(doing.word)] = (story, doing)
            if doing.kind == "held" or not asked(doing.at, doing.dims):
                continue
            figures = found[doing.whose]
            figures[doing.kind][""] += 1
            figures[doing.kind + "_by"][doing.word] += 1
            figures["shares"][""] += doing.share
            if doing.kind == "tried":
                local = doing.at.astimezone(zone)
                days[doing.whose].add(local.date())
                weeks[doing.whose].add(local.isocalendar()[:2])
                figures["conversations"][""] += doing.word in TALKS
            if doing.kind == "returns" and any(
                told.stamp.seq > doing.told.stamp.seq and told.event.rep_id not in (None, doing.dims["rep"])  # type: ignore[attr-defined]
                for told, _ in wins
            ):
                lost[doing.whose].add(story.id)
            if doing.kind == "taken":
                won = [told.event.won_at for told, opp in wins if opp == doing.word]  # type: ignore[attr-defined]
                if won:
                    cycles[doing.whose].append(max(0, round((min(won) - doing.at).total_seconds() * 1000)))
        for one in naive.happenings(story):
            if one.metric in ("meetings", "expanded") and asked(one.at, one.dims):
                whose = (str(one.dims["desk"]), str(one.dims["rep"]))
                found[whose]["meetings"][""] += one.metric == "meetings"
                if one.money:
                    found[whose]["enlarged"][one.money[1]] += one.money[0]
    for clock in naive.clocks(all_):
        if clock.name == "captured_attempt" and asked(clock.at, clock.dims):
            waits[str(clock.dims["desk"]), str(clock.dims["rep"])].append(clock.took)
    for customer, (story, doing) in holders.items():
        void = any(told.event.customer_id == customer for told in story.of("customer.voided"))  # type: ignore[attr-defined]
        left = [told.event.churned_at for told in story.of("customer.churned") if told.event.customer_id == customer]  # type: ignore[attr-defined]
        if asked(None, doing.dims) and not void and not (left and min(left) < start):
            found[doing.whose]["held"][""] += 1
            found[doing.whose]["stayed"][""] += not (left and min(left) < end)
    for whose in [*found, *waits]:
        figures = found[whose]
        figures["days"][""], figures["weeks"][""] = len(days[whose]), len(weeks[whose])
        figures["returned_then_won"][""] = len(lost[whose])
        figures["won"][""] = len(cycles[whose])
        figures["cycle_p50"] = _middle(cycles[whose])
        figures["response_n"][""] = len(waits[whose])
        figures["response_p50"] = naive.rank(waits[whose], 50)
    return found


def _opportunities(story: Story) -> set[str]:
    return {told.event.opportunity_id for told in story.told if told.name.startswith("opportunity.")}  # type: ignore[attr-defined]


def _middle(values: list[int]) -> int | None:
    return sorted(values)[ceil(len(values) / 2) - 1] if values else None
