"""Companies: what they are to us, one open opportunity for each, and one prospect of each at a time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kit.clock import ManualClock
from kit.desks import GBP, POLICY, Caller, Desks, desks_of, mistakes, ok, refused
from kit.floor import settle
from kit.routing import received
from kit.submissions import submission
from sqlalchemy import select

from schemas.events.intake import Company
from services.router.handler import handler
from services.runtime.edge import Edge
from services.store import tables as t
from services.worker import due

EXAMPLE = Company(name="Example Ltd", domain="example.com", country="GB")
ELSEWHERE = Company(name="Other plc", domain="other.com", country="GB")
WITH = POLICY.replace("rules:\n", "reopen_within: 90d\noutbound: {cool_down: 30d}\nrules:\n", 1)
LOST = {"reason": "price"}


@pytest.fixture
async def desks(edge: Edge, clock: ManualClock) -> AsyncIterator[Desks]:
    async with desks_of(edge, clock, WITH) as desks:
        yield desks


async def of_example(desks: Desks, intent: str = "demo", **said: Any) -> str:
    return await desks.lead(intent, **{"company": EXAMPLE, **said})


async def merged(desks: Desks, lead: str) -> tuple[str | None, str | None]:
    row = await desks.lead_row(lead)
    return row["merged_into"], row["matched_by"]


async def account_of(desks: Desks, lead: str) -> str:
    return str((await desks.lead_row(lead))["account_id"])


async def test_an_account_is_a_prospect_until_it_buys_or_a_manager_says_otherwise(desks: Desks) -> None:
    mo, bob = await desks.manager(), await desks.rep("closing/uk")
    lead = await of_example(desks, "buy")
    path = f"/v1/accounts/{await account_of(desks, lead)}"
    hold = await bob.take("closing")
    shown = ok(await bob.get(path))
    assert (shown["name"], shown["domain"], shown["relation"]) == ("Example Ltd", "example.com", "prospect")
    assert shown["persons"] == [(await desks.lead_row(lead))["person_id"]]
    assert (shown["open_opportunities"], shown["customers"]) == ([hold.opportunity], [])
    won = ok(await hold.deal("won", {"value": GBP}))
    bought = ok(await mo.get(path))
    assert (bought["relation"], bought["customers"]) == ("customer", [won["customer_id"]])
    assert bought["open_opportunities"] == []
    assert ok(await mo.patch(path, {"relation": "competitor"}))["relation"] == "competitor"
    assert mistakes(await mo.patch(path, {"relation": "friend"})) == [("#/relation", "not_allowed")]


async def test_an_account_is_for_whoever_holds_an_item_of_it_and_for_managers_of_its_desks(desks: Desks) -> None:
    path = f"/v1/accounts/{await account_of(desks, await of_example(desks))}"
    ann, mo, far = await desks.rep("inbound/main"), await desks.manager("inbound"), await desks.manager("customer")
    refused(await ann.get(path), 404, "not_found")
    refused(await far.get(path), 404, "not_found")
    refused(await far.patch(path, {"relation": "customer"}), 404, "not_found")
    refused(await ann.patch(path, {"relation": "customer"}), 403, "forbidden")
    await ann.take("inbound")
    assert ok(await ann.get(path))["relation"] == ok(await mo.get(path))["relation"] == "prospect"


async def test_rules_see_what_a_company_is_to_us(desks: Desks) -> None:
    """When its lead comes, and when a nurtured one is decided anew."""
    mo = await desks.manager()
    first, asleep = await of_example(desks), await of_example(desks, "asleep")
    rule = "  - {name: bought, when: {account.relation: customer}, then: {queue: inbound/second}}\n"
    await desks.routing.publish(WITH.replace("rules:\n", "rules:\n" + rule, 1))
    assert (await desks.lead_row(await of_example(desks)))["queue"] == "inbound/main"
    ok(await mo.patch(f"/v1/accounts/{await account_of(desks, first)}", {"relation": "customer"}))
    assert (await desks.lead_row(await of_example(desks)))["queue"] == "inbound/second"
    assert (await desks.lead_row(await desks.lead(company=ELSEWHERE)))["queue"] == "inbound/main"
    desks.later(days=90)
    await settle(due.duty(desks.edge))
    assert (await desks.lead_row(asleep))["queue"] == "inbound/second"
    (*_, kept) = await desks.routing.decisions(asleep)
    assert kept["receipt"]["saw"]["account.relation"] == "customer"


async def test_a_second_person_of_a_company_joins_its_open_opportunity(desks: Desks) -> None:
    bob = await desks.rep("closing/uk")
    first = await of_example(desks, "buy", contact={"name": "Ann Lee"})
    hold = await bob.take("closing")
    second = await of_example(desks, "demo", message="Me too", contact={"name": "Bo Ek"}, email="bo@example.com")
    assert await merged(desks, second) == (first, "account")
    assert (await desks.lead_row(first))["person_id"] != (await desks.lead_row(second))["person_id"]
    ((told,),) = [await desks.told(second, "lead.merged")]
    assert (told["into_lead_id"], told["matched_by"]) == (first, "account")
    (held,) = ok(await bob.get("/v1/claims"))["data"]
    assert held["item"]["lead"]["contact"]["name"] == "Ann Lee"
    notes = [line["note"] for line in held["item"]["history"] if line["note"]]
    assert notes == ["Me too\nBo Ek\nbo@example.com"]
    assert held["item"]["id"] == hold.item
    assert (await desks.routing.decisions(second))[0]["rule"] == "same account"


@pytest.mark.parametrize(
    ("open_for", "wanted", "joins"),
    [(None, None, True), ("a", "a", True), ("a", None, True), (None, "a", True), ("a", "b", False)],
)
async def test_there_is_one_open_opportunity_for_account_and_product(
    desks: Desks, open_for: str | None, wanted: str | None, joins: bool
) -> None:
    first = await of_example(desks, "buy", product=open_for)
    second = await of_example(desks, "buy", product=wanted)
    assert await merged(desks, second) == ((first, "account") if joins else (None, None))
    assert len(await desks.routing.rows(select(t.opportunities))) == (1 if joins else 2)


async def test_others_do_not_join_it(desks: Desks) -> None:
    """Those of another company, tests, and who comes when it is closed."""
    bob = await desks.rep("closing/uk")
    await of_example(desks, "buy")
    assert await merged(desks, await desks.lead("demo", company=ELSEWHERE)) == (None, None)
    assert await merged(desks, await of_example(desks, "demo", test=True)) == (None, None)
    ok(await (await bob.take("closing")).deal("lost", LOST))
    assert await merged(desks, await of_example(desks, "demo")) == (None, None)


async def test_who_is_qualified_later_joins_it(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("closing/uk")
    early = await of_example(desks, "demo")
    late = await desks.lead(email=(await contact(desks, early)), message="Any news?")
    first = await of_example(desks, "buy")
    deal = await bob.take("closing")
    held = await ann.take("inbound")
    done = await held.qualify(qualification={"need": "vans"})
    assert (done["opportunity_id"], done["lead"]["state"]) == (deal.opportunity, "merged")
    assert done["handed"] == {"queue": "closing/uk", "to": "rep", "taken_by": bob.id}
    assert done["lead"]["merged_into"] == first
    assert await merged(desks, early) == (first, "account")
    assert await merged(desks, late) == (first, "email")
    (shown,) = ok(await bob.get("/v1/claims"))["data"]
    assert "need: vans" in [line["note"] for line in shown["item"]["history"]]
    assert await held.qualify(qualification={"need": "vans"}) == done


async def contact(desks: Desks, lead: str) -> str:
    (row,) = await desks.routing.rows(select(t.lead_details).where(t.lead_details.c.lead_id == lead))
    return str(row["contact"]["email"])


async def test_two_of_a_company_in_one_batch_and_a_nurtured_one_that_wakes_meet_too(desks: Desks) -> None:
    asleep = await of_example(desks, "asleep", email="sleeper@example.com")
    awake = await of_example(desks, "buy")
    desks.later(days=90)
    await settle(due.duty(desks.edge))
    assert await merged(desks, asleep) == (awake, "account")
    again = await desks.lead(email="sleeper@example.com")
    assert await merged(desks, again) == (None, None)


@pytest.mark.parametrize("nurtured", [True, False])
async def test_twice_in_a_batch_one_joins_what_their_first_lead_joined(desks: Desks, nurtured: bool) -> None:
    ann, bo = {"email": "ann@example.com"}, {"email": "bo@example.com"}
    await of_example(desks, "asleep", **ann)
    if nurtured:  # comes again, and joins
        root = await of_example(desks, "buy", **bo)
        came: list[dict[str, Any]] = [ann, ann]
    else:  # has an opportunity made of them that the others join
        root = ""
        came = [{**ann, "intent": "buy"}, bo, bo]
    now = desks.clock.now()
    batch = [
        submission(desks.edge.keyring, now, **{"company": EXAMPLE, "message": str(n), **said})
        for n, said in enumerate(came)
    ]
    await desks.routing.batch(*batch)
    root = root or str((await merged(desks, batch[0].id))[0])
    assert {(await merged(desks, each.id))[0] for each in batch} == {root}
    assert (await desks.lead_row(root))["state"] == "queued"


async def test_two_of_a_company_at_once_in_two_transactions_meet_whether_routed_or_qualified(desks: Desks) -> None:
    """Whoever opens an opportunity of an account holds the account."""
    ann = await desks.rep("inbound/main")
    early = await of_example(desks, "demo")
    hold = await ann.take("inbound")
    now, keyring = desks.clock.now(), desks.edge.keyring
    who = {"intent": "buy", "company": EXAMPLE}
    one, two = (submission(keyring, now, email=f"{name}@example.com", **who) for name in ("one", "two"))
    await desks.routing.at_once([one], [two])
    assert await merged(desks, two.id) == (one.id, "account")
    other = await desks.lead("demo", company=ELSEWHERE)
    late = await ann.take("inbound")
    three = submission(keyring, now, email="three@other.com", intent="buy", company=ELSEWHERE)
    async with desks.edge.database.tx() as tx:
        await handler(keyring, desks.edge.telemetry)(tx, received([three]))
        meanwhile = asyncio.create_task(late.qualify())
        await desks.routing.until_blocked(meanwhile)
    await meanwhile
    assert await merged(desks, other) == (three.id, "account")
    await hold.qualify()
    assert await merged(desks, early) == (one.id, "account")


@pytest.mark.parametrize("after", [89, 91])
async def test_who_lost_lately_and_comes_again_opens_it_again(desks: Desks, after: int) -> None:
    bob, eve = await desks.rep("closing/uk"), await desks.rep("closing/uk")
    first = await of_example(desks, "buy", email="ann@example.com")
    hold = await bob.take("closing")
    ok(await hold.deal("lost", LOST))
    desks.later(days=after)
    again = await of_example(desks, "demo", email="ann@example.com", message="Still there?")
    if after > 90:
        assert await merged(desks, again) == (None, None)
        return
    assert await merged(desks, again) == (first, "email")
    assert (await desks.told(first))[-2:] == ["opportunity.reopened", "item.queued"]
    (*_, queued) = await desks.told(first, "item.queued")
    assert (queued["cause"], queued["reserved_for"]) == ("reopen", bob.id)
    assert (await eve.pull("closing")).status_code == 204
    mine = await bob.take("closing")
    assert (mine.opportunity, mine.said["claim"]["exception"]) == (hold.opportunity, "continuity")
    assert mine.token > hold.token
    assert "Still there?" in [line["note"] for line in mine.said["item"]["history"]]


async def test_a_loss_stays_lost_where_another_is_open_for_the_account(desks: Desks) -> None:
    bob = await desks.rep("closing/uk")
    first = await of_example(desks, "buy", email="ann@example.com")
    ok(await (await bob.take("closing")).deal("lost", {**LOST, "reopen_after": "2026-08-01T09:00:00Z"}))
    other = await of_example(desks, "buy", email="bo@example.com")
    assert await merged(desks, await of_example(desks, email="ann@example.com")) == (other, "account")
    desks.later(days=40)
    await settle(due.duty(desks.edge))
    assert (await desks.lead_row(first))["state"] == "closed"
    states = {row["state"] for row in await desks.routing.rows(select(t.opportunities))}
    assert states == {"lost", "open"}


async def test_who_comes_again_while_nurtured_goes_to_whoever_had_them(desks: Desks) -> None:
    ann, bo = await desks.rep("inbound/main"), await desks.rep("inbound/main")
    lead = await desks.lead(email="ann@example.com")
    ok(await (await ann.take("inbound")).act("complete", {"outcome": "nurture"}))
    assert await merged(desks, await desks.lead(email="ann@example.com")) == (lead, "email")
    assert (await bo.pull("inbound")).status_code == 204
    assert (await ann.take("inbound")).said["claim"]["exception"] == "continuity"


async def prospects(desks: Desks, n: int) -> list[str]:
    return [await desks.prospect(company=EXAMPLE) for _ in range(n)]


async def test_one_person_of_a_target_account_is_approached_at_a_time(desks: Desks) -> None:
    sue: Caller = await desks.rep("outbound/main")
    first, second, third = await prospects(desks, 3)
    other = await desks.prospect(company=ELSEWHERE)
    rows = [await desks.lead_row(lead) for lead in (first, second, third, other)]
    assert [row["state"] for row in rows] == ["queued", "nurturing", "nurturing", "queued"]
    assert (await desks.routing.decisions(second))[0]["rule"] == "one contact at a time"
    hold = await sue.take("outbound")
    assert hold.lead == first
    await hold.attempt("refused")
    ok(await hold.act("complete", {"outcome": "disqualified", "reason": "no_need"}))
    desks.later(days=20)
    (fresh,) = await prospects(desks, 1)
    assert (await desks.lead_row(fresh))["state"] == "nurturing"
    desks.later(days=10, minutes=1)
    await settle(due.duty(desks.edge))
    states = [(await desks.lead_row(lead))["state"] for lead in (second, third, fresh)]
    assert sorted(states) == ["nurturing", "nurturing", "queued"]


async def test_who_asks_is_not_kept_waiting_by_an_approach_to_their_company(desks: Desks) -> None:
    await prospects(desks, 1)
    assert (await desks.lead_row(await of_example(desks)))["state"] == "queued"
