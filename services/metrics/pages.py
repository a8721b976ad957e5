"""The ops page: the funnel, how fast leads are answered, how queues and reps stand. It follows the live stream."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.responses import Response

from schemas.api.metrics import ClockOut, FunnelRow, SpeedRow
from schemas.api.questions import OpsQuery, PeriodName
from schemas.events.series import Metric
from schemas.events.stamp import text_of
from schemas.words import PrincipalKind
from services.metrics import answers, tallies
from services.metrics.api.asked import desks_of
from services.metrics.api.numbers import policy_of
from services.metrics.api.people import rows_of
from services.metrics.boards import fairness, promises, scoreboards
from services.metrics.cards import cards, leaders
from services.metrics.freshness import Freshness
from services.metrics.periods import Period, day_start
from services.metrics.question import Dimension, Question
from services.metrics.series import RULE_OF
from services.runtime.http.call import Call
from services.runtime.http.route import Route
from services.web.charts import Bar
from services.web.page import page, seen_by

PERIODS: dict[PeriodName, str] = {
    "today": "Today",
    "yesterday": "Yesterday",
    "week": "This week",
    "7d": "Last 7 days",
    "month": "This month",
    "30d": "Last 30 days",
}
FUNNEL = {
    Metric.LEADS: "Leads",
    Metric.ATTEMPTED: "Attempted",
    Metric.CONVERSED: "Conversed",
    Metric.QUALIFIED: "Qualified",
    Metric.MEETINGS: "Meetings held",
    Metric.PROPOSALS_REQUESTED: "Proposals requested",
    Metric.PROPOSALS_PRESENTED: "Proposals presented",
    Metric.WON: "Won",
}
BESIDE = {
    Metric.SUBMISSIONS: "Submissions",
    Metric.MERGED: "Merged",
    Metric.REJECTED: "Rejected",
    Metric.RELEASED: "Released to a queue",
    Metric.MEETINGS_FACE_TO_FACE: "Meetings face to face",
    Metric.NURTURED: "Nurtured",
    Metric.DISQUALIFIED: "Disqualified",
    Metric.UNREACHED: "Unreached",
    Metric.LOST: "Lost",
}
_BANDS = (
    ("le_1m", "up to 1 min", "tint-1"),
    ("le_5m", "up to 5 min", "tint-2"),
    ("le_15m", "up to 15 min", "tint-3"),
    ("le_60m", "up to 1 h", "tint-4"),
    ("gt_60m", "longer", "yellow"),
    ("waiting", "still waiting", "red"),
)
_DAY = timedelta(days=1)


def page_routes(freshness: Freshness) -> APIRouter:
    routes = APIRouter(route_class=Route, include_in_schema=False)

    @routes.get("/ops")
    @seen_by(PrincipalKind.MANAGER)
    async def ops(call: Call, query: OpsQuery) -> Response:
        """The page."""
        measured_at = await freshness.reach_measured()
        as_of = await freshness.reach()
        call.still_admitted()
        desks = desks_of(call.principal)
        async with call.edge.database.read() as tx:
            policy = await policy_of(tx)
            queues = [name for name, queue in policy.queues.items() if desks is None or queue.desk in desks]
            filters = {Dimension.SOURCE: tuple(query.source), Dimension.QUEUE: tuple(query.queue)}
            wanted = {dimension: values for dimension, values in filters.items() if values}
            question = Question(period_of(query.period, tx.now, policy.zone), policy.zone, (), wanted, desks)
            (funnel,) = await answers.funnel(
                tx, question, query.basis, small=False, as_of=as_of, maturity=policy.maturity
            )
            (speed,) = await answers.speed(tx, question, as_of)
            shown = [name for name in queues if not query.queue or name in query.queue]
            measured = await answers.queues(tx, shown, measured_at)
            sources = await tallies.sources(tx)
            rows = rows_of(await cards(tx, question), policy, by_rep=True)
            made = await leaders(tx, question)
        return page(
            call,
            "ops.html",
            title="Operations",
            as_of=text_of(as_of),
            asked=query,
            periods=PERIODS.items(),
            sources=sorted({*sources, *query.source}),
            queue_names=[*queues, *(name for name in query.queue if name not in queues)],
            zone=policy.zone.key,
            funnel=funnel,
            bars=bars_of(funnel),
            beside=[(label, getattr(funnel.counts, metric)) for metric, label in BESIDE.items()],
            speed=speed,
            clocks=clocks_of(speed),
            bands=[Bar(label, getattr(speed.bands, name), tone=tone) for name, label, tone in _BANDS],
            kept=kept_of(speed),
            queues=measured,
            scoreboards=scoreboards(rows),
            fairness=fairness(rows),
            promises=promises(rows),
            leaders=sorted(made.items()),
            spoken=spoken,
        )

    return routes


def period_of(name: PeriodName, now: datetime, zone: ZoneInfo) -> Period:
    """The days that a name means, by the wall clock of `zone`; today is the last."""
    today = now.astimezone(zone).date()
    first = {
        "today": today,
        "yesterday": today - _DAY,
        "week": today - _DAY * today.weekday(),
        "7d": today - _DAY * 6,
        "month": today.replace(day=1),
        "30d": today - _DAY * 29,
    }[name]
    return Period(day_start(first, zone), day_start(today if name == "yesterday" else today + _DAY, zone))


def bars_of(funnel: FunnelRow) -> list[Bar]:
    """The funnel's steps; by cohort with the part of the leads that came there, in words where they are few."""
    parts = {one.to: one for one in funnel.conversion or () if one.from_ == Metric.LEADS}
    rows = []
    for metric, label in FUNNEL.items():
        part, note = parts.get(metric), ""
        if part is not None and part.have_from:
            note = f"{part.have_both} of {part.have_from}" if part.rate is None else f"{part.rate:.0%}"
        rows.append(Bar(label, getattr(funnel.counts, metric), note))
    return rows


def clocks_of(speed: SpeedRow) -> list[tuple[str, str, ClockOut]]:
    """The clocks, each with what it times."""
    return [
        ("First attempt", "from a hand-raiser’s enquiry", speed.response.captured_attempt),
        ("First conversation", "from a hand-raiser’s enquiry", speed.response.captured_conversation),
        ("Hand-over", "from qualified to the closer’s first conversation", speed.handover.qualified_conversation),
        ("Our own share", "from captured until a rep could pull it", speed.machine.captured_pullable),
        ("The sender’s share", "from their time until it reached us", speed.vendor.occurred_received),
    ]


def kept_of(speed: SpeedRow) -> str | None:
    """The part of the first attempts that came in time, of all whose time has come; None: of fewer than 20."""
    due = speed.sla.met + speed.sla.breached + speed.sla.open_breached
    return f"{speed.sla.met / due:.0%}" if due >= RULE_OF else None


def spoken(ms: int | None) -> str:
    """A duration in words, two units at most.

    >>> spoken(94_000), spoken(380), spoken(86_400_000 * 3 + 3_600_000)
    ('1 min 34 s', '380 ms', '3 d 1 h')
    """
    if ms is None:
        return "not yet"
    if ms < 1000:
        return f"{ms} ms"
    seconds = ms // 1000
    units = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    first = next(place for place, (value, _) in enumerate(units) if value)
    return " ".join(f"{value} {unit}" for value, unit in units[first : first + 2] if value)
