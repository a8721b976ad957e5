"""Timings: each clock that a lead has started, and how long it ran. They follow from what is known of the lead."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.events.series import ClockName
from schemas.words import LeadId
from services.metrics.catalogue import FactKind
from services.metrics.known import Dims, Known

_NOUGHT = timedelta()
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Timing:
    """A clock that was started, unique by lead, seq and clock. It counts at `at`, when the wait began.

    `took_ms` is None while it runs: still waiting. `due_at`: by when it should have stopped (SLA), if anything said so.
    """

    lead: LeadId
    seq: int
    clock: ClockName
    at: datetime
    took_ms: int | None
    due_at: datetime | None
    dims: Dims


def timings_of(known: Known) -> tuple[Timing, ...]:
    """All clocks of a lead but those of merged resubmissions (`restarted`)."""
    if known.test:
        return ()
    return (*_response(known), *_handover(known))


def _response(known: Known) -> Iterator[Timing]:
    """Of a hand-raiser whom somebody was due to answer: not rejected, not merged, not put to sleep by a rule."""
    captured = known.captured_at
    if captured is None or known.received is None or not known.hand_raiser or known.slept:
        return
    if FactKind.LEAD not in known.reached:
        return
    began = Timing(known.lead, known.received, ClockName.CAPTURED_ATTEMPT, captured, None, None, known.first)
    tried = next((one.at for one in known.tries), None)
    conversed = next((one.at for one in known.tries if one.conversation), None)
    yield replace(began, took_ms=_ms(captured, tried), due_at=known.due_at)
    yield replace(began, clock=ClockName.CAPTURED_CONVERSATION, took_ms=_ms(captured, conversed))
    yield replace(began, clock=ClockName.CAPTURED_PULLABLE, took_ms=_ms(captured, known.pullable_at))
    if known.occurred_at is not None:
        yield replace(began, clock=ClockName.OCCURRED_RECEIVED, took_ms=_ms(known.occurred_at, captured))


def _handover(known: Known) -> Iterator[Timing]:
    """Of each opportunity, until its closer's first conversation."""
    for one in known.opportunities:
        if one.made_at is not None:
            dims = Dims(known.direction, known.source, one.queue, one.segment, one.rep)
            took = _ms(one.made_at, one.conversed_at)
            yield Timing(known.lead, one.seq, ClockName.QUALIFIED_CONVERSATION, one.made_at, took, None, dims)


def restarted(root: Known, resubmissions: Iterable[Known]) -> Iterator[Timing]:
    """The response clocks that hand-raisers' resubmissions start, of those merged into `root`.

    One that came after an attempt starts one. Of those that came before any, only the first does, and only where nobody
    was due to answer the root itself: else the clock that was started runs on. They run from their own captured time to
    the next attempt and the next conversation, under the desk, queue and holder of the root.
    """
    if root.received is None:
        return
    running = any(True for _ in _response(root))
    for captured, again in sorted(_raised_again(root, resubmissions), key=lambda each: (each[0], each[1].lead)):
        if not any(one.at <= captured for one in root.tries):
            if running:
                continue
            running = True
        yield from _restarted(captured, again, root)


def _raised_again(root: Known, resubmissions: Iterable[Known]) -> Iterator[tuple[datetime, Known]]:
    for one in resubmissions:
        if one.merged_into == root.lead and one.hand_raiser and not one.test and one.captured_at is not None:
            yield one.captured_at, one


def _restarted(captured: datetime, again: Known, root: Known) -> Iterator[Timing]:
    assert again.received is not None, "it told when it was captured"
    dims = replace(root.first, direction=again.direction, source=again.source)
    later = [one for one in root.tries if one.at > captured]
    tried = min((one.at for one in later), default=None)
    conversed = min((one.at for one in later if one.conversation), default=None)
    took = _ms(captured, tried)
    began = Timing(again.lead, again.received, ClockName.CAPTURED_ATTEMPT, captured, took, None, dims)
    yield began
    yield replace(began, clock=ClockName.CAPTURED_CONVERSATION, took_ms=_ms(captured, conversed))


def _ms(began: datetime, ended: datetime | None) -> int | None:
    """Whole milliseconds; None while there is no end. No wait is negative: a sender's clock may run ahead of ours."""
    return None if ended is None else max(_NOUGHT, ended - began) // _MS
