"""The machine: the real desks beside the model, what each rule finds to act on, and that both always lie alike."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import text

from kit.clock import ManualClock
from kit.desks import Caller, Desks, desks_of
from kit.floor import settle
from kit.life.books import BOOKS, BROKEN
from kit.life.model import Model
from kit.life.terms import FIRST
from kit.life.things import Claim, Item, Lead
from services.runtime.edge import open_edge
from services.runtime.embedded import Embedded
from services.runtime.secret import Keyring
from services.runtime.settings import Settings
from services.store import tables as t
from services.worker import absence, due, ended, release

EMPTY = text("TRUNCATE " + ", ".join(f"routing.{table.name}" for table in t.metadata.sorted_tables))
NAMES = ("ann", "bob", "cyd", "dan", "eva", "fay", "gus", "hal", "ivy", "jon")
PICK = st.integers(0, 7)
"""Which of what there is."""
SEAT = st.integers(0, 1)
"""Which of the two reps who work there now."""


class Floor:
    """The real desks, on a database of their own, for all the lives that are tried."""

    def __init__(self, url: str, keyring: Keyring, path: Path) -> None:
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.steps = 0
        self.desks: Desks = self.runner.run(self._open(url, keyring, path))

    @classmethod
    def new(cls, postgres: Embedded, template: str, keyring: Keyring, path: Path) -> "Floor":
        url = asyncio.run(_copy_of(postgres, template))
        return cls(url, keyring, path)

    async def _open(self, url: str, keyring: Keyring, path: Path) -> Desks:
        clock = ManualClock(datetime(2026, 7, 6, 9, tzinfo=UTC))
        given = Settings(database_url=url, data_dir=path, secret="6b" * 32)
        edge = await self.stack.enter_async_context(open_edge(given, url, keyring, clock=clock))
        return await self.stack.enter_async_context(desks_of(edge, clock, FIRST.policy))

    def close(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()


class Machine(RuleBasedStateMachine):
    """What is done is done to the model and to the real desks, which must answer and lie alike."""

    floor: Floor

    def __init__(self) -> None:
        super().__init__()
        self.desks = self.floor.desks
        self.reps: dict[str, Caller] = {}
        self.names: dict[str | None, str] = {}
        self.claims: dict[Claim, str] = {}
        self.deals: dict[Lead, str] = {}
        self.tasks: dict[Item, str] = {}

    def run(self, work: Any) -> Any:
        return self.floor.runner.run(work)

    @property
    def now(self) -> datetime:
        return self.desks.clock.now()

    def open_the_floor(self) -> None:
        """Nothing lies there; two reps work all desks, and a manager."""
        self.run(self._empty())
        self.model = Model([])
        self.mo = self.run(self.desks.manager())
        for _ in range(2):
            self.hire()
        self.publish(FIRST.policy)

    async def _empty(self) -> None:
        async with self.desks.edge.database.tx() as tx:
            await tx.execute(EMPTY)

    def hire(self) -> None:
        """Somebody new works all desks."""
        name = NAMES[len(self.names)]
        rep = self.run(self.desks.rep("inbound/main", "closing/uk", "customer/main", "service/main", name=name))
        self.reps[name], self.names[rep.id] = rep, name
        self.model.reps.append(name)

    def publish(self, policy: str) -> None:
        self.run(self.desks.routing.publish(policy))

    # --- what several rules do --------------------------------------------------------------------------------------

    def pull(self, rep: str, desk: str) -> None:
        status, item = self.model.pull(rep, desk, self.now)
        answer = self.run(self.reps[rep].pull(desk))
        assert answer.status_code == status, answer.text
        if item is not None:
            self.given(item, answer)
        self.alike()

    def given(self, item: Item, answer: httpx.Response) -> None:
        """A pull was answered as the model says."""
        said = answer.json()
        assert (said["item"]["lead"]["id"], said["claim"]["token"]) == (item.lead.id, item.token)
        self.claims[item.claims[-1]] = said["claim"]["id"]
        if item.desk == "closing":
            self.deals[item.lead] = said["item"]["opportunity"]["id"]

    def time(self, by: timedelta) -> None:
        """Time passes, and the worker does what it brings."""
        self.desks.clock.move(by)
        self.run(self._work())
        self.model.work(self.now)
        self.alike()

    async def _work(self) -> None:
        for duty in (ended.duty, due.duty, absence.duty, release.duty):
            await settle(duty(self.desks.edge))

    # --- what there is to act on -------------------------------------------------------------------------------------

    def rep(self, seat: int) -> str:
        return self.model.reps[seat]

    def other(self, rep: str) -> str:
        return next(name for name in self.model.reps if name != rep)

    def held(self, desk: str | None = None) -> list[Item]:
        return [item for rep in self.model.reps for item in self.model.held_by(rep) if desk in (None, item.desk)]

    def planned(self) -> list[Item]:
        """What is held and has a next step ahead."""
        return [item for item in self.held() if (item.claims[-1].next_at or self.now) > self.now]

    def lost(self) -> list[Lead]:
        """Lost opportunities that will come back."""
        leads = [lead for lead in self.model.leads if lead.deal == "lost"]
        return [lead for lead in leads if lead.reopen_at is not None and lead.reopen_at > self.now]

    def leads(self, which: Callable[[Lead], Any]) -> list[Lead]:
        return [lead for lead in self.model.leads if which(lead)]

    def one(self, pick: int, desk: str | None = None) -> tuple[Item, Any]:
        """Something that is held, and how to act on it."""
        items = self.held(desk)
        item = items[pick % len(items)]
        rep, claim, token = self.reps[item.claims[-1].rep], self.claims[item.claims[-1]], item.token
        return item, lambda what, body: self.run(rep.post(f"/v1/claims/{claim}/{what}", body, token=token))

    def item_of(self, lead: Lead) -> dict[str, Any]:
        """The last item of a lead, as it really is."""
        return dict(self.run(self.desks.item_of(lead.id)))

    def deal_of(self, lead: Lead) -> dict[str, Any]:
        """The last opportunity of a lead."""
        row = self.one_row("SELECT * FROM routing.opportunities WHERE lead_id = :lead ORDER BY id DESC LIMIT 1", lead)
        return dict(row)

    def one_row(self, statement: str, lead: Lead) -> dict[str, Any]:
        (row,) = self.run(self.desks.routing.rows(text(statement).bindparams(lead=lead.id)))
        return dict(row)

    def ended(self) -> list[tuple[Claim, int]]:
        """Claims of reps who work there that have ended, with their tokens."""
        claims = [
            (claim, item.token - len(item.claims) + number)
            for item in self.model.items
            for number, claim in enumerate(item.claims, 1)
        ]
        theirs = [(claim, token) for claim, token in claims if claim.rep in self.reps and claim in self.claims]
        return [(claim, token) for claim, token in theirs if not claim.active]

    # --- alike -------------------------------------------------------------------------------------------------------

    def alike(self) -> None:
        """What really lies there is what the model says, the books balance; time goes on a little."""
        self.floor.steps += 1
        real, broken = self.run(self._real())
        assert not broken
        erased = {id_: real.pop(id_) for id_ in list(real) if real[id_][0] == "erased"}
        assert set(erased) == set(self.model.erased)
        assert real == {lead.id: _told(lead) for lead in self.model.leads}
        self.desks.clock.move(timedelta(milliseconds=1))

    async def _real(self) -> tuple[dict[str, Any], list[Any]]:
        async with self.desks.edge.database.read() as tx:
            lie = json.loads(await tx.value(BOOKS))
            broken = await tx.fetch(BROKEN)
        real = {}
        for lead in lie:
            items = [
                (
                    item["queue"].partition("/")[0],
                    item["state"],
                    item["claim"] and self._hold(item["claim"]),
                    item["token"],
                    item["task"],
                )
                for item in lead["items"]
            ]
            real[lead["id"]] = (lead["state"], lead["outcome"], lead["deal"], items, lead["customers"])
        return real, [dict(row) for row in broken]

    def _hold(self, claim: dict[str, Any]) -> tuple[Any, ...]:
        next_at, ends_at = claim["next_at"], datetime.fromisoformat(claim["expires_at"])
        return (
            self.names[claim["rep"]],
            next_at and datetime.fromisoformat(next_at),
            claim["promise"],
            ends_at,
        )


async def _copy_of(postgres: Embedded, template: str) -> str:
    """The URL of a database of this test's own."""
    admin = await asyncpg.connect(postgres.url("postgres"))
    await admin.execute(f"CREATE DATABASE test_life TEMPLATE {template}")
    await admin.close()
    return postgres.url("test_life")


def _told(lead: Lead) -> tuple[Any, ...]:
    """What the model says of a lead."""
    items = [(item.desk, item.state, _hold(item), item.token, item.task) for item in lead.items]
    return lead.state, lead.outcome, lead.deal, items, lead.customers


def _hold(item: Item) -> tuple[Any, ...] | None:
    """Who holds it, what is next, and when that ends by itself."""
    claim = item.held
    return claim and (claim.rep, claim.next_at, claim.promise, item.ends_at)
