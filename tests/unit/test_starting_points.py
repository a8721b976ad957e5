"""The starting points that a company may begin with: each sends each kind of lead where its comments say."""

from dataclasses import dataclass
from typing import Any

import pytest
from kit.rulebooks import NOW, lead, policy_of, submitted

from router.decide import decide, handover
from router.outcomes import Decision, Enqueue, Pool
from router.policy.compiled import Policy
from router.policy.rule import FALLBACK
from router.world import Known
from schemas.words import KIND_OF_DESK, Desk, PersonId, Priority, QueueName, Relation
from services.runtime.paths import POLICIES

NAMES = ("two-people", "team-of-eight", "field-sales")
LIST = {"list": True}
OUT = {"direction": "outbound", "list": True}
DEMO = {"intent": "demo", "phone": "+442079460123", "contact": {"email_kind": "business"}}


@pytest.fixture(scope="module")
def policies() -> dict[str, Policy]:
    return {name: policy_of((POLICIES / f"{name}.yaml").read_text()) for name in NAMES}


def of(relation: Relation | None = None, **said: Any) -> tuple[dict[str, Any], Relation | None]:
    return said, relation


def company(country: str | None = None, employees: int | None = None, industry: str | None = None) -> dict[str, Any]:
    return {"company": {"country": country, "employees": employees, "industry": industry}}


LEADS = [
    ("two-people", of(Relation.CUSTOMER, intent="demo"), "a customer writes", "queue inbound/main high"),
    ("two-people", of(Relation.COMPETITOR), "no business", "reject"),
    ("two-people", of(**DEMO), "ready to buy", "queue closing/main hot"),
    ("two-people", of(intent="demo"), "enquiry", "queue inbound/main normal"),  # no phone
    ("two-people", of(), "enquiry", "queue inbound/main normal"),
    ("two-people", of(**LIST), "enquiry", "pool inbound/main normal"),
    ("two-people", of(**OUT), "prospect", "pool outbound/main normal"),
    ("team-of-eight", of(Relation.CUSTOMER), "a customer writes", "queue inbound/main high"),
    ("team-of-eight", of(Relation.PARTNER), "partner", "queue inbound/main high"),
    ("team-of-eight", of(Relation.APPLICANT), "not for sales", "queue inbound/office normal"),
    ("team-of-eight", of(intent="job"), "not for sales", "queue inbound/office normal"),
    ("team-of-eight", of(Relation.COMPETITOR, **DEMO), "competitor", "reject"),
    ("team-of-eight", of(**DEMO, **company("GB", 500, "Logistics")), "hot", "queue closing/enterprise hot"),
    ("team-of-eight", of(**DEMO), "promising", "queue inbound/main high"),  # 50 points
    ("team-of-eight", of(**company("GB", 60)), "enquiry", "queue inbound/main normal"),  # 30
    ("team-of-eight", of(contact={"email_kind": "disposable"}, **LIST), "not yet", "nurture"),
    ("team-of-eight", of(**LIST), "enquiry", "pool inbound/main normal"),
    ("team-of-eight", of(**OUT), "prospect", "pool outbound/main normal"),
    ("field-sales", of(Relation.PRESS), "not for sales", "queue inbound/office normal"),
    ("field-sales", of(**company("AT")), "Germany", "queue inbound/de normal"),
    ("field-sales", of(contact={"country": "CH"}), "Germany", "queue inbound/de normal"),
    ("field-sales", of(contact={"language": "de-LI"}), "Germany", "queue inbound/de normal"),
    ("field-sales", of(contact={"country": "DE"}, **company("FR")), "France", "queue inbound/fr normal"),
    ("field-sales", of(contact={"language": "fr"}), "France", "queue inbound/fr normal"),
    ("field-sales", of(**company("GB")), "United Kingdom", "queue inbound/uk normal"),
    ("field-sales", of(), "United Kingdom", "queue inbound/uk normal"),
    ("field-sales", of(**company("US")), "no field rep there", "nurture"),
    ("field-sales", of(**LIST, **company("DE")), "Germany", "pool inbound/de normal"),
    ("field-sales", of(**OUT, **company("DE")), "prospect Germany", "queue outbound/de normal"),
    ("field-sales", of(**OUT, **company("BE")), "prospect France", "queue outbound/fr normal"),
    ("field-sales", of(**OUT, **company("US")), "prospect", "queue outbound/uk normal"),
]

