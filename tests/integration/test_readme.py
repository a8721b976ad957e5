"""The README is true: its tour runs, and what it names is there."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from kit.whole import LEADGATE, command, whole

from services.cli.main import COMMANDS
from services.runtime.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = re.findall(r"```sh\n(.*?)```", README.partition("<!-- tour -->")[2].partition("<!-- /tour -->")[0], re.DOTALL)
POLICY = README.partition("<!-- policy -->")[2].partition("<!-- /policy -->")[0]


def _run(script: str, directory: Path, url: str) -> "subprocess.CompletedProcess[str]":
    """What the README says to type, typed in the directory of what runs at `url`."""
    script = script.replace("http://127.0.0.1:8080", url).replace(".venv/bin/leadgate", LEADGATE)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )


def test_the_tour_runs_as_it_stands(tmp_path: Path) -> None:
    with whole(tmp_path / ".leadgate", "--demo") as running:
        done = _run("\n".join(TOUR), tmp_path, running.url)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "/problems/" not in done.stdout, done.stdout
        answers = [json.loads(line) for line in done.stdout.splitlines() if line]
        shown = command("lead", "show", answers[0]["id"], data_dir=running.data_dir).stdout
        assert "ready to buy: intent demo, buy (met: demo) & company.employees >= 50 (met: 120)" in shown
    task, deployed = (next(each for each in answers if kind in each) for kind in ("lead_time_ms", "customer"))
    assert (task["state"], task["result"]["note"]) == ("done", "signed off")
    assert (deployed["customer"]["state"], deployed["customer"]["closer"]) == ("active", None)
    funnel, speed, queues = answers[-3:]
    counts = {row["group"]["source"]: row["counts"] for row in funnel["rows"]}["crm"]
    assert (counts["leads"], counts["meetings"], counts["proposals_presented"], counts["won"]) == (2, 1, 1, 1)
    assert speed["rows"][0]["response"]["captured_attempt"] | {"p50_ms": 0, "p90_ms": 0, "p95_ms": 0, "p99_ms": 0} == {
        "n": 2,
        "waiting": 1,
        "p50_ms": 0,
        "p90_ms": 0,
        "p95_ms": 0,
        "p99_ms": 0,
    }
    assert "closing/uk" in [queue["queue"] for queue in queues["queues"]]


def test_the_tour_of_the_policy_runs_and_prints_what_is_shown(tmp_path: Path) -> None:
    """Each line that the README shows is printed, in that order."""
    with whole(tmp_path / ".leadgate", "--demo") as running:
        script = "\n".join([TOUR[0], *re.findall(r"```sh\n(.*?)```", POLICY, re.DOTALL)])
        done = _run(script, tmp_path, running.url)
        assert done.returncode == 0, done.stdout + done.stderr
    printed = iter(done.stdout.splitlines())
    for line in "".join(re.findall(r"```text\n(.*?)```", POLICY, re.DOTALL)).splitlines():
        assert line in printed, f"{line}\n\nis not where it should be in:\n\n{done.stdout}"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_what_the_readme_points_to_is_there(target: str) -> None:
    assert (ROOT / target).exists()


def test_the_commands_that_the_readme_names_exist() -> None:
    named = set(re.findall(r"leadgate ([a-z]+)(?= |`|$)", README)) - {"and"}
    assert named <= set(COMMANDS), named - set(COMMANDS)


def test_the_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
