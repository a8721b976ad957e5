"""The life of leads at the desks, against a simple model: whatever callers do, in whatever order, as time passes."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import initialize, run_state_machine_as_test
from kit.life.by_managers import ByManagers
from kit.life.for_persons import ForPersons
from kit.life.machine import Floor
from kit.life.over_time import OverTime
from kit.life.with_deals import WithDeals

from services.runtime.embedded import Embedded
from services.runtime.secret import Keyring

SHORT, FULL = (10, 50), (300, 60)
"""How many lives, of how many acts each. `--full`: over 20,000 steps, other ones each time."""


class Life(OverTime, WithDeals, ByManagers, ForPersons):
    """Each rule is done to the model and to the real desks, which must answer and lie alike."""

    @initialize()
    def begin(self) -> None:
        self.open_the_floor()
        for person, intent in zip("abcde", ("buy", "demo", "demo", "buy", "trial"), strict=True):
            self.post(person, intent)
        self.pull(self.rep(0), "closing")
        self.close(0, "lost for now")
        for seat, desk in ((0, "inbound"), (1, "inbound"), (1, "closing")):
            self.pull(self.rep(seat), desk)


def test_whatever_is_done_in_whatever_order_the_desks_do_as_the_model_says(
    request: pytest.FixtureRequest,
    postgres: Embedded,
    template: str,
    keyring: Keyring,
    tmp_path: Path,
) -> None:
    full = request.config.getoption("full", default=False)
    lives, acts = FULL if full else SHORT
    Life.floor = Floor.new(postgres, template, keyring, tmp_path)
    try:
        run_state_machine_as_test(
            Life,
            settings=settings(
                max_examples=lives,
                stateful_step_count=acts,
                deadline=None,
                derandomize=not full,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        request.node.user_properties.append(("steps", Life.floor.steps))
        Life.floor.close()
