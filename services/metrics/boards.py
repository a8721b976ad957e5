"""Scorecards as tables of the ops page: each desk's own figures, then fairness and promises of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.api.scorecards import CardOut, FigureOut
from schemas.words import Money

LABELS = {
    "lead_to_qualified": "Qualified of completed",
    "response_p50": "Half answered within",
    "new_prospects": "New prospects",
    "prospect_to_qualified": "Qualified of completed",
    "qualified_to_won": "Won of taken",
    "cycle_p50": "Half won within",
    "conversations_per_day": "Conversations a day",
    "meetings_per_week": "Meetings a week",
    "retention": "Customers who stay",
    "enlargement": "Enlarged by",
    "pulls": "Pulls",
    "returns": "Returned",
    "returned_then_won": "Returned, then won by another",
    "exceptions": "Out of order",
    "promises_kept": "Promises kept",
    "promises_broken": "Promises broken",
    "credited_won": "Wins, by share",
}
FAIR = ("pulls", "returns", "returned_then_won", "exceptions", "promises_kept", "promises_broken", "credited_won")


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table. `ms` is a duration, `sums` money; else it is `text`. `about` stands below."""

    text: str = ""
    ms: int | None = None
    sums: tuple[Money, ...] = ()
    about: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A rep at a desk; `rep` of None: the desk."""

    rep: str | None
    desk: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """A table: `desk` of None is of all desks."""

    desk: str | None
    heads: tuple[str, ...]
    lines: tuple[Line, ...]


def scoreboards(rows: Sequence[CardOut]) -> list[Board]:
    """For each desk that has figures of its own, a table of its reps."""
    boards = []
    for desk in dict.fromkeys(row.desk for row in rows):
        of_desk = [row for row in rows if row.desk == desk]
        names = [figure.name for figure in of_desk[0].figures if figure.name not in FAIR]
        if names:
            lines = tuple(_line(row, names) for row in of_desk)
            boards.append(Board(str(desk), tuple(LABELS[name] for name in names), lines))
    return boards


def fairness(rows: Sequence[CardOut]) -> Board:
    """Who pulled, gave back and was served out of order; whose promises were kept."""
    return Board(None, tuple(LABELS[name] for name in FAIR), tuple(_line(row, FAIR) for row in rows))


def promises(rows: Sequence[CardOut]) -> tuple[int, int]:
    """How many promises were kept, and how many broken."""
    kept, broken = (
        sum(int(figure.value or 0) for row in rows for figure in row.figures if figure.name == name)
        for name in ("promises_kept", "promises_broken")
    )
    return kept, broken


def _line(row: CardOut, names: Sequence[str]) -> Line:
    figures: Mapping[str, FigureOut] = {figure.name: figure for figure in row.figures}
    return Line(row.rep_id, str(row.desk), tuple(_cell(figures[name]) for name in names))


def _cell(figure: FigureOut) -> Cell:
    match figure.unit:
        case "ratio":
            of = f"{figure.numerator:.0f} of {figure.denominator}"
            return Cell(of if figure.value is None else f"{figure.value:.0%}", about="" if figure.value is None else of)
        case "ms":
            none = "–" if not figure.denominator else "not yet"
            return Cell(none, ms=None if figure.value is None else int(figure.value))
        case "per_day" | "per_week":
            return _rate(figure)
        case "money":
            sums = (Money(amount=amount, currency=currency) for currency, amount in (figure.by or {}).items())
            return Cell("–", sums=tuple(sums))
    tone = "bad" if figure.name == "promises_broken" and figure.value else ""
    reasons = ", ".join(f"{n} {word.replace('_', ' ')}" for word, n in (figure.by or {}).items())
    return Cell(f"{figure.value or 0:,.10g}", about=reasons, tone=tone)


def _rate(figure: FigureOut) -> Cell:
    if figure.value is None:
        return Cell("–")
    reached = figure.target is not None and figure.value >= figure.target
    about = "" if figure.target is None else f"target {figure.target:g}"
    return Cell(f"{figure.value:.3g}", about=about, tone="good" if reached else "")
