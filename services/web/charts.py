"""Charts as SVG, drawn here: no script, no inline style (the CSP forbids both); colours come from the style sheet."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `note` stands behind the value; `tone` is a class of the style sheet, as `green`."""

    label: str
    value: float
    note: str = ""
    tone: str = ""


def bars(rows: Sequence[Bar], label: str) -> Markup:
    """A table whose rows have a bar, as long as its value: a funnel, or any ranking."""
    most = max((row.value for row in rows), default=0) or 1
    drawn = [
        Markup(
            '<tr class="{tone}"><th scope="row">{label}</th><td class="bar"><svg class="chart" viewBox="0 0 100 10" '
            'preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="10"/>'
            '<rect class="fill" width="{length:.2f}" height="10"/></svg></td>'
            '<td class="number">{value:,.10g}</td><td class="number note">{note}</td></tr>'
        ).format(tone=row.tone, label=row.label, length=row.value / most * 100, value=row.value, note=row.note)
        for row in rows
    ]
    return Markup('<table class="bars" aria-label="{}"><tbody>{}</tbody></table>').format(label, Markup("").join(drawn))


def stacked(rows: Sequence[Bar], label: str, *, width: int = 600, height: int = 14) -> Markup:
    """One bar, split by the shares of its parts; nothing where all are 0."""
    total = sum(row.value for row in rows)
    x, drawn = 0.0, []
    for row in rows:
        if total and row.value:
            part = row.value / total * width
            drawn.append(
                Markup(
                    '<rect class="{tone}" x="{x:.1f}" y="0" width="{part:.1f}" height="{height}">'
                    "<title>{label}: {value:,.10g}</title></rect>"
                ).format(tone=row.tone, x=x, part=part, height=height, label=row.label, value=row.value)
            )
            x += part
    return _svg(width, height, label, Markup("").join(drawn), "stacked", stretch=True)


def meter(value: float, target: float | None, tone: str, label: str, *, width: int = 160, height: int = 12) -> Markup:
    """How full a buffer is: `value` of `target`, with marks at the thirds. What is above the target fills it."""
    if not target:
        return _svg(width, height, label, _rect("track", width, height), "meter")
    full = min(1.0, value / target) * width
    marks = [
        Markup('<path class="mark" d="M{0} 0V{1}"/>').format(round(width * third / 3, 1), height) for third in (1, 2)
    ]
    drawn = [_rect("track", width, height), _rect(f"fill {tone}", full, height), *marks]
    return _svg(width, height, label, Markup("").join(drawn), "meter")


def _rect(tone: str, width: float, height: int) -> Markup:
    return Markup('<rect class="{}" x="0" y="0" width="{:.1f}" height="{}" rx="3"/>').format(tone, width, height)


def _svg(width: int, height: int, label: str, inner: Markup, kind: str, *, stretch: bool = False) -> Markup:
    """`stretch`: as wide as there is room, and no higher for that."""
    return Markup(
        '<svg class="chart {kind}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'preserveAspectRatio="{ratio}" role="img" aria-label="{label}"><title>{label}</title>{inner}</svg>'
    ).format(
        kind=kind,
        width=width,
        height=height,
        ratio="none" if stretch else "xMidYMid",
        label=escape(label),
        inner=inner,
    )
