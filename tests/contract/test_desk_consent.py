"""Consent: kept for each channel, with its evidence, and seen by managers."""

from kit.desks import Desks, ok, refused

from schemas.person import Consent

AGREED = Consent(contact=True, marketing=False, text="You may call me.")


async def test_a_manager_sees_what_consent_stands_over_all_leads_of_a_person(desks: Desks) -> None:
    ann, mo = await desks.rep("inbound/main"), await desks.manager()
    lead = await desks.lead(email="p@example.com", phone="+442079460123", consent=AGREED)
    await desks.lead("urgent", email="p@example.com")
    hold = await ann.take("inbound")
    desks.later(minutes=1)
    await hold.attempt("conversation", evidence="https://calls.example.com/1")
    desks.later(minutes=1)
    await hold.attempt("opt_out", evidence="said so")
    said = ok(await mo.get(f"/v1/leads/{lead}/consent"))
    closed = {each["channel"]: each["closed"] for each in said["channels"]}
    assert closed == {
        "phone": {"at": "2026-07-06T09:02:00.002Z", "reason": "opted_out"},
        "sms": None,
        "email": None,
        "social": None,
    }
    assert [each["channel"] for each in said["channels"] if each["known"]] == ["phone", "sms", "email"]
    (given,) = said["given"]
    assert given == {
        "lead_id": lead,
        "source": "web",
        "at": "2026-07-06T09:00:00.000Z",
        "contact": True,
        "marketing": False,
        "text": "You may call me.",
    }
    assert [(each["outcome"], each["evidence"], each["rep_id"]) for each in said["evidence"]] == [
        ("opt_out", "said so", ann.id),
        ("conversation", "https://calls.example.com/1", ann.id),
    ]
    refused(await (await desks.manager("customer")).get(f"/v1/leads/{lead}/consent"), 404, "not_found")
    refused(await ann.get(f"/v1/leads/{lead}/consent"), 403, "forbidden")


async def test_who_opts_out_of_all_has_closed_each_channel(desks: Desks) -> None:
    ann, mo = await desks.rep("inbound/main"), await desks.manager()
    lead = await desks.lead()
    await (await ann.take("inbound")).attempt("opt_out", suppress="all")
    said = ok(await mo.get(f"/v1/leads/{lead}/consent"))
    assert all(each["closed"]["reason"] == "opted_out" for each in said["channels"])
