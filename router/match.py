"""Who is it? Exact identifiers only; a match of one with two others does not make these the same."""

from collections.abc import Iterable
from dataclasses import replace

from router.channels import left
from router.world import Identity, Known, KnownPerson, Lead, World
from schemas.words import LeadState, MatchedBy

_BY_TRUST = (MatchedBy.EMAIL, MatchedBy.PHONE, MatchedBy.PROFILE)


def same_person(identities: Iterable[Identity], person: KnownPerson) -> MatchedBy | None:
    """The same e-mail; or, where one side has none, the same phone or profile. None: not the same person."""
    mine = frozenset(identities)
    shared = {identity.kind for identity in mine & person.identities}
    if MatchedBy.EMAIL not in shared and _has_email(mine) and _has_email(person.identities):
        return None
    return next((kind for kind in _BY_TRUST if kind in shared), None)


def known(lead: Lead, world: World) -> Known:
    """What the world has of this lead's person. Of several, it is the one with the oldest open lead.

    Where none has an open lead: the one of the same e-mail, else the one known longest. Test leads meet test leads.
    """
    matched = [
        (person, by)
        for person in world.sharing(lead.identities)
        if person.test == lead.submitted.test and (by := same_person(lead.identities, person)) is not None
    ]
    if not matched:
        return Known(suppressed=_suppressed(lead, lead.identities, world))
    open_leads = [(each.received_at, each.id, each, person, by) for person, by in matched for each in person.open]
    if open_leads:
        _, _, into, person, by = min(open_leads, key=lambda each: each[:2])
        found = Known(person.id, into.id, by, into.state is LeadState.NURTURING)
    else:
        person, by = min(matched, key=lambda each: (_BY_TRUST.index(each[1]), each[0].id))
        found = Known(person.id, matched_by=by)
    return replace(found, suppressed=_suppressed(lead, lead.identities | person.identities, world))


def _suppressed(lead: Lead, identities: Iterable[Identity], world: World) -> bool:
    """An opt-out holds for the whole person, under whichever identity it was given."""
    closed = {channel for identity in identities for channel in world.suppressions.get(identity, ())}
    return bool(closed) and not left({identity.kind for identity in lead.identities}, closed)


def _has_email(identities: Iterable[Identity]) -> bool:
    return any(identity.kind is MatchedBy.EMAIL for identity in identities)
