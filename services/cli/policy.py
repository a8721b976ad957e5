"""`leadgate policy check | diff | publish | rollback | show | fields`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from router.policy.check import check as checked
from router.policy.compile import policy_of
from router.policy.diff import changes
from router.policy.mistakes import Mistake
from schemas.events.stamp import text_of
from schemas.features import CUSTOM, ENRICHED, FEATURES, Feature, FeatureType, feature
from schemas.policy.file import PolicyFile
from services import policies
from services.cli.inforce import put_in_force
from services.cli.options import Shared, at_store, shared
from services.runtime.edge import Edge
from services.runtime.exits import Mistaken, NotFound, Refused
from services.store.rehoming import Moving, moving

_NONE_YET = "no policy is published yet: `leadgate policy publish FILE` first"
_ENRICHED = "as the policy declares it under `enrichment`: what its hook answers"


@click.group(
    epilog="""\b
Examples:
  leadgate policy show > policy.yaml
  leadgate policy check policy.yaml
  leadgate policy diff policy.yaml
  leadgate policy publish policy.yaml --message "Ireland gets its own queue"
  leadgate policy rollback 3
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
            return await put_in_force(tx, policy, message)

    _say(shared, at_store(shared, done))


@policy.command(epilog="\b\nExamples:\n  leadgate policy diff policy.yaml\n  leadgate policy diff policy.yaml --json\n")
@click.argument("file", type=click.Path(path_type=Path))
@shared
def diff(shared: Shared, file: Path) -> None:
    """Say what FILE would change, were it published now. It is checked first: exit 1 where it has mistakes."""
    new = sound_policy(file)

    async def done(edge: Edge) -> tuple[policies.Version, list[Moving]]:
        async with edge.database.read() as tx:
            now = await policies.show(tx)
            if now is None:
                raise NotFound(_NONE_YET)
            return now, await moving(tx, policy_of(_file(new.yaml), now.version + 1))

    now, moves = at_store(shared, done)
    found = changes(_file(now.yaml), _file(new.yaml))
    lines = [f"{file.name} against version {now.version}, in force: {_count(len(found), 'change')}."]
    lines += [f"  {each.words}" for each in found]
    lines += [f"  {_moved(each)}" for each in moves]
    shared.say(
        {"changes": [{"path": each.path, "from": each.before, "to": each.after} for each in found]}, "\n".join(lines)
    )


@policy.command(epilog="\b\nExamples:\n  leadgate policy rollback 3\n")
@click.argument("version", type=click.IntRange(1, 2**31 - 1))
@shared
def rollback(shared: Shared, version: int) -> None:
    """Put VERSION in force again, as a new version. What was decided in between keeps its receipts."""

    async def kept(edge: Edge) -> policies.Version | None:
        async with edge.database.read() as tx:
            return await policies.show(tx, version)

    async def done(edge: Edge) -> policies.Published:
        found = await kept(edge)
        if found is None:
            raise NotFound(f"there is no version {version} of the policy: see `leadgate policy show`")
        again = _sound(found.yaml, f"version {version}")
        async with edge.database.tx() as tx:
            return await put_in_force(tx, again, f"rollback to version {version}")

    _say(shared, at_store(shared, done))


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
        raise NotFound(missing if version else _NONE_YET)
    shared.say({**asdict(found), "published_at": text_of(found.published_at)}, found.yaml.rstrip("\n"))


@policy.command(epilog="\b\nExamples:\n  leadgate policy fields\n")
@shared
def fields(shared: Shared) -> None:
    """List what a rule may look at. Of each field its type, and what it says."""
    rows = [*FEATURES, feature(f"{CUSTOM}seats"), Feature(f"{ENRICHED}revenue", FeatureType.ANY, _ENRICHED)]
    known = [each for each in rows if each is not None]
    width = max(len(each.path) for each in known)
    shared.say(
        [
            {
                "path": each.path,
                "type": each.type,
                "help": each.help,
                "values": list(each.values),
                "handover": each.handover,
            }
            for each in known
        ],
        "\n".join(f"{each.path.ljust(width)}  {each.type}: {_help(each)}" for each in known),
    )


def sound_policy(file: Path) -> policies.Sound:
    """A policy file without mistakes. Raises: Mistaken, with all that there are, and what `read_policy` raises."""
    return _sound(read_policy(file), file.name)


def _sound(yaml: str, name: str) -> policies.Sound:
    try:
        return policies.sound(yaml)
    except policies.Refused as refused:
        errors = [asdict(each) for each in refused.mistakes]
        raise Mistaken(_words(name, refused.mistakes), errors) from None


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


def _file(yaml: str) -> PolicyFile:
    """A policy that was found to be right, or was when it was published."""
    file = checked(yaml).file
    if file is None:
        raise Refused("the policy in force can no longer be read by this version: publish FILE without a diff")
    return file


def _say(shared: Shared, new: policies.Published) -> None:
    words = "is in force" if new.changed else "was in force already: nothing changed"
    shared.say({"version": new.version, "changed": new.changed}, f"Version {new.version} {words}.")


def _moved(moving: Moving) -> str:
    there = f"{_count(moving.items, 'item')} that {'waits' if moving.items == 1 else 'wait'} in"
    if moving.home == moving.queue:
        return f"{there} the pool of {moving.queue} would be released at once, age kept."
    return f"{there} {moving.queue} would go to {moving.home}, age kept."


def _count(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"


def _help(of: Feature) -> str:
    values = f" ({', '.join(of.values)})" if of.values else ""
    return f"{of.help}{values}{'; in `handover` rules only' if of.handover else ''}"


def _words(name: str, mistakes: Sequence[Mistake]) -> str:
    if not mistakes:
        return f"{name}: no mistakes."
    lines = [f"{name}: {len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}."]
    for each in mistakes:
        value = "" if each.value is None else f" ({each.value!r})"
        place = f"{each.path}{value}: " if each.path else ""
        lines.append(
            f"  {f'line {each.line}: ' if each.line else ''}{place}{each.detail}. {each.remedy or ''}".rstrip()
        )
    return "\n".join(lines)
