"""The page for who is on call is true: the metrics and commands that it names are there."""

import re
import subprocess

import pytest
from kit.whole import LEADGATE

from services.runtime.paths import ROOT
from services.runtime.telemetry import Telemetry

PAGE = (ROOT / "deploy" / "ON-CALL.md").read_text()
COMMANDS = {tuple(found.split()) for found in re.findall(r"`?leadgate ((?:[a-z]+ )?[a-z]+)\b", PAGE)}


def test_every_metric_that_it_names_is_exposed() -> None:
    exposed = {sample for family in Telemetry().registry.collect() for sample in (family.name, f"{family.name}_total")}
    named = set(re.findall(r"leadgate_[a-z_]+", PAGE))
    assert named
    assert named <= exposed


@pytest.mark.parametrize("command", sorted({" ".join(command) for command in COMMANDS}))
def test_every_command_that_it_names_is_there(command: str) -> None:
    done = subprocess.run([LEADGATE, *command.split(), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
