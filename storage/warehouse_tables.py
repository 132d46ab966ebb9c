"""The warehouse's tables: one definition for the SQL, the Arrow schema and the frames a reader gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 1
_ARROW = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
}


@dataclass(frozen=True, slots=True)
class Table:
    """`key` names one fact; where `versioned`, a fact has one row per state, told apart by `recorded_at`."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    versioned: bool = False

    @property
    def content(self) -> tuple[str, ...]:
        """The columns whose change makes a new version."""
        return tuple(name for name in self.columns if name not in self.key and name != "recorded_at")

    @property
    def order_sql(self) -> str:
        """The fixed order of rows for whoever reads the table: the same facts, in the same order, however they came."""
        columns = (*self.key, "recorded_at") if self.versioned else self.key
        if self.name in ("stays", "staff_stays"):
            columns = ("start", *(column for column in self.columns if column != "start"))
        if self.name == "events":
            columns = ("center_id", "sequence", "event_id")
        return "ORDER BY " + ", ".join(f'"{column}"' for column in columns)

    @property
    def create_sql(self) -> str:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in self.columns.items())
        return f'CREATE TABLE IF NOT EXISTS "{self.name}" ({columns})'

    @property
    def arrow_schema(self) -> pa.Schema:
        return pa.schema([(name, _ARROW[kind]) for name, kind in self.columns.items()])


def _columns(text: str) -> dict[str, str]:
    """'center_id, day DATE' as names and types; VARCHAR where none is given."""
    pairs = (part.split() for part in text.replace("\n", " ").split(","))
    return {pair[0]: pair[1] if len(pair) > 1 else "VARCHAR" for pair in pairs}


