"""`leadgate keys create | list | revoke`."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import click
from pydantic import TypeAdapter, ValidationError

from schemas.api.keys import KeyIn, NewKeyOut, RepKeyIn
from schemas.api.reps import RepIn
from schemas.words import PrincipalKind, QueueName
from services import policies
from services.cli.options import Shared, at_store, shared
from services.ingest.snippet import snippet
from services.runtime import keys as made
from services.runtime.edge import Edge
from services.runtime.exits import NotFound, Refused
from services.runtime.http.keys import shown, wanted
from services.runtime.http.mistakes import body_mistakes
from services.runtime.http.problems import Mistake
from services.runtime.tx import Tx
from services.store import reps

T = TypeVar("T")
_KEY_IN: TypeAdapter[KeyIn] = TypeAdapter(KeyIn)
_REP_IN = TypeAdapter(RepIn)


@click.group(
    epilog="""\b
Examples:
  leadgate keys create --kind admin --name ops
  leadgate keys list
"""
)
def keys() -> None:
    """Keys: of forms (publishable), services, reps, managers and admins.

    Whoever can reach the database needs no key for this command: so a real deployment gets its first one.
    """


@keys.command(
    epilog="""\b
Examples:
  leadgate keys create --kind form --source web --origin https://example.com \\
      --thank-you https://example.com/thanks       also prints the HTML form to paste
  leadgate keys create --kind service --source crm
  leadgate keys create --kind rep --name Ann --queue closing/uk --zone Europe/London
  leadgate keys create --kind manager --name Mo --desk closing
  leadgate keys create --kind admin --name ops --json
