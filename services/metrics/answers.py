"""Answers: the rows of a question, folded from what SQL has grouped."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from schemas.api.metrics import (
    BandsOut,
    ClockOut,
    ConversionOut,
    Counts,
    FunnelRow,
    HandoverOut,
    MachineOut,
    QueueOut,
    ResponseOut,
    SlaOut,
    SpeedRow,
    VendorOut,
    Worth,
)
from schemas.api.questions import Basis
from schemas.events.series import ClockName, Metric
from schemas.events.signals import QueueMeasured
from services.metrics import store, tallies
from services.metrics.catalogue import WORTH
from services.metrics.question import Question, Raw
from services.metrics.records import age_ms
from services.metrics.series import ClockFigures, Tally, clock, conversions, count, count_leads, worth
from services.metrics.tallies import Waits
from services.runtime.tx import ReadTx

_NOTHING = Waits([], 0, 0, 0, 0)


async def funnel(
    tx: ReadTx, question: Question, basis: Basis, *, small: bool, as_of: datetime, maturity: timedelta
) -> tuple[FunnelRow, ...]:
    """The funnel, a row for each group in which anything happened."""
    if basis is Basis.EVENT:
        found = await tallies.facts(tx, question)
        return tuple(
            FunnelRow(
                group=question.named(raw),
                mature=None,
                counts=_counts(count(found.get(raw, ()))),
                money=_worth(found.get(raw, ())),
                conversion=None,
            )
            for raw in _groups(question, found)
        )
    crowds = await tallies.leads(tx, question)
    worths = await tallies.worth_of_leads(tx, question)
    return tuple(
        FunnelRow(
            group=question.named(raw),
            mature=question.ends(raw) + maturity <= as_of,
            counts=_counts(count_leads(crowds.get(raw, ()))),
            money=_worth(worths.get(raw, ())),
            conversion=tuple(
                ConversionOut(
                    from_=one.source, to=one.target, have_from=one.have_from, have_both=one.have_both, rate=one.rate
                )
                for one in conversions(crowds.get(raw, ()), small=small)
            ),
        )
        for raw in _groups(question, crowds)
    )


async def speed(tx: ReadTx, question: Question, as_of: datetime) -> tuple[SpeedRow, ...]:
    """The clocks, a row for each group in which any was started."""
    found = await tallies.timings(tx, question, as_of)
    rows = []
    for raw in _groups(question, found):
        waits = found.get(raw, {})
        clocks = {name: clock(one.ended_ms, one.waiting) for name in ClockName for one in (waits.get(name, _NOTHING),)}
        first = waits.get(ClockName.CAPTURED_ATTEMPT, _NOTHING)
        rows.append(
            SpeedRow(
                group=question.named(raw),
                response=ResponseOut(
                    captured_attempt=_clock(clocks[ClockName.CAPTURED_ATTEMPT]),
                    captured_conversation=_clock(clocks[ClockName.CAPTURED_CONVERSATION]),
                ),
                handover=HandoverOut(qualified_conversation=_clock(clocks[ClockName.QUALIFIED_CONVERSATION])),
                machine=MachineOut(captured_pullable=_clock(clocks[ClockName.CAPTURED_PULLABLE])),
                vendor=VendorOut(occurred_received=_clock(clocks[ClockName.OCCURRED_RECEIVED])),
                bands=BandsOut(**clocks[ClockName.CAPTURED_ATTEMPT].bands.model_dump()),
                sla=SlaOut(met=first.met, breached=first.breached, open_breached=first.open_breached),
            )
        )
    return tuple(rows)


async def queues(tx: ReadTx, names: Iterable[str], as_of: datetime) -> tuple[QueueOut, ...]:
    """These queues as last measured, in this order; one that never was is left out."""
    measured = await store.measured(tx)
    return tuple(queue_out(measured[name], as_of) for name in names if name in measured)


def queue_out(measured: QueueMeasured, as_of: datetime) -> QueueOut:
    """A queue as measured; the age of its oldest item as of then."""
    queued_at = measured.oldest_queued_at
    age = None if queued_at is None else age_ms(queued_at, as_of)
    shown = {name: getattr(measured, name) for name in QueueOut.model_fields if name != "oldest_age_ms"}
    return QueueOut(**shown, oldest_age_ms=age)


def _groups(question: Question, *found: Mapping[Raw, object]) -> list[Raw]:
    """The rows, in their order; without groups the one there is."""
    if not question.groups:
        return [(None, None)]
    return sorted(set().union(*found), key=question.order)


def _counts(counted: Mapping[Metric, int]) -> Counts:
    return Counts(**{str(metric): n for metric, n in counted.items()})


def _worth(tallies: Iterable[Tally]) -> Worth:
    told = list(tallies)
    return Worth(**{str(metric): worth(told, kind) for metric, kind in WORTH.items()})


def _clock(figures: ClockFigures) -> ClockOut:
    return ClockOut(
        n=figures.n,
        waiting=figures.waiting,
        p50_ms=figures.p50_ms,
        p90_ms=figures.p90_ms,
        p95_ms=figures.p95_ms,
        p99_ms=figures.p99_ms,
    )
