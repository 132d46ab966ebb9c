"""Charts as SVG text, drawn on the server: colours come from the page's style sheet, numbers stand beside colours.

Every chart has a title and a description for screen readers; nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class BandPoint:
    """One target time of a forecast: its label, quantiles of children, and the most children allowed then."""

    label: str
    low: float  # q10
    middle: float  # q50
    high: float  # q90
    allowed: float | None  # children the adults expected then may have; None: unknown


def band(points: Sequence[BandPoint], title: str, *, width: int = 320, height: int = 96) -> str:
    """The next hour: the 80 % interval of children as a band, the median as a line, the allowed number as steps."""
    if len(points) < 2:
        return _nothing(title, "no forecast yet", width, height)
    left, right, top, bottom = 26, 6, 8, 18
    most = max(max(p.high, p.allowed or 0) for p in points) * 1.1 + 0.5
    xs = [left + i * (width - left - right) / (len(points) - 1) for i in range(len(points))]

    def y(value: float) -> float:
        return top + (1 - value / most) * (height - top - bottom)

    upper = [(x, y(p.high)) for x, p in zip(xs, points, strict=True)]
    lower = [(x, y(p.low)) for x, p in zip(xs, points, strict=True)]
    median = [(x, y(p.middle)) for x, p in zip(xs, points, strict=True)]
    parts = [
        f'<polygon points="{_points(upper + lower[::-1])}" fill="var(--band)"/>',
        f'<polyline points="{_points(median)}" fill="none" stroke="var(--band-line)" stroke-width="2"/>',
        _steps([(x, y(p.allowed)) for x, p in zip(xs, points, strict=True) if p.allowed is not None]),
        _text(2, y(0), "0"),
        _text(2, top + 8, f"{most:.0f}"),
        _text(xs[0], height - 4, points[0].label),
        _text(xs[-1], height - 4, points[-1].label, anchor="end"),
    ]
    last = points[-1]
    limit = "" if last.allowed is None else f" Allowed then: {last.allowed:.0f}."
    described = (
        f"Expected children from {points[0].label} to {last.label}: at the end about {last.middle:.0f}, "
        f"80 % between {last.low:.0f} and {last.high:.0f}.{limit}"
    )
    return _svg(parts, title, described, width, height)


@dataclass(frozen=True, slots=True)
class HeatCell:
    """The odds of a gap in one row and column, 0 to 1, with what to say on hover; None where closed."""

    odds: float | None
    hint: str = ""


def heat_map(rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[HeatCell]], title: str) -> str:
    """Rooms by time; the darker the likelier, and odds of 5 % and more are written into the cell as percent."""
    label_width, cell_width, cell_height, head = 130, 30, 26, 22
    width, height = label_width + cell_width * len(columns), head + cell_height * len(rows) + 4
    parts = [
        _text(label_width + j * cell_width + 2, head - 7, column)
        for j, column in enumerate(columns)
        if j % 4 == 0 or len(columns) <= 12
    ]
    for i, (row, line) in enumerate(zip(rows, cells, strict=True)):
        top = head + i * cell_height
        parts.append(_text(0, top + 17, row))
        for j, cell in enumerate(line):
            left = label_width + j * cell_width
            parts.append(_heat_cell(cell, left, top, cell_width, cell_height))
    worst = max(
        ((c.odds or 0, f"{rows[i]} at {columns[j]}") for i, line in enumerate(cells) for j, c in enumerate(line)),
        default=(0, ""),
    )
    described = f"Highest odds of a gap: {worst[0]:.0%} in {worst[1]}." if worst[0] else "No odds of a gap."
    return _svg(parts, title, described, width, height)


@dataclass(frozen=True, slots=True)
class Block:
    """A bar of a plan: its row, columns [first, last), words inside and on hover, and a colour number from 0."""

    row: int
    first: int
    last: int
    text: str
    hint: str
    colour: int
    short: bool = False  # a shortage: hatched, with a mark


def plan_grid(rows: Sequence[str], columns: Sequence[str], blocks: Sequence[Block], title: str) -> str:
    """A plan as bars: rows are rooms or people, columns are slots."""
    label_width, cell, row_height, head = 130, 16, 28, 22
    width, height = label_width + cell * len(columns), head + row_height * len(rows) + 4
    parts = [_text(label_width + j * cell, head - 7, text) for j, text in enumerate(columns) if j % 4 == 0]
    parts += [
        f'<line x1="0" x2="{width}" y1="{head + i * row_height}" y2="{head + i * row_height}" stroke="var(--line)"/>'
        + _text(0, head + i * row_height + 18, row)
        for i, row in enumerate(rows)
    ]
    for block in blocks:
        left, top = label_width + block.first * cell, head + block.row * row_height + 3
        fill = "var(--bad-soft)" if block.short else f"hsl({(block.colour * 137) % 360} 55% 82%)"
        edge = ' stroke="var(--bad)" stroke-width="2" stroke-dasharray="4 2"' if block.short else ""
        ink = "var(--bad)" if block.short else "#101820"
        parts.append(
            f'<g><title>{escape(block.hint)}</title><rect x="{left}" y="{top}" rx="4" '
            f'width="{(block.last - block.first) * cell - 1}" height="{row_height - 6}" fill="{fill}"{edge}/>'
            f"{_text(left + 3, top + 15, _fit(block.text, (block.last - block.first) * cell), fill=ink)}</g>"
        )
    short = sum(block.short for block in blocks)
    described = f"{len(blocks) - short} assignments" + (f", {short} times somebody is missing." if short else ".")
    return _svg(parts, title, described, width, height)


def _heat_cell(cell: HeatCell, left: float, top: float, width: float, height: float) -> str:
    place = f'x="{left}" y="{top}" width="{width - 1}" height="{height - 1}"'
    if cell.odds is None:
        return f'<rect {place} fill="var(--line)" opacity=".35"/>'
    percent = f"{cell.odds * 100:.0f}" if cell.odds >= 0.05 else ""
    return (
        f"<g><title>{escape(cell.hint or f'{cell.odds:.0%}')}</title>"
        f'<rect {place} fill="var(--card)" stroke="var(--line)"/>'
        f'<rect {place} fill="#d1242f" opacity="{min(cell.odds, 1) * 0.6:.2f}"/>'
        f"{_text(left + width / 2, top + 17, percent, anchor='middle')}</g>"
    )


def _steps(points: Sequence[tuple[float, float]]) -> str:
    if not points:
        return ""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in points[1:])
    return f'<path d="{path}" fill="none" stroke="var(--bad)" stroke-width="2" stroke-dasharray="5 3"/>'


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _text(x: float, y: float, text: str, *, anchor: str = "start", fill: str = "var(--ink)") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'


def _fit(text: str, pixels: float) -> str:
    room = int(pixels / 6.5)
    return text if len(text) <= room else text[: max(room - 1, 0)] + "…" if room > 1 else ""


def _nothing(title: str, why: str, width: int, height: int) -> str:
    return _svg([_text(width / 2, height / 2, why, anchor="middle", fill="var(--quiet)")], title, why, width, height)


def _svg(parts: Sequence[str], title: str, described: str, width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}. {escape(described)}"><title>{escape(title)}</title>'
        f"<desc>{escape(described)}</desc>{''.join(parts)}</svg>"
    )
