"""A simple model of the desks: what should lie where, and what each caller should be answered. No SQL, no events."""

from datetime import datetime

from kit.life.deals import Deals
from kit.life.hands import Hands
from kit.life.people import People
from kit.life.terms import DAY
from kit.life.things import Item


class Model(Hands, Deals, People):
    """All that there is, and what time does to it."""

    def work(self, now: datetime) -> None:
        """Claims end, sleepers wake, nurtured and lost leads come back, the pool is released."""
        for item in self.items:
            if item.ends_at is not None and item.ends_at <= now:
                self._expire(item, now)
        for item in self.items:
            if item.state == "snoozed" and item.next_at is not None and item.next_at <= now:
                item.state, item.next_at = "queued", None
        for lead in self.leads:
            if lead.state == "nurturing" and lead.wake_at is not None and lead.wake_at <= now:
                self.decide_again(lead, now)
        for lead in self.leads:
            if lead.deal == "lost" and lead.reopen_at is not None and lead.reopen_at <= now:
                self.open_again(lead, now)
        for item in self.items:
            if item.held and item.held.rep in self.away and _falls_to_a_cover(item, now):
                heir = self.heir(item)
                if heir is not None:
                    self.hand_on(item, heir, now)
        self._release()

    def _expire(self, item: Item, now: datetime) -> None:
        heir, tried = self.heir(item), item.claims[-1].attempted_at is not None
        item.end("parked" if tried and heir is None else "queued")
        if tried and heir is not None:
            item.reserve(heir, now)
        self.follow(item)

    def _release(self) -> None:
        while pool := [item for item in self.items if item.state == "pooled"]:
            depth = sum(item.state == "queued" and item.desk == "closing" for item in self.items)
            if depth >= self.terms.buffer:
                break
            head = min(pool, key=lambda item: item.rank_at)
            if head.lead.email in self.suppressed:
                self.close_suppressed(head.lead)
            else:
                head.state = "queued"
                self.follow(head)

    def moments(self, now: datetime) -> list[datetime]:
        """When what lies ahead falls due, the soonest first."""
        found = [moment for lead in self.leads for moment in (lead.wake_at, lead.reopen_at)]
        for item in self.items:
            found += [item.next_at, item.reserved_until, item.ends_at]
            if item.held:
                found.append(item.held.next_at)
        return sorted({moment for moment in found if moment is not None and moment > now})


def _falls_to_a_cover(item: Item, now: datetime) -> bool:
    """A next step that is due and was not promised, or a meeting within a day."""
    claim = item.claims[-1]
    step = claim.next_at is not None and claim.next_at <= now and not claim.promise
    return step or (item.meeting is not None and now <= item.meeting <= now + DAY)
