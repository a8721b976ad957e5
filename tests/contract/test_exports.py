"""What is generated is as its source says. What we emit is valid by it: `tests/integration/test_every_move.py`."""

import json

import pytest
from jsonschema import Draft202012Validator

from router import diagrams
from schemas import export
from schemas.topics import SERIES, TOPICS


def test_what_is_exported_is_what_the_models_say() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in export.EXPORTED.glob("*.json")}
    assert written == export.documents(), "run `make fmt` and commit schemas/exported"


def test_the_machines_are_drawn_as_they_are() -> None:
    assert diagrams.DRAWN.read_text(encoding="utf-8") == diagrams.document(), "run `make fmt` and commit router"


@pytest.mark.parametrize("name", [event.NAME for event in export.EVENTS])
def test_each_exported_schema_is_a_valid_schema(name: str) -> None:
    Draft202012Validator.check_schema(json.loads((export.EXPORTED / f"{name}.v1.json").read_text(encoding="utf-8")))


def test_the_asyncapi_document_names_each_topic_and_resolves_its_own_references() -> None:
    document = export.asyncapi()
    assert set(document["channels"]) == {topic.name for topic in (*TOPICS, *SERIES)}
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            assert message["$ref"].rpartition("/")[2] in document["components"]["messages"]
    for message in document["components"]["messages"].values():
        assert (export.EXPORTED / message["payload"]["$ref"]).exists()
