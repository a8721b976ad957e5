"""The contract's numbers reckoned the plain way: all stories at hand, nothing folded, nothing kept."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from schemas.events.stamp import LifecycleEvent, Told

WORK = {"enquiry", "prospect", "opportunity"}
TALKS = {"conversation", "callback", "not_now", "refused"}
PAIRED = {
    "leads",
    "attempted",
    "conversed",
    "qualified",
    "meetings",
    "proposals_requested",
    "proposals_presented",
    "won",
}


@dataclass(frozen=True)
class Happening:
    """Something that counts: of which lead, when, and under what."""

    metric: str
    lead: str
    at: datetime
    dims: Mapping[str, str | None]
    money: tuple[int, str] | None = None


@dataclass
class Story:
    """All events of one lead."""

    id: str
    told: list[Told]
    firsts: dict[str, str | None] = field(default_factory=dict)

    def of(self, *names: str) -> list[Told]:
        return [told for told in self.told if told.name in names]

    def first(self, *names: str) -> LifecycleEvent | None:
        return next((told.event for told in self.of(*names)), None)

    @property
    def received(self) -> Any:
        return self.first("lead.received")

    @property
    def counts(self) -> bool:
        return not any(told.stamp.test for told in self.told) and self.received is not None

    def last(self, name: str, but: str) -> Told | None:
        """The last event of this name that none of the name `but` has undone."""
        found = None
        for told in self.of(name, but):
            found = told if told.name == name else None
        return found

    @property
    def merged_into(self) -> str | None:
        merged: Any = self.last("lead.merged", "lead.unmerged")
        return merged.event.into_lead_id if merged else None

    @property
    def is_lead(self) -> bool:
        return self.merged_into is None and self.last("lead.rejected", "lead.released") is None

    @property
    def hand_raiser(self) -> bool:
        return self.received.direction == "inbound" and not self.received.list

    def work(self, name: str) -> list[Told]:
        return [told for told in self.of(name) if told.event.kind in WORK]  # type: ignore[attr-defined]

    def tries(self) -> list[tuple[Told, datetime, bool]]:
        """Each attempt and each held meeting: when, and whether it was a conversation."""
        found = []
        for told in self.told:
            event: Any = told.event
            if told.name == "item.attempted" and event.kind in WORK:
                found.append((told, event.attempted_at or told.stamp.at, event.outcome in TALKS))
            if told.name == "opportunity.meeting" and event.state == "held":
                found.append((told, min(event.scheduled_for, told.stamp.at), True))
        return found

    def segment_at(self, told: Told) -> str | None:
        named = [
            one.event.segment  # type: ignore[attr-defined]
            for one in self.of("lead.decided")
            if one.stamp.seq <= told.stamp.seq and one.event.segment  # type: ignore[attr-defined]
        ]
        return named[-1] if named else None

    def place_at(self, told: Told) -> tuple[str | None, str | None]:
        """The queue where it was, and its holder, just before an event."""
        queue = rep = None
        for one in self.told:
            if one.stamp.seq >= told.stamp.seq:
                break
            event: Any = one.event
            if one.name == "lead.decided" and event.stage == "captured" and event.queue:
                queue = event.queue
            if one.name.startswith("item.") and event.kind in WORK:
                if one.name == "item.queued":
                    queue, rep = event.queue, None
                elif one.name == "item.claimed":
                    rep = event.rep_id
                elif one.name in {"item.deferred", "item.returned", "item.expired", "item.revoked", "item.parked"}:
                    rep = None
        return queue, rep

    def cohort(self) -> dict[str, str | None]:
        """First queue, segment and holder."""
        captured = [told.event for told in self.of("lead.decided") if told.event.stage == "captured"]  # type: ignore[attr-defined]
        queues = [
            told.event.queue  # type: ignore[attr-defined]
            for told in self.told
            if (told.name == "lead.decided" and told.event.stage == "captured")  # type: ignore[attr-defined]
            or (told.name == "item.queued" and told.event.kind in WORK)  # type: ignore[attr-defined]
        ]
        return self.dims(
            next((queue for queue in queues if queue), None),
            next((event.segment for event in captured if event.segment), None),  # type: ignore[attr-defined]
            next((told.event.rep_id for told in self.work("item.claimed")), None),  # type: ignore[attr-defined]
        )

    def dims(self, queue: str | None, segment: str | None, rep: str | None) -> dict[str, str | None]:
        return {
            "direction": self.received.direction,
            "source": self.received.source,
            "desk": queue.split("/")[0] if queue else None,
            "queue": queue,
            "segment": segment,
            "rep": rep,
        }


def stories(told: Iterable[Told]) -> dict[str, Story]:
    found: dict[str, Story] = {}
    for one in told:
        found.setdefault(one.stamp.lead_id, Story(one.stamp.lead_id, [])).told.append(one)
    return {lead: story for lead, story in found.items() if story.counts}


def happenings(story: Story) -> list[Happening]:
    """All that counts of a lead, each at its own time."""
    found: list[Happening] = []
    captured = story.received.captured_at
    first = story.cohort() | {"rep": None}

    def add(metric: str, at: datetime, dims: Mapping[str, str | None], money: tuple[int, str] | None = None) -> None:
        found.append(Happening(metric, story.id, at, dims, money))

    add("submissions", captured, first)
    if story.is_lead:
        add("leads", captured, first)
        add(f"leads_{story.received.direction}", captured, first)
    tries = story.tries()
    for metric, chosen in (("attempted", tries[:1]), ("conversed", [one for one in tries if one[2]][:1])):
        for told, at, _ in chosen:
            event: Any = told.event
            add(metric, at, story.dims(event.queue, story.segment_at(told), event.rep_id))
    opportunities = {told.event.opportunity_id for told in story.told if told.name.startswith("opportunity.")}  # type: ignore[attr-defined]
    for opportunity in sorted(opportunities):
        _opportunity(story, opportunity, add)
    _customers(story, add)
    undone = [("lead.merged", "lead.unmerged"), ("lead.rejected", "lead.released")]
    gone = [one for name, but in undone for one in story.of(name) if one is not story.last(name, but)]
    for told in (one for one in story.told if one not in gone):
        metric = {"lead.merged": "merged", "lead.rejected": "rejected", "lead.nurtured": "nurtured"}.get(told.name)
        if told.name == "lead.closed" and told.event.outcome in ("disqualified", "unreached"):  # type: ignore[attr-defined]
            metric = str(told.event.outcome)  # type: ignore[attr-defined]
        if metric:
            queue, rep = story.place_at(told)
            actor = told.stamp.actor.id if told.stamp.actor.kind == "rep" else None
            add(metric, told.stamp.at, story.dims(queue, story.segment_at(told), rep or actor))
    return found


def _opportunity(story: Story, opportunity: str, add: Any) -> None:
    def mine(name: str) -> list[Told]:
        return [told for told in story.of(name) if told.event.opportunity_id == opportunity]  # type: ignore[attr-defined]

    def dims(told: Told, rep: str | None = None) -> Mapping[str, str | None]:
        event: Any = told.event
        return story.dims(event.queue, story.segment_at(told), event.rep_id or rep)

    if (told := counts_as_qualified(story, opportunity)) is not None:
        add("qualified", told.stamp.at, dims(told, getattr(told.event, "qualified_by", None)))
    for told in mine("opportunity.released"):
        add("released", told.stamp.at, dims(told))
    for told in mine("opportunity.meeting"):
        event: Any = told.event
        if event.state == "held":
            at = min(event.scheduled_for, told.stamp.at)
            add("meetings", at, dims(told))
            if event.mode == "in_person" if event.face_to_face is None else event.face_to_face:
                add("meetings_face_to_face", at, dims(told))
    for name in ("requested", "presented"):
        for told in mine(f"opportunity.proposal_{name}")[:1]:
            add(f"proposals_{name}", told.stamp.at, dims(told))
    for told in ends(story, opportunity):
        end: Any = told.event
        if told.name == "opportunity.won" or getattr(end, "to", None) == "won":
            add("won", end.won_at, dims(told), (end.value.amount, end.value.currency))
        else:
            add("lost", told.stamp.at, dims(told))


def counts_as_qualified(story: Story, opportunity: str) -> Told | None:
    """The event by which an opportunity counts as qualified, if the closer did not give it back since."""
    found = None
    for told in story.told:
        event: Any = told.event
        if getattr(event, "opportunity_id", None) != opportunity:
            continue
        by_rep = told.name == "opportunity.created" and event.qualified_by not in (None, "auto")
        if told.name == "opportunity.rejected":
            found = None
        elif told.name == "opportunity.accepted" or (by_rep and event.acceptance in (None, "none")):
            found = found or told
    return found


def ends(story: Story, opportunity: str) -> list[Told]:
    """The wins and losses of an opportunity that stand."""
    stand: list[Told] = []
    for told in story.told:
        event: Any = told.event
        if getattr(event, "opportunity_id", None) != opportunity:
            continue
        if told.name == "opportunity.reopened":
            stand = [one for one in stand if _is_win(one)]
        if told.name == "opportunity.corrected":
            stand = []
        if told.name in ("opportunity.won", "opportunity.lost") or getattr(event, "to", None) in ("won", "lost"):
            stand.append(told)
    return stand


def _is_win(told: Told) -> bool:
    return told.name == "opportunity.won" or getattr(told.event, "to", None) == "won"


def _customers(story: Story, add: Any) -> None:
    void = {told.event.customer_id for told in story.of("customer.voided")}  # type: ignore[attr-defined]
    names = {"deployed": "deployed_at", "expanded": "expanded_at", "renewed": None, "churned": "churned_at"}
    for name, when in names.items():
        for told in story.of(f"customer.{name}"):
            event: Any = told.event
            if event.customer_id not in void:
                at = getattr(event, when) if when else told.stamp.at
                worth = getattr(event, "value", None)
                dims = story.dims(event.queue, story.segment_at(told), event.rep_id)
                add(name, at, dims, (worth.amount, worth.currency) if worth else None)


@dataclass(frozen=True)
class Clock:
    """A clock that was started: where it counts, how long it ran (None: it runs), by when it should have stopped."""

    name: str
    lead: str
    at: datetime
    took: timedelta | None
    due: datetime | None
    dims: Mapping[str, str | None]


def clocks(all_: Mapping[str, Story]) -> list[Clock]:
    found: list[Clock] = []
    for story in all_.values():
        captured = story.received.captured_at
        tries = [(at, talk) for _, at, talk in story.tries()]
        queued = story.work("item.queued")
        if _is_due(story):
            dims = story.cohort()
            due = queued[0].event.due_at if queued else None  # type: ignore[attr-defined]
            attempt = next((at for at, _ in tries), None)
            talk = next((at for at, talk in tries if talk), None)
            pullable = queued[0].stamp.at if queued else None
            found.append(Clock("captured_attempt", story.id, captured, _took(captured, attempt), due, dims))
            found.append(Clock("captured_conversation", story.id, captured, _took(captured, talk), None, dims))
            found.append(Clock("captured_pullable", story.id, captured, _took(captured, pullable), None, dims))
            if sent := story.received.occurred_at:
                found.append(Clock("occurred_received", story.id, captured, _took(sent, captured), None, dims))
        root = all_.get(story.merged_into or "")
        if story.hand_raiser and root:
            again = [(at, talk) for _, at, talk in root.tries()]
            if any(at <= captured for at, _ in again) or (not _is_due(root) and _is_first(story, all_)):
                later = sorted((at, talk) for at, talk in again if at > captured)
                dims = root.cohort() | {"direction": story.received.direction, "source": story.received.source}
                attempt = next((at for at, _ in later), None)
                talk = next((at for at, talk in later if talk), None)
                found.append(Clock("captured_attempt", story.id, captured, _took(captured, attempt), None, dims))
                found.append(Clock("captured_conversation", story.id, captured, _took(captured, talk), None, dims))
        found += _handovers(story)
    return found


def _handovers(story: Story) -> Iterable[Clock]:
    """Work on the item of an opportunity is work on the one made last."""
    made = story.of("opportunity.created")
    for nth, told in enumerate(made):
        event: Any = told.event
        until = made[nth + 1].stamp.seq if nth + 1 < len(made) else len(story.told) + 1
        talks, reps = [], []
        for one in story.told:
            mine = told.stamp.seq < one.stamp.seq < until
            said: Any = one.event
            if mine and one.name == "item.claimed" and said.kind == "opportunity":
                reps.append(said.rep_id)
            if mine and one.name == "item.attempted" and said.kind == "opportunity" and said.outcome in TALKS:
                talks.append(said.attempted_at or one.stamp.at)
            held = one.name == "opportunity.meeting" and said.state == "held"
            if held and said.opportunity_id == event.opportunity_id:
                talks.append(min(said.scheduled_for, one.stamp.at))
        dims = story.dims(event.queue, story.segment_at(told), next(iter(reps), None))
        took = _took(told.stamp.at, next(iter(talks), None))
        yield Clock("qualified_conversation", story.id, told.stamp.at, took, None, dims)


def _is_due(story: Story) -> bool:
    """Whether somebody is due to answer it."""
    return story.hand_raiser and story.is_lead and not _put_to_sleep(story)


def _is_first(story: Story, all_: Mapping[str, Story]) -> bool:
    """Whether no other hand-raiser was merged into the same before."""
    others = [one for one in all_.values() if one.merged_into == story.merged_into and one.hand_raiser]
    return story is min(others, key=lambda one: (one.received.captured_at, one.id))


def _put_to_sleep(story: Story) -> bool:
    decided = [told.event for told in story.of("lead.decided") if told.event.stage == "captured"]  # type: ignore[attr-defined]
    return bool(decided) and decided[0].action == "nurture"  # type: ignore[attr-defined]


def _took(began: datetime, ended: datetime | None) -> timedelta | None:
    return None if ended is None else max(timedelta(), ended - began)


def rank(waits: Sequence[timedelta | None], percent: int) -> int | None:
    """Nearest rank over all, those that run being longer than any."""
    if not waits:
        return None
    ordered = sorted(waits, key=lambda one: (one is None, one or timedelta()))
    found = ordered[ceil(percent * len(waits) / 100) - 1]
    return None if found is None else found // timedelta(milliseconds=1)


def matches(dims: Mapping[str, str | None], filters: Mapping[str, Sequence[str]]) -> bool:
    return all(dims[name] in wanted for name, wanted in filters.items())


def tally(found: Iterable[Happening]) -> Counter[str]:
    return Counter(one.metric for one in found)
