"""Every arrow of the machines can be gone by what callers and time do; all else is refused."""

import json
from itertools import product
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from kit.desks import GBP, POLICY, Caller, Desks, ok
from kit.floor import settle
from kit.moves import watched
from sqlalchemy import select, update

from router.lifecycle import ITEM, LEAD, Act
from schemas.events.intake import Company
from schemas.events.stamp import Actor
from schemas.export import EXPORTED
from schemas.words import ItemState, LeadState, PersonId, Role
from services import policies
from services.runtime.log.headers import from_json
from services.runtime.tables import records
from services.store import items, privacy
from services.store import tables as t
from services.store.story import Stories, WrongState, telling
from services.worker import due, ended, release

LOST = {"reason": "price"}
ASKING = 'enrichment: {url: "http://127.0.0.1:9/", when: {contact.has_email: true}, fields: {revenue: number}}'


async def time_passes(desks: Desks, **by: float) -> None:
    """Let time pass, and the worker do what it brings."""
    desks.later(**by)
    for duty in (ended.duty, due.duty, release.duty):
        await settle(duty(desks.edge))


async def lose(desks: Desks, mo: Caller, lead: str, **more: Any) -> None:
    """A manager loses an opportunity, wherever it lies."""
    item = await desks.item_of(lead)
    ok(await mo.post(f"/v1/opportunities/{item['opportunity_id']}/lost", {**LOST, **more}))


async def requeue(desks: Desks, mo: Caller, lead: str) -> None:
    item = await desks.item_of(lead)
    ok(await mo.post(f"/v1/items/{item['id']}/requeue", {"queue": item["queue"], "reason": "again"}))


async def assign(desks: Desks, mo: Caller, lead: str, rep: Caller) -> None:
    item = await desks.item_of(lead)
    ok(await mo.post(f"/v1/items/{item['id']}/assign", {"rep_id": rep.id, "reason": "manager"}))


