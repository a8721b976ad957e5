"""Whoever comes, in whatever order: an account has one open opportunity for a product, and one prospect at a time."""

from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from kit.rulebooks import EXAMPLE, NOW, identity, lead, person, policy_of

from router.match import same_product
from router.outcomes import Decision, Enqueue, Merge, Nurture, Pool
from router.policy.compiled import Policy
from router.receipt import from_json, recompute, to_json
from router.route import after, route
from router.world import KnownAccount, KnownPerson, Lead, LostDeal, World
from schemas.words import AccountId, ItemKind, LeadId, OpportunityId, Relation

RULE = "  - {name: now, when: {intent: buy}, then: {qualify: auto, queue: closing/uk}}\n"
FAR = "when: {not: {company.country: [GB, IE]}}"
POLICY: Policy = policy_of(
    EXAMPLE.replace(FAR, "when: {intent: later}").replace("rules:\n", "outbound: {cool_down: 9d}\nrules:\n" + RULE, 1)
)
ACCOUNTS = (AccountId("acc_a"), AccountId("acc_b"))
PRODUCTS = (None, "fleet", "hr")
dice = st.integers(0, 2**48).map(Random)


def a_lead(dice: Random, number: int) -> Lead:
    made = lead(
        number,
        email=f"{dice.choice('abcde')}@x.com",
        intent=dice.choice(["buy", "buy", "demo", "later"]),
        product=dice.choice(PRODUCTS),
        test=dice.random() < 0.2,
        direction=dice.choice(["inbound", "outbound"]),
        company={"country": "GB"},
    )
    return replace(made, account=dice.choice([*ACCOUNTS, None]))


def someone(dice: Random, name: str) -> KnownPerson:
    """Who lost something, perhaps."""
    deals = [
        LostDeal(
            OpportunityId(f"opp_{name}{nth}"),
            LeadId(f"ld_{name}{nth}"),
            NOW - timedelta(days=9),
            dice.choice(PRODUCTS),
            NOW - timedelta(days=dice.randint(1, 5)),
            dice.choice([*ACCOUNTS, None]),
        )
        for nth in range(dice.randint(0, 2))
    ]
    return replace(person(name, identity("email", f"{name}@x.com")), lost=tuple(deals))


@given(dice)
@settings(max_examples=200)
def test_an_account_has_one_open_opportunity_for_a_product_and_one_prospect_at_a_time(dice: Random) -> None:
    companies = [KnownAccount(account, dice.choice(list(Relation))) for account in ACCOUNTS]
    people = [someone(dice, name) for name in "abc"]
    world = World.of(people, accounts=companies)
    batch = [a_lead(dice, number) for number in range(dice.randint(1, 12))]
    approached, opened = set(), []
    for one, answer in zip(batch, route(batch, POLICY, world, NOW), strict=True):
        assert isinstance(answer, Decision)
        assert recompute(from_json(to_json(answer.receipt)), POLICY) == answer
        world = after(world, one, answer, POLICY, NOW)
        account = world.account_of(one, answer.person)
        match answer.outcome:
            case Enqueue(kind=ItemKind.PROSPECT) if account:
                assert (account.id, one.submitted.test) not in approached
                approached.add((account.id, one.submitted.test))
            case Nurture() if answer.receipt.rule == "one contact at a time":
                assert account
                assert (account.id, one.submitted.test) in approached
            case Enqueue(kind=ItemKind.OPPORTUNITY) | Pool(kind=ItemKind.OPPORTUNITY) if account:
                opened.append((account.id, one.submitted.product, one.submitted.test))
            case Merge(reopens=str() as reopens):
                (deal,) = (each for someone in people for each in someone.lost if each.opportunity == reopens)
                if deal.account:
                    opened.append((deal.account, deal.product, one.submitted.test))
    for (account_id, product, test), other in combinations(opened, 2):
        assert (account_id, test) != (other[0], other[2]) or not same_product(product, other[1])
