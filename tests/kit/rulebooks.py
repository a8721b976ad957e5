"""Policies and leads for tests of pure decisions."""
# ruff: noqa: E501 - a policy reads best with one rule on one line

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from router.policy.check import check
from router.policy.compile import policy_of as compile_file
from router.policy.compiled import Policy
from router.world import Identity, KnownPerson, Lead, OpenLead
from schemas.events.intake import Campaign, Company, LeadSubmitted
from schemas.person import Consent, Contact
from schemas.words import LeadId, LeadState, MatchedBy, PersonId

NOW = datetime(2026, 7, 6, 9, 30, tzinfo=UTC)
"""A Monday; 10:30 in London."""

EXAMPLE = """\
version: 1
currency: GBP
timezone: Europe/London
calendars: {always: {zone: UTC, hours: always}, london: {zone: Europe/London, hours: {mon-fri: "09:00-17:30"}, holidays: GB-ENG}}
rank_credit: {list: 0h, normal: 1h, high: 1d, hot: 7d}
acceptance: none
face_to_face: [in_person]
maturity: 90d
credit: {qualifier: 0.5, closer: 0.5}
sources: {web: {default_region: GB}}
rules:
  - {name: ready to buy, when: {intent: [demo, buy], company.employees: ">= 50"}, then: {qualify: auto, priority: hot, queue: closing/uk}}
  - {name: far away, when: {not: {company.country: [GB, IE]}}, then: {nurture: 90d}}
  - {name: prospect, when: {direction: outbound}, then: {qualify: by-rep, queue: outbound/main}}
  - {name: enquiry, when: {direction: inbound}, then: {qualify: by-rep, queue: inbound/main, sla: 5m}}
handover:
  - {name: uk, when: {company.country: GB}, then: {queue: closing/uk}}
fallback: {inbound: inbound/main, outbound: outbound/main, handover: closing/uk}
tasks: {quote: service/main, support: service/main, administration: service/main, solution_design: service/main}
desks:
  inbound: {queues: {main: {calendar: always, in_hand: 3, lease: 15m}}}
  outbound: {queues: {main: {calendar: always, in_hand: 5, lease: 1h}}}
  closing: {queues: {uk: {calendar: london, in_hand: 20, open: 60, lease: 3 working days, next_step: 2 working days, grace: 2 working days, release: {at: "08:30", buffer: {per_rep_hour: 0.5}}}}}
  customer: {queues: {main: {calendar: london, lease: 5 working days, next_step: 20 working days, grace: 5 working days}}}
  service: {queues: {main: {calendar: london, in_hand: 5, lease: 4h}}}
"""
"""The contract's example, less what comes later."""
RULES = EXAMPLE[EXAMPLE.index("rules:") : EXAMPLE.index("handover:")]
BUFFERED = "inbound: {queues: {main: {calendar: always, lease: 15m, release: {buffer: {fixed: 3}}}}}"
"""An inbound desk whose queue has a pool."""


def policy_of(text: str = EXAMPLE, version: int = 3) -> Policy:
    """Compile a policy that is right."""
    checked = check(text)
    assert checked.file is not None, checked.mistakes
    return compile_file(checked.file, version)


def with_rules(*rules: str, text: str = EXAMPLE) -> str:
    """The example with these rules alone."""
    return text.replace(RULES, "".join(["rules:\n", *(f"  - {rule}\n" for rule in rules)]) if rules else "")


def with_inbound(desk: str) -> str:
    """The example with another inbound desk."""
    line = next(line for line in EXAMPLE.splitlines() if line.startswith("  inbound:"))
    return EXAMPLE.replace(line, "  " + desk)


def submitted(
    number: int = 1,
    *,
    email: str | None = "ann@example.com",
    phone: str | None = None,
    profile: str | None = None,
    company: dict[str, Any] | None = None,
    contact: dict[str, Any] | None = None,
    body: int = 1,
    **rest: Any,
) -> LeadSubmitted:
    """The lead `ld_<number>`, as ingest leaves it, of its `body`-th body."""
    defaults: dict[str, Any] = {"source": "web", "direction": "inbound", "received_at": NOW, "intent": None}
    return LeadSubmitted(
        id=LeadId(f"ld_{number}"),
        submission_id=f"sub_{number}_{body}",
        contact=Contact(
            email=email,
            email_valid=email is not None,
            phone=phone,
            phone_valid=phone is not None,
            profile_url=profile,
            profile_valid=profile is not None,
            **(contact or {}),
        ),
        company=Company(**(company or {})),
        campaign=Campaign(**rest.pop("campaign", {})),
        consent=Consent(**rest.pop("consent")) if "consent" in rest else None,
        **(defaults | rest),
    )


def identity(kind: str, value: str) -> Identity:
    return Identity(MatchedBy(kind), f"hash of {value.lower()}")


def lead(number: int = 1, **of: Any) -> Lead:
    """As `submitted`, with its identities; a new person would be `per_<number>`."""
    made = submitted(number, **of)
    contact = made.contact
    named = {"email": contact.email, "phone": contact.phone, "profile": contact.profile_url}
    found = frozenset(identity(kind, value) for kind, value in named.items() if value is not None)
    return Lead(made, found, PersonId(f"per_{number}"))


def person(name: str, *identities: Identity, test: bool = False, open: Iterable[OpenLead] = ()) -> KnownPerson:
    return KnownPerson(PersonId(f"per_{name}"), test, frozenset(identities), tuple(open))


def open_lead(name: str, at: datetime = NOW, state: LeadState = LeadState.QUEUED) -> OpenLead:
    return OpenLead(LeadId(f"ld_{name}"), at, state)
