"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import router
import schemas
import services


def told() -> list[doctest.DocTest]:
    """Each docstring that has an example."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [example for module in modules() for example in finder.find(module) if example.examples]


def modules() -> list[ModuleType]:
    found = [
        each.name
        for room in (schemas, router, services)
        for each in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
    ]
    return [importlib.import_module(name) for name in found]


@pytest.mark.parametrize("example", told(), ids=lambda example: example.name)
def test_an_example_comes_out_as_it_says(example: doctest.DocTest) -> None:
    said: list[str] = []
    assert not doctest.DocTestRunner().run(example, out=said.append).failed, "".join(said)
