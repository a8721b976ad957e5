"""Measurements: `make bench`. They are no tests, and `make test` does not collect them.

Each is a ratio to a baseline of the same run, so that it says the same on another machine; a table at the end shows it
beside its target.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop
from kit.ratios import Results
from pytest_asyncio.plugin import LoopFactory

from services.runtime.embedded import Embedded

_results = Results()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--benchmark", action="store_true", help="measure, and print ratios to a baseline of the same run")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if config.getoption("benchmark", default=False) else True


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, LoopFactory]:
    """The loop on which processes run."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _results.lines:
        terminalreporter.write_sep("=", "ratios to baselines of this run, medians of three")
        for line in _results.lines:
            terminalreporter.write_line(line.text())


@pytest.fixture
def results() -> Results:
    return _results


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Embedded]:
    """A PostgreSQL server that flushes to disk, as it is run."""
    server = Embedded(tmp_path / "pg", say=lambda _: None)
    await server.attach()
    yield server
    await server.leave()
