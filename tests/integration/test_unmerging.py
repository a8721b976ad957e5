"""Parting what was taken for one: persons who share an address, companies that share a domain."""

import asyncio
from typing import Any

import pytest
from kit.desks import POLICY, Desks, mistakes, ok, refused
from kit.submissions import submission
from sqlalchemy import select

from schemas.events.intake import Company
from services.store import tables as t

EXAMPLE = Company(name="Example Ltd", domain="example.com", country="GB")
INFO, PHONE = "info@example.com", "+442079460123"


async def row(desks: Desks, lead: str) -> dict[str, Any]:
    return await desks.lead_row(lead)


async def by_phone(desks: Desks) -> str:
    """A lead of somebody who gives only the phone."""
    sent = submission(desks.edge.keyring, desks.clock.now(), email=None, phone=PHONE)
    await desks.routing.batch(sent)
    return str(sent.id)


async def part_leads(desks: Desks, *leads: str) -> str:
    mo = await desks.manager()
    whose = (await row(desks, leads[0]))["person_id"]
    answer = ok(await mo.post(f"/v1/persons/{whose}/unmerge", {"lead_ids": list(leads)}))
    return str(answer["person_id"])


async def test_a_merged_lead_of_somebody_else_is_decided_anew_as_theirs(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    first = await desks.lead(email=INFO, contact={"name": "Ann Lee"})
    second = await desks.lead(email=INFO, phone=PHONE, contact={"name": "Bo Ek", "job_title": "COO"})
    assert (await row(desks, second))["merged_into"] == first
    hold = await ann.take("inbound")
    assert hold.said["item"]["lead"]["contact"]["phone"] == PHONE
    other = await part_leads(desks, second)
    was, now = await row(desks, first), await row(desks, second)
    assert (now["state"], now["merged_into"], now["matched_by"]) == ("queued", None, None)
    assert now["person_id"] == other != was["person_id"]
    assert was["state"] == "claimed"
    told = await desks.told(second)
    assert told[3:] == ["lead.unmerged", "lead.decided", "item.queued"]
    ((by,),) = [await desks.told(second, "lead.unmerged")]
    assert by["actor"]["kind"] == "manager"
    (mine,) = ok(await ann.get("/v1/claims"))["data"]
    contact = mine["item"]["lead"]["contact"]
    assert (contact["name"], contact["phone"], contact["job_title"]) == ("Ann Lee", None, None)


async def test_what_they_are_known_by_goes_with_them_and_is_never_matched_with_the_other(desks: Desks) -> None:
    first = await desks.lead(email=INFO)
    second = await desks.lead(email=INFO, phone=PHONE)
    other = await part_leads(desks, second)
    for again in (await by_phone(desks), await desks.lead(email=INFO, phone=PHONE)):
        assert (await row(desks, again))["merged_into"] == second
        assert (await row(desks, again))["person_id"] == other
    assert (await row(desks, await desks.lead(email=INFO)))["merged_into"] == first


async def test_leads_that_were_merged_into_one_that_goes_are_decided_anew_as_those_of_whom_it_leaves(
    desks: Desks,
) -> None:
    first, second = await desks.lead(email=INFO), await desks.lead(email=INFO)
    third = await desks.lead(email=INFO, intent="asleep")
    whose = (await row(desks, first))["person_id"]
    other = await part_leads(desks, first)
    assert (await row(desks, first))["person_id"] == other
    assert [(await row(desks, lead))["person_id"] for lead in (second, third)] == [whose, whose]
    assert ((await row(desks, second))["state"], (await row(desks, third))["merged_into"]) == ("queued", second)


async def test_a_manager_names_some_leads_of_the_person(desks: Desks) -> None:
    mo, far = await desks.manager(), await desks.manager("customer")
    first, second, strange = await desks.lead(email=INFO), await desks.lead(email=INFO), await desks.lead()
    path = f"/v1/persons/{(await row(desks, first))['person_id']}"
    assert mistakes(await mo.post(f"{path}/unmerge", {"lead_ids": [second, strange]})) == [
        ("#/lead_ids/1", "not_allowed")
    ]
    assert mistakes(await mo.post(f"{path}/unmerge", {"lead_ids": [first, second]})) == [("#/lead_ids", "not_allowed")]
    refused(await far.post(f"{path}/unmerge", {"lead_ids": [second]}), 404, "not_found")
    refused(await mo.post("/v1/persons/per_none/unmerge", {"lead_ids": [second]}), 404, "not_found")
    assert ok(await mo.get(path))["leads"] == sorted([first, second])


async def test_who_may_be_the_same_is_told_and_never_merged(desks: Desks) -> None:
    mo = await desks.manager()
    leads = [
        await desks.lead(email="ann@example.com", phone=PHONE, company=EXAMPLE),
        await desks.lead(email="bo@example.com", phone=PHONE),
        await desks.lead(email="ann.lee@example.com", company=EXAMPLE),
    ]
    whose = [(await row(desks, lead))["person_id"] for lead in leads]
    assert len(set(whose)) == 3
    shown = ok(await mo.get(f"/v1/persons/{whose[0]}"))
    assert {one["person_id"]: one["because"] for one in shown["perhaps"]} == {whose[1]: ["phone"], whose[2]: ["name"]}


@pytest.mark.parametrize("stays", ["first", "second"])
async def test_persons_of_another_company_are_parted_from_the_account_with_all_that_they_have(
    desks: Desks, stays: str
) -> None:
    mo = await desks.manager()
    first = await desks.lead("buy", email="ann@example.com", company=EXAMPLE)
    second = await desks.lead("buy", email="bo@example.com", company=EXAMPLE)
    assert (await row(desks, second))["matched_by"] == "account"
    goes = second if stays == "first" else first
    was = (await row(desks, first))["account_id"]
    body = {"person_ids": [(await row(desks, goes))["person_id"]]}
    made = ok(await mo.post(f"/v1/accounts/{was}/unmerge", body))["account_id"]
    for lead, account in ((goes, made), (first if goes == second else second, was)):
        shown = ok(await mo.get(f"/v1/accounts/{account}"))
        assert shown["persons"] == [(await row(desks, lead))["person_id"]]
        assert shown["open_opportunities"] == [(await row(desks, lead))["opportunity_id"]]
        assert shown["domain"] == "example.com"
    assert (await desks.told(second))[3:5] == ["lead.unmerged", "lead.decided"]
    assert (await row(desks, second))["state"] == "queued"
    again = await desks.lead("buy", email=f"{'bo' if goes == second else 'ann'}@example.com", company=EXAMPLE)
    assert (await row(desks, again))["merged_into"] == goes
    new = await desks.lead("buy", email="cy@example.com", company=EXAMPLE)
    assert (await row(desks, new))["merged_into"] == (first if goes == second else second)
    assert (await row(desks, new))["account_id"] == was


async def test_some_persons_of_the_account_are_named(desks: Desks) -> None:
    mo = await desks.manager()
    lead, strange = await desks.lead(company=EXAMPLE), await desks.lead()
    found, other = await row(desks, lead), await row(desks, strange)
    path = f"/v1/accounts/{found['account_id']}/unmerge"
    wrong = await mo.post(path, {"person_ids": [other["person_id"]]})
    assert mistakes(wrong) == [("#/person_ids/0", "not_allowed")]
    everybody = await mo.post(path, {"person_ids": [found["person_id"]]})
    assert mistakes(everybody) == [("#/person_ids", "not_allowed")]
    assert mistakes(await mo.post(path, {"person_ids": []})) == [("#/person_ids", "required")]


async def test_a_lead_that_was_flagged_is_routed_after_all(desks: Desks) -> None:
    mo = await desks.manager()
    for flag in ("spam", "review"):
        lead = await desks.lead(flag=flag)
        assert (await row(desks, lead))["state"] == "rejected"
        shown = ok(await mo.post(f"/v1/leads/{lead}/release"))
        assert (shown["state"], shown["reason"], shown["decision"]["rule"]) == ("queued", None, "enquiry")
        assert (await desks.told(lead))[3:] == ["lead.released", "lead.decided", "item.queued"]
        refused(await mo.post(f"/v1/leads/{lead}/release"), 409, "wrong_state", state="queued")


async def test_a_rule_that_rejects_is_passed_over_when_a_manager_releases(desks: Desks) -> None:
    mo = await desks.manager()
    await desks.routing.publish(
        POLICY.replace("rules:\n", "rules:\n  - {name: ads, when: {intent: ad}, then: {reject: spam}}\n", 1)
    )
    lead = await desks.lead("ad")
    assert (await row(desks, lead))["reason"] == "spam"
    assert ok(await mo.post(f"/v1/leads/{lead}/release"))["decision"]["rule"] == "enquiry"


async def test_a_released_lead_of_one_with_an_open_lead_is_merged_and_one_who_opted_out_stays_rejected(
    desks: Desks,
) -> None:
    mo = await desks.manager()
    flagged, gone = await desks.lead(email=INFO, flag="spam"), await desks.lead(email="gone@example.com", flag="spam")
    first = await desks.lead(email=INFO)
    assert ok(await mo.post(f"/v1/leads/{flagged}/release"))["merged_into"] == first
    ok(await mo.post("/v1/suppressions", {"email": "gone@example.com", "channel": "all", "reason": "by letter"}), 201)
    shown = ok(await mo.post(f"/v1/leads/{gone}/release"))
    assert (shown["state"], shown["reason"]) == ("rejected", "suppressed")
    refused(await (await desks.rep("inbound/main")).post(f"/v1/leads/{gone}/release"), 403, "forbidden")
    refused(await (await desks.manager("closing")).post(f"/v1/leads/{gone}/release"), 404, "not_found")
    assert len(await desks.routing.rows(select(t.persons))) == 2


async def test_what_two_managers_part_at_once_is_parted_once(desks: Desks) -> None:
    mo = await desks.manager()
    leads = [await desks.lead(email=email, company=EXAMPLE) for email in (INFO, INFO, "bo@example.com")]
    rows = [await row(desks, lead) for lead in leads]
    for path, body in (
        (f"/v1/accounts/{rows[0]['account_id']}/unmerge", {"person_ids": [rows[2]["person_id"]]}),
        (f"/v1/persons/{rows[0]['person_id']}/unmerge", {"lead_ids": [leads[1]]}),
    ):
        both = await asyncio.gather(*(mo.post(path, body) for _ in range(2)))
        assert sorted(each.status_code for each in both) == [200, 422], [each.text for each in both]


@pytest.mark.parametrize("goes", ["ann", "bo"])
async def test_what_had_come_with_what_joined_an_opportunity_is_parted_with_that(desks: Desks, goes: str) -> None:
    """Bo's second lead went into Bo's first, which then joined Ann's."""
    mo = await desks.manager()
    first = await desks.lead("asleep", email="bo@example.com", company=EXAMPLE)
    ann = await desks.lead("buy", email="ann@example.com", company=EXAMPLE)
    second = await desks.lead(email="bo@example.com", company=EXAMPLE)
    assert [(await row(desks, lead))["merged_into"] for lead in (first, second)] == [ann, ann]
    parted = await row(desks, {"ann": ann, "bo": first}[goes])
    ok(await mo.post(f"/v1/accounts/{parted['account_id']}/unmerge", {"person_ids": [parted["person_id"]]}))
    assert [(await row(desks, lead))["merged_into"] for lead in (first, second)] == [None, first]