HANDOVERS = [
    ("two-people", {}, {}, FALLBACK, "closing/main normal"),
    ("team-of-eight", company("GB", 250), {"influence": "decides"}, "enterprise", "closing/enterprise normal"),
    ("team-of-eight", company("GB", 20), {"influence": "decides"}, "decides alone", "closing/smb high"),
    ("team-of-eight", {}, {}, FALLBACK, "closing/smb normal"),
    ("field-sales", company("CH"), {}, "Germany", "closing/de normal"),
    ("field-sales", company("LU"), {}, "France", "closing/fr normal"),
    ("field-sales", company("IE"), {}, FALLBACK, "closing/uk normal"),
]


def went(decision: Decision) -> str:
    placed = decision.outcome
    if isinstance(placed, Enqueue | Pool):
        return f"{decision.action} {placed.queue} {placed.priority}"
    return decision.action


@pytest.mark.parametrize(("name", "given", "rule", "where"), LEADS)
def test_a_lead_goes_where_the_comments_say(
    policies: dict[str, Policy], name: str, given: tuple[dict[str, Any], Relation | None], rule: str, where: str
) -> None:
    said, relation = given
    decision = decide(lead(**said), Known(relation=relation), policies[name], NOW)
    assert (decision.receipt.rule, went(decision)) == (rule, where)


@pytest.mark.parametrize(("name", "said", "qualification", "rule", "where"), HANDOVERS)
def test_what_is_qualified_goes_to_the_closer_whose_it_is(
    policies: dict[str, Policy], name: str, said: dict[str, Any], qualification: dict[str, Any], rule: str, where: str
) -> None:
    known = Known(person=PersonId("per_1"))
    decision = handover(submitted(**said), qualification, known, policies[name], NOW, priority=Priority.NORMAL)
    assert (decision.receipt.rule, went(decision).partition(" ")[2]) == (rule, where)


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_above_try_every_rule(policies: dict[str, Policy], name: str) -> None:
    policy = policies[name]
    assert {rule.name for rule in policy.rules.rules} == {row[2] for row in LEADS if row[0] == name}
    assert {rule.name for rule in policy.handover.rules} == {row[3] for row in HANDOVERS if row[0] == name} - {FALLBACK}


@dataclass(frozen=True)
class Team:
    """Who works which queues."""

    of: str
    queues: tuple[frozenset[str], ...]


EVERY_DESK = frozenset({"inbound/main", "outbound/main", "closing/main", "customer/main", "service/main"})
TEAMS = [
    Team("two-people", (EVERY_DESK,) * 2),
    Team(
        "team-of-eight",
        (
            frozenset({"inbound/main", "inbound/office"}),
            frozenset({"inbound/main", "inbound/second"}),
            *(frozenset({"outbound/main"}),) * 2,
            frozenset({"closing/smb", "outbound/main"}),
            frozenset({"closing/enterprise"}),
            frozenset({"customer/main"}),
            frozenset({"service/main", "engineering/main"}),
        ),
    ),
]


@pytest.mark.parametrize("team", TEAMS, ids=lambda team: team.of)
def test_the_team_that_it_is_for_works_every_queue(policies: dict[str, Policy], team: Team) -> None:
    assert frozenset().union(*team.queues) == set(policies[team.of].queues)


@pytest.mark.parametrize("name", NAMES)
def test_each_desk_that_leads_come_through_has_a_queue_and_each_task_too(
    policies: dict[str, Policy], name: str
) -> None:
    policy = policies[name]
    desks = {queue.desk for queue in policy.queues.values()}
    assert desks >= {Desk.INBOUND, Desk.OUTBOUND, Desk.CLOSING, Desk.CUSTOMER, Desk.SERVICE}
    assert len(policy.tasks) == 4
    assert all(KIND_OF_DESK[policy.queues[QueueName(queue)].desk] == "task" for queue in policy.tasks.values())
