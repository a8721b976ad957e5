"""The judge: names what must not be in a history and what stands at last. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from faults.history import Call, Claimed, Final, Spell, once, waits, whole
from kit.naive_metrics import happenings, stories

from schemas.events.stamp import Told

_BY_HOLDER = frozenset(("item.attempted", "item.completed", "item.returned", "item.deferred"))
_ENDINGS = _BY_HOLDER - {"item.attempted"} | {"item.expired", "item.revoked", "item.cancelled"}
"""What only the holder does, and what ends a claim."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What must not be."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the run did on purpose. `lead_of` tells the id that a key's lead has."""

    keys: Mapping[str, str]
    """The lead's id of each key that was ever posted."""
    dead: Mapping[str, int]
    lease: float


def violations(history: Sequence[Call], spells: Sequence[Spell], final: Final, expected: Expected) -> list[Violation]:
    """All that is wrong."""
    return [
        *_leads(history, final, expected),
        *_stories(final),
        *_holders(final),
        *_tokens(history),
        *_effects(history, final),
        *_numbers(final),
        *_left(final, expected),
        *_late(spells, final, expected),
        *_answers(history),
    ]


def _leads(history: Sequence[Call], final: Final, expected: Expected) -> Iterator[Violation]:
    """Every acknowledged lead is present, once, under its id; and no other."""
    told: defaultdict[str, set[str]] = defaultdict(set)
    for call in history:
        if call.what == "post" and call.done:
            told[call.key].add(str(call.said["id"]))
    for key, ids in told.items():
        if ids != {expected.keys[key]}:
            yield Violation("another id", f"{key} was told {sorted(ids)}")
        for lead in ids - final.leads.keys():
            yield Violation("lost", f"{key}, acknowledged as {lead}, is not there")
    for lead in final.leads.keys() - set(expected.keys.values()):
        yield Violation("invented", f"nobody posted {lead}")
    received = Counter(told.stamp.lead_id for told in once(final) if told.name == "lead.received")
    for lead in final.leads:
        if received[lead] != 1:
            yield Violation("not received once", f"{lead} was received {received[lead]} times")


def _stories(final: Final) -> Iterator[Violation]:
    """A lead's events are numbered without a gap, once each, in the topic's order, their times never running back."""
    events: dict[tuple[str, int], str] = {}
    reached: Counter[str] = Counter()
    for one in final.lifecycle:
        lead, seq = one.told.stamp.lead_id, one.told.stamp.seq
        if events.setdefault((lead, seq), one.event) != one.event:
            yield Violation("two events of one number", f"{lead} {seq}: {events[lead, seq]}, {one.event}")
        if seq > reached[lead] + 1:
            yield Violation("gap in a story", f"{lead}: {seq} follows {reached[lead]}")
        reached[lead] = max(reached[lead], seq)
    last: dict[str, Told] = {}
    for told in once(final):
        before = last.setdefault(told.stamp.lead_id, told)
        if told.stamp.at < before.stamp.at:
            yield Violation("time runs back", f"{told.stamp.lead_id}: {told.stamp.seq}")
        last[told.stamp.lead_id] = told


def _holders(final: Final) -> Iterator[Violation]:
    """No item is held twice at a time, and no effect is one of who does not hold it: by claims and by stories."""
    by_item: defaultdict[str, list[Claimed]] = defaultdict(list)
    for claim in final.claims:
        by_item[claim.item].append(claim)
    for item, claims in by_item.items():
        for one, other in pairwise(sorted(claims, key=lambda claim: claim.token)):
            if one.token == other.token or one.ended is None:
                yield Violation("held twice", f"{item}: by {one.rep} ({one.token}) and {other.rep} ({other.token})")
    holder: dict[str, str | None] = {}
    for told in once(final):
        if not told.name.startswith("item."):
            continue
        event: Any = told.event
        item, claim = event.item_id, getattr(event, "claim_id", None)
        if told.name == "item.claimed":
            if holder.get(item) is not None:
                yield Violation("held twice", f"{item}: {claim} while {holder[item]} holds it")
            holder[item] = claim
        elif told.name in _BY_HOLDER and told.stamp.actor.kind == "rep" and holder.get(item) != claim:
            yield Violation("effect under an old token", f"{item}: {told.name} by {claim}, not {holder.get(item)}")
        if told.name in _ENDINGS:
            holder[item] = None


def _tokens(history: Sequence[Call]) -> Iterator[Violation]:
    """Tokens only grow; under one that was followed by another, nothing is done any more."""
    granted: defaultdict[str, dict[int, tuple[str, float]]] = defaultdict(dict)
    for call in history:
        if call.what == "pull" and call.status == 200:
            item, claim = call.said["item"], call.said["claim"]
            known = granted[item].setdefault(call.said["token"], (claim, call.answered))
            if known[0] != claim:
                yield Violation("held twice", f"{item}: token {call.said['token']} is of {known[0]} and of {claim}")
    for call in history:
        if "token" not in call.ask or not call.done or call.said.get("replayed"):
            continue
        item, token = call.ask["item"], call.ask["token"]
        if any(other > token and at < call.asked for other, (_, at) in granted[item].items()):
            yield Violation("effect under an old token", f"{call.by} {call.what} {item} under {token}: {call.status}")


