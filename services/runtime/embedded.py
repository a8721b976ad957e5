"""The embedded PostgreSQL: our own supervisor of the server whose binaries a wheel carries.

Whoever needs the store attaches to the server that runs on the data directory, or starts it; the last one out stops
it. A server that outlived its leadgate (kill -9) is adopted. A pid is never trusted by itself.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import asyncpg

from services.runtime.account import Account, account_for
from services.runtime.exits import Refused, Unavailable
from services.runtime.failures import Failure, failure
from services.runtime.locks import FileLock
from services.runtime.postmaster import PID_FILE, Postmaster, any_process, binaries, is_alive, is_server, running
from services.runtime.settings import make_data_dir

MAJOR = "18"
_LONGEST_SOCKET = 100
"""Bytes of a socket's path: the system's limit is 107 (104 on some), its own name included."""
_TEMPORARY = "leadgate-"
_TRIES = 5
_LOG_LIMIT = 10 * 1024 * 1024

OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "jit": "off",  # compiling costs more than our short statements
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "log_error_verbosity": "terse",  # a DETAIL may hold personal data
    }
)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Embedded:
    """The server on `<data_dir>/postgres`, reached by a socket in a directory that only its account may enter."""

    def __init__(
        self,
        data_dir: Path,
        *,
        options: Mapping[str, str] = MappingProxyType({}),
        say: Callable[[str], None] = _to_stderr,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self._data = self.data_dir / "postgres"
        self._options = {**OPTIONS, **options}
        self._say = say
        self._starting = FileLock(self.data_dir / "postgres.starting")
        self._using = FileLock(self.data_dir / "postgres.using")
        self._sole = FileLock(self.data_dir / "up.lock")
        self._sockets: Path | None = None

    def url(self, database: str = "leadgate") -> str:
        """Where it listens, as libpq writes it."""
        if self._sockets is None:
            raise RuntimeError("not started")
        return f"postgresql://leadgate@/{database}?host={quote(str(self._sockets), safe='')}&port=5432"

    async def attach(self, *, sole: bool = False) -> None:
        """Join the server that runs here, or start it (the first time: make it). `sole`: as the one `leadgate up`.

        Raises: BadSetting where nothing can be written in the data directory; Unavailable, with what its log says;
        Refused where the data is another major version's, or where another `leadgate up` runs on it.
        """
        make_data_dir(self.data_dir)
        if sole and not self._sole.take():
            raise Refused(
                f"another `leadgate up` (pid {self._sole.noted() or 'unknown'}) runs on {self.data_dir}: stop it, or "
                "give this one another --data-dir."
            )
        if sole:
            self._sole.note(str(os.getpid()))
        async with self._starting:
            self._using.take(shared=True)
            try:
                await self._up()
            except BaseException:
                self._using.release()
                self._sole.release()
                raise

    async def leave(self) -> None:
        """Done with it: the last one out stops it."""
        async with self._starting:
            if self._using.take():
                await self._down()
            self._using.release()
            self._sole.release()

    async def keep(self) -> None:
        """Start it again whenever it dies under us. Runs until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            if running(self._data) is None:
                async with self._starting:
                    if running(self._data) is None:
                        self._say("PostgreSQL is gone. Starting it again ...")
                        await self._up()

    async def _up(self) -> None:
        """Have it run and take connections; what goes away while we wait for it is started anew, a few times."""
        why: object = ""
        for _ in range(_TRIES):
            started: int | None = None
            if running(self._data) is None:
                self._refuse_other_versions()
                account = account_for(self._data, self.data_dir, binaries(MAJOR) / "postgres")
                if not self._data.exists():
                    await asyncio.to_thread(self._initialise, account)
                await self._forget_the_dead()
                self._sockets = self._socket_directory(account)
                started = self._spawn(account)
            if (found := await self._ready(started)) is None:
                why = self._last_words()
            else:
                self._sockets = found.sockets
                try:
                    return await self._create_database()
                except Exception as error:
                    if failure(error) is not Failure.OUTAGE:
                        raise
                    why = repr(error)
            await asyncio.sleep(0.2)
        raise Unavailable(f"PostgreSQL does not start on {self._data}:\n{why}")

    def _refuse_other_versions(self) -> None:
        marker = self._data / "PG_VERSION"
        if marker.exists() and (version := marker.read_text().strip()) != MAJOR:
            raise Refused(
                f"{self._data} is data of PostgreSQL {version}, and this leadgate carries PostgreSQL {MAJOR}: dump it "
                f"with the leadgate that wrote it (pg_dump) and load it into a new --data-dir."
            )
        if self._data.exists() and not marker.exists():
            raise Refused(f"{self._data} is no PostgreSQL data directory: move it away, or choose another --data-dir.")

    def _initialise(self, account: Account) -> None:
        """Make it beside its place and move it there whole, so that a crash leaves no half of it."""
        self._say(f"Making a PostgreSQL database in {self._data} ...")
        new = self._data.with_name("postgres.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        account.own(new)
        encoding = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        sync = () if self._options.get("fsync", "on") == "on" else ("--no-sync",)
        argv = [str(binaries(MAJOR) / "initdb"), "-D", str(new), "-U", "leadgate", "--auth=trust", *encoding, *sync]
        done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603
            account.command(argv), capture_output=True, text=True, check=False, cwd="/", **account.switch()
        )
        if done.returncode:
            raise Unavailable(f"PostgreSQL cannot be set up in {self.data_dir}:\n{done.stdout}{done.stderr}")
        new.rename(self._data)

    async def _forget_the_dead(self) -> None:
        """Wait for what a killed postmaster left running; then its pid file says nothing any more.

        PostgreSQL itself would take another process that has this pid by now for a server, and never start.
        """
        waited = 0.0
        while any_process(self._data):
            await asyncio.sleep(0.1)
            waited += 0.1
            if waited >= 5 and round(waited, 1) % 5 == 0:
                self._say(f"Waiting for processes of a PostgreSQL that died ({waited:.0f} s) ...")
        stale = self._data / PID_FILE
        if stale.exists():
            lines = stale.read_text().splitlines()
            left = Path(lines[4]) if len(lines) > 4 else None
            if left and left.name.startswith(_TEMPORARY) and left.parent == Path(tempfile.gettempdir()):
                shutil.rmtree(left, ignore_errors=True)
            stale.unlink()

    def _socket_directory(self, account: Account) -> Path:
        """In the data directory; where its path is too long for a socket, a new one among the temporary files."""
        if self._sockets is not None and self._sockets.is_dir():
            directory = self._sockets
            for left in directory.iterdir():
                left.unlink()
        elif len(str(self.data_dir / "run" / ".s.PGSQL.5432.lock").encode()) <= _LONGEST_SOCKET:
            directory = self.data_dir / "run"
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(mode=0o700)
        else:
            directory = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        account.own(directory)
        return directory

    def _spawn(self, account: Account) -> int:
        """Start it as nobody's child, so that it is nobody's zombie; its pid."""
        options = {**self._options, "unix_socket_directories": str(self._sockets), "port": "5432"}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        argv = ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", str(binaries(MAJOR) / "postgres"), "-D", str(self._data)]
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        with open(self._log, "ab", opener=_private) as log:
            started = subprocess.run(  # type: ignore[call-overload]  # noqa: S603
                account.command([*argv, *settings]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for us, not for it
                check=True,
                **account.switch(),
            )
        return int(started.stdout)

    async def _ready(self, started: int | None) -> Postmaster | None:
        """Wait until it takes connections: after a crash it recovers first, which may take long. None: it is gone."""
        waited = 0.0
        while (found := running(self._data)) is None or not found.ready:
            if found is None and (started is None or not is_alive(started)):
                return None
            await asyncio.sleep(0.02)
            waited += 0.02
            if waited >= 5 and round(waited, 2) % 5 == 0:
                self._say(f"PostgreSQL is starting, and recovers if it was killed ({waited:.0f} s) ...")
        return found

    async def _create_database(self) -> None:
        conn = await asyncpg.connect(self.url("postgres"), timeout=30)
        try:
            if not await conn.fetchval("SELECT true FROM pg_database WHERE datname = 'leadgate'"):
                await conn.execute("CREATE DATABASE leadgate")
        finally:
            await conn.close()

    async def _down(self) -> None:
        found = running(self._data)
        if found is None:
            return
        for how, patience in ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
            with suppress(ProcessLookupError):
                os.kill(found.pid, how)
            if await self._gone(found.pid, patience):
                break
        if found.sockets.name.startswith(_TEMPORARY):
            shutil.rmtree(found.sockets, ignore_errors=True)

    async def _gone(self, pid: int, patience: float) -> bool:
        waited = 0.0
        while waited < patience:
            if not is_server(pid, self._data):
                return True
            await asyncio.sleep(0.02)
            waited += 0.02
            if round(waited, 2) % 5 == 0:
                self._say(f"PostgreSQL is stopping ({waited:.0f} s) ...")
        return False

    @property
    def _log(self) -> Path:
        return self.data_dir / "postgres.log"

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-10:])


@asynccontextmanager
async def embedded(server: Embedded) -> AsyncIterator[str]:
    """Use the server for a while; its URL."""
    await server.attach()
    try:
        yield server.url()
    finally:
        await server.leave()
