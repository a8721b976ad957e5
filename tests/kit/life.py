"""A simple model of the desks: what should lie where, and what each caller should be answered. No SQL, no events."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
POLICY = """
version: 1
currency: GBP
timezone: UTC
calendars: {always: {zone: UTC, hours: always}}
rank_credit: {list: 0h, normal: 1h, high: 1d, hot: 7d}
reopen_within: 12h
sources: {web: {cadence: {after: [1h], then: unreached}}}
rules:
  - {name: ready, when: {intent: buy}, then: {qualify: auto, priority: hot, queue: closing/uk}}
  - {name: trial, when: {intent: trial}, then: {qualify: bypass, queue: closing/uk}}
  - {name: asleep, when: {intent: asleep}, then: {nurture: 2h}}
fallback: {inbound: inbound/main, outbound: outbound/main, handover: closing/uk}
tasks: {quote: service/main}
desks:
  inbound: {queues: {main: {calendar: always, in_hand: 2, lease: 1h, grace: 30m}}}
  outbound: {queues: {main: {calendar: always, lease: 1h}}}
  closing:
    queues:
      uk:
        {calendar: always, in_hand: 2, open: 3, lease: 4h, grace: 2h, next_step: 6h,
         release: {at: "08:30", buffer: {fixed: 1}}}
  customer: {queues: {main: {calendar: always, lease: 4h, grace: 2h}}}
  service: {queues: {main: {calendar: always, lease: 2h}}}
"""
LEASE = {"inbound": HOUR, "closing": 4 * HOUR, "customer": 4 * HOUR, "service": 2 * HOUR}
GRACE = {"inbound": HOUR / 2, "closing": 2 * HOUR, "customer": 2 * HOUR, "service": 2 * HOUR}
MOVING = ("inbound", "closing")
"""The desks whose work moves the lead."""
STAYS = ("closing", "customer")
"""Those whose claims stay, whatever is next."""
IN_HAND = {"inbound": 2, "closing": 2}
OPEN = {"closing": 3}
TARGET = 1
FIRST_STEP = 6 * HOUR
SLEEP = 2 * HOUR
REOPEN_WITHIN = 12 * HOUR
TRY_AGAIN = HOUR
DAY = 24 * HOUR
ANSWER = timedelta(seconds=20)


@dataclass(eq=False)
class Claim:
    """A rep's hold."""

    rep: str
    granted_at: datetime
    active: bool = True
    heartbeat_at: datetime | None = None
    attempted_at: datetime | None = None
    next_at: datetime | None = None
    promise: bool = False
    served: bool = False
    live: bool = False
    """Handed over, and not yet given by a pull."""

    def expires_at(self, desk: str) -> datetime:
        if self.live:
            return self.granted_at + ANSWER
        if self.next_at is not None and self.next_at + GRACE[desk] > self.granted_at:
            return self.next_at + GRACE[desk]
        signs = (self.granted_at, self.heartbeat_at, self.attempted_at)
        return max(sign for sign in signs if sign is not None) + LEASE[desk]


@dataclass(eq=False)
class Item:
    """Work for a desk, of a lead."""

    lead: "Lead"
    desk: str
    state: str
    rank_at: datetime
    deal: int = 0
    """Of which of its lead's opportunities it is; 0: of none."""
    task: str | None = None
    """The state of what was asked for by it."""
    returned_by: set[str] = field(default_factory=set)
    reserved_for: str | None = None
    reserved_until: datetime | None = None
    next_at: datetime | None = None
    claims: list[Claim] = field(default_factory=list)
    missed: int = 0
    """How many attempts in a row reached nobody."""

    @property
    def held(self) -> Claim | None:
        return self.claims[-1] if self.claims and self.claims[-1].active else None

    @property
    def open(self) -> bool:
        return self.state not in ("done", "cancelled")

    @property
    def token(self) -> int:
        """Of the last claim: they go on from item to item of one opportunity."""
        mine = [item for item in self.lead.items if item.desk == "closing" and item.deal == self.deal]
        before = mine if self.desk == "closing" else [self]
        return sum(len(item.claims) for item in before[: before.index(self) + 1])

    def end(self, state: str) -> None:
        """End the item, or put it back; a claim on it ends."""
        if self.held:
            self.claims[-1].active = False
        self.state = state

    def mine(self, rep: str, now: datetime) -> bool:
        return self.reserved_for == rep and self.reserved_until is not None and self.reserved_until > now

    def may_have(self, rep: str, now: datetime) -> bool:
        free = self.reserved_for is None or self.mine(rep, now) or (self.reserved_until or now) <= now
        return rep not in self.returned_by and free


