"""What the model is made of: leads, their items, and reps' claims on these."""

from dataclasses import dataclass, field
from datetime import datetime

from kit.life.terms import ANSWER, DAY, GRACE, LEASE

MOVING = ("inbound", "closing")
"""The desks whose work moves the lead."""
STAYS = ("closing", "customer")
"""Those whose claims stay, whatever is next."""
OPEN_LEAD = ("queued", "pooled", "claimed", "nurturing")
"""The states of a lead into which another of its person is merged."""


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

    def expires_at(self, desk: str, meeting: datetime | None = None) -> datetime:
        """When it ends by itself; `meeting`: when one is booked."""
        if self.live:
            return self.granted_at + ANSWER
        ahead = [moment for moment in (self.next_at, meeting) if moment is not None]
        if ahead and max(ahead) + GRACE[desk] > self.granted_at:
            return max(ahead) + GRACE[desk]
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
    carried: Claim | None = None
    """With whose next step whoever has it next goes on."""

    @property
    def held(self) -> Claim | None:
        return self.claims[-1] if self.claims and self.claims[-1].active else None

    @property
    def meeting(self) -> datetime | None:
        """When the one is that is booked for its opportunity."""
        return self.lead.booked.get(self.deal) if self.desk == "closing" else None

    @property
    def ends_at(self) -> datetime | None:
        """When its claim ends by itself."""
        return None if self.held is None else self.held.expires_at(self.desk, self.meeting)

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

    def reserve(self, rep: str | None, now: datetime) -> None:
        """It is theirs for a day, or anyone's."""
        self.reserved_for, self.reserved_until = rep, None if rep is None else now + DAY

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
    company: str | None = None
    into: "Lead | None" = None
    """Where it was merged."""
    by_account: bool = False
    """It was merged since its company is dealt with already."""
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
    booked: dict[int, datetime] = field(default_factory=dict)
    """The meetings that are booked, by the number of the opportunity."""

    @property
    def item(self) -> Item:
        """That which moves the lead."""
        return [item for item in self.items if item.desk in MOVING][-1]
