"""The model's opportunities, and what hangs on them: customers and tasks."""

from datetime import datetime

from kit.life.stock import Stock
from kit.life.terms import HOUR
from kit.life.things import Item, Lead


class Deals(Stock):
    """How opportunities end, are given back, open again and are set right."""

    def win(self, item: Item, now: datetime) -> None:
        lead = item.lead
        item.end("done")
        lead.state, lead.outcome, lead.deal, lead.accepted = "closed", "won", "won", True
        self._customer(lead, now)

    def lose(self, item: Item, reopen_at: datetime | None, now: datetime) -> None:
        lead = item.lead
        item.end("done" if item.held else "cancelled")
        lead.state, lead.outcome, lead.deal, lead.reopen_at = "closed", "lost", "lost", reopen_at
        lead.lost_at = now
        self.cancel_tasks(lead)

    def accept(self, item: Item) -> bool:
        item.lead.accepted |= item.lead.talked
        return item.lead.accepted

    def reject(self, item: Item, now: datetime) -> bool:
        """Back to its qualifier, or the fallback, as old as it was."""
        lead = item.lead
        if lead.accepted or not lead.talked:
            return False
        item.end("done")
        self.cancel_tasks(lead)
        was = [each for each in lead.items if each.desk == "inbound"][-1] if lead.qualifier else item
        back = Item(lead, "inbound", "queued", was.rank_at)
        self.first_right(back, lead.qualifier, now)
        lead.items.append(back)
        lead.state, lead.deal = "queued", "rejected"
        return True

    def meet(self, item: Item, state: str, now: datetime) -> None:
        """What came of a meeting: one that was held is a conversation, and accepts."""
        claim = item.claims[-1]
        del item.lead.booked[item.deal]
        claim.heartbeat_at = now
        if state == "held":
            claim.attempted_at = now
            item.lead.talked = item.lead.accepted = True

    def reopen(self, lead: Lead, now: datetime) -> bool:
        if lead.deal != "lost" or not self._may_open(lead):
            return False
        self.open_again(lead, now)
        return True

    def correct(self, lead: Lead, to: str, now: datetime, *, same: bool) -> bool:
        """From open, won or lost to another of these; the `same` is no change, another loss is one for good."""
        if lead.deal == to:
            if not same:
                lead.outcome, lead.reopen_at, lead.lost_at = "lost", None, now
            return True
        if lead.deal == "rejected" or (to == "open" and not self._may_open(lead)):
            return False
        if lead.deal == "won":
            self._gone(lead, "void")
        if lead.item.open:
            lead.item.end("done" if lead.item.held else "cancelled")
        lead.reopen_at = None
        match to:
            case "open":
                self.open_again(lead, now)
            case "won":
                lead.state, lead.outcome, lead.deal, lead.accepted = "closed", "won", "won", True
                self._customer(lead, now)
            case _:
                lead.state, lead.outcome, lead.deal, lead.lost_at = "closed", "lost", "lost", now
                self.cancel_tasks(lead)
        return True

    def ask(self, item: Item, now: datetime) -> Item:
        """Ask the service desk for something that an opportunity needs."""
        asked = Item(item.lead, "service", "queued", now - self.credit(item.lead), deal=item.deal, task="open")
        item.lead.items.append(asked)
        item.claims[-1].heartbeat_at = now
        return asked

    def end_task(self, item: Item, task: str) -> None:
        item.end("cancelled" if task == "cancelled" else "done")
        item.task = task

    def tell_of_customer(self, lead: Lead, what: str) -> bool:
        """Deployed, or churned; the same again is no change."""
        state = {"churn": "churned", "deployed": "active"}[what]
        if what == "churn" and lead.customers[-1] in ("onboarding", "active"):
            self._gone(lead, state)
        elif what == "deployed" and lead.customers[-1] == "onboarding":
            lead.customers[-1] = state
        return lead.customers[-1] == state

    def _may_open(self, lead: Lead) -> bool:
        return lead.email not in self.suppressed and self.open_deal(lead) is None

    def _customer(self, lead: Lead, now: datetime) -> None:
        lead.customers.append("onboarding")
        lead.items.append(Item(lead, "customer", "queued", now - HOUR))

    def _gone(self, lead: Lead, state: str) -> None:
        """The last customer is one no more."""
        lead.customers[-1] = state
        item = [each for each in lead.items if each.desk == "customer"][-1]
        if item.open:
            item.end("done" if item.held else "cancelled")
