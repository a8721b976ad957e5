"""A run: a deployment under load, a schedule of faults, and what the judge says of it."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from faults.acts import Acts
from faults.caller import Caller, History, opened
from faults.final import gathered, quiet
from faults.history import Call, Final, Spell, Stall, stalls
from faults.judge import Expected, Violation, violations
from faults.load import DESKS, POLICY, QUEUES, Post, Rep, manager, poster, posts
from faults.schedule import CLAIM, LEASE, Fault
from kit.deployment import SECRET, Deployment, deployed

from services.runtime.secret import Keyring

SOURCE = "web"


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a run is.

    `rate` is leads a second; of them, the share `hot` needs no qualifying and the share `far` no work at all.
    Afterwards all must come to rest. That may take its time, while what is left becomes less every `patience` seconds.
    """

    seed: int
    leads: int
    rate: float
    hot: float
    far: float
    reps: int
    patience: float
    schedule: Sequence[Fault]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    plan: Plan
    calls: Sequence[Call]
    spells: Sequence[Spell]
    final: Final
    expected: Expected
    rested: float | None
    took: float

    @property
    def violations(self) -> list[Violation]:
        return violations(self.calls, self.spells, self.final, self.expected)

    @property
    def stalls(self) -> list[Stall]:
        return stalls(self.calls, self.spells, self.final)


async def run(plan: Callable[[Deployment], Plan], place: Path, say: Callable[[str], None]) -> Outcome:
    """Run a plan; history and logs are kept in `place`."""
    began = time.monotonic()
    async with deployed(place / "logs", POLICY.format(lease=int(CLAIM))) as deployment:
        say(f"up after {time.monotonic() - began:.0f} s")
        with opened(place / "history.jsonl") as file:
            outcome = await _loaded(deployment, plan(deployment), History(file), say, began)
        codes = await _ended(deployment)
    assert not codes, f"ended otherwise than well: {codes}"
    return outcome


async def _loaded(
    deployment: Deployment, plan: Plan, history: History, say: Callable[[str], None], began: float
) -> Outcome:
    people = await _people(deployment, plan, history)
    everything = posts(plan.seed, plan.leads, plan.hot, plan.far)
    todo: asyncio.Queue[Post | None] = asyncio.Queue()
    acts = Acts(deployment, lambda: _large(people.posters[0], everything), random.Random(plan.seed))
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        posting = [group.create_task(poster(one, todo)) for one in people.posters[1:]]
        for rep in people.reps:
            group.create_task(rep.work(stop))
        group.create_task(manager(people.manager, stop))
        feeding = group.create_task(_feed(plan, tuple(everything), todo))
        await acts.all(plan.schedule, say)
        await feeding
        for _ in posting:
            todo.put_nowait(None)
        await asyncio.gather(*posting)
        say(f"all is mended and posted after {time.monotonic() - began:.0f} s")
        rested = await quiet(deployment, lambda: len(everything), plan.patience)
        stop.set()
    say("at rest after " + ("too long" if rested is None else f"{rested:.1f} s"))
    final, poison = await gathered(deployment, people.manager.token)
    for caller in people.callers:
        await caller.close()
    keyring = Keyring(bytes.fromhex(SECRET))
    keys = {post.key: keyring.lead_id(SOURCE, post.key) for post in everything}
    expected = Expected(keys, poison, LEASE)
    return Outcome(plan, history.calls, acts.spells, final, expected, rested, time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class People:
    posters: Sequence[Caller]
    reps: Sequence[Rep]
    manager: Caller

    @property
    def callers(self) -> list[Caller]:
        return [*self.posters, *(rep.caller for rep in self.reps), self.manager]


async def _people(deployment: Deployment, plan: Plan, history: History) -> People:
    """Give everybody a key, by the API, with the first one from the command line."""
    admin = (await deployment.command("keys", "create", "--kind", "admin", "--name", "ops"))["key"]
    desk = [url for name, url in deployment.urls.items() if name.startswith("desk")]
    ingest = [url for name, url in deployment.urls.items() if name.startswith("ingest")]
    dice = random.Random(plan.seed)

    def caller(name: str, urls: Sequence[str], token: str) -> Caller:
        return Caller(name, urls, token, history, random.Random(dice.random()))

    async with httpx.AsyncClient(base_url=desk[0], headers={"Authorization": f"Bearer {admin}"}, timeout=30) as client:

        async def made(path: str, body: dict[str, object]) -> dict[str, str]:
            answer = await client.post(path, json=body)
            assert answer.status_code == 201, answer.text
            said: dict[str, str] = answer.json()
            return said

        service = (await made("/v1/keys", {"kind": "service", "source": SOURCE}))["key"]
        reps = []
        for number in range(plan.reps):
            desks = DESKS[:2] if number % 2 else DESKS[2:]
            queues = [QUEUES[desk] for desk in desks]
            rep = await made("/v1/reps", {"name": f"Rep {number}", "queues": queues})
            key = (await made("/v1/keys", {"kind": "rep", "rep_id": rep["id"]}))["key"]
            reps.append(Rep(caller(f"rep-{number}", desk, key), desks, CLAIM))
    posters = [caller(f"poster-{number}", ingest, service) for number in range(7)]
    return People(posters, reps, caller("manager", desk, admin))


async def _feed(plan: Plan, everything: Sequence[Post], todo: "asyncio.Queue[Post | None]") -> None:
    """Give the posters their leads, at an even pace."""
    began = time.monotonic()
    for number, post in enumerate(everything):
        await asyncio.sleep(began + number / plan.rate - time.monotonic())
        todo.put_nowait(post)


async def _large(caller: Caller, everything: list[Post]) -> None:
    """Post three that are larger than brokers take just now."""
    for number in range(3):
        key = f"large-{len(everything)}-{number}"
        body = {"contact": {"email": f"{key}@example.com"}, "intent": "demo", "message": "x" * 8000}
        post = Post(key, "inbound", [body])
        everything.append(post)
        await caller.call("post", "/v1/leads/inbound", body, key=key)


async def _ended(deployment: Deployment) -> dict[str, int | None]:
    """Stop all processes in order; those that did not end well."""
    await asyncio.gather(*(deployment.stop(name) for name in deployment.runners))
    return {name: runner.code for name, runner in deployment.runners.items() if runner.code != 0}
