"""Stories told by hand: a lead's events, numbered, at times that a test chooses."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.events import customer, lifecycle, opportunity
from schemas.events.stamp import SYSTEM, Actor, LifecycleEvent, Told
from schemas.words import ItemKind, Money, Role

MANAGER = Actor(kind=Role.MANAGER, id="key_mo")
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

    def claimed(self, rep: str = "rep_ann", *, seconds: float = 1, exception: str | None = None) -> "Tale":
        self.rep = rep
        event = lifecycle.ItemClaimed(**self._item(), token=1, why="next", exception=exception)
        return self.tell(event, seconds, self.by())

    def attempted(
        self,
        outcome: str = "no_answer",
        *,
        seconds: float = 60,
        made: float | None = None,
        kind: str | None = None,
        first: bool = True,
    ) -> "Tale":
        item = self._item() | ({"kind": kind} if kind else {})
        event = lifecycle.ItemAttempted(
            **item,
            attempt_id="att_1",
            channel="phone",
            outcome=outcome,
            first=first,
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
        self,
        n: int = 1,
        *,
        seconds: float = 900,
        at: float | None = None,
        amount: int = 1000,
        currency: str = "GBP",
        credit: tuple[opportunity.Credit, ...] = (),
    ) -> "Tale":
        event = opportunity.OpportunityWon(
            **self._opportunity(n),
            value=Money(amount=amount, currency=currency),
            won_at=self.at(seconds if at is None else at),
            credit=credit,
        )
        return self.tell(event, seconds, self.by())

    def corrected(
        self, n: int = 1, *, was: str = "won", to: str = "open", seconds: float = 1100, amount: int = 500
    ) -> "Tale":
        worth = Money(amount=amount, currency="GBP") if to == "won" else None
        event = opportunity.OpportunityCorrected(
            **self._opportunity(n),
            from_=was,
            to=to,
            value=worth,
            reason="price" if to == "lost" else None,
            won_at=self.at(seconds) if to == "won" else None,
        )
        return self.tell(event, seconds, MANAGER)

    def refused(self, n: int = 1, *, seconds: float = 450) -> "Tale":
        """Its closer gives it back to who qualified it."""
        event = opportunity.OpportunityRejected(**self._opportunity(n), reason="not_a_fit")
        return self.tell(event, seconds, self.by())

    def lost(self, n: int = 1, *, seconds: float = 900) -> "Tale":
        event = opportunity.OpportunityLost(**self._opportunity(n), reason="price", reopen_after=None)
        return self.tell(event, seconds, self.by())

    def reopened(self, n: int = 1, *, seconds: float = 1000) -> "Tale":
        return self.tell(opportunity.OpportunityReopened(**self._opportunity(n, "closing/uk", None)), seconds)

    def merged(self, into: int, *, seconds: float = 0.05) -> "Tale":
        return self.tell(lifecycle.LeadMerged(into_lead_id=lead_id(into), matched_by="email"), seconds)

    def unmerged(self, *, seconds: float = 500) -> "Tale":
        return self.tell(lifecycle.LeadUnmerged(), seconds, MANAGER)

    def routed_again(self, *, seconds: float = 500) -> "Tale":
        """A manager wants a rejected lead routed."""
        return self.tell(lifecycle.LeadReleased(), seconds, MANAGER)

    def sold(self, n: int = 1, *, seconds: float = 900, amount: int = 1000) -> "Tale":
        """A won opportunity made a customer."""
        worth = Money(amount=amount, currency="GBP")
        event = customer.CustomerCreated(**self._customer(n, None), closer=self.rep, value=worth)
        return self.tell(event, seconds, self.by())

    def deployed(self, n: int = 1, *, seconds: float = 2000) -> "Tale":
        event = customer.CustomerDeployed(**self._customer(n), closer=None, deployed_at=self.at(seconds))
        return self.tell(event, seconds, self.by())

    def expanded(self, n: int = 1, *, seconds: float = 3000, amount: int = 70, currency: str = "GBP") -> "Tale":
        worth = Money(amount=amount, currency=currency)
        event = customer.CustomerExpanded(**self._customer(n), value=worth, expanded_at=self.at(seconds))
        return self.tell(event, seconds, self.by())

    def renewed(self, n: int = 1, *, seconds: float = 4000, amount: int = 90) -> "Tale":
        worth = Money(amount=amount, currency="GBP")
        until = self.at(seconds + 365 * 86400).date()
        return self.tell(customer.CustomerRenewed(**self._customer(n), value=worth, until=until), seconds, self.by())

    def churned(self, n: int = 1, *, seconds: float = 5000) -> "Tale":
        event = customer.CustomerChurned(
            **self._customer(n), reason="product", churned_at=self.at(seconds), tenure_days=0
        )
        return self.tell(event, seconds, self.by())

    def voided(self, n: int = 1, *, seconds: float = 6000) -> "Tale":
        return self.tell(customer.CustomerVoided(**self._customer(n, None)), seconds, MANAGER)

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

    def _customer(self, n: int, rep: str | None = "rep_eve") -> dict[str, Any]:
        return {"customer_id": f"cus_{self.n}_{n}", "queue": "customer/main", "rep_id": rep}

    def _opportunity(self, n: int, queue: str | None = None, rep: str | None = "") -> dict[str, Any]:
        held = self.rep if rep == "" else rep
        return {"opportunity_id": f"opp_{self.n}_{n}", "queue": queue or self.queue, "rep_id": held}


def all_told(tales: Iterable[Tale]) -> list[Told]:
    """The stories one after the other."""
    return [told for tale in tales for told in tale.told]