def _effects(history: Sequence[Call], final: Final) -> Iterator[Violation]:
    """What was acknowledged is there, once; and what was refused is not."""
    notes = Counter(final.notes)
    for note, times in notes.items():
        if times > 1:
            yield Violation("effect doubled", f"the attempt {note} is there {times} times")
    ended = {
        event.claim_id: told.name  # type: ignore[attr-defined]
        for told in once(final)
        if told.name in _BY_HOLDER - {"item.attempted"}
        for event in (told.event,)
    }
    won = Counter(told.event.opportunity_id for told in once(final) if told.name == "opportunity.won")  # type: ignore[attr-defined]
    for opportunity, times in won.items():
        if times > 1:
            yield Violation("effect doubled", f"{opportunity} is won {times} times")
    for call in history:
        if call.what == "attempt" and call.done and not notes[str(call.ask["note"])]:
            yield Violation("effect lost", f"the attempt {call.ask['note']} was acknowledged")
        if call.what == "complete" and call.done and call.ask["claim"] not in ended:
            yield Violation("effect lost", f"{call.ask['claim']} was acknowledged as completed")
        if call.what == "won" and call.done and not won[str(call.ask["opportunity"])]:
            yield Violation("effect lost", f"{call.ask['opportunity']} was acknowledged as won")
    by_note: defaultdict[str, list[Call]] = defaultdict(list)
    for call in history:
        if call.what == "attempt":
            by_note[str(call.ask["note"])].append(call)
    for note, calls in by_note.items():
        if notes[note] and all(call.status in (404, 409) for call in calls):
            yield Violation("effect of a refused call", f"the attempt {note} was answered {calls[0].status}")


def counted(final: Final) -> Mapping[tuple[str, ...], Counter[str]]:
    """An independent count from the lifecycle topic: of all, and by source, queue and rep."""
    found: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    told = sorted(once(final), key=lambda one: (one.stamp.lead_id, one.stamp.seq))
    for story in stories(told).values():
        for one in happenings(story):
            found[()][one.metric] += 1
            for name in ("source", "queue", "rep"):
                if (value := one.dims[name]) is not None:
                    found[name, value][one.metric] += 1
    return found


def _numbers(final: Final) -> Iterator[Violation]:
    """What metrics shows equals an independent count, and so does what it publishes."""
    true = counted(final)
    for group, shown in final.shown.items():
        wrong = {name: (value, true[group][name]) for name, value in shown.items() if value != true[group][name]}
        if wrong:
            yield Violation("numbers differ", f"{' '.join(group) or 'all'}: shown and true are {wrong}")
    for group in true.keys() - final.shown.keys():
        if sum(true[group].values()) and group[:1] in {one[:1] for one in final.shown}:
            yield Violation("numbers differ", f"{group} is not shown")
    wrong = {name: (value, true[()][name]) for name, value in final.published.items() if value != true[()][name]}
    if wrong:
        yield Violation("published numbers differ", f"published and true are {wrong}")
    if not final.balanced:
        yield Violation("the books do not balance", "leadgate ledger")


def _left(final: Final, expected: Expected) -> Iterator[Violation]:
    """Nothing is left undone."""
    stuck = Counter(state for state in final.leads.values() if state in ("received", "awaiting_data"))
    for state, count in stuck.items():
        yield Violation("stuck", f"{count} leads are {state}")
    for state, count in final.open_items.items():
        if count:
            yield Violation("stuck", f"{count} items are {state}")
    for claim in final.claims:
        if claim.ended is None and claim.expires + 5 < final.now:
            yield Violation("stuck", f"the claim {claim.id} expired {final.now - claim.expires:.0f} s ago")
    if final.waiting:
        yield Violation("stuck", f"{final.waiting} records were not forwarded")
    for consumer, lag in final.lags.items():
        if lag:
            yield Violation("stuck", f"{consumer} is {lag} records behind")
    for place in final.stopped:
        yield Violation("stuck", f"{place} stands still")
    for consumer in final.dead.keys() | expected.dead.keys():
        if (there := final.dead.get(consumer, 0)) != (meant := expected.dead.get(consumer, 0)):
            yield Violation("dead letters", f"{consumer} has {there}, and {meant} bad records were sent")
    for name in final.died:
        yield Violation("died", name)


def _late(spells: Sequence[Spell], final: Final, expected: Expected) -> Iterator[Violation]:
    """Nothing waits for longer than a lease and five seconds, the time apart in which something was broken."""
    patience = expected.lease + 5
    for lead, since, until in waits(final):
        if (waited := whole(spells, since, until)) > patience:
            yield Violation("stuck", f"{lead} waited for its decision for {waited:.1f} s")
    for claim in final.claims:
        until = final.now if claim.ended is None else claim.ended
        if claim.state in ("expired", "active") and (waited := whole(spells, claim.expires, until)) > patience:
            yield Violation("stuck", f"the claim {claim.id} ended {waited:.1f} s after it expired")


def _answers(history: Sequence[Call]) -> Iterator[Violation]:
    for call in history:
        if call.status == 500:
            yield Violation("internal error", f"{call.by} {call.what}: {call.said}")
