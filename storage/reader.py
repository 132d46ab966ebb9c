"""Read-only access to the published snapshots; never the file a flow is writing."""
# ruff: noqa: S608 (table and column names come from warehouse_tables alone; values are always parameters)

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

import duckdb
import pandas as pd

from domain.errors import NotFound, StoreError
from domain.time import as_utc
from storage.snapshots import Snapshot, current_snapshot
from storage.warehouse import select
from storage.warehouse_tables import TABLES

FRAMES = (
    "centers", "rooms", "children", "staff", "shifts", "availability", "bookings", "closures", "events", "stays",
    "staff_stays", "headcounts",
)  # fmt: skip
_ATTEMPTS = 3


def open_reader(data_dir: Path) -> Reader:
    """A reader of the snapshot published last; NothingPublished if there is none."""
    return Reader(data_dir)


class Reader:
    """Stays on one snapshot, so that several reads agree; `refresh` moves on to the newest one."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.snapshot, self._connection = _open_current(data_dir)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def refresh(self) -> bool:
        """Move to the newest snapshot; True if there was a newer one."""
        if current_snapshot(self._data_dir).version == self.snapshot.version:
            return False
        old = self._connection
        self.snapshot, self._connection = _open_current(self._data_dir)
        old.close()
        return True

    def frames(self, center_id: str | None = None, known_at: datetime | None = None) -> dict[str, pd.DataFrame]:
        """The frames of docs/architecture.md by name, of one center or of all, as far as recorded by `known_at`.

        With `known_at` a stay still open then has no end, and `headcounts` is empty, because it was computed with
        everything known since: compute it from the stays.
        """
        known = as_utc(known_at) if known_at else None
        return {name: _known(name, self.frame(name, center_id), known) for name in FRAMES}

    def frame(self, name: str, center_id: str | None = None) -> pd.DataFrame:
        """One table, in a fixed order of rows; empty where the snapshot was published before there was such a table."""
        if name not in TABLES:
            raise NotFound(f"the warehouse has no table '{name}'; it has {', '.join(sorted(TABLES))}")
        where = "WHERE center_id = ?" if center_id is not None and "center_id" in TABLES[name].columns else ""
        sql = f'SELECT * FROM "{name}" {where} {TABLES[name].order_sql}'
        try:
            return select(self._connection, sql, [center_id] if where else [])
        except duckdb.CatalogException:
            empty: pd.DataFrame = TABLES[name].arrow_schema.empty_table().to_pandas()
            return empty

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
        """The rows of any SELECT; parameters are `?`."""
        try:
            return select(self._connection, sql, parameters)
        except duckdb.Error as error:
            raise StoreError(f"the query failed: {str(error).splitlines()[0]}") from error

    def center_ids(self) -> list[str]:
        return list(self.query("SELECT center_id FROM centers ORDER BY center_id")["center_id"])

    def require_center(self, center_id: str) -> None:
        """NotFound where the snapshot holds no such center."""
        known = self.center_ids()
        if center_id not in known:
            raise NotFound(
                f"the published snapshot has no center '{center_id}'; it has {', '.join(known) or 'none yet'}"
            )


def _open_current(data_dir: Path) -> tuple[Snapshot, duckdb.DuckDBPyConnection]:
    for attempt in range(_ATTEMPTS):
        snapshot = current_snapshot(data_dir)
        try:
            connection = duckdb.connect(str(snapshot.path), read_only=True)
        except duckdb.Error as error:
            if attempt + 1 < _ATTEMPTS and current_snapshot(data_dir).version != snapshot.version:
                continue  # pruned between the two reads
            raise StoreError(
                f"the published snapshot {snapshot.path} cannot be opened ({str(error).splitlines()[0]}); run "
                "`ratiocast flows run publish`"
            ) from error
        return snapshot, connection
    raise StoreError(f"the snapshots in {data_dir} are replaced faster than they can be opened; try again")


def _known(name: str, frame: pd.DataFrame, known_at: datetime | None) -> pd.DataFrame:
    if known_at is None:
        return frame
    if name == "headcounts":
        return frame.iloc[:0]
    if name in ("stays", "staff_stays"):
        frame = frame[frame["start_recorded_at"] <= known_at].reset_index(drop=True)
        unknown = frame["end_recorded_at"] > known_at
        ends = {"end": frame["end"].mask(unknown), "end_recorded_at": frame["end_recorded_at"].mask(unknown)}
        if "doubts" in frame:  # those of a stay that lasted then rest on how it went on
            lasted = ends["end"].isna() & (frame["start"] > known_at - timedelta(hours=26))
            ends["doubts"] = frame["doubts"].mask(unknown | lasted, "")
        return frame.assign(**ends)
    if "recorded_at" in frame:
        return frame[frame["recorded_at"] <= known_at].reset_index(drop=True)
    return frame
