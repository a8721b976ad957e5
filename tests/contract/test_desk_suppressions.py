"""Suppressions over HTTP: who may, what it closes, and taking one back."""

from typing import Any

import pytest
from kit.desks import Desks, mistakes, ok, refused
from kit.submissions import submission

from schemas.words import PrincipalKind

LETTER = {"email": "ann@example.com", "channel": "all", "reason": "by letter"}
PATH = "/v1/suppressions"


async def by_phone(desks: Desks) -> str:
    """A lead of somebody who gives only the phone."""
    sent = submission(desks.edge.keyring, desks.clock.now(), email=None, phone="+442079460123", intent="demo")
    await desks.routing.batch(sent)
    return str(sent.id)


async def test_an_opt_out_closes_what_is_open_and_turns_away_what_comes(desks: Desks) -> None:
    mo, ann = await desks.manager(), await desks.rep("inbound/main")
    lead = await desks.lead(email="ann@example.com", phone="+442079460123")
    hold = await ann.take("inbound")
    made = ok(await mo.post(PATH, {**LETTER, "email": "Ann@EXAMPLE.com"}), 201)
    assert made["id"].startswith("sup_")
    assert {**made, "id": "", "created_at": ""} == {"id": "", "channel": "all", "reason": "by letter", "created_at": ""}
    row = await desks.lead_row(lead)
    assert (row["state"], row["outcome"], row["reason"]) == ("closed", "disqualified", "suppressed")
    refused(await hold.act("heartbeat"), 409, "claim_lost", state="revoked")
    for new in (await desks.lead(email="ann@example.com"), await by_phone(desks)):
        again = await desks.lead_row(new)
        assert (again["state"], again["reason"]) == ("rejected", "suppressed")


async def test_one_channel_is_closed_and_the_others_are_left(desks: Desks) -> None:
    crm, ann = await desks.caller(PrincipalKind.SERVICE, source="crm"), await desks.rep("inbound/main")
    await desks.lead(email="ann@example.com", phone="+442079460123")
    ok(await crm.post(PATH, {"phone": "+44 20 7946 0123", "channel": "phone", "reason": "asked"}), 201)
    hold = await ann.take("inbound")
    assert hold.said["item"]["channels"] == ["sms", "email"]


async def test_one_that_stands_is_answered_as_it_stands(desks: Desks) -> None:
    mo = await desks.manager()
    made = ok(await mo.post(PATH, LETTER), 201)
    assert ok(await mo.post(PATH, {**LETTER, "reason": "again"})) == made
    other = ok(await mo.post(PATH, {**LETTER, "channel": "email"}), 201)
    assert ok(await mo.get(PATH)) == {"data": [other, made], "next_cursor": None}
    page = ok(await mo.get(PATH, limit=1))
    assert (page["data"], ok(await mo.get(PATH, limit=1, cursor=page["next_cursor"]))["data"]) == ([other], [made])


async def test_it_is_taken_back_for_the_whole_person(desks: Desks) -> None:
    mo = await desks.manager()
    await desks.lead(email="ann@example.com", phone="+442079460123")
    made = ok(await mo.post(PATH, LETTER), 201)
    assert (await mo.client.delete(f"{PATH}/{made['id']}")).status_code == 204
    refused(await mo.client.delete(f"{PATH}/{made['id']}"), 404, "not_found")
    assert ok(await mo.get(PATH))["data"] == []
    assert (await desks.lead_row(await by_phone(desks)))["state"] == "queued"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"channel": "all", "reason": "r"}, ("#", "required")),
        ({**LETTER, "phone": "+442079460123"}, ("#", "required")),
        ({**LETTER, "email": "ann"}, ("#/email", "invalid_email")),
        ({"phone": "020 7946 0123", "channel": "all", "reason": "r"}, ("#/phone", "invalid_phone")),
        ({"profile_url": "nowhere", "channel": "all", "reason": "r"}, ("#/profile_url", "invalid_url")),
        ({**LETTER, "channel": "fax"}, ("#/channel", "not_allowed")),
        ({**LETTER, "reason": ""}, ("#/reason", "required")),
        ({**LETTER, "who": "me"}, ("#/who", "unknown_field")),
    ],
)
async def test_a_mistake_is_told(desks: Desks, body: dict[str, Any], wrong: tuple[str, str]) -> None:
    assert mistakes(await (await desks.manager()).post(PATH, body)) == [wrong]


async def test_reps_and_forms_may_not(desks: Desks) -> None:
    rep, crm = await desks.rep("inbound/main"), await desks.caller(PrincipalKind.SERVICE, source="crm")
    refused(await rep.post(PATH, LETTER), 403, "forbidden")
    refused(await crm.get(PATH), 403, "forbidden")
