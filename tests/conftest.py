"""Fixtures for all. Helpers that are no fixtures stand in `tests/kit`."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import asyncpg
import kit.kafka
import pytest
from brokers import Brokers
from kit.clock import ManualClock
from kit.desks import Desks, desks_of
from kit.postgres import FAST_AND_LOSING, create_template, gone_with_us, in_memory

from schemas.topics import SERIES, TOPICS
from services.runtime.database import Database
from services.runtime.edge import Edge, open_edge
from services.runtime.embedded import Embedded
from services.runtime.log.kafka import KafkaLog
from services.runtime.log.port import EventLog
from services.runtime.postmaster import running
from services.runtime.secret import Keyring
from services.runtime.settings import Settings

_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="what a short form runs of in `make test`, as long as it takes"
    )
    parser.addoption("--seed", type=int, help="of the schedule of faults, and of what is posted")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no core waits at the end."""
    items.sort(key=lambda item: item.get_closest_marker("faults") is None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Embedded]:
    """A PostgreSQL server of this worker's own."""
    with TemporaryDirectory(prefix="leadgate-tests-", dir=in_memory()) as directory:
        server = Embedded(Path(directory), options=FAST_AND_LOSING, say=lambda _: None)
        asyncio.run(server.attach())
        found = running(server.data_dir / "postgres")
        assert found is not None
        with gone_with_us(found.pid):
            yield server
        asyncio.run(server.leave())


def pytest_itemcollected(item: pytest.Item) -> None:
    """Three brokers are enough: whoever wants them is on the same worker."""
    if "kafka_three" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.xdist_group("kafka_three"))


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[kit.kafka.Shared]:
    """One broker, which all workers share: name your topics so that nobody else has them."""
    own = tmp_path_factory.getbasetemp()
    with kit.kafka.shared(own if worker_id == "master" else own.parent) as broker:
        yield broker


@pytest.fixture(scope="session")
def three_brokers() -> Iterator[Brokers]:
    """What `kafka_three` hands out."""
    with kit.kafka.brokers(3) as brokers:
        yield brokers


@pytest.fixture
def kafka_three(three_brokers: Brokers) -> Brokers:
    """Three brokers, all up, to kill and to stop at will."""
    three_brokers.start_all()
    return three_brokers


@pytest.fixture(scope="session")
def template(postgres: Embedded) -> str:
    """The name of a database that is migrated and has its topics; the others are copies of it."""
    return asyncio.run(create_template(postgres))


@pytest.fixture
def clock() -> ManualClock:
    """Moved by hand. It begins on Monday, 6 July 2026, 09:00 UTC (10:00 in London)."""
    return ManualClock(datetime(2026, 7, 6, 9, 0, tzinfo=UTC))


@pytest.fixture
async def database_url(postgres: Embedded, template: str) -> AsyncIterator[str]:
    """The URL of a migrated database of this test's own."""
    name = f"test_{next(_numbers)}"
    admin = await asyncpg.connect(postgres.url("postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield postgres.url(name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring(b"k" * 32)


@pytest.fixture
async def edge(database_url: str, keyring: Keyring, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Edge]:
    """Everything a process needs, on a database and a clock of this test's own."""
    settings = Settings(database_url=database_url, data_dir=tmp_path, secret="6b" * 32)
    async with open_edge(settings, database_url, keyring, clock=clock) as edge:
        yield edge


@pytest.fixture
async def kafka_edge(
    request: pytest.FixtureRequest, database_url: str, keyring: Keyring, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[Edge]:
    """The same, its event log in Kafka: topics of this test's own, on real brokers."""
    settings = Settings(
        database_url=database_url,
        data_dir=tmp_path,
        secret="6b" * 32,
        kafka_bootstrap_servers=request.getfixturevalue("kafka").bootstrap,
        topic_prefix=f"{uuid4().hex[:12]}.",
    )
    async with open_edge(settings, database_url, keyring, clock=clock) as edge:
        assert edge.kafka is not None
        await edge.kafka.create([*TOPICS, *SERIES], partitions=4)
        yield edge


@pytest.fixture
def database(edge: Edge) -> Database:
    return edge.database


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[Embedded]:
    """A PostgreSQL server that this test may stop."""
    server = Embedded(tmp_path, options=FAST_AND_LOSING, say=lambda _: None)
    await server.attach()
    found = running(server.data_dir / "postgres")
    assert found is not None
    with gone_with_us(found.pid):
        yield server
    await server.leave()


@pytest.fixture
async def own_edge(own_server: Embedded, keyring: Keyring, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Edge]:
    """The same as `edge`, on that server."""
    url = own_server.url(await create_template(own_server))
    settings = Settings(database_url=url, data_dir=tmp_path, secret="6b" * 32)
    async with open_edge(settings, url, keyring, clock=clock) as edge:
        yield edge


@pytest.fixture(params=["postgres", "kafka"])
async def log(request: pytest.FixtureRequest, edge: Edge) -> AsyncIterator[EventLog]:
    """The event log, by each of its adapters."""
    if request.param == "postgres":
        yield edge.log
        return
    kafka = KafkaLog(request.getfixturevalue("kafka").bootstrap, f"{uuid4().hex[:12]}.")
    await kafka.create(TOPICS, partitions=4)
    yield kafka
    await kafka.close()


@pytest.fixture
async def desks(edge: Edge, clock: ManualClock) -> AsyncIterator[Desks]:
    """The desk process under `kit.desks.POLICY`, with reps, managers and leads to be made."""
    async with desks_of(edge, clock) as desks:
        yield desks
