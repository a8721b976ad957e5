"""How a command ends other than well: the contract's exit codes, each an exception that says what to do."""

from collections.abc import Mapping, Sequence
from typing import Any


class Ended(Exception):
    """The command ends with `exit_code`. `code` names the problem; `str()` says it, remedy included."""

    exit_code = 70
    code = "internal"
    errors: Sequence[Mapping[str, Any]] = ()
    """Each mistake by itself, for machines, where there may be several."""


class Mistaken(Ended):
    """The answer is no: what was given has mistakes."""

    exit_code = 1
    code = "invalid"

    def __init__(self, detail: str, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(detail)
        self.errors = errors


class BadSetting(Ended):
    """A flag or variable is wrong."""

    exit_code = 2
    code = "setting"

    def __init__(self, variable: str, value: str | None, remedy: str) -> None:
        said = f"{variable} is not set" if value is None else f"{variable}={value!r} will not do"
        super().__init__(f"{said}: {remedy}")
        self.variable = variable


class Unavailable(Ended):
    """Database, Kafka or port is not available."""

    exit_code = 3
    code = "unavailable"


class NotFound(Ended):
    """There is no such thing."""

    exit_code = 4
    code = "not_found"


class Refused(Ended):
    """The present state refuses."""

    exit_code = 5
    code = "wrong_state"


class Stuck(Ended):
    """No progress while there is work, and nothing to blame for it (law 12)."""

    exit_code = 10
    code = "stuck"
