"""The people: posters who repeat themselves, reps at work, a manager; each goes on until told for sure.

What is posted is a function of the seed. All that is asked and answered goes into the history.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from faults.caller import Caller, now
from faults.history import STALE, Call

POLICY = """
version: 1
currency: GBP
timezone: Europe/London
calendars: {{always: {{zone: UTC, hours: always}}}}
acceptance: none
sources: {{web: {{default_region: GB}}}}
rules:
  - {{name: ready to buy, when: {{intent: buy}}, then: {{qualify: auto, priority: hot, queue: closing/uk}}}}
  - {{name: far away, when: {{company.country: JP}}, then: {{nurture: 90d}}}}
  - {{name: prospect, when: {{direction: outbound}}, then: {{qualify: by-rep, queue: outbound/main}}}}
  - {{name: enquiry, when: {{direction: inbound}}, then: {{qualify: by-rep, queue: inbound/main, sla: 5m}}}}
fallback: {{inbound: inbound/main, outbound: outbound/main, handover: closing/uk}}
desks:
  inbound: {{queues: {{main: {{calendar: always, in_hand: 4, lease: {lease}s}}}}}}
  outbound: {{queues: {{main: {{calendar: always, in_hand: 4, lease: {lease}s}}}}}}
  closing: {{queues: {{uk: {{calendar: always, in_hand: 10, open: 20, lease: {lease}s, next_step: {lease}s,
    grace: {lease}s, release: {{at: "08:30", buffer: {{fixed: 10}}}}}}}}}}
  customer: {{queues: {{main: {{calendar: always, lease: 1h}}}}}}
"""
DESKS = ("inbound", "outbound", "closing")
QUEUES = {"inbound": "inbound/main", "outbound": "outbound/main", "closing": "closing/uk"}


@dataclass(frozen=True, slots=True)
class Post:
    """A lead to be posted, under its key: these bodies, one after the other."""

    key: str
    direction: str
    bodies: Sequence[Mapping[str, Any]]


def posts(seed: int, count: int, hot: float, far: float) -> list[Post]:
    """Some twice, some with another body under the same key, some by the same person.

    Of all, the share `hot` needs no qualifying, and the share `far` waits for better days.
    """
    dice = random.Random(seed)
    found = []
    for n in range(count):
        person = dice.randrange(max(0, n - 40), n + 1) if dice.random() < 0.12 else n
        body: dict[str, Any] = {
            "contact": {"email": f"person{person}@firm{person % 97}.example.com", "name": f"Person {person}"},
            "company": {"name": f"Firm {person % 97}", "country": "JP" if dice.random() < far else "GB"},
            "intent": "buy" if dice.random() < hot else "demo",
            "message": f"lead {n}",
        }
        bodies = [body]
        if dice.random() < 0.15:
            bodies.append(body)
        if dice.random() < 0.08:
            bodies.append({**body, "message": f"lead {n}, in other words"})
        direction = "outbound" if dice.random() < 0.15 else "inbound"
        found.append(Post(f"{seed}-{n}", direction, bodies))
    return found


async def poster(caller: Caller, queue: "asyncio.Queue[Post | None]") -> None:
    """Post what the queue gives, until it gives nothing."""
    while (post := await queue.get()) is not None:
        for body in post.bodies:
            await caller.call("post", f"/v1/leads/{post.direction}", body, key=post.key)


@dataclass
class Rep:
    """A rep, who sometimes walks away from what they hold, and comes back to it too late."""

    caller: Caller
    desks: Sequence[str]
    lease: float
    left: list[tuple[float, Mapping[str, Any]]] = field(default_factory=list)
    made: int = 0

    async def work(self, stop: asyncio.Event) -> None:
        """Pull and work, until told to stop: at each desk as long as there is something, then wait a little."""
        wait = 0
        while not stop.is_set():
            found = False
            for desk in self.caller.dice.sample(self.desks, len(self.desks)):
                while await self._pull(desk, wait) and not stop.is_set():
                    found, wait = True, 0
            await self._come_back()
            wait = 0 if found else 1

    async def _pull(self, desk: str, wait: int) -> bool:
        """Tell whether there was something, which is done then."""
        self.made += 1
        key = f"{self.caller.name}-{self.made}"
        pulled = await self.caller.call("pull", f"/v1/desks/{desk}/pull", {"wait": wait}, key=key, ask={"desk": desk})
        if pulled.status == 200:
            await self._begin(pulled.said)
        elif pulled.status != 204:
            await self._look_at_mine()
        return pulled.status == 200

    async def _begin(self, held: Mapping[str, Any]) -> None:
        dice = self.caller.dice
        if dice.random() < 0.04:
            self.left.append((now() + self.lease + dice.uniform(0.5, 3), held))
            return
        if held["claims"] > 1:  # whoever had it before comes back while we hold it
            await asyncio.sleep(dice.uniform(1, 3))
        await self._do(held)

    async def _come_back(self) -> None:
        """To what was left for longer than it may be: what is said under that token is said too late."""
        for at, held in [one for one in self.left if one[0] <= now()]:
            self.left.remove((at, held))
            if (await self._attempt(held, STALE)).done:
                await self._do(held)  # nobody had taken it away yet

    async def _look_at_mine(self) -> None:
        """Work on what we hold and have forgotten, as where an answer was lost."""
        mine = await self.caller.call("claims", "/v1/claims", {}, method="GET")
        left = {held["claim"] for _, held in self.left}
        for held in mine.said.get("data", ()):
            if held["claim"] not in left and held["kind"] != "customer":
                await self._do(held)

    async def _do(self, held: Mapping[str, Any]) -> None:
        if not (await self._attempt(held, "note")).done:
            return
        if held["kind"] == "opportunity":
            won = {"value": {"amount": 125_000, "currency": "GBP"}}
            await self._say("won", f"/v1/opportunities/{held['opportunity']}/won", won, held)
        else:
            dice = self.caller.dice.random()
            body: dict[str, Any] = {"outcome": "qualified"}
            if dice < 0.1:
                body = {"outcome": "disqualified", "reason": "no_need"}
            elif dice < 0.15:
                body = {"outcome": "nurture"}
            await self._say("complete", f"/v1/claims/{held['claim']}/complete", body, held)

    async def _attempt(self, held: Mapping[str, Any], word: str) -> Call:
        self.made += 1
        note = f"{word} {self.caller.name}-{self.made}"
        body = {"channel": "phone", "outcome": "conversation", "note": note}
        return await self._say("attempt", f"/v1/claims/{held['claim']}/attempts", body, held, note=note)

    async def _say(self, what: str, path: str, body: Mapping[str, Any], held: Mapping[str, Any], **ask: Any) -> Call:
        self.made += 1
        return await self.caller.call(
            what,
            path,
            body,
            key=f"{self.caller.name}-{self.made}",
            ask={
                "item": held["item"],
                "claim": held["claim"],
                "token": held["token"],
                "opportunity": held["opportunity"],
                **ask,
            },
            headers={"Leadgate-Claim-Token": str(held["token"])},
        )


async def manager(caller: Caller, stop: asyncio.Event) -> None:
    """Give back to its queue what was parked."""
    while not stop.is_set():
        listed = await caller.call("parked", "/v1/items?state=parked", {}, method="GET", once=True)
        for one in listed.said.get("data", ()):
            body = {"queue": one["queue"], "reason": "left behind"}
            await caller.call(
                "requeue", f"/v1/items/{one['item']}/requeue", body, key=f"requeue-{caller.dice.random()}"
            )
        await asyncio.sleep(1)
