"""The life of leads at the desks, against a simple model: whatever callers do, in whatever order, as time passes."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from kit.clock import ManualClock
from kit.desks import GBP, Caller, Desks, desks_of
from kit.floor import settle
from kit.life import HOUR, POLICY, SLEEP, STAYS, TRY_AGAIN, Claim, Item, Lead, Model
from sqlalchemy import delete, select, text

from schemas.words import RepId
from services import policies
from services.runtime.edge import open_edge
from services.runtime.embedded import Embedded
from services.runtime.secret import Keyring
from services.runtime.settings import Settings
from services.store import privacy, waiting
from services.store import tables as t
from services.worker import absence, due, ended, release

EMPTY = text("TRUNCATE " + ", ".join(f"routing.{table.name}" for table in t.metadata.sorted_tables))
INTENTS = st.sampled_from(["demo", "demo", "buy", "trial", "asleep"])
PICK = st.integers(0, 7)
"""Which of what there is."""


class Floor:
    """The real desks, on a database of their own, for all the lives that are tried."""

    def __init__(self, url: str, keyring: Keyring, path: Path) -> None:
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.desks: Desks = self.runner.run(self._open(url, keyring, path))

    async def _open(self, url: str, keyring: Keyring, path: Path) -> Desks:
        clock = ManualClock(datetime(2026, 7, 6, 9, tzinfo=UTC))
        given = Settings(database_url=url, data_dir=path, secret="6b" * 32)
        edge = await self.stack.enter_async_context(open_edge(given, url, keyring, clock=clock))
        return await self.stack.enter_async_context(desks_of(edge, clock, POLICY))

    def close(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()


class Life(RuleBasedStateMachine):
    """Each rule is done to the model and to the real desks, which must answer and lie alike."""

    floor: Floor

    def __init__(self) -> None:
        super().__init__()
        self.desks = self.floor.desks
        self.reps: dict[str, Caller] = {}
        self.claims: dict[Claim, str] = {}
        self.deals: dict[Lead, str] = {}
        self.tasks: dict[Item, str] = {}

    def run(self, work: Any) -> Any:
        return self.floor.runner.run(work)

    @property
    def now(self) -> datetime:
        return self.desks.clock.now()

    @initialize()
    def begin(self) -> None:
        self.run(self._begin())
        self.model = Model(list(self.reps))
        for person, intent in zip("abcde", ("buy", "demo", "demo", "buy", "trial"), strict=True):
            self.post(person, intent)
        self.pull("ann", "closing")
        self.close(0, "lost for now")
        for rep, desk in (("ann", "inbound"), ("bob", "inbound"), ("bob", "closing")):
            self.pull(rep, desk)

    async def _begin(self) -> None:
        async with self.desks.edge.database.tx() as tx:
            await tx.execute(EMPTY)
        for name in ("ann", "bob"):
            self.reps[name] = await self.desks.rep(
                "inbound/main", "closing/uk", "customer/main", "service/main", name=name
            )
        self.names = {rep.id: name for name, rep in self.reps.items()}
        self.mo = await self.desks.manager()

    # --- rules -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.leads) < 12)
    @rule(person=st.sampled_from("abcdefgh"), intent=INTENTS)
    def post(self, person: str, intent: str) -> None:
        now = self.now
        lead = self.run(self.desks.lead(intent, email=f"{person}@example.com"))
        self.model.post(lead, person, intent, now)
        self.alike()

    @rule(
        rep=st.sampled_from(["ann", "bob"]),
        desk=st.sampled_from(["inbound", "closing", "closing", "customer", "service"]),
    )
    def pull(self, rep: str, desk: str) -> None:
        status, item = self.model.pull(rep, desk, self.now)
        answer = self.run(self.reps[rep].pull(desk))
        assert answer.status_code == status, answer.text
        if item is not None:
            said = answer.json()
            assert (said["item"]["lead"]["id"], said["claim"]["token"]) == (item.lead.id, item.token)
            self.claims[item.claims[-1]] = said["claim"]["id"]
            if item.desk == "closing":
                self.deals[item.lead] = said["item"]["opportunity"]["id"]
        self.alike()

    @precondition(lambda self: self.held())
    @rule(
        pick=PICK, how=st.sampled_from(["plain", "later", "later", "promise", "promise", "missed", "missed", "opt_out"])
    )
    def attempt(self, pick: int, how: str) -> None:
        item, act = self.one(pick)
        outcome = {"opt_out": "opt_out", "missed": "no_answer"}.get(how, "conversation")
        body: dict[str, Any] = {"channel": "email", "outcome": outcome}
        if how in ("later", "promise"):
            body |= {"next_at": (self.now + HOUR).isoformat(), "promise": how == "promise"}
        answer = act("attempts", body)
        next_at = self.now + HOUR if how in ("later", "promise") else None
        flags = {"promise": how == "promise", "opt_out": how == "opt_out", "missed": how == "missed"}
        self.model.attempt(item, self.now, next_at=next_at, **flags)
        assert answer.status_code == 201, answer.text
        self.alike()

    @precondition(lambda self: self.planned())
    @rule(pick=PICK)
    def do_what_was_next(self, pick: int) -> None:
        """When its time has come the rep pulls, and tries again, if it is still theirs."""
        item = self.planned()[pick % len(self.planned())]
        rep, at = item.claims[-1].rep, item.claims[-1].next_at
        assert at is not None
        self.time(at - self.now)
        self.pull(rep, item.desk)
        if item in self.held():
            self.attempt(self.held().index(item), "plain")

    @precondition(lambda self: self.lost())
    @rule()
    def pull_what_is_reopened(self) -> None:
        """On its day a lost opportunity comes back: to its last holder first, though another asks before."""
        lead = self.lost()[0]
        assert lead.reopen_at is not None
        self.time(lead.reopen_at - self.now)
        for rep in sorted(self.reps, key=lambda rep: rep == lead.closer):
            self.pull(rep, "closing")

    @precondition(lambda self: self.held())
    @rule(pick=PICK)
    def heartbeat(self, pick: int) -> None:
        item, act = self.one(pick)
        answer = act("heartbeat", {})
        self.model.heartbeat(item, self.now)
        assert answer.status_code == 200, answer.text
        self.alike()

    @precondition(lambda self: self.held())
    @rule(pick=PICK)
    def next_step(self, pick: int) -> None:
        item, act = self.one(pick)
        answer = act("next-step", {"what": "call", "at": (self.now + 3 * HOUR).isoformat(), "side": "ours"})
        if item.desk not in STAYS:
            assert answer.json()["code"] == "wrong_state"
        else:
            self.model.next_step(item, self.now, self.now + 3 * HOUR)
            assert answer.status_code == 200, answer.text
        self.alike()

    @precondition(lambda self: self.held())
    @rule(pick=PICK)
    def give_back(self, pick: int) -> None:
        item, act = self.one(pick)
        answer = act("return", {"reason": "no_capacity"})
        self.model.give_back(item)
        assert answer.status_code == 200, answer.text
        self.alike()

    @precondition(lambda self: self.held())
    @rule(pick=PICK, outcome=st.sampled_from(["qualified", "qualified", "disqualified", "unreached", "nurture"]))
    def complete(self, pick: int, outcome: str) -> None:
        item, act = self.one(pick)
        body: dict[str, Any] = {"outcome": outcome}
        if outcome == "disqualified":
            body["reason"] = "no_need"
        if outcome == "nurture":
            body["until"] = (self.now + SLEEP).isoformat()
        answer = act("complete", body)
        if item.desk != "inbound":
            assert answer.json()["errors"][0]["code"] == "not_allowed"
        else:
            self.model.complete(item, outcome, self.now)
            assert answer.status_code == 200, answer.text
        self.alike()

    @precondition(lambda self: self.held("inbound"))
    @rule(pick=PICK, waits=st.sampled_from(["ann", "bob"]))
    def hand_over_live(self, pick: int, waits: str) -> None:
        item, act = self.one(pick, "inbound")
        self.run(self._waits(waits))
        answer = act("complete", {"outcome": "qualified", "handover": "live"})
        assert answer.status_code == 200, answer.text
        made = self.model.hand_over(item, waits, self.now)
        assert answer.json()["handed"]["taken_by"] == (self.reps[waits].id if made.held else None)
        self.alike()
        while made.held and made.claims[-1].live:
            self.pull(waits, "closing")

    async def _waits(self, rep: str) -> None:
        async with self.desks.edge.database.tx() as tx:
            await tx.execute(delete(t.waiting_pulls))
            await waiting.say(tx, RepId(str(self.reps[rep].id)), "closing", test=False)

    @precondition(lambda self: self.held("closing"))
    @rule(pick=PICK, how=st.sampled_from(["won", "lost", "lost for now"]))
    def close(self, pick: int, how: str) -> None:
        item, _ = self.one(pick, "closing")
        rep, token = self.reps[item.claims[-1].rep], item.token
        path = f"/v1/opportunities/{self.deals[item.lead]}"
        if how == "won":
            answer = self.run(rep.post(f"{path}/won", {"value": GBP}, token=token))
            self.model.win(item, self.now)
        else:
            reopen_at = self.now + 3 * HOUR if how == "lost for now" else None
            body = {"reason": "price", "reopen_after": reopen_at and reopen_at.isoformat()}
            answer = self.run(rep.post(f"{path}/lost", body, token=token))
            self.model.lose(item, reopen_at, self.now)
        assert answer.status_code == 200, answer.text
        self.alike()

    @precondition(lambda self: self.ended())
    @rule(pick=PICK, act=st.sampled_from([("heartbeat", {}), ("attempts", {"channel": "phone", "outcome": "refused"})]))
    def use_an_old_token(self, pick: int, act: tuple[str, dict[str, Any]]) -> None:
        ended_claims = self.ended()
        claim, token = ended_claims[pick % len(ended_claims)]
        path = f"/v1/claims/{self.claims[claim]}/{act[0]}"
        answer = self.run(self.reps[claim.rep].post(path, act[1], token=token))
        assert answer.json()["code"] in ("claim_lost", "claim_closed"), answer.text
        self.alike()

    @precondition(lambda self: self.merged())
    @rule(pick=PICK)
    def unmerge(self, pick: int) -> None:
        """A merged lead is somebody else's."""
        lead = self.merged()[pick % len(self.merged())]
        row = self.run(self.desks.lead_row(lead.id))
        answer = self.run(self.mo.post(f"/v1/persons/{row['person_id']}/unmerge", {"lead_ids": [lead.id]}))
        assert answer.status_code == 200, answer.text
        self.model.unmerge(lead, self.now)
        self.alike()

    @precondition(lambda self: len(self.model.leads) > 6)
    @rule(pick=PICK)
    def erase(self, pick: int) -> None:
        """A person is forgotten."""
        lead = self.model.leads[pick % len(self.model.leads)]
        self.run(self._erase(lead))
        self.model.erase(lead.person)
        self.alike()

    async def _erase(self, lead: Lead) -> None:
        async with self.desks.edge.database.tx() as tx:
            person, _ = await privacy.person_of(tx, lead.id)
            assert person is not None
            await privacy.erase(tx, await policies.active(tx), self.desks.edge.keyring, person)

    @precondition(lambda self: any(lead.items for lead in self.model.leads))
    @rule(pick=PICK)
    def requeue(self, pick: int) -> None:
        leads = [lead for lead in self.model.leads if lead.items]
        item = leads[pick % len(leads)].items[-1]
        row = self.run(self.desks.item_of(item.lead.id))
        body = {"queue": row["queue"], "reason": "again"}
        answer = self.run(self.mo.post(f"/v1/items/{row['id']}/requeue", body))
        if item.open:
            self.model.requeue(item)
            assert answer.status_code == 200, answer.text
        else:
            assert answer.json()["code"] == "already_closed"
        self.alike()

    @precondition(lambda self: any(lead.deal for lead in self.model.leads))
    @rule(pick=PICK)
    def lose_as_a_manager(self, pick: int) -> None:
        leads = [lead for lead in self.model.leads if lead.deal]
        lead = leads[pick % len(leads)]
        row = self.deal_of(lead)
        answer = self.run(self.mo.post(f"/v1/opportunities/{row['id']}/lost", {"reason": "went_silent"}))
        if lead.deal == "open":
            self.model.lose(lead.item, None, self.now)
            assert answer.status_code == 200, answer.text
        else:
            assert answer.status_code == (200 if row["reason"] == "went_silent" else 409)
        self.alike()

    @precondition(lambda self: self.held("closing"))
    @rule(pick=PICK, verdict=st.sampled_from(["accept", "reject", "reject", "reject"]), talks=st.booleans())
    def judge(self, pick: int, verdict: str, talks: bool) -> None:
        """Accept it, or give it back to whoever qualified it, who then has it again."""
        item, _ = self.one(pick, "closing")
        if talks:
            self.attempt(self.held().index(item), "plain")
        rep, token = self.reps[item.claims[-1].rep], item.token
        body = {"reason": "not_a_fit"} if verdict == "reject" else {}
        answer = self.run(rep.post(f"/v1/opportunities/{self.deals[item.lead]}/{verdict}", body, token=token))
        before = item.lead.accepted
        done = self.model.reject(item, self.now) if verdict == "reject" else self.model.accept(item)
        if verdict == "accept" and done and not before:
            item.claims[-1].heartbeat_at = self.now
        assert (answer.status_code, answer.json().get("code")) == ((200, None) if done else (409, "wrong_state"))
        self.alike()
        if verdict == "reject" and done:
            self.pull(item.lead.qualifier or "bob", "inbound")

    @precondition(lambda self: any(lead.deal for lead in self.model.leads))
    @rule(pick=PICK, to=st.sampled_from(["reopen", "open", "won", "lost"]))
    def set_right(self, pick: int, to: str) -> None:
        """A manager opens what was lost again, or corrects it."""
        leads = [lead for lead in self.model.leads if lead.deal]
        lead = leads[pick % len(leads)]
        path = f"/v1/opportunities/{self.deal_of(lead)['id']}"
        if to == "reopen":
            answer = self.run(self.mo.post(f"{path}/reopen"))
            done = self.model.reopen(lead, self.now)
        else:
            same = to != "lost" or self.deal_of(lead)["reason"] == "price"
            needs = {"won": {"value": GBP}, "lost": {"reason": "price"}}.get(to, {})
            answer = self.run(self.mo.post(f"{path}/correct", {"state": to, **needs}))
            done = self.model.correct(lead, to, self.now, same=same)
        assert answer.status_code == (200 if done else 409), answer.text
        self.alike()

    @precondition(lambda self: self.held("closing"))
    @rule(pick=PICK)
    def ask(self, pick: int) -> None:
        """Ask the service desk for a quote."""
        item, _ = self.one(pick, "closing")
        rep, token = self.reps[item.claims[-1].rep], item.token
        body = {"kind": "quote", "summary": "40 vans"}
        answer = self.run(rep.post(f"/v1/opportunities/{self.deals[item.lead]}/tasks", body, token=token))
        assert answer.status_code == 201, answer.text
        self.tasks[self.model.ask(item, self.now)] = answer.json()["id"]
        self.alike()
        self.pull("bob", "service")

    @precondition(lambda self: self.held("service"))
    @rule(pick=PICK, outcome=st.sampled_from(["done", "declined"]))
    def end_task(self, pick: int, outcome: str) -> None:
        item, act = self.one(pick, "service")
        answer = act("complete", {"outcome": outcome, **({"reason": "not abroad"} if outcome == "declined" else {})})
        self.model.end_task(item, outcome)
        assert answer.status_code == 200, answer.text
        self.alike()

    @precondition(lambda self: self.tasks)
    @rule(pick=PICK)
    def take_back(self, pick: int) -> None:
        """Whoever asked wants it no more, or a manager does."""
        item = list(self.tasks)[pick % len(self.tasks)]
        answer = self.run(self.mo.post(f"/v1/tasks/{self.tasks[item]}/cancel"))
        assert answer.status_code == (200 if item.task == "open" else 409), answer.text
        if item.task == "open":
            self.model.end_task(item, "cancelled")
        self.alike()

    @precondition(lambda self: any(lead.customers for lead in self.model.leads))
    @rule(pick=PICK, what=st.sampled_from(["deployed", "churn"]))
    def tell_of_customer(self, pick: int, what: str) -> None:
        leads = [lead for lead in self.model.leads if lead.customers]
        lead = leads[pick % len(leads)]
        theirs = select(t.customers.c.id).where(t.customers.c.lead_id == lead.id).order_by(t.customers.c.id.desc())
        customer = self.run(self.desks.routing.rows(theirs.limit(1)))[0]["id"]
        answer = self.run(
            self.mo.post(f"/v1/customers/{customer}/{what}", {"reason": "price"} if what == "churn" else {})
        )
        held = [item for item in self.held("customer") if item.lead is lead]
        before = lead.customers[-1]
        done = self.model.tell_of_customer(lead, what)
        if what == "deployed" and before == "onboarding" and held:
            held[-1].claims[-1].heartbeat_at = self.now
        assert answer.status_code == (200 if done else 409), answer.text
        self.alike()

    @rule(rep=st.sampled_from(["ann", "bob"]), how=st.sampled_from(["present", "present", "away", "covered"]))
    def presence(self, rep: str, how: str) -> None:
        """There, away, or away while the other covers."""
        other = "bob" if rep == "ann" else "ann"
        covers = [self.reps[other].id] if how == "covered" else []
        body = {"status": "present" if how == "present" else "away", "covers": covers}
        answer = self.run(self.reps[rep].put("/v1/reps/me/presence", body))
        assert answer.status_code == 200, answer.text
        (self.model.away.discard if how == "present" else self.model.away.add)(rep)
        self.model.covers.pop(rep, None)
        if how == "covered":
            self.model.covers[rep] = other

    @precondition(lambda self: self.held())
    @rule(pick=PICK, how=st.sampled_from(["promise", "step"]), late=st.sampled_from([0, 20, 200]))
    def go_away_and_be_covered(self, pick: int, how: str, late: int) -> None:
        """What is next falls due while its holder is away: the other has it."""
        pick %= len(self.held())
        item = self.held()[pick]
        rep, desk = item.claims[-1].rep, item.desk
        other = "bob" if rep == "ann" else "ann"
        if how == "step" and desk != "inbound":
            self.next_step(pick)
        else:
            self.attempt(pick, "promise")
        self.presence(other, "present")
        self.presence(rep, "covered")
        self.time(3 * HOUR + timedelta(minutes=late))
        for _ in range(2):
            self.pull(other, desk)
        self.presence(rep, "present")

    @precondition(lambda self: self.held("inbound"))
    @rule(pick=PICK)
    def reach_nobody(self, pick: int) -> None:
        """Whoever has it tries again, until the cadence is over."""
        held = self.held("inbound")
        item = held[pick % len(held)]
        for _ in range(2):
            if item in self.held():
                self.attempt(self.held().index(item), "missed")
                self.time(TRY_AGAIN)
                self.pull("ann", "inbound")

    @rule(minutes=st.sampled_from([20, 45, 500]))
    def some_time(self, minutes: int) -> None:
        self.time(timedelta(minutes=minutes))

    @precondition(lambda self: self.model.moments(self.now))
    @rule(pick=PICK, past=st.sampled_from([0, 1]))
    def until_something(self, pick: int, past: int) -> None:
        """Until something falls due, to the very moment or a minute later."""
        moments = self.model.moments(self.now)
        self.time(moments[pick % len(moments)] - self.now + timedelta(minutes=past))

    def time(self, by: timedelta) -> None:
        """Time passes, and the worker does what it brings."""
        self.desks.clock.move(by)
        self.run(self._work())
        self.model.work(self.now)
        self.alike()

    async def _work(self) -> None:
        for duty in (ended.duty, due.duty, absence.duty, release.duty):
            await settle(duty(self.desks.edge))

    # --- how -------------------------------------------------------------------------------------------------------

    def held(self, desk: str | None = None) -> list[Item]:
        return [item for rep in self.reps for item in self.model.held_by(rep) if desk in (None, item.desk)]

    def planned(self) -> list[Item]:
        """What is held and has a next step ahead."""
        return [item for item in self.held() if (item.claims[-1].next_at or self.now) > self.now]

    def merged(self) -> list[Lead]:
        return [lead for lead in self.model.leads if lead.state == "merged"]

    def lost(self) -> list[Lead]:
        """Lost opportunities that will come back."""
        leads = [lead for lead in self.model.leads if lead.deal == "lost"]
        return [lead for lead in leads if lead.reopen_at is not None and lead.reopen_at > self.now]

    def one(self, pick: int, desk: str | None = None) -> tuple[Item, Any]:
        """Something that is held, and how to act on it."""
        items = self.held(desk)
        item = items[pick % len(items)]
        rep, claim, token = self.reps[item.claims[-1].rep], self.claims[item.claims[-1]], item.token
        return item, lambda what, body: self.run(rep.post(f"/v1/claims/{claim}/{what}", body, token=token))

    def deal_of(self, lead: Lead) -> dict[str, Any]:
        """The last opportunity of a lead."""
        of_lead = select(t.opportunities).where(t.opportunities.c.lead_id == lead.id).order_by(t.opportunities.c.id)
        return self.run(self.desks.routing.rows(of_lead))[-1]

    def ended(self) -> list[tuple[Claim, int]]:
        """Claims that have ended, with their tokens."""
        items = [item for lead in self.model.leads for item in lead.items]
        claims = [
            (claim, item.token - len(item.claims) + number)
            for item in items
            for number, claim in enumerate(item.claims, 1)
        ]
        return [(claim, token) for claim, token in claims if not claim.active]

    def alike(self) -> None:
        """What really lies there is what the model says; time goes on a little."""
        real = self.run(self._real())
        told = {
            lead.id: (
                lead.state,
                lead.outcome,
                lead.deal,
                [(item.desk, item.state, _hold(item), item.token, item.task) for item in lead.items],
                lead.customers,
            )
            for lead in self.model.leads
        }
        erased = {id_: found for id_, found in real.items() if found[0] == "erased"}
        assert set(erased) == set(self.model.erased)
        assert {state for found in erased.values() for _, state, *_ in found[3]} <= {"done", "cancelled"}
        assert {id_: found for id_, found in real.items() if id_ not in erased} == told
        self.desks.clock.move(timedelta(milliseconds=1))

    async def _real(self) -> dict[str, Any]:
        rows = self.desks.routing.rows
        by_id = select(t.opportunities).order_by(t.opportunities.c.id)
        deals = {row["lead_id"]: row["state"] for row in await rows(by_id)}
        tasks = {row["item_id"]: row["state"] for row in await rows(select(t.tasks))}
        customers: dict[str, list[str]] = {}
        for row in await rows(select(t.customers).order_by(t.customers.c.id)):
            customers.setdefault(row["lead_id"], []).append(row["state"])
        holders: dict[str, list[Any]] = {}
        for claim in await rows(select(t.claims).order_by(t.claims.c.token)):
            holders.setdefault(claim["item_id"], []).append(claim)
        items: dict[str, list[Any]] = {}
        for row in await rows(select(t.items).order_by(t.items.c.id)):
            claims = holders.get(row["id"], [])
            active = [
                (self.names[claim["rep_id"]], claim["next_at"], claim["next_promise"], claim["expires_at"])
                for claim in claims
                if claim["state"] == "active"
            ]
            assert len(active) <= 1
            desk = row["queue"].partition("/")[0]
            found = items.setdefault(row["lead_id"], [])
            held = active[0] if active else None
            found.append((desk, row["state"], held, row["token"], tasks.get(row["id"])))
        return {
            row["id"]: (
                row["state"],
                row["outcome"],
                deals.get(row["id"]),
                items.get(row["id"], []),
                customers.get(row["id"], []),
            )
            for row in await rows(select(t.leads))
        }


def _hold(item: Item) -> tuple[Any, ...] | None:
    """Who holds it, what is next, and when that ends by itself."""
    claim = item.held
    return claim and (claim.rep, claim.next_at, claim.promise, claim.expires_at(item.desk))


def test_whatever_is_done_in_whatever_order_the_desks_do_as_the_model_says(
    postgres: Embedded, template: str, keyring: Keyring, tmp_path: Path
) -> None:
    async def made() -> str:
        admin = await asyncpg.connect(postgres.url("postgres"))
        await admin.execute(f"CREATE DATABASE test_life TEMPLATE {template}")
        await admin.close()
        return postgres.url("test_life")

    Life.floor = Floor(asyncio.run(made()), keyring, tmp_path)
    try:
        run_state_machine_as_test(
            Life,
            settings=settings(
                max_examples=16,
                stateful_step_count=45,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        Life.floor.close()
