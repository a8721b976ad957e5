"""How a command says that it failed."""

import json
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import click

from services.runtime.exits import Ended


def told(error: BaseException, *, as_json: bool) -> int:
    """Say what went wrong; the exit code that it means."""
    match error:
        case Ended():
            return _fail(error.code, str(error), error.exit_code, as_json=as_json, errors=error.errors)
        case click.Abort():
            return _fail("interrupted", "interrupted", 2, as_json=as_json)
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
            return 2
        case click.ClickException():
            context = error.ctx if isinstance(error, click.UsageError) else None
            hint = "" if context is None else f" Try `{context.command_path} --help`."
            said = " ".join(error.format_message().split()).rstrip(".")
            return _fail("usage", f"{said}.{hint}", 2, as_json=as_json)
    traceback.print_exception(error)
    detail = f"{type(error).__name__}: {error}. This is a bug of ours: please report it with the lines above."
    return _fail("internal", detail, 70, as_json=as_json)


def _fail(code: str, detail: str, exit_code: int, *, as_json: bool, errors: Sequence[Mapping[str, Any]] = ()) -> int:
    """For people on stderr; for machines as a problem document, on stdout too."""
    if not as_json:
        click.echo(f"leadgate: {detail}", err=True)
        return exit_code
    problem: dict[str, Any] = {
        "type": f"/problems/{code}",
        "code": code,
        "title": code.replace("_", " ").capitalize(),
        "detail": detail,
        "exit_code": exit_code,
    }
    if errors:
        problem["errors"] = list(errors)
    text = json.dumps(problem, ensure_ascii=False)
    click.echo(text)
    click.echo(text, err=True)
    return exit_code