_ALL = (
    Table(
        "centers",
        _columns("center_id, name, state, timezone, opens TIME, closes TIME, open_weekdays"),
        ("center_id",),
    ),
    Table(
        "rooms",
        _columns(
            "room_id, center_id, name, age_min_months BIGINT, age_max_months BIGINT, capacity BIGINT, lead_staff_id, "
            "nap_start TIME, nap_end TIME, adjacent_room_ids, walk_seconds, combines_with"
        ),
        ("center_id", "room_id"),
    ),
    Table(
        "children",
        _columns(
            "child_id, center_id, birth_date DATE, room_id, enrolled_from DATE, enrolled_to DATE, display_name, "
            "recorded_at TIMESTAMPTZ"
        ),
        ("center_id", "child_id"),
        versioned=True,
    ),
    Table(
        "staff",
        _columns(
            "staff_id, center_id, role, is_float BOOLEAN, home_room_id, birth_date DATE, credentials, "
            "max_hours_day DOUBLE, max_hours_week DOUBLE, hourly_cost DOUBLE, display_name, recorded_at TIMESTAMPTZ"
        ),
        ("center_id", "staff_id"),
        versioned=True,
    ),
    Table(
        "shifts",
        _columns(
            "shift_id, center_id, staff_id, start TIMESTAMPTZ, end TIMESTAMPTZ, segments, version, status, "
            "recorded_at TIMESTAMPTZ"
        ),
        ("center_id", "shift_id"),
        versioned=True,
    ),
    Table(
        "availability",
        _columns("staff_id, center_id, start TIMESTAMPTZ, end TIMESTAMPTZ, note, recorded_at TIMESTAMPTZ"),
        ("center_id", "staff_id", "start", "end", "note"),
    ),
    Table(
        "bookings",
        _columns(
            "center_id, child_id, day DATE, session BIGINT, room_id, expected_in TIME, expected_out TIME, status, "
            "reported_at TIMESTAMPTZ, recorded_at TIMESTAMPTZ"
        ),
        ("center_id", "child_id", "day", "session"),
        versioned=True,
    ),
    Table(
        "closures",
        _columns("center_id, day DATE, room_id, reason, recorded_at TIMESTAMPTZ"),
        ("center_id", "day", "room_id", "reason"),
    ),
    Table(
        "events",
        _columns(
            "event_id, sequence BIGINT, center_id, event_type, happened_at TIMESTAMPTZ, recorded_at TIMESTAMPTZ, "
            "child_id, staff_id, room_id, from_room_id, room_ids, shift_id, supersedes, voided BOOLEAN, "
            "corrected_type"
        ),
        ("center_id", "event_id"),
    ),
    Table(
        "stays",
        _columns(
            "center_id, child_id, room_id, start TIMESTAMPTZ, end TIMESTAMPTZ, start_recorded_at TIMESTAMPTZ, "
            "end_recorded_at TIMESTAMPTZ, doubts"
        ),
        ("center_id", "child_id", "start"),
    ),
    Table(
        "staff_stays",
        _columns(
            "center_id, staff_id, room_id, start TIMESTAMPTZ, end TIMESTAMPTZ, state, start_recorded_at TIMESTAMPTZ, "
            "end_recorded_at TIMESTAMPTZ"
        ),
        ("center_id", "staff_id", "start"),
    ),
    Table(
        "headcounts",
        _columns(
            "center_id, room_id, slot TIMESTAMPTZ, band, children_mean DOUBLE, children_max BIGINT, "
            "children_at_start BIGINT, adults_at_start BIGINT, doubtful BIGINT"
        ),
        ("center_id", "room_id", "slot", "band"),
    ),
    Table("counts", _columns("site, room, ts TIMESTAMP, count DOUBLE"), ("site", "room", "ts")),
    Table(
        "forecasts",
        _columns(
            "center_id, room_id, origin TIMESTAMPTZ, target_time TIMESTAMPTZ, horizon, q05 DOUBLE, q10 DOUBLE, "
            "q25 DOUBLE, q50 DOUBLE, q75 DOUBLE, q90 DOUBLE, q95 DOUBLE, mean DOUBLE, model, kind"
        ),
        ("center_id", "kind", "room_id", "target_time"),
    ),
    Table(
        "gap_odds",
        _columns("center_id, room_id, origin TIMESTAMPTZ, target_time TIMESTAMPTZ, kind, p_short DOUBLE"),
        ("center_id", "kind", "room_id", "target_time"),
    ),
    Table(
        "forecast_answers",
        _columns(
            "center_id, room_id, origin TIMESTAMPTZ, target_time TIMESTAMPTZ, horizon, q05 DOUBLE, q10 DOUBLE, "
            "q25 DOUBLE, q50 DOUBLE, q75 DOUBLE, q90 DOUBLE, q95 DOUBLE, mean DOUBLE, model, kind"
        ),
        ("center_id", "kind", "room_id", "origin", "target_time", "model"),
    ),
    Table(
        "forecast_scores",
        _columns(
            "center_id, room_id, horizon, day DATE, model, n BIGINT, loss DOUBLE, coverage DOUBLE, error DOUBLE, "
            "bias DOUBLE"
        ),
        ("center_id", "room_id", "horizon", "day", "model"),
    ),
    Table(
        "forecast_health",
        _columns(
            "center_id, room_id, horizon, reviewed_at TIMESTAMPTZ, days BIGINT, loss DOUBLE, error DOUBLE, baseline, "
            "baseline_loss DOUBLE, coverage DOUBLE, bias DOUBLE, drift DOUBLE, fallen_back BOOLEAN, "
            "fallen_back_since TIMESTAMPTZ, sentence"
        ),
        ("center_id", "room_id", "horizon"),
    ),
    Table(
        "risks",
        _columns(
            "center_id, room_id, slot TIMESTAMPTZ, origin TIMESTAMPTZ, required_mean DOUBLE, required_q90 BIGINT, "
            "planned BIGINT, p_short DOUBLE"
        ),
        ("center_id", "room_id", "slot"),
    ),
    Table(
        "plans",
        _columns("center_id, week, made_at TIMESTAMPTZ, status, gap DOUBLE, sha256, problem, plan"),
        ("center_id", "week"),
    ),
    Table(
        "accepted_plans",
        _columns(
            "center_id, week, accepted_at TIMESTAMPTZ, accepted_by, version BIGINT, status, gap DOUBLE, sha256, "
            "problem, plan"
        ),
        ("center_id", "week", "accepted_at"),
    ),
    Table("marks", _columns("center_id, name, value"), ("center_id", "name")),
    Table(
        "feed_files",
        _columns("location, stamp, rows BIGINT, state, message, recorded_at TIMESTAMPTZ"),
        ("location",),
    ),
    Table(  # which file last told what: the room of a class (no day), or the visits of a child on a day
        "feed_told",
        _columns("center_id, subject, day DATE, location, newness"),
        ("center_id", "subject", "day"),
    ),
)
TABLES: dict[str, Table] = {table.name: table for table in _ALL}
