"""The README is true: its tour runs, and what it names is there."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from kit.whole import command, whole

from services.cli.main import COMMANDS
from services.runtime.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = re.findall(r"```sh\n(.*?)```", README.partition("<!-- tour -->")[2].partition("<!-- /tour -->")[0], re.DOTALL)


def test_the_tour_runs_as_it_stands(tmp_path: Path) -> None:
    with whole(tmp_path / ".leadgate", "--demo") as running:
        script = "\n".join(TOUR).replace("http://127.0.0.1:8080", running.url)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
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
