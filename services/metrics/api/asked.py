"""What was asked, as a question: defaults filled in, by the policy's zone and the caller's desks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.api.questions import Filters, GroupBy, PeriodQuery, When
from schemas.api.questions import Period as Asked
from schemas.words import PrincipalKind
from services.metrics.periods import Grain, Period, day_start, today
from services.metrics.question import Dimension, Grouping, Question
from services.runtime.access import Principal
from services.runtime.http.problems import Invalid, Mistake

MOST_PIECES = timedelta(days=4000)
"""A longer period is not cut into days or weeks."""
_TICK = timedelta(milliseconds=1)


def question_of(query: PeriodQuery, who: Principal, zone: ZoneInfo, now: datetime) -> Question:
    """The question that `query` puts; `zone` is the policy's. Raises: Invalid."""
    period, zone = period_of(query, zone, now)
    groups = tuple(_grouping(group) for group in query.group_by)
    if period.end - period.start > MOST_PIECES and {Grain.DAY, Grain.WEEK} & {*groups}:
        detail = f"the period is longer than {MOST_PIECES.days} days"
        raise Invalid([Mistake("out_of_range", parameter="group_by", detail=detail, remedy="Group by month")])
    return Question(period, zone, groups, wanted(query), desks_of(who))


def period_of(query: Asked, zone: ZoneInfo, now: datetime) -> tuple[Period, ZoneInfo]:
    """From when to when `query` asks, and by the days of which zone; `zone` is the policy's. Raises: Invalid."""
    zone = ZoneInfo(query.tz) if query.tz else zone
    return _period(query.from_, query.to, zone, now), zone


def wanted(query: Filters) -> dict[Dimension, tuple[str, ...]]:
    """The filters that are set."""
    given = {dimension: tuple(getattr(query, dimension)) for dimension in Dimension}
    return {dimension: values for dimension, values in given.items() if values}


def desks_of(who: Principal) -> tuple[str, ...] | None:
    """A manager who names desks sees their numbers; any other sees all."""
    return tuple(sorted(who.desks)) if who.kind is PrincipalKind.MANAGER and who.desks else None


def _period(start: When | None, end: When | None, zone: ZoneInfo, now: datetime) -> Period:
    """Default: today. Only an end: the day that it ends."""
    ends = _moment(end, zone) if end is not None else None
    starts = _moment(start, zone) if start is not None else today(ends - _TICK if ends else now, zone).start
    ends = ends or today(now, zone).end
    if not starts < ends:
        raise Invalid([Mistake("out_of_range", parameter="to", detail="must be after `from`: it is half open")])
    return Period(starts, ends)


def _moment(when: datetime | date, zone: ZoneInfo) -> datetime:
    return when.astimezone(UTC) if isinstance(when, datetime) else day_start(when, zone)


def _grouping(group: GroupBy) -> Grouping:
    return Grain(group) if group in {*Grain} else Dimension(group)
