"""Why a lead is where it is, why not elsewhere, and what its open work waits for."""

from datetime import timedelta
from typing import Any

from kit.desks import Desks, ok, refused
from sqlalchemy import update

from schemas.events.intake import Company
from services.store import tables as t

QUEUE = "inbound/main"


async def why(desks: Desks, lead: str, **query: str) -> dict[str, Any]:
    return ok(await (await desks.manager()).get(f"/v1/leads/{lead}/why", **query))


async def waiting(desks: Desks, lead: str) -> tuple[str, dict[str, list[str]]]:
    """The word for what it waits for, and for each rep by name what bars them."""
    said = (await why(desks, lead))["waiting"]
    return said["because"]["code"], {rep["name"]: [bar["code"] for bar in rep["bars"]] for rep in said["reps"]}


async def test_each_decision_is_told_clause_by_clause(desks: Desks) -> None:
    lead = await desks.lead("urgent")
    said = await why(desks, lead)
    (decision,) = said["decisions"]
    assert decision["inputs"] == {"direction": "inbound", "intent": "urgent"}
    assert decision["outcome"] == {
        "action": "queue",
        "queue": QUEUE,
        "qualify": "by_rep",
        "priority": "high",
        "segment": None,
    }
    assert [(rule["rule"], rule["matched"]) for rule in decision["rules"]] == [
        *((name, False) for name in ("ready", "trial", "asleep", "field", "prospect")),
        ("urgent", True),
    ]
    ready = {"field": "intent", "test": "buy", "value": "urgent", "result": False, "reason": None, "within": None}
    assert decision["rules"][0]["clauses"] == [ready]
    assert (decision["rule"], decision["policy_version"], said["not"]) == ("urgent", 1, None)


async def test_a_hand_over_is_a_decision_of_its_own_and_an_unknown_clause_says_why(desks: Desks) -> None:
    ann = await desks.rep(QUEUE)
    lead = await desks.lead()
    await (await ann.take("inbound")).qualify()
    captured, handover = (await why(desks, lead))["decisions"]
    assert (captured["stage"], handover["stage"], handover["rule"]) == ("captured", "handover", "fallback")
    (clause,) = handover["rules"][0]["clauses"]
    assert clause == {
        "field": "company.country",
        "test": "GB, IE",
        "value": None,
        "result": None,
        "reason": "missing",
        "within": "not",
    }
    assert handover["rules"][0]["matched"] is False


async def test_why_not_a_queue_names_what_its_rules_would_have_needed(desks: Desks) -> None:
    lead = await desks.lead("urgent", company=Company(country="GB"))
    said = (await why(desks, lead, **{"not": "closing/uk"}))["not"]
    assert said["queue"] == "closing/uk"
    assert [(road["rule"], road["stage"]) for road in said["rules"]] == [
        ("ready", "captured"),
        ("trial", "captured"),
        ("fallback", "handover"),
    ]
    (need,) = said["rules"][0]["would_need"]
    assert (need["field"], need["test"], need["value"], need["must_be"]) == ("intent", "buy", "urgent", True)
    assert said["rules"][2]["would_need"] == [{"stage": "handover"}]


async def test_an_earlier_rule_that_won_is_named(desks: Desks) -> None:
    lead = await desks.lead("buy")
    said = (await why(desks, lead, **{"not": QUEUE}))["not"]
    (urgent, enquiry, _) = said["rules"]
    assert [need.get("earlier") for need in enquiry["would_need"]] == ["ready"]
    ((unless,),) = enquiry["would_need"][0]["any"]
    assert (unless["field"], unless["value"], unless["must_be"]) == ("intent", "buy", False)
    assert [need.get("earlier") or need["field"] for need in urgent["would_need"]] == ["ready", "intent"]


async def test_a_queue_that_there_is_not_is_named_with_a_remedy(desks: Desks) -> None:
    lead = await desks.lead()
    response = await (await desks.manager()).get(f"/v1/leads/{lead}/why", **{"not": "closing/ukk"})
    (mistake,) = refused(response, 422, "invalid")["errors"]
    assert (mistake["parameter"], mistake["code"]) == ("not", "not_allowed")
    assert mistake["remedy"] == "Did you mean closing/uk?"


