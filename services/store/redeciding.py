"""Deciding anew on leads that are there already: what a manager releases, and what is merged no more."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import select

from router.decide import release as decide_to_release
from router.lifecycle import Act
from router.match import known
from router.outcomes import Decision
from router.policy.compiled import Policy
from router.route import route
from router.world import Lead
from schemas.events.lifecycle import LeadReleased
from schemas.events.stamp import Actor
from schemas.words import AccountId, LeadId, LeadState, PersonId
from services.runtime.secret import Keyring
from services.runtime.tx import ReadTx, Tx
from services.store import details, leads, persons, worlds
from services.store import tables as t
from services.store.story import Stories, WrongState
from services.store.worlds import Loaded


async def release(tx: Tx, stories: Stories, policy: Policy, keyring: Keyring, lead: LeadId, actor: Actor) -> None:
    """Route a rejected lead, whatever flagged it. Raises: WrongState."""
    state = await tx.value(select(t.leads.c.state).where(t.leads.c.id == lead))
    if state != LeadState.REJECTED:
        raise WrongState("lead", state, Act.RELEASE)
    loaded = await look(tx, policy, keyring, [lead])
    story = stories.take(loaded.locked[lead])
    story.move(Act.RELEASE, actor, reason=None)
    story.tell(LeadReleased(), actor)
    decided = [decide_to_release(one, known(one, loaded.world), policy, tx.now) for one in loaded.leads]
    await leads.anew(tx, stories, policy, loaded, decided)


async def look(
    tx: Tx,
    policy: Policy,
    keyring: Keyring,
    which: Sequence[LeadId],
    *,
    also: Collection[LeadId] = (),
    companies: Collection[AccountId] = (),
) -> Loaded:
    """Lock leads, and what decides on them (and `also` others, of these companies).

    Each is its own person's, and nobody else's.
    """
    asked = await _as_leads(tx, keyring, which)
    found, world, locked = await worlds.look(tx, policy, asked, also=also, companies=companies)
    return Loaded([], found, replace(world, submissions={}), locked)


async def route_anew(tx: Tx, stories: Stories, policy: Policy, loaded: Loaded) -> None:
    """Decide on leads that are `received` again as if they came just now, one after another."""
    decided = [one for one in route(loaded.leads, policy, loaded.world, tx.now) if isinstance(one, Decision)]
    await leads.anew(tx, stories, policy, loaded, decided)


async def _as_leads(tx: ReadTx, keyring: Keyring, which: Sequence[LeadId]) -> list[Lead]:
    """In the order in which they came."""
    said = sorted((await details.of(tx, which)).values(), key=lambda one: (one.received_at, one.id))
    whose = await persons.of_leads(tx, which)
    return [Lead(one, persons.identities_of(one, keyring), PersonId(whose[one.id]), settled=True) for one in said]
