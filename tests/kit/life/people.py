"""The model's persons: who comes again, is parted, is not to be reached, is forgotten."""

from datetime import datetime

from kit.life.stock import Stock
from kit.life.things import Lead


class People(Stock):
    """Whose a lead is, and who may be worked."""

    def post(self, id_: str, email: str, intent: str, now: datetime, company: str | None = None) -> None:
        theirs = self.persons.setdefault(email, [])
        before = self.open_lead(theirs)
        if not theirs:
            theirs.append(f"{id_} {email}")
        lead = Lead(id_, email, before.person if before else theirs[0], intent, company=company)
        self.route(lead, before, now)
        self.leads.append(lead)

    def unmerge(self, lead: Lead, now: datetime) -> None:
        """It is somebody else's, of the same e-mail; what was merged across the line is decided anew."""
        theirs = [each for each in self.leads if each.person == lead.person and each is not lead]
        across = [each for each in theirs if each.into is lead and not each.by_account]
        if lead.state == "merged" and not lead.by_account:
            across.append(lead)
        lead.person = f"{lead.id} {lead.email} {now}"
        self.persons[lead.email].append(lead.person)
        self._unmerge(across, now)

    def _unmerge(self, leads: list[Lead], now: datetime) -> None:
        for each in leads:
            each.state, each.into, each.by_account = "received", None, False
        for each in leads:
            self.route(each, self.open_lead([each.person]), now)

    def release(self, lead: Lead, now: datetime) -> bool:
        """Route what was rejected; whom nobody may reach is rejected again."""
        if lead.state != "rejected":
            return False
        self.route(lead, self.open_lead([lead.person]), now)
        return True

    def suppress(self, email: str) -> None:
        """By letter, say: it holds for all who have this address, from now on."""
        self.suppressed.add(email)
        for lead in self.leads:
            if lead.email == email:
                self.close_suppressed(lead)

    def lift(self) -> None:
        """Every opt-out is taken back; what was closed stays closed."""
        self.suppressed.clear()

    def erase(self, person: str, now: datetime) -> None:
        """Nothing is known of them any more; their open work is gone. Others of their company are decided anew."""
        gone = [lead for lead in self.leads if lead.person == person]
        for lead in gone:
            self.close_suppressed(lead)
        self.erased += [lead.id for lead in gone]
        self.leads = [lead for lead in self.leads if lead not in gone]
        self.persons[gone[0].email].remove(person)
        self._unmerge([lead for lead in self.leads if lead.into in gone], now)
