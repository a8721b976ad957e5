"""Draw the machines: a state diagram of each, to `router/lifecycle.md`.

`make fmt` runs `python -m router.diagrams`; a test fails when what is drawn differs from the machines.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from router.lifecycle import MACHINES, Machine

DRAWN = Path(__file__).parent / "lifecycle.md"
_HEAD = "# States and arrows\n\nDrawn by `make fmt` from [`lifecycle.py`](lifecycle.py): change them there.\n"


def document() -> str:
    """All machines, as Markdown."""
    return "\n".join([_HEAD, *(f"## {machine.name.capitalize()}\n\n{mermaid(machine)}" for machine in MACHINES)])


def mermaid(machine: Machine[Any]) -> str:
    """One machine: what goes the same way is one arrow, with each act that goes it."""
    return "\n".join(["```mermaid", "stateDiagram-v2", *_arrows(machine), "```", ""])


def _arrows(machine: Machine[Any]) -> Iterator[str]:
    acts: dict[tuple[str, str], list[str]] = {}
    for move in machine.moves:
        for source in sorted(move.sources):
            acts.setdefault((source, move.target), []).append(move.act)
    for state in sorted(machine.born):
        yield f"    [*] --> {state}"
    for (source, target), by in acts.items():
        yield f"    {source} --> {target}: {', '.join(by)}"
    for state in sorted(machine.states() - {source for source, _ in acts}):
        yield f"    {state} --> [*]"


if __name__ == "__main__":
    DRAWN.write_text(document(), encoding="utf-8")
