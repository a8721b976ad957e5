"""As whom the embedded PostgreSQL runs: it refuses to be root."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.runtime.exits import Unavailable

_CAN_ENTER = ["/bin/sh", "-c", 'for path; do test -x "$path" || exit 1; done', "sh"]
_SEARCH = "-all,+dac_read_search"
"""The one capability that lets the account pass through directories closed to it, as a data directory under /root."""


@dataclass(frozen=True, slots=True)
class Account:
    """How to start a program as an unprivileged account: words before its command, or the user to switch to."""

    uid: int
    gid: int
    prefix: tuple[str, ...]

    def command(self, argv: Sequence[str]) -> list[str]:
        return [*self.prefix, *argv]

    def switch(self) -> dict[str, object]:
        """Arguments for `subprocess`, where no prefix does it."""
        return {} if self.prefix else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give it a directory (not what is in it)."""
        os.chown(path, self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class Ourselves(Account):
    """We are not root: no switch is needed."""

    def switch(self) -> dict[str, object]:
        return {}

    def own(self, path: Path) -> None:
        """It is ours already."""


def account_for(data: Path, *needed: Path) -> Account:
    """Choose: ourselves; or, when we are root, the owner of `data` (if it exists and is not root's), else `nobody`.

    Raises: Unavailable where that account cannot get at `needed`.
    """
    if os.geteuid() != 0:
        return Ourselves(os.geteuid(), os.getegid(), ())
    found = data.stat() if data.exists() else None
    if found is not None and found.st_uid != 0:
        uid, gid = found.st_uid, found.st_gid
    else:
        nobody = pwd.getpwnam("nobody")
        uid, gid = nobody.pw_uid, nobody.pw_gid
    ids = (f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs")
    caps = (f"--inh-caps={_SEARCH}", f"--ambient-caps={_SEARCH}", f"--bounding-set={_SEARCH}")
    setpriv = shutil.which("setpriv")
    choices = [Account(uid, gid, ()), *([Account(uid, gid, (setpriv, *ids, *caps, "--"))] if setpriv else [])]
    for account in choices:
        if _can_enter(account, needed):
            return account
    raise Unavailable(
        f"PostgreSQL refuses to run as root, and the account {uid} cannot enter {_closed(needed)}. "
        "Start leadgate as another user, or put the data directory and the installation where every user may enter."
    )


def _can_enter(account: Account, needed: Sequence[Path]) -> bool:
    argv = account.command([*_CAN_ENTER, *map(str, needed)])
    try:
        done = subprocess.run(argv, capture_output=True, check=False, **account.switch())  # type: ignore[call-overload]  # noqa: S603
    except OSError:
        return False
    return bool(done.returncode == 0)


def _closed(needed: Sequence[Path]) -> Path:
    """The first directory on the way that is closed to others, for the message."""
    for path in needed:
        for directory in reversed(path.parents):
            if not directory.stat().st_mode & stat.S_IXOTH:
                return directory
    return needed[0]
