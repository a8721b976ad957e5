"""A deployment under load, in which everything dies that can: nothing acknowledged is lost, nothing happens twice.

`make test` runs the short form, `make faults` all; `make faults SEED=7` runs that one again.
"""

import random
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import uvloop
from faults import schedule
from faults.run import Outcome, Plan, run
from kit.deployment import Deployment

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("deployment")]

_SHORT = 11
"""The seed of the short form: each time the same."""


def _short(seed: int, deployment: Deployment) -> Plan:
    return Plan(seed, 300, 12.0, 0.5, 0.4, 8, 45.0, schedule.short(seed, disk=deployment.small is not None))


def _full(seed: int, deployment: Deployment) -> Plan:
    return Plan(seed, 5000, 10.0, 0.4, 0.25, 16, 45.0, schedule.full(seed, disk=deployment.small is not None))


def test_nothing_is_lost_and_nothing_happens_twice_whatever_dies(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    full = request.config.getoption("full", default=False)
    seed = request.config.getoption("seed", default=None)
    if seed is None:
        seed = random.SystemRandom().randrange(1_000_000) if full else _SHORT

    def say(text: str) -> None:
        if full:
            with capsys.disabled():
                print(text, flush=True)

    say(f"\nseed {seed}; history and logs in {tmp_path}")
    outcome = uvloop.run(run(partial(_full if full else _short, seed), tmp_path, say))
    report = _report(outcome)
    print(report)
    say(report)
    found = outcome.violations
    told = "\n".join(map(str, found[:50]))
    assert not found, f"{len(found)} violations with seed {seed}; history and logs in {tmp_path}\n{told}\n{report}"


def _report(outcome: Outcome) -> str:
    """Counts, and the longest stall of each fault."""
    states = Counter(outcome.final.leads.values())
    answers = Counter("no answer" if call.status is None else str(call.status) for call in outcome.calls)
    late = sum(call.what == "attempt" and "stale" in call.ask["note"] for call in outcome.calls)
    won = outcome.final.shown.get((), {}).get("won", 0)
    lines = [
        f"seed {outcome.plan.seed}: {len(outcome.final.leads)} leads ({_counts(states)}), {won} won,"
        f" {len(outcome.final.lifecycle)} events, {len(outcome.calls)} calls ({_counts(answers)}),"
        f" {late} under a token left for too long, {sum(outcome.expected.dead.values())} poison records;"
        f" {'not at rest' if outcome.rested is None else f'at rest {outcome.rested:.1f} s after the last'},"
        f" {outcome.took:.0f} s in all",
        f"{'longest stall in s':46}{'lasted':>8}{'accept':>8}{'decide':>8}{'reps':>8}",
        *(
            f"{stall.fault:46}{stall.lasted:8.1f}{stall.accept:8.1f}{stall.decide:8.1f}{stall.work:8.1f}"
            for stall in outcome.stalls
        ),
    ]
    if not any(spell.name.startswith(schedule.Kind.DISK.value) for spell in outcome.spells):
        lines.append(f"{schedule.Kind.DISK.value}: left out, for only root may mount a disk that is small enough")
    return "\n".join(lines)


def _counts(of: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in of.most_common())
