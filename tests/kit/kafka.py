"""Brokers for tests."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from brokers import Brokers, start
from jars import locked

from kit.postgres import in_memory


@contextmanager
def brokers(size: int) -> Iterator[Brokers]:
    """One or three of your own, on data that is thrown away."""
    with (
        TemporaryDirectory(prefix="leadgate-kafka-", dir=in_memory()) as directory,
        start(size, Path(directory), say=print) as started,
    ):
        yield started
        started.kill_all()


@dataclass(frozen=True, slots=True)
class Shared:
    """A broker that is not yours to stop."""

    bootstrap: str


@contextmanager
def shared(place: Path) -> Iterator[Shared]:
    """One broker for all that name the same place.

    The first one starts it, and at its end waits for the others before it stops it.
    """
    address = place / "kafka.address"
    starting = place / "kafka.starting"
    with (place / "kafka.using").open("w") as using, ExitStack() as mine:
        with locked(starting):
            fcntl.flock(using, fcntl.LOCK_SH)
            if address.exists():
                bootstrap = address.read_text()
            else:
                bootstrap = mine.enter_context(brokers(1)).bootstrap
                address.write_text(bootstrap)
                mine.callback(fcntl.flock, using.fileno(), fcntl.LOCK_EX)
                mine.callback(_unlink, address, starting)
        yield Shared(bootstrap)


def _unlink(address: Path, starting: Path) -> None:
    """Whoever comes now starts one anew."""
    with locked(starting):
        address.unlink()