async def test_callers_and_time_go_every_arrow(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(monkeypatch) as gone:
        ann, bob = await desks.rep("inbound/main"), await desks.rep("closing/uk", "closing/field")
        eve, mo = await desks.rep("customer/main"), await desks.manager()
        await _enquiries(desks, ann, mo)
        await _opportunities(desks, bob, mo)
        await _deals(desks, bob)
        await _handed_back(desks, ann, bob, mo)
        await _tasks(desks, bob, await desks.rep("service/main"))
        await _corrected(desks, mo)
        await _leaving(desks, mo)
        await _returning(desks, ann, bob, mo)
        await _opting_out(desks, ann, bob, eve)
        await _parted(desks, ann, bob, mo)
        await _erased(desks, bob)
    assert not gone.missing
    await valid(desks)


async def _enquiries(desks: Desks, ann: Caller, mo: Caller) -> None:
    """Returned, parked, deferred, woken, expired, revoked; unreached, nurtured, qualified to pool and queue."""
    first = await desks.lead(email="twice@example.com")
    await desks.lead(email="twice@example.com")
    ok(await (await ann.take("inbound")).act("return", {"reason": "no_capacity"}))
    await assign(desks, mo, first, ann)
    ok(await (await ann.take("inbound")).act("return", {"reason": "no_capacity"}))
    await requeue(desks, mo, first)
    await requeue(desks, mo, first)
    await assign(desks, mo, first, ann)
    await (await ann.take("inbound")).attempt("voicemail", next_at="2026-07-06T12:00:00Z")
    await assign(desks, mo, first, ann)
    await (await ann.take("inbound")).attempt("voicemail", next_at="2026-07-06T12:00:00Z")
    await requeue(desks, mo, first)
    await (await ann.take("inbound")).attempt("voicemail", next_at="2026-07-06T12:00:00Z")
    await time_passes(desks, hours=4)
    await ann.take("inbound")
    await time_passes(desks, hours=1)
    await ann.take("inbound")
    await requeue(desks, mo, first)
    ok(await (await ann.take("inbound")).act("complete", {"outcome": "unreached"}))
    await desks.lead()
    ok(await (await ann.take("inbound")).act("complete", {"outcome": "nurture"}))
    await desks.lead("asleep")
    for body in ({}, {"lead": {"company": {"country": "FR"}}}):
        await desks.lead()
        await (await ann.take("inbound")).qualify(**body)
    await time_passes(desks, days=91)
    ok(await (await ann.take("inbound")).act("complete", {"outcome": "unreached"}))


async def _opportunities(desks: Desks, bob: Caller, mo: Caller) -> None:
    """Lost by a manager while pooled, queued and parked; requeued out of the pool."""
    for _ in range(2):
        await (await bob.take("closing")).deal("lost", LOST)
    for _ in range(2):
        await lose(desks, mo, await desks.lead("trial"))
    lead = await desks.lead("trial")
    await requeue(desks, mo, lead)
    await lose(desks, mo, lead)
    lead = await desks.lead("trial")
    await assign(desks, mo, lead, bob)
    await lose(desks, mo, lead)
    lead = await desks.lead("visit")
    await (await bob.take("closing")).attempt("no_answer")
    await time_passes(desks, hours=5)
    await lose(desks, mo, lead)


async def _deals(desks: Desks, bob: Caller) -> None:
    """Meetings of each end; won."""
    await desks.lead("visit")
    hold = await bob.take("closing")
    for state in ("held", "no_show", "cancelled"):
        made = ok(await hold.deal("meetings", {"at": "2026-12-08T10:00:00Z", "mode": "video"}), 201)
        ok(await hold.meeting(made["id"], {"state": "moved", "at": "2026-12-09T10:00:00Z"}))
        ok(await hold.meeting(made["id"], {"state": state}))
    ok(await hold.deal("won", {"value": GBP}))


async def _leaving(desks: Desks, mo: Caller) -> None:
    """Who leaves: what they promised goes to a cover, the rest back into the pool."""
    carl, dora = await desks.rep("inbound/main", "closing/uk"), await desks.rep("inbound/main", "closing/uk")
    await desks.lead()
    hold = await carl.take("inbound")
    await hold.attempt("callback", next_at="2027-01-01T10:00:00Z", promise=True)
    lead = await desks.lead("trial")
    await carl.take("closing")
    ok(await mo.post(f"/v1/reps/{carl.id}/leave", {"covers": [dora.id]}))
    await lose(desks, mo, lead)
    ok(await (await dora.take("inbound")).act("complete", {"outcome": "unreached"}))


async def _handed_back(desks: Desks, ann: Caller, bob: Caller, mo: Caller) -> None:
    """Rejected by who holds it, and by a manager where it lies: in the queue, and in the pool that a leaver left."""
    carl = await desks.rep("closing/uk")
    for where in ("held", "queued", "pooled"):
        await desks.lead("trial" if where == "pooled" else "visit")
        hold = await (carl if where == "pooled" else bob).take("closing")
        await hold.attempt("conversation")
        match where:
            case "queued":
                ok(await hold.act("return", {"reason": "no_capacity"}))
            case "pooled":
                ok(await mo.post(f"/v1/reps/{carl.id}/leave", {"covers": []}))
        ok(await mo.post(f"/v1/opportunities/{hold.opportunity}/reject", {"reason": "not_a_fit"}))
        ok(await (await ann.take("inbound")).act("complete", {"outcome": "unreached"}))


async def _tasks(desks: Desks, bob: Caller, sue: Caller) -> None:
    """Done, declined, taken back."""
    await desks.lead("visit")
    hold = await bob.take("closing")
    for outcome in ({"outcome": "done"}, {"outcome": "declined", "reason": "not abroad"}, None):
        asked = ok(await hold.deal("tasks", {"kind": "quote", "summary": "40 vans"}), 201)
        held = await sue.take("service")
        if outcome:
            ok(await held.act("complete", outcome))
        else:
            ok(await bob.post(f"/v1/tasks/{asked['id']}/cancel"))
    ok(await hold.deal("lost", LOST))
    ok(await bob.post(f"/v1/opportunities/{hold.opportunity}/reopen"))
    ok(await (await bob.take("closing")).deal("lost", LOST))


async def _corrected(desks: Desks, mo: Caller) -> None:
    """From each to each, with what becomes of the customer meanwhile; the last one leaves."""
    path = f"/v1/opportunities/{(await desks.item_of(await desks.lead('visit')))['opportunity_id']}"
    won, lost, reopened = {"state": "won", "value": GBP}, {"state": "lost", **LOST}, {"state": "open"}
    less, silent = {"state": "won", "value": {**GBP, "amount": 1}}, {"state": "lost", "reason": "went_silent"}
    for body, then in (
        (lost, ()),
        (silent, ()),
        (won, ()),
        (less, ()),
        (lost, ()),
        (reopened, ()),
        (won, ("deployed",)),
        (reopened, ()),
        (won, ("churn",)),
        (lost, ()),
        (won, ("deployed", "churn")),
    ):
        customer = ok(await mo.post(f"{path}/correct", body))["opportunity"]["customer_id"]
        for what in then:
            ok(await mo.post(f"/v1/customers/{customer}/{what}", {"reason": "price"} if what == "churn" else {}))


async def _returning(desks: Desks, ann: Caller, bob: Caller, mo: Caller) -> None:
    """Lost, and opened again on its day."""
    lead = await desks.lead("visit")
    soon = (desks.clock.now()).replace(year=2027).isoformat()
    await lose(desks, mo, lead, reopen_after=soon)
    await time_passes(desks, days=366)
    ok(await (await bob.take("closing")).deal("lost", LOST))


async def _opting_out(desks: Desks, ann: Caller, bob: Caller, eve: Caller) -> None:
    """Who opts out of all as a customer is closed wherever else they stand; then their next lead is rejected."""
    await eve.take("customer")
    for number, other in enumerate(("nurturing", "snoozed", "queued", "pooled")):
        email = f"customer{number}@example.com"
        await desks.lead("buy", email=email)
        ok(await (await bob.take("closing")).deal("won", {"value": GBP}))
        care = await eve.take("customer")
        match other:
            case "nurturing":
                await desks.lead("asleep", email=email)
            case "snoozed":
                await desks.lead(email=email)
                at = desks.clock.now().replace(month=12).isoformat()
                await (await ann.take("inbound")).attempt("voicemail", next_at=at)
            case "queued":
                await desks.lead(email=email)
            case "pooled":
                await desks.lead("trial", email=email)
        await care.attempt("opt_out", suppress="all")
        assert (await desks.lead_row(await desks.lead(email=email)))["state"] == "rejected", other


async def _parted(desks: Desks, ann: Caller, bob: Caller, mo: Caller) -> None:
    """Qualified into another's opportunity, and merged no more; rejected, and released."""
    example = Company(name="Example Ltd", domain="example.com")
    early = await desks.lead(company=example)
    hold = await ann.take("inbound")
    await desks.lead("visit", company=example)
    await hold.qualify()
    row = await desks.lead_row(early)
    assert row["state"] == "merged"
    ok(await mo.post(f"/v1/accounts/{row['account_id']}/unmerge", {"person_ids": [row["person_id"]]}))
    ok(await (await bob.take("closing")).deal("lost", LOST))
    ok(await mo.post(f"/v1/leads/{await desks.lead(flag='spam')}/release"))


async def _erased(desks: Desks, bob: Caller) -> None:
    """Forgotten wherever they stand."""
    closed = await desks.lead("visit")
    ok(await (await bob.take("closing")).deal("lost", LOST))
    await desks.lead(email="again@example.com")
    leads = [closed, await desks.lead(email="again@example.com"), await desks.lead(flag="spam")]
    leads += [await desks.lead("asleep"), await desks.lead("trial")]
    await desks.routing.publish(POLICY.replace("rules:\n", f"{ASKING}\nrules:\n", 1))
    leads.append(await desks.lead())
    states = ["closed", "merged", "rejected", "nurturing", "pooled", "awaiting_data"]
    assert [(await desks.lead_row(lead))["state"] for lead in leads] == states
    async with desks.edge.database.tx() as tx:
        for lead in leads:
            person, _ = await privacy.person_of(tx, lead)
            await privacy.erase(tx, await policies.active(tx), desks.edge.keyring, PersonId(str(person)))
    assert {(await desks.lead_row(lead))["state"] for lead in leads} == {"erased"}
    unanswered = await desks.lead()
    await time_passes(desks, hours=1)
    assert (await desks.lead_row(unanswered))["state"] == "queued"


async def valid(desks: Desks) -> None:
    """Whatever the log holds is valid by the exported schema that its record names."""
    async with desks.edge.database.read() as tx:
        kept = await tx.fetch(select(records.c.value, records.c.headers))
    named: dict[str, list[Any]] = {}
    for record in kept:
        schema = dict(from_json(record["headers"]))["ce_dataschema"].decode()
        named.setdefault(schema.removeprefix("/schemas/"), []).append(json.loads(record["value"]))
    assert len(named) > 20
    for name, values in named.items():
        check = Draft202012Validator(json.loads((EXPORTED / name).read_text(encoding="utf-8")))
        for value in values:
            check.validate(value)


async def test_what_the_machine_of_items_has_no_arrow_for_changes_nothing(desks: Desks) -> None:
    """Each state of an item with each act that it refuses; and each arrow, by those who may not."""
    item = await desks.item_of(await desks.lead())
    for state in ItemState:
        for act in Act:
            arrow = ITEM.move(state, act)
            roles = frozenset({Role.SYSTEM}) if arrow is None else frozenset(Role) - arrow.by
            for role in roles:
                await refused(desks, item, state, act, role)


async def test_what_the_machine_of_leads_has_no_arrow_for_changes_nothing(desks: Desks) -> None:
    lead = await desks.lead()
    async with desks.edge.database.tx() as tx:
        story = await Stories(tx).lock(lead)
    for state, act in product(LeadState, Act):
        arrow = LEAD.move(state, act)
        story.row["state"] = state.value
        for role in frozenset(Role) - (frozenset() if arrow is None else arrow.by):
            before = dict(story.row)
            with pytest.raises(WrongState):
                story.move(act, Actor(kind=role), reason="nothing")
            assert story.row == before


async def refused(desks: Desks, item: dict[str, Any], state: ItemState, act: Act, role: Role) -> None:
    """Try it in a transaction that is not kept."""
    try:
        async with desks.edge.database.tx() as tx:
            await tx.execute(update(t.items).where(t.items.c.id == item["id"]).values(state=state.value))
            async with telling(tx) as stories:
                story = await stories.lock(item["lead_id"])
                locked = await items.lock(tx, item["id"])
                assert locked is not None
                seq = story.row["seq"]
                with pytest.raises(WrongState) as found:
                    await items.apply(tx, story, locked, act, Actor(kind=role))
                assert (found.value.thing, found.value.state, found.value.act) == ("item", state, act)
                assert (story.row["seq"], await items.lock(tx, item["id"])) == (seq, locked)
            raise Undone
    except Undone:
        pass


class Undone(Exception):
    """Roll it back."""
