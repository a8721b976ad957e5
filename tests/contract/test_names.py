"""Our three packages are ours: nothing else claims their names, and the wheel, elsewhere, is whole."""

import importlib
import os
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import asyncpg
import pytest

from services.runtime.embedded import Embedded
from services.runtime.paths import ROOT

OURS = ("services", "router", "schemas", "migrations")


@pytest.mark.parametrize("name", OURS)
def test_a_package_of_ours_resolves_under_our_root(name: str) -> None:
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found).is_relative_to(ROOT)


def test_no_other_distribution_claims_our_names() -> None:
    claimed = packages_distributions()
    assert {owner for name in OURS for owner in claimed.get(name, [])} <= {"leadgate"}


async def test_the_wheel_installed_elsewhere_is_whole_and_migrates(tmp_path: Path, postgres: Embedded) -> None:
    admin = await asyncpg.connect(postgres.url("postgres"))
    await admin.execute("CREATE DATABASE of_the_wheel")
    await admin.close()
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "elsewhere")
    script = (
        "from services.runtime.paths import ROOT, POLICIES; from services.web.assets import assets;"
        "from schemas.export import EXPORTED; from services.cli.main import main;"
        "assert str(ROOT).endswith('elsewhere'), ROOT; assert (POLICIES / 'starter.yaml').exists();"
        "assert {'style.css', 'work.js', 'ops.js'} <= assets().keys(), assets().keys();"
        "assert (EXPORTED / 'asyncapi.json').exists(); main(['migrate', '--json'])"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path / "elsewhere"),
        "DATABASE_URL": postgres.url("of_the_wheel"),
        "LEADGATE_SECRET": "6b" * 32,
    }
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert '"schema"' in done.stdout
