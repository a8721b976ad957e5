"""Moments that a caller names by a day: its first, in the policy's zone."""

from datetime import UTC, date, datetime, time

from router.policy.compiled import Policy
from services.runtime.http.problems import Invalid, Mistake


def moment_of(said: date | datetime | None, pointer: str, policy: Policy, now: datetime) -> datetime | None:
    """When that is; None where nothing is said. Raises: Invalid where it does not lie ahead."""
    if said is None or isinstance(said, datetime):
        return said
    moment = datetime.combine(said, time(), policy.zone).astimezone(UTC)
    if moment <= now:
        detail = f"must lie ahead: today is {now.astimezone(policy.zone).date()} in {policy.zone.key}"
        raise Invalid([Mistake("out_of_range", detail, pointer=pointer)])
    return moment
