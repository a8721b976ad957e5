"""`leadgate policy check | publish | show`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from router.policy.check import check as checked
from router.policy.mistakes import Mistake
from schemas.events.stamp import text_of
from services import policies
from services.cli.options import Shared, at_store, shared
from services.runtime.edge import Edge
from services.runtime.exits import Mistaken, NotFound


@click.group(
    epilog="""\b
Examples:
  leadgate policy show > policy.yaml
  leadgate policy check policy.yaml
  leadgate policy publish policy.yaml --message "Ireland gets its own queue"
"""
)
def policy() -> None:
    """The policy: sources, rules, desks, queues, buffers, calendars, in one YAML file."""


@policy.command(
    epilog="\b\nExamples:\n  leadgate policy check policy.yaml\n  leadgate policy check policy.yaml --json\n"
)
@click.argument("file", type=click.Path(path_type=Path))
@shared
def check(shared: Shared, file: Path) -> None:
    """Name every mistake in FILE. Each with its line, what stands there and what to do; exit 1 where there is any."""
    mistakes = checked(read_policy(file)).mistakes
    shared.say({"ok": not mistakes, "mistakes": [asdict(each) for each in mistakes]}, _words(file.name, mistakes))
    if mistakes:
        raise click.exceptions.Exit(1)


@policy.command(epilog='\b\nExamples:\n  leadgate policy publish policy.yaml --message "Ireland gets its own queue"\n')
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--message", default="", help="Why, for the history.")
@shared
def publish(shared: Shared, file: Path, message: str) -> None:
    """Check FILE and put it in force. Everywhere within five seconds; a faulty one changes nothing: exit 1."""
    policy = sound_policy(file)

    async def done(edge: Edge) -> policies.Published:
        async with edge.database.tx() as tx:
            return await policies.publish(tx, policy, message)

    new = at_store(shared, done)
    words = "is in force" if new.changed else "was in force already: nothing changed"
    shared.say({"version": new.version, "changed": new.changed}, f"Version {new.version} {words}.")


@policy.command(epilog="\b\nExamples:\n  leadgate policy show\n  leadgate policy show 3 > policy.yaml\n")
@click.argument("version", type=click.IntRange(1, 2**31 - 1), required=False)
@shared
def show(shared: Shared, version: int | None) -> None:
    """Print the policy in force, or VERSION."""

    async def done(edge: Edge) -> policies.Version | None:
        async with edge.database.read() as tx:
            return await policies.show(tx, version)

    found = at_store(shared, done)
    if found is None:
        missing = f"there is no version {version} of the policy: without one, you see what is in force"
        raise NotFound(missing if version else "no policy is published yet: `leadgate policy publish FILE` first")
    shared.say({**asdict(found), "published_at": text_of(found.published_at)}, found.yaml.rstrip("\n"))


def sound_policy(file: Path) -> policies.Sound:
    """A policy file without mistakes. Raises: Mistaken, with all that there are, and what `read_policy` raises."""
    try:
        return policies.sound(read_policy(file))
    except policies.Refused as refused:
        errors = [asdict(each) for each in refused.mistakes]
        raise Mistaken(_words(file.name, refused.mistakes), errors) from None


def read_policy(file: Path) -> str:
    """The text of a policy file. Raises: NotFound, UsageError where it is no text."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"there is no file {file}") from None
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}. Name a policy file.") from None
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{file} is no text: {error.reason} at byte {error.start}. Save it as UTF-8.") from None


def _words(name: str, mistakes: Sequence[Mistake]) -> str:
    if not mistakes:
        return f"{name}: no mistakes."
    lines = [f"{name}: {len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}."]
    for each in mistakes:
        value = "" if each.value is None else f" ({each.value!r})"
        place = f"{each.path}{value}: " if each.path else ""
        lines.append(f"  line {each.line or '?'}: {place}{each.detail}. {each.remedy or ''}".rstrip())
    return "\n".join(lines)
