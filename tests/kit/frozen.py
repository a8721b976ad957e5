"""A PostgreSQL that hangs: it takes connections, for the system does that, and answers nothing."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from services.runtime.embedded import Embedded
from services.runtime.postmaster import running


@contextmanager
def frozen(server: Embedded) -> Iterator[None]:
    """Stop all processes of a test's own server while this is open, and no longer than we live."""
    found = running(server.data_dir / "postgres")
    assert found is not None
    postmaster = psutil.Process(found.pid)
    stopped = [postmaster]
    postmaster.send_signal(signal.SIGSTOP)  # first, so that it starts no more
    try:
        stopped += postmaster.children(recursive=True)
        ids = [str(process.pid) for process in stopped]
        guarding = ["/bin/sh", "-c", 'read never; kill -CONT "$@"', "sh", *ids]
        with subprocess.Popen(guarding, stdin=subprocess.PIPE) as guard:
            try:
                for process in stopped[1:]:
                    process.send_signal(signal.SIGSTOP)
                yield
            finally:
                guard.kill()
    finally:
        for process in reversed(stopped):
            process.send_signal(signal.SIGCONT)
