"""What lies where, and how it is decided: on which the parts of the model stand."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kit.life.terms import DAY, FIRST, HOUR, SLEEP, Terms
from kit.life.things import MOVING, OPEN_LEAD, STAYS, Claim, Item, Lead


@dataclass
class Stock:
    """All that there is."""

    reps: list[str]
    terms: Terms = FIRST
    leads: list[Lead] = field(default_factory=list)
    """Those of persons who are erased are no more among them."""
    suppressed: set[str] = field(default_factory=set)
    """E-mails."""
    persons: dict[str, list[str]] = field(default_factory=dict)
    """By e-mail, the oldest first: several where a manager has parted them."""
    erased: list[str] = field(default_factory=list)
    """Leads."""
    away: set[str] = field(default_factory=set)
    covers: dict[str, str] = field(default_factory=dict)
    """Who covers for whom, while these are away."""

    @property
    def items(self) -> list[Item]:
        return [item for lead in self.leads for item in lead.items]

    def held_by(self, rep: str) -> list[Item]:
        return [item for item in self.items if item.held and item.held.rep == rep]

    def open_lead(self, persons: Collection[str]) -> Lead | None:
        """That into which a new one of one of these persons is merged."""
        return next((lead for lead in self.leads if lead.person in persons and lead.state in OPEN_LEAD), None)

    def lost_lately(self, person: str, now: datetime) -> Lead | None:
        """What they lost last, if it opens again when they come again."""
        since = now - self.terms.reopen_within * HOUR
        lost = [lead for lead in self.leads if lead.person == person and lead.outcome == "lost" and lead.lost_at]
        lately = [lead for lead in lost if lead.lost_at and lead.lost_at >= since]
        return max(lately, key=lambda lead: lead.lost_at or now, default=None)

    def full(self, rep: str, desk: str, now: datetime) -> bool:
        """Whether a limit keeps a rep from having more."""
        here = [item.claims[-1] for item in self.held_by(rep) if item.desk == desk]
        in_hand = [claim for claim in here if claim.next_at is None or claim.next_at <= now]
        return len(in_hand) >= self.terms.in_hand(desk) or len(here) >= self.terms.open(desk)

    # --- decisions ---------------------------------------------------------------------------------------------------

    def route(self, lead: Lead, before: Lead | None, now: datetime) -> None:
        """Decide on a lead; `before`: that which is open already."""
        lost = self.lost_lately(lead.person, now)
        if lead.email in self.suppressed:
            lead.state = "rejected"
        elif before is not None:
            lead.state, lead.into, lead.by_account = "merged", before, False
            if before.state == "nurturing":
                before.intent = lead.intent
                self.decide_again(before, now)
        elif (deal := self.open_deal(lead)) is not None:
            self.join(lead, deal)
        elif lost is not None:
            lead.state, lead.into, lead.by_account = "merged", lost, False
            self.open_again(lost, now)
        else:
            self.decide(lead, now)

    def open_deal(self, lead: Lead) -> Lead | None:
        """The lead of what is open with its company."""
        deals = [each for each in self.leads if each.company == lead.company is not None and each.deal == "open"]
        return deals[0] if deals else None

    def join(self, lead: Lead, deal: Lead) -> None:
        """It is of what is open with its company, and so is all that was merged into it."""
        lead.state, lead.into, lead.by_account, lead.wake_at = "merged", deal, True, None
        for other in self.leads:
            if other.into is lead:
                other.into = deal

    def decide_again(self, lead: Lead, now: datetime) -> None:
        """One that was nurtured."""
        deal = self.open_deal(lead)
        if lead.email in self.suppressed:
            lead.state, lead.wake_at = "rejected", None
        elif deal is not None:
            self.join(lead, deal)
        else:
            self.decide(lead, now)

    def decide(self, lead: Lead, now: datetime) -> None:
        """Decide by the rules."""
        lead.wake_at = None
        match lead.intent:
            case "asleep":
                lead.state, lead.wake_at = "nurturing", now + SLEEP
            case "buy":
                lead.hot = True
                self.make_deal(lead, now)
            case "trial":
                lead.hot = False
                self.make_deal(lead, now)
            case _:
                lead.hot = False
                lead.state = "queued"
                item = Item(lead, "inbound", "queued", now - HOUR)
                held = [claim for each in lead.items if each.desk in MOVING for claim in each.claims]
                last = max(held, key=lambda claim: claim.granted_at, default=None)
                self.first_right(item, last and last.rep, now)
                lead.items.append(item)

    def make_deal(self, lead: Lead, now: datetime, *, qualifier: str | None = None, past_pool: bool = False) -> Item:
        state = "queued" if lead.hot or past_pool else "pooled"
        lead.deal, lead.state, lead.deals = "open", state, lead.deals + 1
        lead.qualifier, lead.closer, lead.talked, lead.accepted = qualifier, None, False, False
        made = Item(lead, "closing", state, now - self.credit(lead), deal=lead.deals)
        lead.items.append(made)
        return made

    def open_again(self, lead: Lead, now: datetime) -> None:
        """A lost opportunity opens again, if its person may be reached."""
        lead.reopen_at = None
        if lead.email in self.suppressed or self.open_deal(lead):
            return
        item = Item(lead, "closing", "queued", now - self.credit(lead), deal=lead.deals)
        self.first_right(item, lead.closer, now)
        lead.items.append(item)
        lead.deal, lead.state, lead.outcome = "open", "queued", None

    def credit(self, lead: Lead) -> timedelta:
        return 7 * DAY if lead.hot else HOUR

    def first_right(self, item: Item, rep: str | None, now: datetime) -> None:
        """It is for a day the one's who had it last, if they are there."""
        if rep in self.reps and rep not in self.away:
            item.reserve(rep, now)

    # --- claims, and what follows -------------------------------------------------------------------------------------

    def grant(self, item: Item, rep: str, now: datetime, *, served: bool = False, live: bool = False) -> None:
        """It is a rep's from now on; what was under way goes on."""
        claim = Claim(rep, now, live=live)
        if item.carried is not None:
            claim.next_at, claim.promise, claim.served = item.carried.next_at, item.carried.promise, served
        item.state, item.carried = "claimed", None
        item.reserve(None, now)
        item.claims.append(claim)
        if item.desk == "closing":
            item.lead.closer = rep
        self.follow(item)

    def heir(self, item: Item) -> str | None:
        """Who covers for the holder of an item, if they are there and did not return it."""
        heir = self.covers.get(item.claims[-1].rep)
        there = heir in self.reps and heir not in self.away and heir not in item.returned_by
        return heir if there else None

    def hand_on(self, item: Item, heir: str, now: datetime) -> None:
        """From one who is away, or leaves, to their cover."""
        carried = _carried(item.claims[-1], now)
        item.end("queued")
        item.carried = carried
        item.reserve(heir, now)
        self.follow(item)

    def give_on(self, item: Item, now: datetime) -> bool:
        """What one who leaves held: what is promised goes to their cover (true), the rest where it came from."""
        claim = item.claims[-1]
        carried = _carried(claim, now)
        bound = claim.promise or (item.meeting is not None and item.meeting > now)
        heir = self.heir(item) if bound else None
        if heir is not None:
            self.hand_on(item, heir, now)
            return True
        item.end("pooled" if item.desk == "closing" and not (bound or item.lead.hot) else "queued")
        item.carried = carried
        self.follow(item)
        return False

    def follow(self, item: Item) -> None:
        """The lead follows the item that moves it."""
        if item.desk in MOVING and item.open:
            item.lead.state = {"snoozed": "queued", "parked": "queued"}.get(item.state, item.state)

    def cancel_tasks(self, lead: Lead) -> None:
        """What was asked for the last opportunity is not wanted any more."""
        for item in lead.items:
            if item.task == "open" and item.deal == lead.deals:
                item.end("cancelled")
                item.task = "cancelled"

    def close_suppressed(self, lead: Lead) -> None:
        """Nobody may work it any more."""
        for item in lead.items:
            if item.open:
                item.end("cancelled")
                if item.desk == "closing":
                    lead.deal = "lost"
                if item.task:
                    item.task = "cancelled"
        if lead.state in OPEN_LEAD:
            lead.state, lead.outcome, lead.wake_at = "closed", "disqualified", None


def stays(item: Item) -> bool:
    """Whether its claim stays, whatever is next."""
    return item.desk in STAYS


def _carried(claim: Claim, now: datetime) -> Claim | None:
    return claim if claim.next_at is not None and (claim.promise or claim.next_at > now) else None
