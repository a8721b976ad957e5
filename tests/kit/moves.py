"""Which arrows of the machines were gone, while a test watched."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from router.lifecycle import CLAIM, ITEM, LEAD, MACHINES, MEETING, OPPORTUNITY, Act
from services.store import claims, items, meetings, opportunities
from services.store.story import Story

Arrow = tuple[str, Act, str]
"""Machine, act, the state it left."""

ALL: frozenset[Arrow] = frozenset(
    (machine.name, move.act, state.value) for machine in MACHINES for move in machine.moves for state in move.sources
)


@dataclass
class Gone:
    """The arrows that were gone."""

    arrows: set[Arrow] = field(default_factory=set)

    @property
    def missing(self) -> frozenset[Arrow]:
        return ALL - self.arrows


@contextmanager
def watched(patch: pytest.MonkeyPatch) -> Iterator[Gone]:
    """Watch the functions of the store that move things; what raised did not go."""
    gone = Gone()
    moved, applied, granted = Story.move, items.apply, claims._granted
    deals, met = opportunities.move, meetings._changed

    def move(self: Story, act: Act, *given: Any, **columns: Any) -> None:
        before = self.state
        moved(self, act, *given, **columns)
        gone.arrows.add((LEAD.name, act, before.value))

    async def apply(tx: Any, story: Story, item: items.Item, act: Act, *given: Any, **more: Any) -> items.Item:
        lead, claim = story.state, more.get("claim")
        result = await applied(tx, story, item, act, *given, **more)
        gone.arrows.add((ITEM.name, act, item.state.value))
        if claim is not None:
            gone.arrows.add((CLAIM.name, act, claim.state.value))
        if item.kind in items.LEAD_KINDS and LEAD.move(lead, act) is not None:
            gone.arrows.add((LEAD.name, act, lead.value))
        return result

    async def grant(tx: Any, story: Story, rep: Any, item: items.Item, claim: items.Claim) -> None:
        await granted(tx, story, rep, item, claim)
        gone.arrows.add((ITEM.name, Act.CLAIM, item.state.value))

    async def deal(tx: Any, story: Any, opportunity: Any, act: Act, *given: Any, **columns: Any) -> None:
        await deals(tx, story, opportunity, act, *given, **columns)
        gone.arrows.add((OPPORTUNITY.name, act, opportunity.state.value))

    async def meet(work: Any, meeting: meetings.Meeting, act: Act, **columns: Any) -> meetings.Meeting:
        result = await met(work, meeting, act, **columns)
        gone.arrows.add((MEETING.name, act, meeting.state.value))
        return result

    with patch.context() as patched:
        patched.setattr(Story, "move", move)
        patched.setattr(items, "apply", apply)
        patched.setattr(claims, "_granted", grant)
        patched.setattr(opportunities, "move", deal)
        patched.setattr(meetings, "_changed", meet)
        yield gone
