"""What all commands share: the flags, how they say what they found, and how they reach the store."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from services.policies import NoPolicy
from services.runtime import settings as config
from services.runtime.edge import Edge, open_edge
from services.runtime.embedded import Embedded, embedded
from services.runtime.exits import Ended, Refused, Unavailable
from services.runtime.failures import Failure, failure
from services.runtime.log.port import LogUnavailable
from services.runtime.migrations import Schema, standing
from services.runtime.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shared:
    """The flags of every command."""

    data_dir: Path | None
    as_json: bool

    def say(self, value: Any, words: str) -> None:
        """Put the result on stdout: one JSON value for machines, words for people."""
        click.echo(json.dumps(value, ensure_ascii=False) if self.as_json else words)

    def settings(self, **flags: Any) -> Settings:
        return config.load(data_dir=self.data_dir, **flags)


def shared(function: Callable[..., T]) -> Callable[..., T]:
    """Give a command `--data-dir` and `--json`, as its first argument `shared`."""
    return _given(function, "Exactly one JSON value on stdout.")


def serving(function: Callable[..., T]) -> Callable[..., T]:
    """The same for a command that runs until it is stopped."""
    return _given(function, "A JSON object a line on stdout: when all is ready, and at the end.")


def _given(function: Callable[..., T], json_help: str) -> Callable[..., T]:
    @click.option(
        "--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Embedded data. [default: .leadgate]"
    )
    @click.option("--json", "as_json", is_flag=True, help=json_help)
    @wraps(function)
    def wrapped(*args: Any, data_dir: Path | None, as_json: bool, **kwargs: Any) -> T:
        return function(Shared(data_dir, as_json), *args, **kwargs)

    return wrapped


def meant(error: Exception) -> Exception:
    """What a command ends by: an outage and a missing policy in words that say what to do; else the error itself."""
    if isinstance(error, Ended):
        return error
    if isinstance(error, NoPolicy):
        return Refused("no policy is published yet: `leadgate policy publish FILE` first")
    if isinstance(error, LogUnavailable):
        return Unavailable(f"the event log is not available: {error}")
    if failure(error) is Failure.OUTAGE:
        return Unavailable(f"the database is not available: {str(error) or type(error).__name__}")
    return error


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work to its end.

    Raises: Unavailable where the database or the event log cannot be reached; Refused where a policy is needed and
    there is none.
    """
    try:
        return asyncio.run(work)
    except Exception as error:
        if (ends := meant(error)) is error:
            raise
        raise ends from error


@asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """Where the database is: a server, or the embedded one, joined where it runs and else started meanwhile."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    async with embedded(Embedded(settings.data_dir)) as url:
        yield url


@asynccontextmanager
async def store(shared: Shared) -> AsyncIterator[Edge]:
    """Act on the store itself. Raises: Unavailable where its schema is behind."""
    settings = shared.settings()
    keyring = config.keyring(settings)
    async with database_url(settings) as url:
        await require_schema(url)
        async with open_edge(settings, url, keyring, size=2) as edge:
            yield edge


async def require_schema(url: str) -> None:
    """Refuse to work on a schema that is behind this code."""
    if await standing(url) in (Schema.EMPTY, Schema.BEHIND):
        raise Unavailable("the database's schema is behind: run `leadgate migrate` first")


def at_store(shared: Shared, work: Callable[[Edge], Awaitable[T]]) -> T:
    """Do `work` on the store."""

    async def done() -> T:
        async with store(shared) as edge:
            return await work(edge)

    return finish(done())
