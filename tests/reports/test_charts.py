from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from reports.charts import BandPoint, Block, HeatCell, band, heat_map, plan_grid


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ET.fromstring(svg).iter() if e.tag.endswith("text")]  # noqa: S314


def test_a_band_says_its_last_interval_in_words() -> None:
    points = [BandPoint("10:00", 4, 4, 4, 1, 1, 1, 5), BandPoint("11:00", 4, 6, 9, 1, 2, 2, 1)]
    svg = band(points, "Toddler A")
    assert "at the end about 6, 80 % between 4 and 9. Adults then: 1; needed 2, 80 % between 1 and 2." in svg
    assert {"4 children", "5 adults", "1 needed"} <= set(texts(svg))


def test_a_band_without_forecast_says_so() -> None:
    assert "no forecast yet" in texts(band([], "Toddler A"))


def test_a_name_cannot_break_out_of_the_chart() -> None:
    svg = heat_map(["<script>"], ["07:00"], [[HeatCell(0.5, '"&')]], "Risk <b>")
    assert "<script>" not in svg
    assert "50" in texts(svg)


def test_odds_are_written_not_only_coloured_and_closed_cells_hold_no_number() -> None:
    svg = heat_map(["A", "B"], ["7", "8"], [[HeatCell(0.7), HeatCell(None)], [HeatCell(0.01), HeatCell(0.2)]], "Risk")
    assert [t for t in texts(svg) if t in ("70", "20", "1")] == ["70", "20"]
    assert "Highest odds of a gap: 70% in A at 7." in svg


def test_a_shortage_is_counted_in_words() -> None:
    blocks = [Block(0, 0, 8, "Ana", "Ana in A", 0), Block(1, 2, 3, "-1", "one adult missing", 0, short=True)]
    assert "1 assignments, 1 times somebody is missing." in plan_grid(["A", "B"], ["7:00"] * 8, blocks, "Plan")


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50), st.floats(0, 50)), max_size=13), st.text(max_size=8))
def test_any_forecast_gives_a_well_formed_picture(rows: list[tuple[float, float, float]], title: str) -> None:
    clean = "".join(c for c in title if c.isprintable())
    points = [BandPoint(f"{i}", *sorted(row), adults=None if i % 2 else 5) for i, row in enumerate(rows)]
    ET.fromstring(band(points, clean))  # noqa: S314
    assert clean == "" or band(points, clean)
