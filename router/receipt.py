"""A receipt as it is stored, and decided again from it alone."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from router.decide import conclude
from router.outcomes import Data, Decision, Receipt
from router.policy.compiled import Policy
from router.policy.rule import Value
from router.world import Known
from schemas.events.stamp import text_of
from schemas.features import CUSTOM, ENRICHED, QUALIFICATION
from schemas.words import LeadId, MatchedBy, PersonId, Priority, Relation

_BESIDE = (CUSTOM, QUALIFICATION, ENRICHED)


def recompute(receipt: Receipt, policy: Policy) -> Decision:
    """Decide again from the receipt's inputs, under the policy of its version: the same, bit for bit.

    What calendars and matching said then stands, whatever they would say today.
    """
    inputs = replace(receipt, clauses=(), rule="", due_at=None, hook="", score=None, scores=())
    return conclude(inputs, policy, lambda place: None if place.sla is None else receipt.due_at)


def to_json(receipt: Receipt) -> dict[str, Any]:
    """Lay it out for storage. Under `beside` stands what a person wrote: without it, the rest tells nothing of them."""
    knew = receipt.knew
    return {
        "lead": receipt.lead,
        "person": receipt.person,
        "engine": receipt.engine,
        "policy": receipt.policy,
        "now": text_of(receipt.now),
        "stage": receipt.stage,
        "direction": receipt.direction,
        "list": receipt.list,
        "flag": receipt.flag,
        "priority": receipt.priority.value,
        "saw": {path: _plain(value) for path, value in receipt.saw.items() if not path.startswith(_BESIDE)},
        "beside": {path: _plain(value) for path, value in receipt.saw.items() if path.startswith(_BESIDE)},
        "knew": {
            "person": knew.person,
            "into": knew.into,
            "matched_by": knew.matched_by and knew.matched_by.value,
            "nurturing": knew.nurturing,
            "suppressed": knew.suppressed,
            "reopens": knew.reopens,
            "account": knew.account,
            "relation": knew.relation and knew.relation.value,
            "contact_at": knew.contact_at and text_of(knew.contact_at),
        },
        "released": receipt.released,
        "data": receipt.data and receipt.data.value,
        "hook": receipt.hook,
        "score": receipt.score,
        "scores": list(receipt.scores),
        "clauses": list(receipt.clauses),
        "rule": receipt.rule,
        "due_at": receipt.due_at and text_of(receipt.due_at),
    }


def from_json(stored: Mapping[str, Any]) -> Receipt:
    """Read what `to_json` wrote, from `json` or `jsonb`. Raises: KeyError, ValueError where it is none."""
    knew = stored["knew"]
    saw = {path: _value(value) for path, value in {**stored["saw"], **stored["beside"]}.items()}
    return Receipt(
        lead=LeadId(stored["lead"]),
        engine=stored["engine"],
        policy=stored["policy"],
        now=datetime.fromisoformat(stored["now"]),
        stage=stored["stage"],
        direction=stored["direction"],
        list=stored["list"],
        flag=stored["flag"],
        priority=Priority(stored["priority"]),
        saw=dict(sorted(saw.items())),
        knew=Known(
            person=knew["person"] and PersonId(knew["person"]),
            into=knew["into"] and LeadId(knew["into"]),
            matched_by=knew["matched_by"] and MatchedBy(knew["matched_by"]),
            nurturing=knew["nurturing"],
            suppressed=knew["suppressed"],
            reopens=knew.get("reopens"),
            account=knew.get("account"),
            relation=Relation(relation) if (relation := knew.get("relation")) else None,
            contact_at=datetime.fromisoformat(at) if (at := knew.get("contact_at")) else None,
        ),
        released=stored.get("released", False),
        data=Data(data) if (data := stored.get("data")) else None,
        hook=stored.get("hook", ""),
        score=stored.get("score"),
        scores=tuple(stored.get("scores", ())),
        clauses=tuple(stored["clauses"]),
        rule=stored["rule"],
        due_at=stored["due_at"] and datetime.fromisoformat(stored["due_at"]),
        person=PersonId(stored["person"]),
    )


def _plain(value: Value) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _value(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value