"""
)
@click.option("--kind", required=True, type=click.Choice([kind.value for kind in PrincipalKind]), help="Whose key.")
@click.option("--name", help="Of the person; of a new rep too.")
@click.option("--source", help="Of a form or service: where its leads come from.")
@click.option("--origin", "origins", multiple=True, help="Form: a site it may stand on. Repeats.")
@click.option("--thank-you", "thank_you", multiple=True, help="Form: a page to go to afterwards. Repeats.")
@click.option("--error-page", "error_pages", multiple=True, help="Form: a page to go to on a mistake. Repeats.")
@click.option("--desk", "desks", multiple=True, help="Manager: a desk to manage. Repeats; none: all.")
@click.option("--rep", "rep_id", help="Rep: the id of one who is there already.")
@click.option("--queue", "queues", multiple=True, help="New rep: a queue, as closing/uk. Repeats.")
@click.option("--skill", "skills", multiple=True, help="New rep: a skill, as de. Repeats.")
@click.option("--zone", help="New rep: IANA time zone. [default: the policy's]")
@shared
def create(shared: Shared, queues: tuple[str, ...], skills: tuple[str, ...], zone: str | None, **given: Any) -> None:
    """Make a key. The secret is told here and never again; two are live at most, so that one can be replaced."""
    new_rep = given["kind"] == PrincipalKind.REP and given["rep_id"] is None
    if new_rep and not (given["name"] and queues):
        raise click.UsageError("a rep's key needs --rep rep_…, or --name and --queue for a new rep.")
    if not new_rep and (queues or skills or zone):
        raise click.UsageError("--queue, --skill and --zone describe a new rep: leave out --rep, and give --kind rep.")

    async def done(edge: Edge) -> NewKeyOut:
        async with edge.database.tx() as tx:
            if new_rep:
                wished = {"name": given["name"], "queues": queues, "skills": skills, "zone": zone}
                given["rep_id"] = await _new_rep(tx, _checked(_REP_IN, RepIn, wished))
            body = _checked(_KEY_IN, KeyIn, {name: value for name, value in given.items() if value not in (None, ())})
            if isinstance(body, RepKeyIn) and not await reps.stays(tx, body.rep_id):
                raise NotFound(f"there is no rep {body.rep_id}: see GET /v1/reps, or make one with --name and --queue")
            try:
                key, secret = await made.create(tx, edge.keyring, wanted(body))
            except made.KeyLimit as limit:
                raise _KeyLimit(f"{limit}: leadgate keys list, leadgate keys revoke KEY_ID") from None
        return NewKeyOut(**shown(key).model_dump(), key=secret)

    key = at_store(shared, done)
    body = key.model_dump(mode="json")
    if key.kind != PrincipalKind.FORM:
        shared.say(body, f"{key.kind} key {key.id}{f' of rep {key.rep_id}' if key.rep_id else ''}\n\n  {key.key}\n")
        return
    html = snippet(f"{_public_url(shared)}/v1/forms/{key.key}", next_=next(iter(key.thank_you), None))
    shared.say({**body, "snippet": html}, f"form key {key.id}\n\n  {key.key}\n\nPaste this into your page:\n\n{html}")


class _KeyLimit(Refused):
    code = "key_limit"


async def _new_rep(tx: Tx, wished: RepIn) -> str:
    policy = await policies.active(tx)
    for queue in wished.queues:
        if queue not in policy.queues:
            raise click.UsageError(
                f"--queue {queue}: no such queue. The policy has {', '.join(sorted(policy.queues))}."
            )
    rep = await reps.create(
        tx,
        name=wished.name,
        queues=[QueueName(queue) for queue in wished.queues],
        skills=wished.skills,
        zone=wished.zone or policy.zone.key,
    )
    return rep.id


def _checked(adapter: TypeAdapter[T], model: Any, given: dict[str, Any]) -> T:
    """What the flags say, checked as the API checks a body. Raises: UsageError, with each mistake at its flag."""
    body = json.dumps(given)
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        parsed = json.loads(body)
        told = (_mistake(each, parsed) for each in body_mistakes(error, model, parsed))
        raise click.UsageError(" ".join(told)) from None


_ONE_OF = {"origins": "origin", "error_pages": "error-page", "desks": "desk", "queues": "queue", "skills": "skill"}
"""What a flag that repeats is called, by its list."""


def _mistake(mistake: Mistake, given: Mapping[str, Any]) -> str:
    """A mistake in the body as one in its flag, with the value that was given.

    >>> _mistake(Mistake("invalid_url", "is no web address", "#/origins/0"), {"origins": ["me"]})
    "--origin 'me': is no web address."
    """
    name, *place = (mistake.pointer or "#/").removeprefix("#/").split("/")
    flag = f"--{_ONE_OF.get(name, name.removesuffix('_id').replace('_', '-'))}"
    value = given.get(name)
    if place and isinstance(value, list):
        value = value[int(place[0])]
    shown = "" if value is None else f" {value!r}"
    remedy = f" {mistake.remedy}." if mistake.remedy else ""
    return f"{flag}{shown}: {mistake.detail}.{remedy}"


def _public_url(shared: Shared) -> str:
    settings = shared.settings()
    return settings.public_url or f"http://{settings.host}:{settings.port or 8080}"


@keys.command(name="list", epilog="\b\nExamples:\n  leadgate keys list\n  leadgate keys list --json\n")
@shared
def list_(shared: Shared) -> None:
    """List all keys, revoked ones too. The newest stand first; their secrets are not known."""

    async def done(edge: Edge) -> list[dict[str, Any]]:
        async with edge.database.read() as tx:
            return [shown(key).model_dump(mode="json") for key in await made.page(tx, after=None, limit=10_000)]

    found = at_store(shared, done)
    lines = [
        f"{key['id']}  {key['kind']:8} …{key['hint']}  {key['name'] or key['source'] or key['rep_id'] or '':24} "
        f"{'revoked ' + key['revoked_at'] if key['revoked_at'] else 'live'}"
        for key in found
    ]
    shared.say(
        found, "\n".join(lines) or "There are no keys: `leadgate keys create --kind admin --name ops` makes one."
    )


@keys.command(epilog="\b\nExamples:\n  leadgate keys revoke key_01k3…\n")
@click.argument("key_id")
@shared
def revoke(shared: Shared, key_id: str) -> None:
    """End a key. Within a second it is refused everywhere; again does no harm."""

    async def done(edge: Edge) -> None:
        async with edge.database.tx() as tx:
            if not await made.revoke(tx, key_id):
                raise NotFound(f"there is no key {key_id}: `leadgate keys list` shows them")

    at_store(shared, done)
    shared.say({"id": key_id, "revoked": True}, f"{key_id} is revoked.")
