"""What closers do with opportunities, and what these become."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import text

from kit.desks import GBP
from kit.life.machine import PICK, Machine
from kit.life.terms import HOUR
from kit.life.things import Item


class WithDeals(Machine):
    """They are won, lost, accepted, given back; tasks are asked for; customers come and go."""

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

    @precondition(lambda self: self.lost())
    @rule()
    def pull_what_is_reopened(self) -> None:
        """On its day a lost opportunity comes back: to its last holder first, though another asks before."""
        lead = self.lost()[0]
        assert lead.reopen_at is not None
        self.time(lead.reopen_at - self.now)
        for rep in sorted(self.model.reps, key=lambda rep: rep == lead.closer):
            self.pull(rep, "closing")

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
            qualifier = item.lead.qualifier
            self.pull(qualifier if qualifier in self.reps else self.rep(1), "inbound")

    @precondition(lambda self: self.met())
    @rule(pick=PICK, state=st.sampled_from(["held", "no_show", "cancelled"]))
    def meet(self, pick: int, state: str) -> None:
        """What came of a meeting that was booked."""
        item = self.met()[pick % len(self.met())]
        found = "SELECT id FROM routing.meetings WHERE state = 'booked' AND opportunity_id = :deal"
        rep, deal = self.reps[item.claims[-1].rep], self.deals[item.lead]
        (row,) = self.run(self.desks.routing.rows(text(found).bindparams(deal=deal)))
        path = f"/v1/opportunities/{deal}/meetings/{row['id']}"
        answer = self.run(rep.patch(path, {"state": state}, token=item.token))
        assert answer.status_code == 200, answer.text
        self.model.meet(item, state, self.now)
        self.alike()

    def met(self) -> list[Item]:
        return [item for item in self.held("closing") if item.meeting is not None]

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
        self.pull(self.rep(1), "service")

    @precondition(lambda self: self.held("service"))
    @rule(pick=PICK, outcome=st.sampled_from(["done", "declined"]))
    def end_task(self, pick: int, outcome: str) -> None:
        item, act = self.one(pick, "service")
        answer = act("complete", {"outcome": outcome, **({"reason": "not abroad"} if outcome == "declined" else {})})
        self.model.end_task(item, outcome)
        assert answer.status_code == 200, answer.text
        self.alike()

    @precondition(lambda self: self.leads(lambda lead: lead.customers))
    @rule(pick=PICK, what=st.sampled_from(["deployed", "churn"]))
    def tell_of_customer(self, pick: int, what: str) -> None:
        leads = self.leads(lambda lead: lead.customers)
        lead = leads[pick % len(leads)]
        last = "SELECT id FROM routing.customers WHERE lead_id = :lead ORDER BY id DESC LIMIT 1"
        customer = self.one_row(last, lead)["id"]
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
