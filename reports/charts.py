"""Charts as SVG text, drawn on the server: colours come from the page's style sheet, numbers stand beside colours.

Every chart has a title and a description for screen readers; nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class BandPoint:
    """One target time of a forecast: quantiles of the children, of the adults they need, and the adults expected."""

    label: str
    low: float  # q10
    middle: float  # q50
    high: float  # q90
    need_low: int = 0
    need: int = 0
    need_high: int = 0
    adults: int | None = None  # None: unknown


_LEFT, _RIGHT = 66, 10


def band(points: Sequence[BandPoint], title: str, *, width: int = 320, height: int = 122) -> str:
    """The next hour. Above, the children: 80 % interval as a band, median as a line.
    Below, the adults: those present and planned as steps, the number needed with its 80 % interval as a band.
    """
    if len(points) < 2:
        return _nothing(title, "no forecast yet", width, height)
    xs = [_LEFT + i * (width - _LEFT - _RIGHT) / (len(points) - 1) for i in range(len(points))]
    split = height * 0.56
    last = points[-1]
    described = (
        f"Expected children from {points[0].label} to {last.label}: at the end about {last.middle:.0f}, "
        f"80 % between {last.low:.0f} and {last.high:.0f}."
    )
    if last.adults is not None:
        described += (
            f" Adults then: {last.adults}; needed {last.need}, 80 % between {last.need_low} and {last.need_high}."
        )
    parts = [
        *_children(points, xs, 8, split - 8),
        *(_adults(points, xs, split + 6, height - 18) if last.adults is not None else []),
        _text(xs[0], height - 3, points[0].label),
        _text(xs[-1], height - 3, points[-1].label, anchor="end"),
    ]
    return _svg(parts, title, described, width, height)


def _children(points: Sequence[BandPoint], xs: Sequence[float], top: float, bottom: float) -> list[str]:
    most = max(p.high for p in points) * 1.1 + 0.5

    def y(value: float) -> float:
        return top + (1 - value / most) * (bottom - top)

    upper = [(x, y(p.high)) for x, p in zip(xs, points, strict=True)]
    lower = [(x, y(p.low)) for x, p in zip(xs, points, strict=True)]
    median = [(x, y(p.middle)) for x, p in zip(xs, points, strict=True)]
    return [
        f'<polygon points="{_points(upper + lower[::-1])}" fill="var(--band)"/>',
        f'<polyline points="{_points(median)}" fill="none" stroke="var(--band-line)" stroke-width="2"/>',
        _text(2, y(points[0].middle) + 4, f"{points[0].middle:.0f} children"),
    ]


def _adults(points: Sequence[BandPoint], xs: Sequence[float], top: float, bottom: float) -> list[str]:
    most = max(max(p.need_high, p.adults or 0) for p in points) + 0.5

    def y(value: float) -> float:
        return top + (1 - value / most) * (bottom - top)

    upper = [(x, y(p.need_high)) for x, p in zip(xs, points, strict=True)]
    lower = [(x, y(p.need_low)) for x, p in zip(xs, points, strict=True)]
    adults = [(x, y(p.adults or 0)) for x, p in zip(xs, points, strict=True)]
    first = points[0]
    same = first.adults is not None and abs(y(first.adults) - y(first.need)) < 12
    words = f"{first.adults} adults" if first.adults != 1 else "1 adult"
    return [
        f'<line x1="2" x2="{xs[-1]:.1f}" y1="{top - 5:.1f}" y2="{top - 5:.1f}" stroke="var(--line)"/>',
        f'<polygon points="{_points(upper + lower[::-1])}" fill="var(--warn-soft)" stroke="var(--warn)"/>',
        f'<path d="{_steps(adults)}" fill="none" stroke="var(--good)" stroke-width="2"/>',
        _text(2, y(first.adults or 0) + 4, words, fill="var(--good)"),
        "" if same else _text(2, y(first.need) + 4, f"{first.need} needed", fill="var(--warn)"),
    ]


def lines(
    labels: Sequence[str], series: Mapping[str, Sequence[float | None]], title: str, *, width: int = 640,
    height: int = 150,
) -> str:  # fmt: skip
    """At most three courses over the same labels; the first is drawn strongest. None leaves a gap in a course."""
    known = [value for values in series.values() for value in values if value is not None]
    if len(labels) < 2 or not known:
        return _nothing(title, "not enough days yet", width, height)
    most, left, right, top, bottom = max(known) * 1.1 or 1.0, 34, 120, 10, height - 20
    xs = [left + i * (width - left - right) / (len(labels) - 1) for i in range(len(labels))]
    looks = ('stroke="var(--band-line)" stroke-width="2.5"', 'stroke="var(--quiet)" stroke-dasharray="5 3"',
             'stroke="var(--warn)" stroke-dasharray="2 3"')  # fmt: skip

    def y(value: float) -> float:
        return top + (1 - value / most) * (bottom - top)

    parts = [
        f'<line x1="{left}" x2="{width - right}" y1="{bottom}" y2="{bottom}" stroke="var(--line)"/>',
        _text(2, bottom, "0"), _text(2, top + 8, f"{most:.1f}"),
        _text(left, height - 4, labels[0]), _text(width - right, height - 4, labels[-1], anchor="end"),
    ]  # fmt: skip
    ends: list[float] = []
    for (name, values), look in zip(series.items(), looks, strict=False):
        points = [(x, y(value)) for x, value in zip(xs, values, strict=True) if value is not None]
        if points:
            parts.append(f'<polyline points="{_points(points)}" fill="none" {look}/>')
            at = points[-1][1] + 4
            at += 14 if any(abs(at - other) < 12 for other in ends) else 0
            ends.append(at)
            parts.append(_text(width - right + 6, at, name))
    described = "; ".join(
        f"{name} {values[-1]:.1f} at the end" for name, values in series.items() if values[-1] is not None
    )
    return _svg(parts, title, described or "no figure at the end", width, height)


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
    """A path that keeps each height up to the next point."""
    return f"M{points[0][0]:.1f} {points[0][1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in points[1:])


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
