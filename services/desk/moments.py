"""Moments that a caller names by a day, in the policy's zone."""

from datetime import UTC, date, datetime, time, timedelta

from router.policy.compiled import Policy
from services.runtime.http.problems import Invalid, Mistake

_DAY, _MS = timedelta(days=1), timedelta(milliseconds=1)


def moment_of(said: date | datetime | None, pointer: str, policy: Policy, now: datetime) -> datetime | None:
    """When a day begins; None where nothing is said. Raises: Invalid where it does not lie ahead."""
    if said is None or isinstance(said, datetime):
        return said
    return _ahead(_begins(said, policy), pointer, policy, now)


def end_of(said: date | datetime | None, pointer: str, policy: Policy, now: datetime) -> datetime | None:
    """When a day is over, to the millisecond; None where nothing is said. Raises: Invalid where it is over."""
    if said is None or isinstance(said, datetime):
        return said
    return _ahead(_begins(said + _DAY, policy) - _MS, pointer, policy, now)


def _begins(day: date, policy: Policy) -> datetime:
    return datetime.combine(day, time(), policy.zone).astimezone(UTC)


def _ahead(moment: datetime, pointer: str, policy: Policy, now: datetime) -> datetime:
    if moment <= now:
        detail = f"must lie ahead: today is {now.astimezone(policy.zone).date()} in {policy.zone.key}"
        raise Invalid([Mistake("out_of_range", detail, pointer=pointer)])
    return moment
