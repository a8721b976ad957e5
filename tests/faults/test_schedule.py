"""The schedule: its seed is all that it depends on, and it leaves no fault out."""

from itertools import pairwise

import pytest
from faults.schedule import LEASE, Kind, full, short


def test_the_seed_alone_decides() -> None:
    assert full(7) == full(7)
    assert short(7) == short(7)
    assert full(7) != full(8)


@pytest.mark.parametrize("seed", range(20))
def test_a_full_schedule_has_every_fault_and_kills_every_process(seed: int) -> None:
    faults = full(seed)
    assert {fault.kind for fault in faults} == set(Kind)
    assert len({fault.target for fault in faults if fault.kind is Kind.KILL}) == 10
    assert all(fault.lasts > LEASE for fault in faults if fault.kind is Kind.PAUSE)
    assert {fault.target.partition("-")[0] for fault in faults if fault.kind is Kind.PAUSE} == {
        "router",
        "worker",
        "metrics",
    }


@pytest.mark.parametrize("seed", range(20))
def test_what_all_rest_on_breaks_one_at_a_time(seed: int) -> None:
    faults = [fault for fault in full(seed) if fault.kind.shared]
    assert all(one.until < other.at for one, other in pairwise(faults))


def test_where_no_disk_can_be_mounted_none_is_filled() -> None:
    assert Kind.DISK not in {fault.kind for fault in [*full(1, disk=False), *short(1, disk=False)]}
