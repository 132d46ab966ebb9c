"""Call-outs of a day share a shock: two adults missing at once is likelier than chance has it, one as likely."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from forecasting.crew import crew_ahead
from forecasting.history import History
from forecasting.staffside import SHARED, Roster, StaffRates, staff_rates
from tests.forecasting.test_history import CENTER, ROOM

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
STAFF = tuple(f"s{n}" for n in range(4))


def roster() -> Roster:
    """Four adults planned for one room all day."""
    start = NOW.timestamp()
    return Roster(
        STAFF, ("r",), np.arange(4), np.full(4, start), np.full(4, start + 36_000), np.zeros(4, dtype=np.int64)
    )


def odds(shared: float, present: list[tuple[str, str | None, str]] | None = None) -> np.ndarray:
    usual = StaffRates.usual()
    rates = StaffRates(usual.in_room, 0.05, usual.late, usual.late_minutes, shared)
    return crew_ahead(rates, roster(), NOW, [NOW + timedelta(hours=8)], ZoneInfo("UTC"), present).pmf()[0, 0]


def test_the_tail_is_heavier_and_the_mean_the_same() -> None:
    alone, together = odds(0.0), odds(1.0)
    assert together @ np.arange(5) == pytest.approx(alone @ np.arange(5), abs=1e-6)
    assert together[:2].sum() > 1.02 * alone[:2].sum()
    assert together.sum() == pytest.approx(1)


def test_who_has_been_seen_is_past_calling_out() -> None:
    here = [(who, "r", "in_room") for who in STAFF]
    assert odds(1.0, here) == pytest.approx(odds(0.0, here))


def history_of(by_day: list[int], staff: int = 20) -> History:
    """Days on which so many of the staff called out."""
    rows = [
        {"shift_id": f"{day}-{who}", "center_id": "c", "staff_id": f"s{who}", "segments": "[]",
         "start": NOW + timedelta(days=day), "end": NOW + timedelta(days=day, hours=8), "version": "1",
         "status": "called_out" if who < out else "scheduled", "recorded_at": NOW}
        for day, out in enumerate(by_day) for who in range(staff)
    ]  # fmt: skip
    places = {"centers": [CENTER], "rooms": [ROOM]}
    frames = {name: pd.DataFrame([{f: getattr(v, f) for f in v.__dataclass_fields__} for v in rows_])
              for name, rows_ in places.items()}  # fmt: skip
    empty = ("center_id", "child_id", "room_id", "start", "end", "start_recorded_at", "end_recorded_at", "doubts")
    frames |= {"children": pd.DataFrame(columns=["child_id", "center_id", "room_id"]), "shifts": pd.DataFrame(rows)}
    frames["stays"] = pd.DataFrame(columns=list(empty))
    return History(frames)


def known(by_day: list[int]) -> StaffRates:
    return staff_rates(history_of(by_day).known_at(NOW + timedelta(days=len(by_day) + 1)), "c")


def test_the_shock_is_measured_on_the_centers_own_days() -> None:
    draw = np.random.default_rng(1)
    alike = known(draw.binomial(20, 0.05, 120).tolist()).shared
    waves = known(draw.binomial(20, 0.05 * draw.lognormal(-0.5, 1.0, 120)).tolist()).shared
    assert alike < SHARED < waves
    assert known([0] * 30).shared == SHARED
