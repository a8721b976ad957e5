"""The embedded PostgreSQL: it is there whenever it is needed, whatever was killed, and gone when nobody needs it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from kit.waiting import running as working
from kit.waiting import until

from services.runtime.embedded import Embedded, embedded
from services.runtime.exits import Refused, Unavailable
from services.runtime.postmaster import running

USER = """
import asyncio, sys
from pathlib import Path
import asyncpg
from services.runtime.embedded import Embedded

async def main():
    server = Embedded(Path(sys.argv[1]), options={"fsync": "off"})
    await server.attach()
    conn = await asyncpg.connect(server.url())
    await conn.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    await conn.execute("INSERT INTO kept SELECT $1::int", int(sys.argv[2]))
    print("committed", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def server(data_dir: Path, **options: str) -> Embedded:
    """One that survives kill -9, though not a crash of the machine: so it starts faster."""
    return Embedded(data_dir, options={"fsync": "off", **options}, say=lambda _: None)


@asynccontextmanager
async def connected(to: Embedded) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    conn = await asyncpg.connect(to.url())
    try:
        yield conn
    finally:
        await conn.close()


def pid(data_dir: Path) -> int | None:
    """Of the server that runs there."""
    found = running(data_dir / "postgres")
    return found.pid if found else None


async def gone(process: int, data_dir: Path) -> None:
    async def is_gone() -> bool:
        return pid(data_dir) != process

    await until(is_gone)


async def test_what_was_written_is_there_after_a_restart_and_nothing_runs_in_between(tmp_path: Path) -> None:
    async with embedded(server(tmp_path)) as url:
        conn = await asyncpg.connect(url)
        await conn.execute("CREATE TABLE kept AS SELECT 1 AS n")
        await conn.close()
    assert pid(tmp_path) is None
    async with embedded(server(tmp_path)) as url:
        conn = await asyncpg.connect(url)
        assert await conn.fetchval("SELECT n FROM kept") == 1
        assert await conn.fetchval("SHOW listen_addresses") == "", "it is reached by its socket alone"
        assert await conn.fetchval("SHOW server_encoding") == "UTF8"
        await conn.close()
    assert (tmp_path / "postgres").stat().st_mode & 0o777 == 0o700


async def test_who_comes_later_joins_and_the_last_one_out_stops_it(tmp_path: Path) -> None:
    first, second = server(tmp_path), server(tmp_path)
    await first.attach()
    began = pid(tmp_path)
    await second.attach()
    assert pid(tmp_path) == began
    await first.leave()
    async with connected(second) as conn:
        assert await conn.fetchval("SELECT 1") == 1
    await second.leave()
    assert pid(tmp_path) is None


async def test_two_that_start_at_once_share_one_server(tmp_path: Path) -> None:
    servers = [server(tmp_path) for _ in range(3)]
    await asyncio.gather(*(each.attach() for each in servers))
    for each in servers:
        async with connected(each) as conn:
            assert await conn.fetchval("SELECT 1") == 1
    await asyncio.gather(*(each.leave() for each in servers))
    assert pid(tmp_path) is None


async def test_a_second_up_on_the_same_data_is_refused_and_says_whose_they_are(tmp_path: Path) -> None:
    first, second = server(tmp_path), server(tmp_path)
    await first.attach(sole=True)
    with pytest.raises(Refused, match=f"pid {os.getpid()}.*--data-dir") as refused:
        await second.attach(sole=True)
    assert refused.value.exit_code == 5
    command = server(tmp_path)  # but a command may join
    await command.attach()
    await command.leave()
    await first.leave()
    await second.attach(sole=True)
    await second.leave()


async def test_a_server_that_outlived_its_killed_leadgate_is_adopted_and_nothing_is_lost(tmp_path: Path) -> None:
    server_pids = set()
    for number in range(3):
        user = subprocess.Popen([sys.executable, "-c", USER, str(tmp_path), str(number)], stdout=subprocess.PIPE)
        assert user.stdout is not None
        assert user.stdout.readline() == b"committed\n"
        server_pids.add(pid(tmp_path))
        user.kill()
        user.wait()
        user.stdout.close()
    assert len(server_pids) == 1
    async with embedded(adopting := server(tmp_path)), connected(adopting) as conn:
        assert [row["n"] for row in await conn.fetch("SELECT n FROM kept ORDER BY n")] == [0, 1, 2]
    assert pid(tmp_path) is None, "it is stopped like one of our own"


async def test_a_server_that_is_killed_under_us_is_started_again_and_recovers(tmp_path: Path) -> None:
    async with embedded(ours := server(tmp_path)), working(ours.keep()):
        async with connected(ours) as conn:
            await conn.execute("CREATE TABLE kept AS SELECT 1 AS n")
        for _ in range(2):
            killed = pid(tmp_path)
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            await gone(killed, tmp_path)

            async def ready() -> bool:
                found = running(tmp_path / "postgres")
                return found is not None and found.ready

            await until(ready, within=30)
            async with connected(ours) as conn:
                assert await conn.fetchval("SELECT n FROM kept") == 1


async def test_all_killed_at_once_recovers(tmp_path: Path) -> None:
    user = subprocess.Popen([sys.executable, "-c", USER, str(tmp_path), "7"], stdout=subprocess.PIPE)
    assert user.stdout is not None
    assert user.stdout.readline() == b"committed\n"
    killed = pid(tmp_path)
    assert killed is not None
    user.kill()
    os.kill(killed, signal.SIGKILL)
    user.wait()
    user.stdout.close()
    async with embedded(ours := server(tmp_path)), connected(ours) as conn:
        assert await conn.fetchval("SELECT n FROM kept") == 7


async def test_what_a_killed_server_left_running_is_waited_for_before_another_starts(tmp_path: Path) -> None:
    """Two servers' processes on the same data would spoil it."""
    async with embedded(ours := server(tmp_path)):
        conn = await asyncpg.connect(ours.url())
        backend, killed = conn.get_server_pid(), pid(tmp_path)
        assert killed is not None
        os.kill(backend, signal.SIGSTOP)
        os.kill(killed, signal.SIGKILL)
        await gone(killed, tmp_path)
        starting = asyncio.create_task(server(tmp_path).attach())
        assert await asyncio.wait([starting], timeout=1) == (set(), {starting})
        assert pid(tmp_path) is None
        os.kill(backend, signal.SIGKILL)
        await starting
        assert pid(tmp_path) not in (killed, None)
        conn.terminate()


async def test_a_pid_that_another_process_has_by_now_is_not_trusted(tmp_path: Path) -> None:
    async with embedded(server(tmp_path)):
        was = (tmp_path / "postgres" / "postmaster.pid").read_text()
    other = subprocess.Popen(["sleep", "60"])
    try:
        recycled = "\n".join([str(other.pid), *was.splitlines()[1:]]) + "\n"
        (tmp_path / "postgres" / "postmaster.pid").write_text(recycled)
        assert pid(tmp_path) is None
        async with embedded(ours := server(tmp_path)), connected(ours) as conn:
            assert await conn.fetchval("SELECT 1") == 1
        assert other.poll() is None, "and it was not killed in the server's stead"
    finally:
        other.kill()
        other.wait()


async def test_data_of_another_major_version_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(Refused, match=r"PostgreSQL 16.*PostgreSQL 18.*pg_dump") as refused:
        await server(tmp_path).attach()
    assert refused.value.exit_code == 5


async def test_a_directory_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "thesis.odt").touch()
    with pytest.raises(Refused, match="is no PostgreSQL data directory"):
        await server(tmp_path).attach()


async def test_a_first_start_that_was_killed_half_way_starts_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "half").touch()
    async with embedded(ours := server(tmp_path)), connected(ours) as conn:
        assert await conn.fetchval("SELECT 1") == 1


async def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="max_connections") as unavailable:
        await server(tmp_path, max_connections="many").attach()
    assert unavailable.value.exit_code == 3


async def test_a_path_too_long_for_a_socket_works_and_leaves_nothing_behind(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    async with embedded(ours := server(deep)), connected(ours) as conn:
        sockets = Path(await conn.fetchval("SHOW unix_socket_directories"))
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
async def test_root_may_keep_data_where_others_cannot_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    async with embedded(ours := server(closed / "data")), connected(ours) as conn:
        assert await conn.fetchval("SELECT 1") == 1
        found = running(closed / "data" / "postgres")
        assert found is not None
        assert Path(f"/proc/{found.pid}").stat().st_uid != 0


async def test_ctrl_c_is_for_us_and_not_for_the_server(tmp_path: Path) -> None:
    async with embedded(server(tmp_path)):
        found = pid(tmp_path)
        assert found is not None
        assert os.getsid(found) != os.getsid(0)
