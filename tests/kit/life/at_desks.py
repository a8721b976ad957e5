"""What reps do at their desks: pull, try, qualify, hand over, give back."""

import asyncio
from typing import Any

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import delete, select

from kit.life.machine import PICK, SEAT, Machine
from kit.life.terms import ANSWER, HOUR, SLEEP, TRY_AGAIN
from kit.life.things import STAYS, Item
from schemas.events.intake import Company
from schemas.words import RepId
from services.store import tables as t
from services.store import waiting

ACME = Company(name="Acme Ltd", domain="acme.example", country="GB")
INTENTS = st.sampled_from(["demo", "demo", "buy", "trial", "asleep"])


class AtDesks(Machine):
    """Leads come, and are worked."""

    # --- rules -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.leads) < 12)
    @rule(person=st.sampled_from("abcdefgh"), intent=INTENTS)
    def post(self, person: str, intent: str) -> None:
        now = self.now
        company = ACME if person in "efgh" else None
        lead = self.run(self.desks.lead(intent, email=f"{person}@example.com", company=company))
        self.model.post(lead, person, intent, now, company and company.domain)
        self.alike()

    @rule(seat=SEAT, desk=st.sampled_from(["inbound", "closing", "closing", "customer", "service"]))
    def pull_next(self, seat: int, desk: str) -> None:
        self.pull(self.rep(seat), desk)

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
    @rule(pick=PICK, seat=SEAT, gone=st.booleans())
    def hand_over_live(self, pick: int, seat: int, gone: bool) -> None:
        """To one who waits. Whose pull has gone has them by their next one, or soon anyone has."""
        waits = self.rep(seat)
        if self.joins(pick):
            return self.complete(self.held().index(self.one(pick, "inbound")[0]), "qualified")
        if not gone and self.model.would_wait(waits, "closing", self.now):
            return self._hand_over_to_a_pull(pick, waits)
        item, act = self.one(pick, "inbound")
        self.run(self._waited(waits))
        answer = act("complete", {"outcome": "qualified", "handover": "live"})
        assert answer.status_code == 200, answer.text
        made = self.model.hand_over_live(item, waits, self.now)
        assert answer.json()["handed"]["taken_by"] == (self.reps[waits].id if made.held else None)
        self.alike()
        if gone and made.held:
            return self.time(ANSWER)
        while made.held and made.claims[-1].live:
            self.pull(waits, "closing")
        return None

    def joins(self, pick: int) -> bool:
        """Whether its company is dealt with already."""
        return self.model.open_deal(self.one(pick, "inbound")[0].lead) is not None

    async def _waited(self, rep: str) -> None:
        """A pull of theirs waits, as it seems: its process has died."""
        async with self.desks.edge.database.tx() as tx:
            await tx.execute(delete(t.waiting_pulls))
            await waiting.say(tx, RepId(str(self.reps[rep].id)), "closing", test=False)

    def _hand_over_to_a_pull(self, pick: int, waits: str) -> None:
        item, _ = self.one(pick, "inbound")
        given, handed = self.run(self._pull_meanwhile(waits, item))
        made = self.model.hand_over_live(item, waits, self.now)
        _, taken = self.model.pull(waits, "closing", self.now)
        assert taken is made
        assert handed.json()["handed"]["taken_by"] == self.reps[waits].id, handed.text
        assert given.json()["why"] == "live", given.text
        self.given(made, given)
        self.alike()

    async def _pull_meanwhile(self, waits: str, item: Item) -> tuple[httpx.Response, httpx.Response]:
        """Qualify an item while a pull waits."""
        async with self.desks.edge.database.tx() as tx:
            await tx.execute(delete(t.waiting_pulls))
        pulling = asyncio.create_task(self.reps[waits].pull("closing", wait=60))
        while not await self.desks.routing.rows(select(t.waiting_pulls)):
            assert not pulling.done(), pulling.result().text
            await asyncio.sleep(0.002)
        rep, claim = self.reps[item.claims[-1].rep], self.claims[item.claims[-1]]
        body = {"outcome": "qualified", "handover": "live"}
        handed = await rep.post(f"/v1/claims/{claim}/complete", body, token=item.token)
        async with asyncio.timeout(60):
            return await pulling, handed

    @precondition(lambda self: self.held("inbound"))
    @rule(pick=PICK, hours=st.sampled_from([1, 5, 30]))
    def hand_over_booked(self, pick: int, hours: int) -> None:
        """With a meeting, for whoever gets it."""
        if self.joins(pick):
            return self.complete(self.held().index(self.one(pick, "inbound")[0]), "qualified")
        item, act = self.one(pick, "inbound")
        at = self.now + hours * HOUR
        booked = {"at": at.isoformat(), "mode": "video"}
        answer = act("complete", {"outcome": "qualified", "handover": "booked", "booked": booked})
        assert answer.status_code == 200, answer.text
        self.model.hand_over_booked(item, at, self.now)
        return self.alike()

    @precondition(lambda self: self.ended())
    @rule(pick=PICK, act=st.sampled_from([("heartbeat", {}), ("attempts", {"channel": "phone", "outcome": "refused"})]))
    def use_an_old_token(self, pick: int, act: tuple[str, dict[str, Any]]) -> None:
        ended_claims = self.ended()
        claim, token = ended_claims[pick % len(ended_claims)]
        path = f"/v1/claims/{self.claims[claim]}/{act[0]}"
        answer = self.run(self.reps[claim.rep].post(path, act[1], token=token))
        assert answer.json()["code"] in ("claim_lost", "claim_closed"), answer.text
        self.alike()

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
                self.pull(self.rep(0), "inbound")
