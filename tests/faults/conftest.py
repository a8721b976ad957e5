"""Faults in full: `make faults`. `make test` runs the short form."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="all faults, 5,000 leads: some ten minutes")
    parser.addoption("--seed", type=int, help="of the schedule of faults, and of what is posted")
