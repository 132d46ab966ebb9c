"""Approved call-outs: who is out on a day and for how long, with the cover plan people agreed on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from storage.ledger.schema import call_outs, row_of
from storage.ledger.upsert import replace_rows


@dataclass(frozen=True, slots=True)
class CallOutRow:
    """One approved call-out; `day` is local, `body` holds problem, plan and what became of the shifts."""

    call_out_id: str
    center_id: str
    day: date
    staff_id: str
    absent_from: datetime
    absent_until: datetime
    approved_at: datetime
    approved_by: str
    body: dict[str, Any]


def save_call_out(connection: Connection, row: CallOutRow) -> None:
    """Insert, or replace what was kept of it."""
    replace_rows(connection, call_outs, [{**row_of(row), "day": row.day.isoformat()}])


def read_call_out(connection: Connection, call_out_id: str) -> CallOutRow | None:
    found = connection.execute(select(call_outs).where(call_outs.c.call_out_id == call_out_id)).first()
    return None if found is None else _row(found._mapping)


def find_call_outs(connection: Connection, center_id: str, day: date) -> list[CallOutRow]:
    """Those of a day that hold, in the order of approval: of one adult the last."""
    of_the_day = (call_outs.c.center_id == center_id) & (call_outs.c.day == day.isoformat())
    query = select(call_outs).where(of_the_day).order_by(call_outs.c.approved_at, call_outs.c.call_out_id)
    rows = [_row(found._mapping) for found in connection.execute(query)]
    last = {row.staff_id: row.call_out_id for row in rows}
    return [row for row in rows if last[row.staff_id] == row.call_out_id]


def _row(found: Any) -> CallOutRow:
    return CallOutRow(**{**found, "day": date.fromisoformat(found["day"])})
