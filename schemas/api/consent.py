"""Consent: on which channels a person may be reached, and the evidence of what they said."""

from pydantic import Field

from schemas.api.shape import Said, example
from schemas.events.stamp import Moment
from schemas.words import AttemptId, AttemptOutcome, Channel, LeadId, PersonId, RepId


class ClosedOut(Said):
    """They closed a channel, or all."""

    at: Moment
    reason: str = Field(description="`opted_out`, or what was written down.")


class ChannelOut(Said):
    """A channel: whether there is an address for it, and whether they closed it."""

    channel: Channel
    known: bool
    closed: ClosedOut | None


class GivenOut(Said):
    """What they agreed to when they came: to be contacted, to be sent marketing, and the words that they saw."""

    lead_id: LeadId
    source: str
    at: Moment
    contact: bool | None
    marketing: bool | None
    text: str | None


class EvidenceOut(Said):
    """What a rep wrote down as evidence of an attempt, or that they opted out in it."""

    attempt_id: AttemptId
    lead_id: LeadId
    channel: Channel
    outcome: AttemptOutcome
    at: Moment
    rep_id: RepId
    evidence: str | None


_PERSON = "per_01jz8m4s1n9d2e4r8t6y5a7c9b"
_LEAD = "ld_4m8s1n9d2e4r8t6y5a7c9b1n3q7v0kxz"


class ConsentOut(Said):
    """What consent of a lead's person stands, over all their leads: newest first."""

    model_config = example(
        {
            "person_id": _PERSON,
            "channels": [
                {
                    "channel": "email",
                    "known": True,
                    "closed": {"at": "2026-07-07T09:30:00.000Z", "reason": "opted_out"},
                }
            ],
            "given": [
                {
                    "lead_id": _LEAD,
                    "source": "web",
                    "at": "2026-07-06T09:29:58.000Z",
                    "contact": True,
                    "marketing": False,
                    "text": "You may call me.",
                }
            ],
            "evidence": [
                {
                    "attempt_id": "att_01jz8m4s1n9d2e4r8t6y5a7c9b",
                    "lead_id": _LEAD,
                    "channel": "email",
                    "outcome": "opt_out",
                    "at": "2026-07-07T09:30:00.000Z",
                    "rep_id": "rep_01jz8m4s1n9d2e4r8t6y5a7c9b",
                    "evidence": "https://mail.example.com/1",
                }
            ],
        }
    )

    person_id: PersonId | None
    channels: list[ChannelOut]
    given: list[GivenOut]
    evidence: list[EvidenceOut]