@dataclass(eq=False)
class Lead:
    """A lead, by its id."""

    id: str
    email: str
    person: str
    intent: str
    state: str = "received"
    outcome: str | None = None
    items: list[Item] = field(default_factory=list)
    deal: str | None = None
    deals: int = 0
    """How many opportunities it has had."""
    hot: bool = False
    qualifier: str | None = None
    talked: bool = False
    accepted: bool = False
    customers: list[str] = field(default_factory=list)
    """Their states."""
    closer: str | None = None
    reopen_at: datetime | None = None
    lost_at: datetime | None = None
    wake_at: datetime | None = None

    @property
    def item(self) -> Item:
        """That which moves the lead."""
        return [item for item in self.items if item.desk in MOVING][-1]


@dataclass
class Model:
    """All that there is."""

    reps: list[str]
    leads: list[Lead] = field(default_factory=list)
    suppressed: set[str] = field(default_factory=set)
    """E-mails."""
    persons: dict[str, list[str]] = field(default_factory=dict)
    """By e-mail, the oldest first: several where a manager has parted them."""
    erased: list[str] = field(default_factory=list)
    """Leads."""
    away: set[str] = field(default_factory=set)
    covers: dict[str, str] = field(default_factory=dict)
    """Who covers for whom, while these are away."""

    # --- what callers do -------------------------------------------------------------------------------------------

    def post(self, id_: str, email: str, intent: str, now: datetime) -> None:
        theirs = self.persons.setdefault(email, [])
        before = self.open_lead(theirs)
        if not theirs:
            theirs.append(f"{id_} {email}")
        lead = Lead(id_, email, before.person if before else theirs[0], intent)
        lost = self._lost_lately(lead.person, now)
        self.leads.append(lead)
        if email in self.suppressed:
            lead.state = "rejected"
        elif before is not None:
            lead.state = "merged"
            if before.state == "nurturing":
                before.intent = intent
                self._decide(before, now)
        elif lost is not None:
            lead.state = "merged"
            self._reopen(lost, now)
        else:
            self._decide(lead, now)

    def unmerge(self, lead: Lead, now: datetime) -> None:
        """It is somebody else's, of the same e-mail."""
        lead.person = f"{lead.id} {lead.email}"
        self.persons[lead.email].append(lead.person)
        if lead.email in self.suppressed:
            lead.state = "rejected"
        else:
            self._decide(lead, now)

    def erase(self, person: str) -> None:
        """Nothing is known of them any more; their open work is gone."""
        gone = [lead for lead in self.leads if lead.person == person]
        self.erased += [lead.id for lead in gone]
        self.leads = [lead for lead in self.leads if lead not in gone]
        self.persons[gone[0].email].remove(person)

    def pull(self, rep: str, desk: str, now: datetime) -> tuple[int, Item | None]:
        """The status, and what is given."""
        if rep in self.away:
            return 409, None
        mine = [item for item in self._items() if item.held and item.held.rep == rep]
        due = [item for item in mine if _due(item, now)]
        if due:
            item = min(due, key=lambda item: item.claims[-1].next_at or now)
            item.claims[-1].served = True
            return 200, item
        fallen = [item for item in self._items() if self._covers(rep, item) and _has_come(item, now)]
        if fallen:
            item = min(fallen, key=lambda item: item.claims[-1].next_at or now)
            at = item.claims[-1].next_at
            item.end("claimed")
            item.claims.append(Claim(rep, now, next_at=at, promise=True, served=True))
            if item.desk == "closing":
                item.lead.closer = rep
            return 200, item
        handed = [item for item in mine if item.claims[-1].live]
        if handed:
            handed[0].claims[-1].live, handed[0].claims[-1].heartbeat_at = False, now
            return 200, handed[0]
        if self._full(rep, desk, now):
            return 409, None
        while (item := self._head(rep, desk, now)) is not None:
            if item.lead.email not in self.suppressed:
                item.state = "claimed"
                item.reserved_for = item.reserved_until = None
                item.claims.append(Claim(rep, now))
                if desk == "closing":
                    item.lead.closer = rep
                self._follow(item)
                return 200, item
            self._suppressed(item.lead)
        return 204, None

    def attempt(
        self,
        item: Item,
        now: datetime,
        *,
        next_at: datetime | None = None,
        promise: bool = False,
        opt_out: bool = False,
        missed: bool = False,
    ) -> None:
        claim, stays = item.claims[-1], item.desk in STAYS
        over = claim.next_at is not None and claim.next_at <= now
        first = claim.attempted_at is None
        claim.attempted_at = now
        item.lead.talked |= item.desk == "closing" and not (missed or opt_out)
        item.missed = item.missed + 1 if missed else 0
        if opt_out:
            self._opt_out(item)
        elif next_at is not None and not (stays or promise):
            item.end("snoozed")
            item.next_at = next_at
        elif next_at is not None:
            claim.next_at, claim.promise, claim.served = next_at, promise, False
        elif item.desk == "closing" and first and (claim.next_at is None or over):
            claim.next_at, claim.promise = now + FIRST_STEP, False
        elif missed and not stays and (claim.next_at is None or over):
            self._miss(item, now)
        elif over:
            claim.next_at, claim.promise = None, False
        self._follow(item)

    def next_step(self, item: Item, now: datetime, at: datetime) -> None:
        claim = item.claims[-1]
        claim.next_at, claim.promise, claim.served, claim.heartbeat_at = at, False, False, now

    def heartbeat(self, item: Item, now: datetime) -> None:
        item.claims[-1].heartbeat_at = now

    def give_back(self, item: Item) -> None:
        item.returned_by.add(item.claims[-1].rep)
        item.end("parked" if item.returned_by >= set(self.reps) else "queued")
        self._follow(item)

    def complete(self, item: Item, outcome: str, now: datetime) -> None:
        item.end("done")
        match outcome:
            case "qualified":
                self._deal(item.lead, now, qualifier=item.claims[-1].rep)
            case "nurture":
                item.lead.state, item.lead.wake_at = "nurturing", now + SLEEP
            case _:
                item.lead.state, item.lead.outcome = "closed", outcome

    def hand_over(self, item: Item, waits: str, now: datetime) -> Item:
        """Qualified, live: to one who waits, if they may have it."""
        self.complete(item, "qualified", now)
        made = item.lead.items[-1]
        if waits not in self.away and not self._full(waits, "closing", now):
            made.state, item.lead.closer = "claimed", waits
            made.claims.append(Claim(waits, now, live=True))
            self._follow(made)
        return made

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
        self._cancel_tasks(lead)

    def accept(self, item: Item) -> bool:
        item.lead.accepted |= item.lead.talked
        return item.lead.accepted

    def reject(self, item: Item, now: datetime) -> bool:
        """Back to its qualifier, or the fallback, as old as it was."""
        lead = item.lead
        if lead.accepted or not lead.talked:
            return False
        item.end("done")
        self._cancel_tasks(lead)
        was = [each for each in lead.items if each.desk == "inbound"][-1] if lead.qualifier else item
        back = Item(lead, "inbound", "queued", was.rank_at)
        self._first_right(back, lead.qualifier, now)
        lead.items.append(back)
        lead.state, lead.deal = "queued", "rejected"
        return True

    def reopen(self, lead: Lead, now: datetime) -> bool:
        if lead.deal != "lost" or lead.email in self.suppressed:
            return False
        self._reopen(lead, now)
        return True

    def correct(self, lead: Lead, to: str, now: datetime, *, same: bool) -> bool:
        """From open, won or lost to another of these; the `same` is no change, another loss is one for good."""
        if lead.deal == to:
            if not same:
                lead.outcome, lead.reopen_at, lead.lost_at = "lost", None, now
            return True
        if lead.deal == "rejected" or (to == "open" and lead.email in self.suppressed):
            return False
        if lead.deal == "won":
            self._gone(lead, "void")
        if lead.item.open:
            lead.item.end("done" if lead.item.held else "cancelled")
        lead.reopen_at = None
        match to:
            case "open":
                self._reopen(lead, now)
            case "won":
                lead.state, lead.outcome, lead.deal, lead.accepted = "closed", "won", "won", True
                self._customer(lead, now)
            case _:
                lead.state, lead.outcome, lead.deal, lead.lost_at = "closed", "lost", "lost", now
                self._cancel_tasks(lead)
        return True

    def ask(self, item: Item, now: datetime) -> Item:
        """Ask the service desk for something that an opportunity needs."""
        credit = timedelta(days=7) if item.lead.hot else HOUR
        asked = Item(item.lead, "service", "queued", now - credit, deal=item.deal, task="open")
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

    def requeue(self, item: Item) -> None:
        item.end("queued")
        item.returned_by, item.reserved_for, item.reserved_until, item.next_at = set(), None, None, None
        self._follow(item)

    # --- what time does --------------------------------------------------------------------------------------------

    def work(self, now: datetime) -> None:
        """Claims end, sleepers wake, nurtured and lost leads come back, the pool is released."""
        for item in self._items():
            if item.held and item.held.expires_at(item.desk) <= now:
                heir = self._heir(item)
                item.end("parked" if item.held.attempted_at and heir is None else "queued")
                if item.claims[-1].attempted_at:
                    self._reserve(item, heir, now)
                self._follow(item)
        for item in self._items():
            if item.state == "snoozed" and item.next_at is not None and item.next_at <= now:
                item.state, item.next_at = "queued", None
        for lead in self.leads:
            if lead.state == "nurturing" and lead.wake_at is not None and lead.wake_at <= now:
                self._decide(lead, now)
        for lead in self.leads:
            if lead.deal == "lost" and lead.reopen_at is not None and lead.reopen_at <= now:
                self._reopen(lead, now)
        for item in self._items():
            step = item.held.next_at if item.held and not item.held.promise else None
            if step is not None and step <= now and item.claims[-1].rep in self.away and self._heir(item):
                heir = self._heir(item)
                item.end("queued")
                self._reserve(item, heir, now)
                self._follow(item)
        while pool := [item for item in self._items() if item.state == "pooled"]:
            if sum(item.state == "queued" and item.desk == "closing" for item in self._items()) >= TARGET:
                break
            head = min(pool, key=lambda item: item.rank_at)
            if head.lead.email in self.suppressed:
                self._suppressed(head.lead)
            else:
                head.state = "queued"
                self._follow(head)

    # --- how -------------------------------------------------------------------------------------------------------

    def open_lead(self, persons: Collection[str]) -> Lead | None:
        """That into which a new one of one of these persons is merged."""
        open_states = ("queued", "pooled", "claimed", "nurturing")
        return next((lead for lead in self.leads if lead.person in persons and lead.state in open_states), None)

    def _lost_lately(self, person: str, now: datetime) -> Lead | None:
        """What they lost last, if it opens again when they come again."""
        lost = [lead for lead in self.leads if lead.person == person and lead.outcome == "lost" and lead.lost_at]
        lately = [lead for lead in lost if lead.lost_at and lead.lost_at >= now - REOPEN_WITHIN]
        return max(lately, key=lambda lead: lead.lost_at or now, default=None)

    def moments(self, now: datetime) -> list[datetime]:
        """When what lies ahead falls due, the soonest first."""
        found = [moment for lead in self.leads for moment in (lead.wake_at, lead.reopen_at)]
        for item in self._items():
            found += [item.next_at, item.reserved_until]
            if item.held:
                found += [item.held.next_at, item.held.expires_at(item.desk)]
        return sorted({moment for moment in found if moment is not None and moment > now})

    def held_by(self, rep: str) -> list[Item]:
        return [item for item in self._items() if item.held and item.held.rep == rep]

    def _items(self) -> list[Item]:
        return [item for lead in self.leads for item in lead.items]

    def _decide(self, lead: Lead, now: datetime) -> None:
        lead.wake_at = None
        match lead.intent:
            case "asleep":
                lead.state, lead.wake_at = "nurturing", now + SLEEP
            case "buy":
                lead.hot = True
                self._deal(lead, now)
            case "trial":
                lead.hot = False
                self._deal(lead, now)
            case _:
                lead.hot = False
                lead.state = "queued"
                item = Item(lead, "inbound", "queued", now - HOUR)
                held = [claim for each in lead.items if each.desk in MOVING for claim in each.claims]
                last = max(held, key=lambda claim: claim.granted_at, default=None)
                self._first_right(item, last and last.rep, now)
                lead.items.append(item)

    def _deal(self, lead: Lead, now: datetime, *, qualifier: str | None = None) -> None:
        lead.deal, lead.state, lead.deals = "open", "queued" if lead.hot else "pooled", lead.deals + 1
        lead.qualifier, lead.closer, lead.talked, lead.accepted = qualifier, None, False, False
        credit = timedelta(days=7) if lead.hot else HOUR
        lead.items.append(Item(lead, "closing", lead.state, now - credit, deal=lead.deals))

    def _customer(self, lead: Lead, now: datetime) -> None:
        lead.customers.append("onboarding")
        lead.items.append(Item(lead, "customer", "queued", now - HOUR))

    def _gone(self, lead: Lead, state: str) -> None:
        """The last customer is one no more."""
        lead.customers[-1] = state
        item = [each for each in lead.items if each.desk == "customer"][-1]
        if item.open:
            item.end("done" if item.held else "cancelled")

    def _cancel_tasks(self, lead: Lead) -> None:
        """What was asked for the last opportunity is not wanted any more."""
        for item in lead.items:
            if item.task == "open" and item.deal == lead.deals:
                self.end_task(item, "cancelled")

    def _first_right(self, item: Item, rep: str | None, now: datetime) -> None:
        if rep and rep not in self.away:
            item.reserved_for, item.reserved_until = rep, now + timedelta(days=1)

    def _reopen(self, lead: Lead, now: datetime) -> None:
        lead.reopen_at = None
        if lead.email in self.suppressed:
            return
        credit = timedelta(days=7) if lead.hot else HOUR
        item = Item(lead, "closing", "queued", now - credit, deal=lead.deals)
        self._first_right(item, lead.closer, now)
        lead.items.append(item)
        lead.deal, lead.state, lead.outcome = "open", "queued", None

    def _full(self, rep: str, desk: str, now: datetime) -> bool:
        here = [item.claims[-1] for item in self.held_by(rep) if item.desk == desk]
        in_hand = [claim for claim in here if claim.next_at is None or claim.next_at <= now]
        return len(in_hand) >= IN_HAND.get(desk, 99) or len(here) >= OPEN.get(desk, 99)

    def _head(self, rep: str, desk: str, now: datetime) -> Item | None:
        """Reserved for the rep, else the first they may have, else the first of the pool, which is released."""
        here = [item for item in self._items() if item.desk == desk and item.may_have(rep, now)]
        ready = [item for item in here if item.state == "queued"]
        mine = [item for item in ready if item.mine(rep, now)]
        pooled = [item for item in here if item.state == "pooled"]
        return min(mine or ready or pooled, key=lambda item: item.rank_at, default=None)

    def _miss(self, item: Item, now: datetime) -> None:
        """Nobody was reached: tried again once, then unreached."""
        if item.missed > 1 and item.task:
            item.claims[-1].next_at, item.claims[-1].promise = None, False
        elif item.missed > 1:
            item.end("done")
            item.lead.state, item.lead.outcome = "closed", "unreached"
        else:
            item.end("snoozed")
            item.next_at = now + TRY_AGAIN

    def _heir(self, item: Item) -> str | None:
        """Who covers for the holder of an item, if they are there and did not return it."""
        heir = self.covers.get(item.claims[-1].rep)
        return None if heir in self.away or heir in item.returned_by else heir

    def _covers(self, rep: str, item: Item) -> bool:
        return item.held is not None and item.held.rep in self.away and self._heir(item) == rep

    def _reserve(self, item: Item, heir: str | None, now: datetime) -> None:
        if heir is not None:
            item.reserved_for, item.reserved_until = heir, now + DAY

    def _opt_out(self, item: Item) -> None:
        item.end("done")
        lead = item.lead
        if item.desk in MOVING:
            lead.state, lead.outcome = "closed", "disqualified"
            if item.desk == "closing":
                lead.deal = "lost"
                self._cancel_tasks(lead)
        elif item.task:
            item.task = "declined"
        self.suppressed.add(lead.email)
        for other in self.leads:
            if other.person == lead.person:
                self._suppressed(other)

    def _suppressed(self, lead: Lead) -> None:
        for item in lead.items:
            if item.open:
                item.end("cancelled")
                if item.desk == "closing":
                    lead.deal = "lost"
                if item.task:
                    item.task = "cancelled"
        if lead.state in ("queued", "pooled", "claimed", "nurturing"):
            lead.state, lead.outcome = "closed", "disqualified"

    def _follow(self, item: Item) -> None:
        """The lead follows the item that moves it."""
        if item.desk in MOVING and item.open:
            item.lead.state = {"snoozed": "queued", "parked": "queued"}.get(item.state, item.state)


def _due(item: Item, now: datetime) -> bool:
    return not item.claims[-1].served and _has_come(item, now)


def _has_come(item: Item, now: datetime) -> bool:
    """The time of a promise has come."""
    claim = item.claims[-1]
    return claim.promise and claim.next_at is not None and claim.next_at <= now