async def test_a_rep_sees_it_while_holding_and_nothing_of_others_or_of_the_order(desks: Desks) -> None:
    ann, bob = await desks.rep(QUEUE), await desks.rep(QUEUE, name="Bob")
    lead = await desks.lead()
    path = f"/v1/leads/{lead}/why"
    refused(await ann.get(path), 404, "not_found")
    await ann.take("inbound")
    said = ok(await ann.get(path))
    assert said["decisions"][0]["rule"] == "enquiry"
    assert said["waiting"]["because"]["code"] == "claimed"
    assert (said["waiting"]["ahead"], said["waiting"]["reps"]) == (None, None)
    refused(await bob.get(path), 404, "not_found")
    refused(await (await desks.manager("outbound")).get(path), 404, "not_found")


async def test_what_waits_in_a_queue_says_for_whom_and_who_may_have_it(desks: Desks) -> None:
    lead, second = await desks.lead(), await desks.lead()
    assert await waiting(desks, lead) == ("no_reps", {})
    ann = await desks.rep(QUEUE)
    assert await waiting(desks, lead) == ("nobody_pulled", {"Ann": []})
    assert await waiting(desks, second) == ("behind", {"Ann": []})
    assert (await why(desks, second))["waiting"]["ahead"] == 1
    ok(await ann.put(f"/v1/reps/{ann.id}/presence", {"status": "away", "until": None}))
    assert await waiting(desks, lead) == ("nobody_may", {"Ann": ["away"]})
    bob = await desks.rep(QUEUE, name="Bob")
    ok(await (await bob.take("inbound")).act("return", {"reason": "shift_over"}))
    assert await waiting(desks, lead) == ("nobody_may", {"Ann": ["away"], "Bob": ["returned"]})


async def test_what_is_in_hand_says_in_whose(desks: Desks) -> None:
    ann, _ = await desks.rep(QUEUE), await desks.rep(QUEUE, name="Bob")
    lead = await desks.lead()
    await ann.take("inbound")
    assert await waiting(desks, lead) == ("claimed", {"Ann": ["holds"], "Bob": ["held"]})
    shown = await (await desks.manager()).get(f"/leads/{lead}")
    assert "Unless they act, it ends at <time datetime=" in shown.text


async def test_a_limit_and_a_reservation_bar_a_rep(desks: Desks) -> None:
    ann, bob = await desks.rep(QUEUE), await desks.rep(QUEUE, name="Bob")
    for _ in range(3):
        await desks.lead()
        await ann.take("inbound")
    lead = await desks.lead()
    assert await waiting(desks, lead) == ("nobody_pulled", {"Ann": ["in_hand"], "Bob": []})
    reserved = {"reserved_for": bob.id, "reserved_until": desks.clock.now() + timedelta(hours=1)}
    async with desks.edge.database.tx() as tx:
        await tx.execute(update(t.items).where(t.items.c.lead_id == lead).values(reserved))
    assert await waiting(desks, lead) == ("reserved", {"Ann": ["reserved", "in_hand"], "Bob": []})
    desks.later(hours=2)
    assert (await waiting(desks, lead))[0] == "nobody_pulled"


async def test_what_waits_in_a_pool_or_on_the_managers_list_says_so(desks: Desks) -> None:
    await desks.rep("closing/uk")
    lead = await desks.lead("trial")
    for state, code in (("pooled", "to_be_released"), ("parked", "parked"), ("snoozed", "snoozed")):
        async with desks.edge.database.tx() as tx:
            await tx.execute(update(t.items).where(t.items.c.lead_id == lead).values(state=state))
        assert (await waiting(desks, lead))[0] == code
    async with desks.edge.database.tx() as tx:
        await tx.execute(update(t.items).where(t.items.c.lead_id == lead).values(state="pooled"))
    for _ in range(2):
        await desks.lead("buy")
    assert (await waiting(desks, lead))[0] == "buffer_full"


async def test_of_another_desks_work_a_manager_sees_no_reps_and_of_what_is_over_nothing_waits(desks: Desks) -> None:
    ann = await desks.rep(QUEUE)
    lead = await desks.lead()
    await (await ann.take("inbound")).qualify()
    said = ok(await (await desks.manager("inbound")).get(f"/v1/leads/{lead}/why"))
    assert (said["waiting"]["queue"], said["waiting"]["reps"]) == ("closing/uk", None)
    over = await desks.lead("urgent")
    ok(await (await ann.take("inbound")).act("complete", {"outcome": "disqualified", "reason": "no_need"}))
    assert (await why(desks, over))["waiting"] is None


async def test_an_unknown_parameter_is_refused(desks: Desks) -> None:
    lead = await desks.lead()
    response = await (await desks.manager()).get(f"/v1/leads/{lead}/why", nott="closing/uk")
    assert refused(response, 422, "invalid")["errors"][0]["code"] == "unknown_field"
