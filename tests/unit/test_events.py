"""Events are read tolerantly: what a newer version adds is kept, and is never fatal."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.events import every
from schemas.events.lifecycle import ItemQueued
from schemas.events.signals import QueueMeasured
from schemas.events.stamp import UnknownEvent
from schemas.words import Priority

STAMP: dict[str, Any] = {
    "lead_id": "ld_x",
    "seq": 1,
    "at": "2026-07-06T09:30:00.123Z",
    "test": False,
    "actor": {"kind": "system", "id": None},
}
QUEUED: dict[str, Any] = {
    **STAMP,
    "item_id": "itm_x",
    "kind": "opportunity",
    "queue": "closing/uk",
    "claim_id": None,
    "rep_id": None,
    "priority": "hot",
    "queued_at": "2026-07-06T09:30:00.123Z",
    "due_at": None,
    "reserved_for": None,
    "exception": None,
    "cause": "release",
}


def test_an_event_is_read_and_written_back_as_it_was() -> None:
    told = every.told("leadgate.item.queued.v1", QUEUED)
    assert isinstance(told.event, ItemQueued)
    assert told.event.priority is Priority.HOT
    assert told.data() == json.loads(told.json) == QUEUED


def test_an_unknown_field_and_an_unknown_word_are_kept() -> None:
    newer = {**QUEUED, "cause": "telepathy", "mood": "sunny", "actor": {"kind": "robot", "id": "r2", "model": 2}}
    assert every.told("leadgate.item.queued.v1", newer).data() == newer


def test_an_unknown_event_is_kept_whole() -> None:
    newer = {**STAMP, "item_id": "itm_x", "to": "the moon"}
    told = every.told("leadgate.item.teleported.v1", newer)
    assert isinstance(told.event, UnknownEvent)
    assert told.name == "item.teleported"
    assert told.data() == json.loads(told.json) == newer


def test_an_unknown_signal_is_kept() -> None:
    read = every.signal("leadgate.queue.sang.v1", {"queue": "closing/uk", "song": "blue"})
    assert not isinstance(read, QueueMeasured)
    assert read.model_dump(mode="json") == {"queue": "closing/uk", "song": "blue"}


def test_a_known_event_that_lacks_what_it_must_have_is_refused() -> None:
    with pytest.raises(ValidationError):
        every.told("leadgate.item.queued.v1", STAMP)
    with pytest.raises(ValidationError):
        every.told("leadgate.item.queued.v1", {name: value for name, value in QUEUED.items() if name != "seq"})


def test_a_correction_says_from_what_to_what() -> None:
    where = {"opportunity_id": "opp_x", "queue": "closing/uk", "rep_id": None}
    said = {
        **STAMP,
        **where,
        "from": "won",
        "to": "lost",
        "value": None,
        "reason": "price",
        "won_at": None,
        "credit": [],
    }
    assert every.told("leadgate.opportunity.corrected.v1", said).data() == said
