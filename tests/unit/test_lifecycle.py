"""The machines themselves: closed, without a state that nothing reaches, and with one arrow for each state and act."""

from collections import Counter
from enum import StrEnum

import pytest

from router.lifecycle import CLAIM, CUSTOMER, ITEM, LEAD, MACHINES, MEETING, OPPORTUNITY, TASK, Machine, lead_of
from schemas.words import (
    ClaimState,
    CustomerState,
    ItemState,
    LeadState,
    MeetingState,
    OpportunityState,
    TaskState,
)

machines = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)


@machines
def test_a_state_and_an_act_have_one_arrow_at_most(machine: Machine[StrEnum]) -> None:
    arrows = Counter((source, move.act) for move in machine.moves for source in move.sources)
    assert set(arrows.values()) == {1}


@machines
def test_every_state_is_reached_from_where_it_begins(machine: Machine[StrEnum]) -> None:
    reached = set(machine.born)
    while further := {move.target for move in machine.moves if move.sources & reached} - reached:
        reached |= further
    assert reached == machine.states()


@pytest.mark.parametrize(
    ("machine", "states"),
    [
        (LEAD, LeadState),
        (ITEM, ItemState),
        (CLAIM, ClaimState),
        (OPPORTUNITY, OpportunityState),
        (MEETING, MeetingState),
        (TASK, TaskState),
        (CUSTOMER, CustomerState),
    ],
)
def test_its_states_are_those_that_there_are_words_for(machine: Machine[StrEnum], states: type[StrEnum]) -> None:
    assert machine.states() == set(states)
    assert all(move.sources <= machine.states() for move in machine.moves)


def test_wherever_an_open_item_goes_its_lead_can_follow() -> None:
    """The lead of an item is where the item is: for each arrow to an open state, unless it stays, it has the same."""
    for move in ITEM.moves:
        target = lead_of(move.target)
        for source in move.sources:
            here = lead_of(source)
            if target is not None and here is not None and here != target:
                arrow = LEAD.move(here, move.act)
                assert arrow is not None, (here, move.act)
                assert (arrow.target, move.by <= arrow.by) == (target, True), (here, move.act)


def test_what_ends_a_claim_moves_its_item_too() -> None:
    for end in CLAIM.moves:
        arrow = ITEM.move(ItemState.CLAIMED, end.act)
        assert arrow is not None
        assert (arrow.says, arrow.by) == (end.says, end.by)
