"""The world as a batch of submissions finds it: loaded by one query, read and extended by pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from schemas.events.intake import LeadSubmitted
from schemas.words import (
    AccountId,
    LeadId,
    LeadState,
    MatchedBy,
    OpportunityId,
    PersonId,
    Relation,
    SubmissionId,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What may identify a person: its kind, and its keyed hash (of the e-mail's: in lower case)."""

    kind: MatchedBy
    digest: str


@dataclass(frozen=True, slots=True)
class Lead:
    """A submission to decide on, with what identifies its person: valid e-mail, phone and profile only.

    `person` is the id that its person gets if nobody known is the same: made beforehand, since decisions make none.
    `account` is that of its company's domain; None: it names no company. `settled`: it is known whose it is, by what a
    manager said: it is `person`'s, and matched with nobody else.
    """

    submitted: LeadSubmitted
    identities: frozenset[Identity]
    person: PersonId
    account: AccountId | None = None
    settled: bool = False


@dataclass(frozen=True, slots=True)
class OpenLead:
    """A lead in one of `schemas.words.OPEN_LEAD_STATES`: a new one of the same person is merged into it."""

    id: LeadId
    received_at: datetime
    state: LeadState


@dataclass(frozen=True, slots=True)
class LostDeal:
    """An opportunity of theirs that was lost within the policy's `reopen_within`, the last one of its lead."""

    opportunity: OpportunityId
    lead: LeadId
    received_at: datetime
    """Of the lead."""
    product: str | None
    closed_at: datetime
    account: AccountId | None = None
    """Of the lead."""


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person who shares an identity with one in the batch. Test leads have persons of their own."""

    id: PersonId
    test: bool
    identities: frozenset[Identity]
    """All of theirs, not only those that the batch has."""
    open: tuple[OpenLead, ...] = ()
    lost: tuple[LostDeal, ...] = ()
    family: PersonId | None = None
    """From whom a manager has parted them, or who was parted from them: they are different persons. None: nobody."""


@dataclass(frozen=True, slots=True)
class OpenDeal:
    """An open opportunity of an account. `since`: when its lead came."""

    lead: LeadId
    product: str | None
    test: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """An outbound lead by which an account is being approached, or was: no other is begun before `until`."""

    lead: LeadId
    test: bool
    until: datetime


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """A company, and what is under way with it."""

    id: AccountId
    relation: Relation
    deals: tuple[OpenDeal, ...] = ()
    contacts: tuple[Contact, ...] = ()
    """As far as the policy's `outbound` reaches back."""


@dataclass(frozen=True, slots=True)
class Known:
    """The results of looking: all that one decision reads of the world. It stands in the receipt."""

    person: PersonId | None = None
    """Who it is, of those known or come before in the batch; None: somebody new."""
    into: LeadId | None = None
    """The open lead of that person, or of another one of the account, into which this one is merged."""
    matched_by: MatchedBy | None = None
    nurturing: bool = False
    """Whether `into` is nurturing."""
    suppressed: bool = False
    """No channel is left on which they may be reached."""
    reopens: OpportunityId | None = None
    """The opportunity of `into`, lost not long ago, which opens again."""
    account: AccountId | None = None
    """Whose person they are."""
    relation: Relation | None = None
    """What that account is to us."""
    contact_at: datetime | None = None
    """Before this time no prospect of the account is approached, since another one is, or just was. None: at once."""


@dataclass(frozen=True, slots=True)
class World:
    """What is known of the persons and leads in a batch.

    `suppressions`: the channels (`phone email sms social all`) closed to whoever has that identity; to be loaded
    for the identities of the batch and of `persons`. `submissions`: of the leads of the batch that exist already.
    `apart`: which account it is for a person whom a manager has parted from the account that they seem to be of.
    `erased`: of the leads of the batch, those whose person is forgotten.
    """

    persons: Mapping[PersonId, KnownPerson] = field(default_factory=dict)
    by_identity: Mapping[Identity, tuple[PersonId, ...]] = field(default_factory=dict)
    suppressions: Mapping[Identity, frozenset[str]] = field(default_factory=dict)
    submissions: Mapping[LeadId, frozenset[SubmissionId]] = field(default_factory=dict)
    accounts: Mapping[AccountId, KnownAccount] = field(default_factory=dict)
    apart: Mapping[tuple[PersonId, AccountId], AccountId] = field(default_factory=dict)
    erased: frozenset[LeadId] = frozenset()

    @classmethod
    def of(
        cls,
        persons: Iterable[KnownPerson] = (),
        suppressions: Mapping[Identity, frozenset[str]] | None = None,
        submissions: Mapping[LeadId, frozenset[SubmissionId]] | None = None,
        accounts: Iterable[KnownAccount] = (),
        apart: Mapping[tuple[PersonId, AccountId], AccountId] | None = None,
        erased: Iterable[LeadId] = (),
    ) -> "World":
        """Index what was loaded."""
        found = {person.id: person for person in persons}
        index: dict[Identity, tuple[PersonId, ...]] = {}
        for person in found.values():
            for identity in person.identities:
                index[identity] = (*index.get(identity, ()), person.id)
        companies = {account.id: account for account in accounts}
        return cls(found, index, suppressions or {}, submissions or {}, companies, apart or {}, frozenset(erased))

    def account_of(self, lead: Lead, person: PersonId | None) -> KnownAccount | None:
        """The account of a lead, given whose it is."""
        account = lead.account
        while account is not None and person is not None and (other := self.apart.get((person, account))):
            account = other
        return None if account is None else self.accounts.get(account)

    def sharing(self, identities: Iterable[Identity]) -> list[KnownPerson]:
        """Those who share an identity, each once, the oldest (by id) first."""
        ids = {person for identity in identities for person in self.by_identity.get(identity, ())}
        return [self.persons[person] for person in sorted(ids)]

    def with_submission(self, lead: LeadId, submission: SubmissionId) -> "World":
        """The world after a body was read under this lead's id."""
        known = self.submissions.get(lead, frozenset())
        return replace(self, submissions={**self.submissions, lead: known | {submission}})

    def with_person(self, person: KnownPerson) -> "World":
        """The world with this person as now known."""
        index = dict(self.by_identity)
        for identity in person.identities:
            held = index.get(identity, ())
            if person.id not in held:
                index[identity] = (*held, person.id)
        return replace(self, persons={**self.persons, person.id: person}, by_identity=index)

    def with_account(self, account: KnownAccount) -> "World":
        """The world with this account as now known."""
        return replace(self, accounts={**self.accounts, account.id: account})
