"""Where the tree lies: in a checkout, an editable install and a wheel alike."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = ROOT / "migrations"
POLICIES = ROOT / "deploy" / "policies"
