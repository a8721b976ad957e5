"""Work on an item by its holder, or by a manager: all that an act may read or change, locked and at hand."""

from dataclasses import dataclass
from typing import Any

from router.lifecycle import Act
from router.policy.compiled import Policy
from schemas.events.lifecycle import LeadClosed
from schemas.events.opportunity import OpportunityAccepted
from schemas.events.stamp import Actor
from schemas.words import ItemId, LeadId, LeadOutcome, RepId, Stage
from services.runtime.tx import Tx
from services.store import holding, items, opportunities
from services.store.items import Claim, Item
from services.store.opportunities import Opportunity
from services.store.story import Stories, Story


@dataclass(frozen=True, slots=True)
class Work:
    """An item, locked with its lead; who holds it, if anybody; its opportunity, if it is of one; and who acts."""

    tx: Tx
    stories: Stories
    story: Story
    policy: Policy
    actor: Actor
    item: Item
    claim: Claim | None
    opportunity: Opportunity | None

    @property
    def held(self) -> Claim:
        """The claim, where an act is a holder's."""
        assert self.claim is not None, "only what is held is worked so"
        return self.claim

    @property
    def rep(self) -> RepId | None:
        """Who holds it."""
        return None if self.claim is None else self.claim.rep_id

    @property
    def deal(self) -> Opportunity:
        """The opportunity, where an act is on one."""
        assert self.opportunity is not None, "only an opportunity is worked so"
        return self.opportunity

    def on_item(self) -> dict[str, Any]:
        """What an event of the held item says of it."""
        return {**items.of_item(self.item), "claim_id": self.held.id, "rep_id": self.held.rep_id}

    def on_deal(self) -> dict[str, Any]:
        """What an event of the opportunity says of it."""
        return {"opportunity_id": self.deal.id, "queue": self.item.queue, "rep_id": self.rep}

    async def progress(self, stage: Stage, *, accepts: bool, **columns: Any) -> None:
        """The opportunity has come as far as `stage`. What `accepts` it does so once: credit needs it."""
        if accepts and self.deal.accepted_at is None:
            self.story.tell(OpportunityAccepted(**self.on_deal()), self.actor)
            columns["accepted_at"] = self.tx.now
        columns["stage"] = opportunities.further(self.deal, stage)
        await opportunities.change(self.tx, self.deal.id, **columns)

    async def alive(self, **columns: Any) -> None:
        """What is done with a held item is a sign of life, as a heartbeat is; booked meetings may have changed."""
        if self.claim is not None:
            alive = {"heartbeat_at": self.tx.now, **columns}
            await holding.extend(self.tx, self.policy, self.claim, self.item.opportunity_id, **alive)

    async def finish(
        self, act: Act, *, ended_by: dict[str, Any] | None = None, note: str | None = None, **detail: Any
    ) -> Item:
        """End the item, and the claim on it."""
        return await items.apply(
            self.tx,
            self.story,
            self.item,
            act,
            self.actor,
            claim=self.claim,
            detail=detail,
            ended_by=ended_by,
            note=note,
        )

    def close(self, outcome: LeadOutcome, reason: str | None, **columns: Any) -> None:
        """Close the lead, and set columns of it."""
        self.story.move(Act.CLOSE, self.actor, outcome=outcome.value, reason=reason, **columns)
        self.story.tell(LeadClosed(outcome=outcome, reason=reason), self.actor)


async def lock(tx: Tx, stories: Stories, policy: Policy, actor: Actor, lead: LeadId, item: ItemId) -> Work:
    """Lock a lead and an item of it, and read what stands under these locks."""
    story = await stories.lock(lead)
    locked = await items.lock(tx, item)
    assert locked is not None, "an item is never deleted"
    claim = await holding.of_item(tx, item)
    opportunity = await opportunities.find(tx, locked.opportunity_id) if locked.opportunity_id else None
    return Work(tx, stories, story, policy, actor, locked, claim, opportunity)


async def lock_deal(tx: Tx, stories: Stories, policy: Policy, actor: Actor, found: Opportunity) -> Work:
    """Lock the lead of an opportunity, and the item that it has under this lock: reopened, it has another."""
    await stories.lock(found.lead_id)
    current = await opportunities.find(tx, found.id)
    assert current is not None, "an opportunity is never deleted"
    return await lock(tx, stories, policy, actor, found.lead_id, current.item_id)
