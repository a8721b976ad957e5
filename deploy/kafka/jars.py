"""Kafka's jars, and the Java that runs them: Maven resolves what `pom.xml` names, once."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
LIBS = HERE / "libs"
INSTALL = "apt-get install default-jre-headless maven"


class Unavailable(Exception):
    """Something that it needs is not there, or does not start. `str()` says what to do."""

    exit_code = 3


def java() -> str:
    """The `java` to run: that of JAVA_HOME, else of the PATH.

    Raises: Unavailable, with the command that installs it.
    """
    home = os.environ.get("JAVA_HOME")
    return _found("java", "Java 17 or later", *([str(Path(home) / "bin")] if home else []))


def jars(say: Callable[[str], None], pom: Path = POM, libs: Path = LIBS) -> Path:
    """The folder that holds Kafka's jars, resolved now if this version of `pom` never was; concurrent callers wait.

    Raises: Unavailable where Maven or Java is missing, or Maven fails.
    """
    folder = libs / hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    if folder.exists():
        return folder
    libs.mkdir(parents=True, exist_ok=True)
    with locked(libs / "lock"):
        if not folder.exists():
            _resolve(pom, folder, say)
    return folder


def _resolve(pom: Path, folder: Path, say: Callable[[str], None]) -> None:
    """Copy them beside their place and move them there whole, so that an interruption leaves no half of them."""
    java()
    maven = _found("mvn", "Maven")
    say("Resolving Kafka's jars by Maven (once, 55 MB) ...")
    with tempfile.TemporaryDirectory(dir=folder.parent) as directory:
        new = Path(directory) / "jars"
        quietly = ("--quiet", "--batch-mode", "--strict-checksums")
        done = subprocess.run(
            [maven, *quietly, "--file", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={new}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Unavailable(f"Maven cannot resolve {pom}:\n{ending(done.stdout + done.stderr)}")
        new.rename(folder)


def _found(program: str, called: str, *before: str) -> str:
    path = os.pathsep.join([*before, os.environ.get("PATH", os.defpath)])
    if (found := shutil.which(program, path=path)) is None:
        raise Unavailable(f"{called} is missing (no `{program}`). On Debian, this installs both: {INSTALL}")
    return found


def ending(text: str, lines: int = 12) -> str:
    """The last lines of what a program said, for who must find out why."""
    return "\n".join(text.strip().splitlines()[-lines:])


@contextmanager
def locked(path: Path) -> Iterator[IO[str]]:
    """Alone, among all processes. The lock ends with its holder."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
