"""Accounts and persons: whose leads belong together, and what a company is to us."""

from typing import Any

from pydantic import Field

from schemas.api.shape import Ask, Said, example
from schemas.api.values import Text
from schemas.words import AccountId, CustomerId, LeadId, OpportunityId, PersonId, Relation

MOST = 1000
"""Persons or leads that are parted at once."""
EXAMPLE: dict[str, Any] = {
    "id": "acc_01jz8m4s1n9d2e4r8t6y5a7c9c",
    "name": "Example Ltd",
    "domain": "example.com",
    "relation": "prospect",
    "persons": ["per_01jz8m4s1n9d2e4r8t6y5a7c9b"],
    "open_opportunities": ["opp_01jz8m4s1n9d2e4r8t6y5a7c9b"],
    "customers": [],
}


class AccountOut(Said):
    """A company."""

    model_config = example(EXAMPLE)

    id: AccountId
    name: str | None
    domain: str
    relation: Relation = Field(description="As a manager said; else `customer` while it is one, else `prospect`.")
    persons: tuple[PersonId, ...]
    open_opportunities: tuple[OpportunityId, ...]
    customers: tuple[CustomerId, ...]


class AccountPatch(Ask):
    """What a company is to us; rules see it as `account.relation`, from the next decision on."""

    model_config = example({"relation": "partner"})

    relation: Relation


class PersonOut(Said):
    """A person: their leads, and those who may be the same, which nobody but a manager can tell."""

    model_config = example(
        {
            "id": "per_01jz8m4s1n9d2e4r8t6y5a7c9b",
            "leads": ["ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz"],
            "accounts": ["acc_01jz8m4s1n9d2e4r8t6y5a7c9c"],
            "perhaps": [{"person_id": "per_01jz8m4s1n9d2e4r8t6y5a7c9d", "because": ["phone"]}],
        }
    )

    id: PersonId
    leads: tuple[LeadId, ...]
    accounts: tuple[AccountId, ...]
    perhaps: tuple["PerhapsOut", ...] = Field(description="They are never merged for it.")


class PerhapsOut(Said):
    """Somebody who may be the same person: `because` they share a phone, a profile, or a name at one company."""

    person_id: PersonId
    because: tuple[str, ...]


class AccountUnmergeIn(Ask):
    """Who is of another company."""

    model_config = example({"person_ids": ["per_01jz8m4s1n9d2e4r8t6y5a7c9b"]})

    person_ids: list[Text] = Field(min_length=1, max_length=MOST)


class AccountUnmergeOut(Said):
    """The account that they are of now."""

    model_config = example({"account_id": "acc_01jz8m4s1n9d2e4r8t6y5a7c9d"})

    account_id: AccountId


class PersonUnmergeIn(Ask):
    """Which leads are somebody else's."""

    model_config = example({"lead_ids": ["ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz"]})

    lead_ids: list[Text] = Field(min_length=1, max_length=MOST)


class PersonUnmergeOut(Said):
    """Whose they are now."""

    model_config = example({"person_id": "per_01jz8m4s1n9d2e4r8t6y5a7c9d"})

    person_id: PersonId
