"""The first start: a policy, an admin key, and the demo's reps and keys, made once and written to credentials.json."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.words import PrincipalKind, QueueName, SourceName
from services import policies
from services.cli.inforce import put_in_force
from services.runtime import whole
from services.runtime.edge import Edge
from services.runtime.keys import NewKey, create
from services.runtime.paths import POLICIES
from services.runtime.tx import Tx
from services.store import reps

CREDENTIALS = "credentials.json"
STARTER, DEMO = POLICIES / "starter.yaml", POLICIES / "demo.yaml"
_DEMO_REPS = (
    ("Ann", "closing/uk"),
    ("Ben", "closing/uk"),
    ("Ida", "inbound/main"),
    ("Olu", "outbound/main"),
    ("Kim", "customer/main"),
    ("Sue", "service/main"),
)


@dataclass(frozen=True, slots=True)
class Started:
    """What stands now. `demo` are the demo's credentials, where this start made them or an earlier one did."""

    policy_version: int
    demo: dict[str, Any] | None

    def words(self, url: str, file: Path) -> str:
        """What a person at a terminal sees."""
        lines = [
            f"Leadgate runs on {url}",
            "",
            f"  ops dashboard   {url}/ops   (sign in with a manager's or admin's key)",
            f"  a rep's page    {url}/work   (with a rep's key)",
            f"  API reference   {url}/docs",
            f"  keys            {file}",
        ]
        return "\n".join([*lines, *(self._tour(url) if self.demo else ())]) + "\n"

    def _tour(self, url: str) -> list[str]:
        assert self.demo is not None
        ann = next(rep for rep in self.demo["reps"] if "closing/uk" in rep["queues"])
        body = (
            '{"contact":{"email":"ann.lee@example.com","name":"Ann Lee","country":"GB"},'
            '"company":{"name":"Example Ltd","employees":120},"intent":"demo","message":"Can we see it?"}'
        )
        return [
            "",
            "Three commands to copy: post a lead, pull it as an account executive, read the funnel.",
            "",
            f"  curl -s {url}/v1/leads/inbound -H 'Authorization: Bearer {self.demo['service']}' "
            f"-H 'Content-Type: application/json' -d '{body}'",
            "",
            f"  curl -s -X POST {url}/v1/desks/closing/pull -H 'Authorization: Bearer {ann['key']}' "
            "-H 'Content-Type: application/json' -d '{\"wait\":25}'",
            "",
            f"  curl -s '{url}/v1/metrics/funnel?group_by=source' -H 'Authorization: Bearer {self.demo['manager']}'",
        ]


async def first_start(edge: Edge, file: Path, policy: policies.Sound | None, *, demo: bool) -> Started:
    """On an empty store, make what is needed and write its keys to `file`, for its owner's eyes.

    The file is written before the commit: were it the other way round, a crash between the two would lose the keys.
    Later starts make no keys, and publish `policy` only if it differs.
    """
    first = policy or policies.sound((DEMO if demo else STARTER).read_text(encoding="utf-8"))
    async with edge.database.tx() as tx:
        if await policies.latest(tx) is not None:
            if policy is not None:
                await put_in_force(tx, policy, "leadgate up --policy")
            version = await policies.latest(tx)
            assert version is not None
            return Started(version, _demo_of(file))
        published = await policies.publish(tx, first, "the demo's" if demo else "first start")
        _, admin = await create(tx, edge.keyring, NewKey(PrincipalKind.ADMIN, name="first"))
        made = await _demo(edge, tx) if demo else None
        whole.write(file, json.dumps({"admin": admin, "demo": made}, indent=1) + "\n")
    return Started(published.version, made)


async def _demo(edge: Edge, tx: Tx) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, wanted in (
        ("form", NewKey(PrincipalKind.FORM, source=SourceName("web"))),
        ("service", NewKey(PrincipalKind.SERVICE, source=SourceName("crm"))),
        ("manager", NewKey(PrincipalKind.MANAGER, name="Mo")),
    ):
        _, made[name] = await create(tx, edge.keyring, wanted)
    made["reps"] = []
    for name, queue in _DEMO_REPS:
        rep = await reps.create(tx, name=name, queues=[QueueName(queue)], zone="Europe/London")
        _, key = await create(tx, edge.keyring, NewKey(PrincipalKind.REP, rep_id=rep.id, name=name))
        made["reps"].append({"id": rep.id, "name": name, "queues": [queue], "key": key})
    return made


def _demo_of(file: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8"))["demo"]
    except (OSError, ValueError, KeyError):
        return None
    return found
