"""Who is it? Exact identifiers only; a match of one with two others does not make these the same."""

from collections.abc import Iterable
from dataclasses import replace

from router.channels import left
from router.world import Contact, Identity, Known, KnownAccount, KnownPerson, Lead, LostDeal, OpenDeal, World
from schemas.words import LeadState, MatchedBy

_BY_TRUST = (MatchedBy.EMAIL, MatchedBy.PHONE, MatchedBy.PROFILE)


def same_person(identities: Iterable[Identity], person: KnownPerson) -> MatchedBy | None:
    """The same e-mail; or, where one side has none, the same phone or profile. None: not the same person."""
    mine = frozenset(identities)
    shared = {identity.kind for identity in mine & person.identities}
    if MatchedBy.EMAIL not in shared and _has_email(mine) and _has_email(person.identities):
        return None
    return next((kind for kind in _BY_TRUST if kind in shared), None)


def same_product(one: str | None, other: str | None) -> bool:
    """Two wishes are for different products only where each names its own."""
    return one is None or other is None or one == other


def known(lead: Lead, world: World) -> Known:
    """What the world has of this lead's person and account. Of several persons: the one with the oldest open lead.

    Where none has an open lead: the one of the same e-mail, else the one known longest. Test leads meet test leads.
    A person's own open lead takes the new one; else the account's open opportunity for the product; else their own
    opportunity lost not long ago, which opens again.
    """
    person, found = _person(lead, world)
    account = world.account_of(lead, found.person)
    if account is not None:
        at = max((contact.until for contact in _of(lead, account)), default=None)
        found = replace(found, account=account.id, relation=account.relation, contact_at=at)
    if found.into is not None:
        return found
    lost = None if person is None else _lost(lead, person)
    deal = None if account is None else deal_of(account, lead.submitted.product, test=lead.submitted.test)
    if deal is None and lost is not None and lost.account and (whose := world.accounts.get(lost.account)):
        deal = deal_of(whose, lost.product, test=lead.submitted.test)
    if deal is not None:
        return replace(found, into=deal.lead, matched_by=MatchedBy.ACCOUNT)
    return found if lost is None else replace(found, into=lost.lead, reopens=lost.opportunity)


def again(lead: Lead, world: World) -> Known:
    """What a nurtured lead finds that is decided again: its account. It is its person's own open lead."""
    found = Known(person=lead.person)
    if (account := world.account_of(lead, lead.person)) is None:
        return found
    at = max((contact.until for contact in _of(lead, account)), default=None)
    found = replace(found, account=account.id, relation=account.relation, contact_at=at)
    deal = deal_of(account, lead.submitted.product, test=lead.submitted.test)
    return found if deal is None else replace(found, into=deal.lead, matched_by=MatchedBy.ACCOUNT)


def _person(lead: Lead, world: World) -> tuple[KnownPerson | None, Known]:
    matched = [
        (person, by)
        for person in ([world.persons[lead.person]] if lead.settled else _closest(lead, world))
        if person.test == lead.submitted.test and (by := same_person(lead.identities, person)) is not None
    ]
    if not matched:
        return None, Known(suppressed=_suppressed(lead, lead.identities, world))
    open_leads = [(each.received_at, each.id, each, person, by) for person, by in matched for each in person.open]
    if open_leads:
        _, _, into, person, by = min(open_leads, key=lambda each: each[:2])
        found = Known(person.id, into.id, by, into.state is LeadState.NURTURING)
    else:
        person, by = min(matched, key=lambda each: (_BY_TRUST.index(each[1]), each[0].id))
        found = Known(person.id, matched_by=by)
    return person, replace(found, suppressed=_suppressed(lead, lead.identities | person.identities, world))


def _closest(lead: Lead, world: World) -> list[KnownPerson]:
    """Who shares an identity with the lead. Of two whom a manager has parted, not the one who shares less with it."""
    sharing = world.sharing(lead.identities)
    return [
        one
        for one in sharing
        if not any(
            other.family is not None
            and other.family == one.family
            and one.identities & lead.identities < other.identities & lead.identities
            for other in sharing
        )
    ]


def deal_of(account: KnownAccount, product: str | None, *, test: bool) -> OpenDeal | None:
    """The account's opportunity that is open for a product: the oldest."""
    deals = [deal for deal in account.deals if deal.test == test and same_product(deal.product, product)]
    return min(deals, key=lambda deal: (deal.since, deal.lead), default=None)


def _lost(lead: Lead, person: KnownPerson) -> LostDeal | None:
    """What they nearly bought: the opportunity that was lost last."""
    deals = [deal for deal in person.lost if same_product(deal.product, lead.submitted.product)]
    return max(deals, key=lambda deal: (deal.closed_at, deal.opportunity), default=None)


def _of(lead: Lead, account: KnownAccount) -> list[Contact]:
    """Other approaches to the account."""
    return [each for each in account.contacts if each.test == lead.submitted.test and each.lead != lead.submitted.id]


def _suppressed(lead: Lead, identities: Iterable[Identity], world: World) -> bool:
    """An opt-out holds for the whole person, under whichever identity it was given."""
    closed = {channel for identity in identities for channel in world.suppressions.get(identity, ())}
    return bool(closed) and not left({identity.kind for identity in lead.identities}, closed)


def _has_email(identities: Iterable[Identity]) -> bool:
    return any(identity.kind is MatchedBy.EMAIL for identity in identities)
