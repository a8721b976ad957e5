"""What managers do: requeue, assign, set right, part with reps, change the policy."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from kit.desks import GBP
from kit.life.machine import NAMES, PICK, SEAT, Machine
from kit.life.terms import FIRST, HOUR, SECOND, Terms

MINUTE = HOUR / 60


class ByManagers(Machine):
    """Whoever holds a thing, a manager may act on it."""

    @precondition(lambda self: self.leads(lambda lead: lead.items))
    @rule(pick=PICK)
    def requeue(self, pick: int) -> None:
        leads = self.leads(lambda lead: lead.items)
        item = leads[pick % len(leads)].items[-1]
        row = self.item_of(item.lead)
        body = {"queue": row["queue"], "reason": "again"}
        answer = self.run(self.mo.post(f"/v1/items/{row['id']}/requeue", body))
        if item.open:
            self.model.requeue(item, self.now)
            assert answer.status_code == 200, answer.text
        else:
            assert answer.json()["code"] == "already_closed"
        self.alike()

    @precondition(lambda self: self.leads(lambda lead: lead.items))
    @rule(pick=PICK, seat=SEAT, reason=st.sampled_from(["manager", "named_referral", "conflict"]))
    def assign(self, pick: int, seat: int, reason: str) -> None:
        leads = self.leads(lambda lead: lead.items)
        item, rep = leads[pick % len(leads)].items[-1], self.rep(seat)
        body = {"rep_id": self.reps[rep].id, "reason": reason}
        answer = self.run(self.mo.post(f"/v1/items/{self.item_of(item.lead)['id']}/assign", body))
        if not item.open:
            assert answer.json()["code"] == "already_closed", answer.text
        elif rep in self.model.away:
            assert answer.json()["code"] == "rep_away", answer.text
        else:
            self.model.assign(item, rep, self.now)
            assert answer.status_code == 200, answer.text
        self.alike()
        self.pull(rep, item.desk)

    @precondition(lambda self: self.leads(lambda lead: lead.deal))
    @rule(pick=PICK)
    def lose_as_a_manager(self, pick: int) -> None:
        leads = self.leads(lambda lead: lead.deal)
        lead = leads[pick % len(leads)]
        row = self.deal_of(lead)
        answer = self.run(self.mo.post(f"/v1/opportunities/{row['id']}/lost", {"reason": "went_silent"}))
        if lead.deal == "open":
            self.model.lose(lead.item, None, self.now)
            assert answer.status_code == 200, answer.text
        else:
            assert answer.status_code == (200 if row["reason"] == "went_silent" else 409)
        self.alike()

    @precondition(lambda self: self.leads(lambda lead: lead.deal))
    @rule(pick=PICK, to=st.sampled_from(["reopen", "open", "won", "lost"]))
    def set_right(self, pick: int, to: str) -> None:
        """A manager opens what was lost again, or corrects it; or whoever lost it opens it."""
        leads = self.leads(lambda lead: lead.deal)
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

    @precondition(lambda self: len(self.names) < len(NAMES))
    @rule(seat=SEAT, covered=st.booleans())
    def leave(self, seat: int, covered: bool) -> None:
        """A rep goes for good, and somebody new comes."""
        rep = self.rep(seat)
        cover = self.other(rep) if covered else None
        gone = self.reps.pop(rep)
        body = {"covers": [self.reps[cover].id] if cover else []}
        answer = self.run(self.mo.post(f"/v1/reps/{gone.id}/leave", body))
        moved, returned = self.model.leave(rep, cover, self.now)
        assert answer.json() == {"moved": moved, "returned": returned}, answer.text
        self.alike()
        assert self.run(gone.pull("inbound")).status_code == 401
        self.hire()
        if cover:
            self.pull(cover, "closing")

    @rule(terms=st.sampled_from([FIRST, SECOND]))
    def publish_terms(self, terms: Terms) -> None:
        """Another version of the policy is in force: other limits, another buffer."""
        self.publish(terms.policy)
        self.model.terms = terms
        self.alike()
        self.time(MINUTE)
