"""A line of the log says what happened, where, and what it follows from; and nothing personal."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from services.ingest.formbody import fields_of
from services.runtime import trace
from services.runtime.http.problems import MalformedBody
from services.runtime.logs import Seldom, configure
from services.runtime.settings import Settings


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    out, err = capsys.readouterr()
    assert out == "", "stdout is for results"
    return [json.loads(line) for line in err.splitlines()]


def test_a_line_carries_its_process_and_the_request_that_it_follows_from(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json"))
    with trace.acting("router"), trace.following(trace.Trace("req_1")):
        structlog.get_logger("leadgate.consumer").warning("dead_letter", topic="leads.inbound.v1", offset=7)
    (line,) = lines(capsys)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "event": "dead_letter",
        "level": "warning",
        "logger": "leadgate.consumer",
        "process": "router",
        "correlation_id": "req_1",
        "topic": "leads.inbound.v1",
        "offset": 7,
    }


def test_libraries_are_heard_in_the_same_form_from_warnings_up(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json"))
    logging.getLogger("asyncio").info("chatter")
    logging.getLogger("asyncio").warning("slow %s", "callback")
    assert [(line["event"], line["level"]) for line in lines(capsys)] == [("slow callback", "warning")]


def test_what_anybody_may_send_does_not_fill_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json", log_level="debug"))
    with pytest.raises(MalformedBody):
        fields_of("multipart/form-data; boundary=X", b"no boundary")
    assert lines(capsys) == []


@pytest.mark.parametrize(("level", "heard"), [("debug", 3), ("info", 2), ("error", 0)])
def test_the_level_is_the_operators(capsys: pytest.CaptureFixture[str], level: str, heard: int) -> None:
    configure(Settings(log_format="json", log_level=level))  # type: ignore[arg-type]
    logger = structlog.get_logger("leadgate.test")
    logger.debug("one")
    logger.info("two")
    logger.warning("three")
    assert len(lines(capsys)) == heard


def test_an_exception_is_told_with_its_trace_and_without_what_its_frames_hold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(Settings(log_format="json"))
    try:
        email = "ann.lee@example.com"
        raise LookupError(len(email))
    except LookupError:
        structlog.get_logger("leadgate.test").exception("failed")
    (line,) = lines(capsys)
    assert "LookupError: 19" in str(line["exception"])
    assert "ann.lee" not in json.dumps(line)


def test_for_people_it_is_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="console"))
    structlog.get_logger("leadgate.test").info("happened", number=3)
    err = capsys.readouterr().err
    assert "happened" in err
    assert "number=3" in err
    assert not err.startswith("{")


def test_while_brokers_are_down_the_client_says_each_thing_once_in_a_while(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(Settings(log_format="json"))
    for number in range(100):
        logging.getLogger("aiokafka").error("Unable connect to node with id %s", number)
        logging.getLogger("aiokafka.producer").warning("Got error produce response: %s", number)
        logging.getLogger("leadgate.other").warning("ours is always said")
    said = [str(line["event"]).split(":")[0] for line in lines(capsys)]
    assert {each: said.count(each) for each in said} == {
        "Unable connect to node with id 0": 1,
        "Got error produce response": 1,
        "ours is always said": 100,
    }


def test_after_that_while_the_client_is_heard_again() -> None:
    seldom = Seldom()
    record = logging.makeLogRecord({"name": "aiokafka", "msg": "Unable to connect", "created": 1000.0})
    heard = []
    for second in (0.0, 0.1, 9.9, 10.0, 10.1, 20.0):
        record.created = 1000.0 + second
        heard.append(seldom.filter(record))
    assert heard == [True, False, False, True, False, True]
