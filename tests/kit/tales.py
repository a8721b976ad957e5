"""Stories told by hand: a lead's events, numbered, at times that a test chooses."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.events import lifecycle, opportunity
from schemas.events.stamp import SYSTEM, Actor, LifecycleEvent, Told
from schemas.words import ItemKind, Money, Role

MONDAY = datetime(2026, 7, 6, 9, 30, tzinfo=UTC)
"""2026-07-06 is a Monday."""
_KIND = {"inbound": "enquiry", "outbound": "prospect", "closing": "opportunity", "customer": "customer"}


def lead_id(n: int) -> str:
    return f"ld_{n:032d}"


class Tale:
    """One lead's story. Times are seconds after `start`, and never run backwards."""

    def __init__(self, n: int = 1, *, start: datetime = MONDAY, test: bool = False) -> None:
        self.id = lead_id(n)
        self.n = n
        self.start = start
        self.test = test
        self.told: list[Told] = []
        self.queue = "inbound/main"
        self.rep: str | None = None

    def at(self, seconds: float) -> datetime:
        return self.start + timedelta(seconds=seconds)

    def tell(self, event: LifecycleEvent, seconds: float, actor: Actor = SYSTEM) -> "Tale":
        at = max([self.at(seconds), *(told.stamp.at for told in self.told[-1:])])
        stamp = {"lead_id": self.id, "seq": len(self.told) + 1, "at": at, "test": self.test, "actor": actor}
        self.told.append(Told.of(event, **stamp))
        return self

    def by(self) -> Actor:
        return Actor(kind=Role.REP, id=self.rep) if self.rep else SYSTEM

    def received(
        self, *, source: str = "web", direction: str = "inbound", list: bool = False, occurred: float | None = None
    ) -> "Tale":
        event = lifecycle.LeadReceived(
            direction=direction,
            source=source,
            list=list,
            captured_at=self.start,
            occurred_at=None if occurred is None else self.at(occurred),
            features=lifecycle.EventFeatures(),
        )
        return self.tell(event, 0.05)

    def decided(
        self,
        queue: str | None = "inbound/main",
        *,
        action: str = "queue",
        segment: str | None = None,
        stage: str = "captured",
        seconds: float = 0.05,
    ) -> "Tale":
        event = lifecycle.LeadDecided(
            decision_id="dec_1",
            policy_version=1,
            rule="enquiry",
            fallback=False,
            action=action,
            qualify="by_rep",
            queue=queue,
            priority="normal",
            segment=segment,
            stage=stage,
        )
        return self.tell(event, seconds)

    def queued(
        self, queue: str = "inbound/main", *, seconds: float = 0.05, due: float | None = 300, cause: str = "decision"
    ) -> "Tale":
        self.queue, self.rep = queue, None
        event = lifecycle.ItemQueued(
            **self._item(),
            priority="normal",
            queued_at=self.at(seconds),
            due_at=None if due is None else self.at(due),
            reserved_for=None,
            cause=cause,
        )
        return self.tell(event, seconds)

    def enquiry(self, *, source: str = "web", segment: str | None = None, due: float | None = 300) -> "Tale":
        """Received, decided, queued."""
        return self.received(source=source).decided(segment=segment).queued(due=due)

    def claimed(self, rep: str = "rep_ann", *, seconds: float = 1) -> "Tale":
        self.rep = rep
        event = lifecycle.ItemClaimed(**self._item(), token=1, why="next", exception=None)
        return self.tell(event, seconds, self.by())

    def attempted(
        self, outcome: str = "no_answer", *, seconds: float = 60, made: float | None = None, kind: str | None = None
    ) -> "Tale":
        item = self._item() | ({"kind": kind} if kind else {})
        event = lifecycle.ItemAttempted(
            **item,
            attempt_id="att_1",
            channel="phone",
            outcome=outcome,
            first=True,
            first_conversation=outcome == "conversation",
            next_at=None,
            promise=False,
            attempted_at=None if made is None else self.at(made),
        )
        return self.tell(event, seconds, self.by())

    def created(
        self,
        n: int = 1,
        *,
        seconds: float = 120,
        qualified_by: str | None = "rep_ann",
        acceptance: str | None = "none",
        queue: str = "closing/uk",
    ) -> "Tale":
        event = opportunity.OpportunityCreated(
            **self._opportunity(n, queue, None),
            product=None,
            qualified_by=qualified_by,
            handover="pool",
            estimate=None,
            acceptance=acceptance,
        )
        return self.tell(event, seconds, self.by())

    def accepted(self, n: int = 1, *, seconds: float = 400) -> "Tale":
        return self.tell(opportunity.OpportunityAccepted(**self._opportunity(n)), seconds, self.by())

    def released(self, n: int = 1, *, seconds: float = 200) -> "Tale":
        where = self._opportunity(n, "closing/uk", None)
        return self.tell(opportunity.OpportunityReleased(**where, cause="level", depth_after=1, target=8), seconds)

    def meeting(
        self,
        n: int = 1,
        *,
        state: str = "held",
        seconds: float = 600,
        planned: float | None = None,
        mode: str = "in_person",
        face_to_face: bool | None = None,
    ) -> "Tale":
        event = opportunity.OpportunityMeeting(
            **self._opportunity(n),
            meeting_id="mtg_1",
            mode=mode,
            scheduled_for=self.at(seconds if planned is None else planned),
            state=state,
            face_to_face=face_to_face,
        )
        return self.tell(event, seconds, self.by())

    def requested(self, n: int = 1, *, seconds: float = 700) -> "Tale":
        event = opportunity.OpportunityProposalRequested(**self._opportunity(n), request_id="prq_1")
        return self.tell(event, seconds, self.by())

    def presented(self, n: int = 1, *, seconds: float = 800) -> "Tale":
        worth = Money(amount=100, currency="GBP")
        event = opportunity.OpportunityProposalPresented(**self._opportunity(n), proposal_id="prp_1", value=worth)
        return self.tell(event, seconds, self.by())

    def won(
        self, n: int = 1, *, seconds: float = 900, at: float | None = None, amount: int = 1000, currency: str = "GBP"
    ) -> "Tale":
        event = opportunity.OpportunityWon(
            **self._opportunity(n),
            value=Money(amount=amount, currency=currency),
            won_at=self.at(seconds if at is None else at),
            credit=(),
        )
        return self.tell(event, seconds, self.by())

    def lost(self, n: int = 1, *, seconds: float = 900) -> "Tale":
        event = opportunity.OpportunityLost(**self._opportunity(n), reason="price", reopen_after=None)
        return self.tell(event, seconds, self.by())

    def reopened(self, n: int = 1, *, seconds: float = 1000) -> "Tale":
        return self.tell(opportunity.OpportunityReopened(**self._opportunity(n, "closing/uk", None)), seconds)

    def merged(self, into: int, *, seconds: float = 0.05) -> "Tale":
        return self.tell(lifecycle.LeadMerged(into_lead_id=lead_id(into), matched_by="email"), seconds)

    def rejected(self, *, seconds: float = 0.05) -> "Tale":
        return self.tell(lifecycle.LeadRejected(reason="spam"), seconds)

    def nurtured(self, *, seconds: float = 0.05) -> "Tale":
        return self.tell(lifecycle.LeadNurtured(until=self.at(90 * 86400)), seconds, self.by())

    def closed(self, outcome: str = "disqualified", *, seconds: float = 1000) -> "Tale":
        return self.tell(lifecycle.LeadClosed(outcome=outcome, reason="no_need"), seconds, self.by())

    def item(self, event: type[lifecycle.ItemEvent], *, seconds: float, **more: Any) -> "Tale":
        """Any other event of its item."""
        return self.tell(event(**self._item(), **more), seconds, self.by())

    def _item(self) -> dict[str, Any]:
        kind = ItemKind(_KIND[self.queue.partition("/")[0]])
        return {"item_id": f"itm_{self.n}_{kind}", "kind": kind, "queue": self.queue, "rep_id": self.rep}

    def _opportunity(self, n: int, queue: str | None = None, rep: str | None = "") -> dict[str, Any]:
        held = self.rep if rep == "" else rep
        return {"opportunity_id": f"opp_{self.n}_{n}", "queue": queue or self.queue, "rep_id": held}


def all_told(tales: Iterable[Tale]) -> list[Told]:
    """The stories one after the other."""
    return [told for tale in tales for told in tale.told]
