"""What is done for the persons behind the leads: opt-outs, parting, forgetting."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import text

from kit.life.machine import PICK, Machine
from kit.life.things import Lead
from services import policies
from services.store import privacy

OPEN = {"state": "open", "note": "again"}


class ForPersons(Machine):
    """They are not to be reached, were taken for another, are erased."""

    @precondition(lambda self: self.leads(lambda lead: lead.state not in ("closed", "merged")))
    @rule(pick=PICK)
    def suppress(self, pick: int) -> None:
        """Somebody writes that they want to hear no more."""
        leads = self.leads(lambda lead: lead.state not in ("closed", "merged"))
        email = leads[pick % len(leads)].email
        body = {"email": f"{email}@example.com", "channel": "all", "reason": "by letter"}
        answer = self.run(self.mo.post("/v1/suppressions", body))
        assert answer.status_code in (200, 201), answer.text
        self.model.suppress(email)
        self.alike()

    @precondition(lambda self: self.model.suppressed)
    @rule()
    def lift_opt_outs(self) -> None:
        for one in self.run(self.mo.get("/v1/suppressions")).json()["data"]:
            assert self.run(self.mo.client.delete(f"/v1/suppressions/{one['id']}")).status_code == 204
        self.model.lift()
        self.alike()

    @precondition(lambda self: self.leads(lambda lead: lead.state == "rejected"))
    @rule(pick=PICK, lift=st.booleans())
    def release(self, pick: int, lift: bool) -> None:
        """A manager wants a rejected lead routed."""
        if lift and self.model.suppressed:
            self.lift_opt_outs()
        leads = self.leads(lambda lead: lead.state == "rejected")
        lead = leads[pick % len(leads)]
        answer = self.run(self.mo.post(f"/v1/leads/{lead.id}/release"))
        assert answer.status_code == 200, answer.text
        assert self.model.release(lead, self.now)
        self.alike()

    @rule(pick=PICK)
    def release_what_may_not_be(self, pick: int) -> None:
        leads = self.leads(lambda lead: lead.state != "rejected")
        if leads:
            answer = self.run(self.mo.post(f"/v1/leads/{leads[pick % len(leads)].id}/release"))
            assert answer.json()["code"] == "wrong_state", answer.text
            self.alike()

    @precondition(lambda self: self.several())
    @rule(pick=PICK)
    def unmerge(self, pick: int) -> None:
        """A lead of somebody who has several is somebody else's."""
        lead = self.several()[pick % len(self.several())]
        row = self.run(self.desks.lead_row(lead.id))
        answer = self.run(self.mo.post(f"/v1/persons/{row['person_id']}/unmerge", {"lead_ids": [lead.id]}))
        assert answer.status_code == 200, answer.text
        self.model.unmerge(lead, self.now)
        self.alike()

    def several(self) -> list[Lead]:
        """Leads of persons who have several, what is merged first."""
        count = Counter(lead.person for lead in self.model.leads)
        return sorted(self.leads(lambda lead: count[lead.person] > 1), key=lambda lead: lead.state != "merged")

    @precondition(lambda self: len(self.model.leads) > 6)
    @rule(pick=PICK)
    def erase(self, pick: int) -> None:
        """A person is forgotten."""
        lead = self.model.leads[pick % len(self.model.leads)]
        self.run(self._erase(lead))
        self.model.erase(lead.person, self.now)
        self.alike()

    async def _erase(self, lead: Lead) -> None:
        async with self.desks.edge.database.tx() as tx:
            person, _ = await privacy.person_of(tx, lead.id)
            assert person is not None
            await privacy.erase(tx, await policies.active(tx), self.desks.edge.keyring, person)

    @precondition(lambda self: self.model.erased)
    @rule(pick=PICK)
    def act_on_the_erased(self, pick: int) -> None:
        """Nothing brings them back."""
        lead = self.model.erased[pick % len(self.model.erased)]
        refused = [self.run(self.mo.post(f"/v1/leads/{lead}/release"))]
        deals = "SELECT id FROM routing.opportunities WHERE lead_id = :lead"
        for row in self.run(self.desks.routing.rows(text(deals).bindparams(lead=lead))):
            path = f"/v1/opportunities/{row['id']}"
            refused += [self.run(self.mo.post(f"{path}/reopen")), self.run(self.mo.post(f"{path}/correct", OPEN))]
        assert {answer.status_code for answer in refused} <= {404, 409}, [answer.text for answer in refused]
        self.alike()
