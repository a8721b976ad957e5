"""Outreach: a target account is approached by one of its persons at a time, and then let be for a while."""

from datetime import datetime

from router.policy.compiled import Outbound


def approached_until(outbound: Outbound, since: datetime, *, active: bool) -> datetime | None:
    """Before when no other person of an account is approached. None: at once.

    `since`: now, of an approach that is `active`, after whose end there will be a cool-down at the least; else its end.
    """
    return since + outbound.cool_down if outbound.one_active or not active else None
