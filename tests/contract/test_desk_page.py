"""The work page: a rep sees what they hold, what they are asked for, their targets, and who covers for them."""

from kit.desks import POLICY, Caller, Desks, ok

from schemas.words import Desk

TARGETS = "targets: {conversations_per_day: 20}"


async def page(rep: Caller, claim: str = "") -> str:
    response = await rep.get("/work", **({"claim": claim} if claim else {}))
    assert response.status_code == 200, response.text
    return " ".join(response.text.split())


async def test_the_page_shows_what_is_due_what_is_asked_for_and_the_targets(desks: Desks) -> None:
    await desks.routing.publish(POLICY.replace("lease: 4h, grace: 2h", f"lease: 4h, grace: 9h, {TARGETS}"))
    ann = await desks.rep("closing/field", Desk.INBOUND + "/main")
    await desks.lead("visit")
    hold = await ann.take("closing")
    await hold.attempt("conversation", next_at="2026-07-06T11:00:00Z", promise=True)
    ok(await hold.deal("meetings", {"at": "2026-07-06T10:00:00Z", "mode": "video"}), 201)
    assert "overdue" not in await page(ann)
    desks.later(hours=3)
    shown = await page(ann)
    for text in ("Conversations today", "1 of 20", "promised", "overdue", "What came of the meeting"):
        assert text in shown, text
    await desks.lead()
    assert (await ann.take("inbound")).item == hold.item  # the promise, first
    enquiry = await ann.take("inbound")
    shown = await page(ann, enquiry.claim)
    for name in ("handover", "booked.at", "booked.mode", "evidence", "suppress"):
        assert f'name="{name}"' in shown, name


async def test_the_page_lets_one_name_covers_and_tells_what_falls_due(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("inbound/main", name="Bob <b>")
    await desks.rep("closing/field", name="Stranger")
    await desks.lead()
    await (await ann.take("inbound")).attempt("callback", next_at="2026-07-06T14:00:00Z", promise=True)
    shown = await page(ann)
    assert f'<option value="{bob.id}">Bob &lt;b&gt;</option>' in shown
    assert "Stranger" not in shown
    ok(await ann.put("/v1/reps/me/presence", {"status": "away", "covers": [bob.id]}))
    shown = await page(ann)
    assert "Covered by Bob &lt;b&gt;." in shown
    assert "I am back" in shown
    assert '<span>Promise: <span class="muted">Bob &lt;b&gt;</span></span>' in shown


async def test_the_senders_own_fields_are_shown_as_a_person_reads_them(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    await desks.lead(custom={"trial": True, "regions": ["north", "south"], "seats": 40, "none": None})
    await ann.take("inbound")
    shown = await page(ann)
    for name, value in (("trial", "yes"), ("regions", "north, south"), ("seats", "40")):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in shown, name
    assert "<dt>none</dt>" not in shown


async def test_desks_have_the_companys_titles_and_what_they_ask_is_required(desks: Desks) -> None:
    said = "  inbound:\n    title: Enquiry response\n    asks: [need, budget]\n"
    await desks.routing.publish(POLICY.replace("  inbound:\n", said))
    ann = await desks.rep("inbound/main", "closing/field")
    await desks.lead()
    await ann.take("inbound")
    shown = await page(ann)
    assert "Pull next · Enquiry response" in shown
    assert "Pull next · closing" in shown
    for name, required in (("need", True), ("budget", True), ("next_step", False)):
        field = shown.split(f'name="qualification.{name}"', 1)[1].split(">", 1)[0]
        assert (" required" in field) is required, name
    assert 'name="qualification.timing"' not in shown
