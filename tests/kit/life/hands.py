"""The model's reps and their managers: what is pulled, tried, qualified, given back, given to another."""

from datetime import datetime

from kit.life.stock import Stock, stays
from kit.life.terms import FIRST_STEP, SLEEP, TRY_AGAIN
from kit.life.things import MOVING, Item


class Hands(Stock):
    """What reps do with what they hold, and managers with reps."""

    def pull(self, rep: str, desk: str, now: datetime) -> tuple[int, Item | None]:
        """The status, and what is given."""
        if rep in self.away:
            return 409, None
        owed = self._owed(rep, now)
        if owed is not None:
            return 200, owed
        if self.full(rep, desk, now):
            return 409, None
        while (item := self._head(rep, desk, now)) is not None:
            if item.lead.email not in self.suppressed:
                self.grant(item, rep, now)
                return 200, item
            self.close_suppressed(item.lead)
        return 204, None

    def would_wait(self, rep: str, desk: str, now: datetime) -> bool:
        """Whether there is nothing for them, so that a pull waits."""
        mine = self.held_by(rep)
        owed = any(_due(item, now) or item.claims[-1].live for item in mine)
        owed = owed or any(self._covers(rep, item) and _has_come(item, now) for item in self.items)
        return not (owed or rep in self.away or self.full(rep, desk, now) or self._head(rep, desk, now))

    def _owed(self, rep: str, now: datetime) -> Item | None:
        """A promise that is due, their own; whom they were handed over; a promise of one whom they cover."""
        mine = self.held_by(rep)
        due = [item for item in mine if _due(item, now)]
        if due:
            item = min(due, key=lambda item: item.claims[-1].next_at or now)
            item.claims[-1].served = True
            return item
        for item in mine:
            if item.claims[-1].live:
                item.claims[-1].live, item.claims[-1].heartbeat_at = False, now
                return item
        fallen = [item for item in self.items if self._covers(rep, item) and _has_come(item, now)]
        if not fallen:
            return None
        item = min(fallen, key=lambda item: item.claims[-1].next_at or now)
        self.hand_on(item, rep, now)
        self.grant(item, rep, now, served=True)
        return item

    def _covers(self, rep: str, item: Item) -> bool:
        return item.held is not None and item.held.rep in self.away and self.heir(item) == rep

    def _head(self, rep: str, desk: str, now: datetime) -> Item | None:
        """Reserved for the rep, else the first they may have, else the first of the pool, which is released."""
        here = [item for item in self.items if item.desk == desk and item.may_have(rep, now)]
        ready = [item for item in here if item.state == "queued"]
        mine = [item for item in ready if item.mine(rep, now)]
        pooled = [item for item in here if item.state == "pooled"]
        return min(mine or ready or pooled, key=lambda item: item.rank_at, default=None)

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
        claim = item.claims[-1]
        over = claim.next_at is not None and claim.next_at <= now
        first = claim.attempted_at is None
        claim.attempted_at = now
        item.lead.talked |= item.desk == "closing" and not (missed or opt_out)
        item.missed = item.missed + 1 if missed else 0
        if opt_out:
            self._opt_out(item)
        elif next_at is not None and not (stays(item) or promise):
            item.end("snoozed")
            item.next_at = next_at
        elif next_at is not None:
            claim.next_at, claim.promise, claim.served = next_at, promise, False
        elif item.desk == "closing" and first and (claim.next_at is None or over):
            claim.next_at, claim.promise = now + FIRST_STEP, False
        elif missed and not stays(item) and (claim.next_at is None or over):
            self._miss(item, now)
        elif over:
            claim.next_at, claim.promise = None, False
        self.follow(item)

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

    def _opt_out(self, item: Item) -> None:
        item.end("done")
        lead = item.lead
        if item.desk in MOVING:
            lead.state, lead.outcome = "closed", "disqualified"
            if item.desk == "closing":
                lead.deal = "lost"
                self.cancel_tasks(lead)
        elif item.task:
            item.task = "declined"
        self.suppressed.add(lead.email)
        for other in self.leads:
            if other.person == lead.person:
                self.close_suppressed(other)

    def next_step(self, item: Item, now: datetime, at: datetime) -> None:
        claim = item.claims[-1]
        claim.next_at, claim.promise, claim.served, claim.heartbeat_at = at, False, False, now

    def heartbeat(self, item: Item, now: datetime) -> None:
        item.claims[-1].heartbeat_at = now

    def give_back(self, item: Item) -> None:
        item.returned_by.add(item.claims[-1].rep)
        item.end("parked" if item.returned_by >= set(self.reps) else "queued")
        self.follow(item)

    def complete(self, item: Item, outcome: str, now: datetime) -> None:
        item.end("done")
        match outcome:
            case "qualified":
                deal = self.open_deal(item.lead)
                if deal is not None:
                    self.join(item.lead, deal)
                else:
                    self.make_deal(item.lead, now, qualifier=item.claims[-1].rep)
            case "nurture":
                item.lead.state, item.lead.wake_at = "nurturing", now + SLEEP
            case _:
                item.lead.state, item.lead.outcome = "closed", outcome

    def hand_over_live(self, item: Item, waits: str, now: datetime) -> Item:
        """Qualified: to one who waits, if they may have it."""
        item.end("done")
        takes = waits not in self.away and not self.full(waits, "closing", now)
        made = self.make_deal(item.lead, now, qualifier=item.claims[-1].rep, past_pool=takes)
        if takes:
            self.grant(made, waits, now, live=True)
        return made

    def hand_over_booked(self, item: Item, meeting: datetime, now: datetime) -> None:
        """Qualified: with a meeting, past the pool."""
        item.end("done")
        self.make_deal(item.lead, now, qualifier=item.claims[-1].rep, past_pool=True)
        item.lead.booked[item.lead.deals] = meeting

    def requeue(self, item: Item, now: datetime) -> None:
        item.end("queued")
        item.reserve(None, now)
        item.returned_by, item.next_at = set(), None
        self.follow(item)

    def assign(self, item: Item, rep: str, now: datetime) -> None:
        """It is theirs for a day; who holds it keeps it."""
        if item.held is not None and item.held.rep == rep:
            return
        item.end("queued")
        item.reserve(rep, now)
        item.returned_by.discard(rep)
        item.next_at = None
        self.follow(item)

    def leave(self, rep: str, cover: str | None, now: datetime) -> tuple[int, int]:
        """A rep goes for good; how much goes to their cover, and how much back."""
        self.covers.pop(rep, None)
        if cover is not None:
            self.covers[rep] = cover
        self.reps.remove(rep)
        self.away.discard(rep)
        given = [self.give_on(item, now) for item in self.held_by(rep)]
        return sum(given), len(given) - sum(given)


def _due(item: Item, now: datetime) -> bool:
    return not item.claims[-1].served and _has_come(item, now)


def _has_come(item: Item, now: datetime) -> bool:
    """The time of a promise has come."""
    claim = item.claims[-1]
    return claim.promise and claim.next_at is not None and claim.next_at <= now
