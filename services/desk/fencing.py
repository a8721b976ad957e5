"""Fencing: who may write what is held, and with which token. Object 404, then 428, then 409; all under the locks."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from schemas.words import ClaimState, LeadState, OpportunityState, RepId, desk_of
from services import policies
from services.runtime.http.call import Call
from services.runtime.http.headers import CLAIM_TOKEN
from services.runtime.http.problems import Conflict, NotFound
from services.runtime.tx import Tx
from services.store import accounts, holding, opportunities, reps, suppressions, work
from services.store.items import Claim
from services.store.opportunities import Opportunity
from services.store.story import Stories, WrongState, telling
from services.store.work import Work

LOST = frozenset({ClaimState.EXPIRED, ClaimState.REVOKED})
"""How a claim ends against its holder's will."""


class ClaimEnded(Conflict):
    """The claim has ended: lost where the system or a manager ended it, closed where its holder did."""

    def __init__(self, claim: Claim) -> None:
        state = claim.state.value
        if claim.state in LOST:
            super().__init__("claim_lost", f"The claim was taken back: it is {state}.", state=state)
        else:
            super().__init__("claim_closed", f"The claim is {state}.", state=state)
        self.claim = claim


class ClaimLost(Conflict):
    """The token is not the current one."""

    def __init__(self, state: str) -> None:
        super().__init__("claim_lost", "The token is not that of the item's present claim.", state=state)


@asynccontextmanager
async def told(tx: Tx) -> AsyncIterator[Stories]:
    """Tell stories; what the present state refuses is a conflict."""
    try:
        async with telling(tx) as stories:
            yield stories
    except WrongState as refused:
        detail = f"The {refused.thing} is {refused.state}: it cannot {refused.act}."
        raise Conflict("wrong_state", detail, state=refused.state) from None


async def holder(
    call: Call,
    tx: Tx,
    stories: Stories,
    claim_id: str,
    *,
    opts_out: bool = False,
    qualifies: bool = False,
    with_rep: bool = False,
) -> Work:
    """What a rep holds by this claim, locked; with all that the person has, where they opt out.

    Or with the account and what is open with it, where an opportunity may come of it. `with_rep`: and themselves, so
    that two of theirs never pass a limit together.

    Raises: NotFound, ClaimTokenRequired, ClaimLost, ClaimEnded.
    """
    claim = await own(call, tx, claim_id)
    if claim.ended_at is not None:
        raise ClaimEnded(claim)
    if opts_out:
        await suppressions.lock_person_of(tx, stories, claim.lead_id)
    if qualifies:
        await stories.lock_all([claim.lead_id, *await accounts.lock_of(tx, claim.lead_id)])
    if with_rep:
        await stories.lock(claim.lead_id)
        await reps.lock(tx, call.rep_id)
    policy = await policies.active(tx)
    found = await work.lock(tx, stories, policy, call.actor, claim.lead_id, claim.item_id)
    if found.claim is None or found.claim.id != claim.id:
        raise ClaimEnded(await own(call, tx, claim_id))
    return found


async def own(call: Call, tx: Tx, claim_id: str) -> Claim:
    """A claim of the rep's, live or ended, whose token they sent."""
    claim = await holding.find(tx, claim_id)
    if claim is None or claim.rep_id != call.rep_id:
        raise NotFound
    if call.holder_token() != claim.token:
        raise ClaimLost(claim.state.value)
    call.headers[CLAIM_TOKEN] = str(claim.token)
    return claim


async def deal(
    call: Call,
    tx: Tx,
    stories: Stories,
    opportunity_id: str,
    *,
    claimed: bool = False,
    same: Callable[[Opportunity], bool] = lambda _: False,
    also: Callable[[Opportunity, RepId], bool] = lambda *_: False,
    opens: bool = False,
) -> Work:
    """An opportunity, locked, for its holder or a manager; `claimed`: a manager, too, acts only on what somebody holds.

    `also`: which other reps may, without a token. `opens`: what was closed may be open afterwards. A closed one is
    refused, unless it is the `same` that is asked for again (then nothing is to be done), or the act is on closed ones.

    Raises: NotFound; ClaimTokenRequired; Conflict `claim_lost`, `already_closed`, `not_claimed`.
    """
    found = await opportunities.find(tx, opportunity_id)
    if found is None:
        raise NotFound
    await _admit(call, tx, found, await holding.of_item(tx, found.item_id), also)
    policy = await policies.active(tx)
    if opens:
        await accounts.lock_of(tx, found.lead_id)
    locked = await work.lock_deal(tx, stories, policy, call.actor, found)
    await _admit(call, tx, locked.deal, locked.claim, also)
    if locked.story.state == LeadState.ERASED:
        raise Conflict("wrong_state", "Its person is erased.", state=locked.story.state.value)
    if locked.claim is not None and call.claim_token is not None:
        call.headers[CLAIM_TOKEN] = str(locked.claim.token)
    if locked.deal.state != OpportunityState.OPEN:
        if not same(locked.deal):
            state = locked.deal.state.value
            raise Conflict("already_closed", f"The opportunity is {state} already.", state=state)
    elif claimed and locked.claim is None:
        raise Conflict("not_claimed", "Nobody holds it: let a rep pull it first.", state=locked.item.state.value)
    return locked


async def _admit(
    call: Call, tx: Tx, found: Opportunity, claim: Claim | None, also: Callable[[Opportunity, RepId], bool]
) -> None:
    if call.principal.rep_id is None:
        if not call.sees(desk_of(found.queue)):
            raise NotFound
        return
    if claim is not None and claim.rep_id == call.rep_id:
        if call.holder_token() != claim.token:
            raise ClaimLost(claim.state.value)
        return
    if also(found, call.rep_id):
        return
    before = call.claim_token and await holding.ended(tx, found.lead_id, found.id, call.rep_id, call.claim_token)
    if not before:
        raise NotFound
    if found.state == OpportunityState.OPEN or before.state != ClaimState.COMPLETED:
        raise ClaimLost(before.state.value)
