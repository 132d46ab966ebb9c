"""The warehouse: one DuckDB file, written by the flows alone, one writer at a time."""
# ruff: noqa: S608 (table and column names come from warehouse_tables alone; values are always parameters)

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from domain.errors import StoreBusy, StoreError
from storage.snapshots import Snapshot, publish_file
from storage.warehouse_tables import SCHEMA_VERSION, TABLES, Table

Rows = Sequence[Mapping[str, Any]] | pd.DataFrame
FILE = "warehouse.duckdb"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def open_warehouse(data_dir: Path) -> Warehouse:
    """The warehouse for writing, made if missing. StoreBusy while another process (or this one) writes to it."""
    return Warehouse(data_dir)


class Warehouse:
    """Use as a context manager. Each write method is one transaction of its own unless a `transaction()` is open."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.path = data_dir / FILE
        self._in_transaction = False
        with disk_errors(data_dir):
            data_dir.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(data_dir / "warehouse.lock")
            try:
                self._connection = self._open()
                self._prepare()
            except BaseException:
                os.close(self._lock)
                raise

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()
        os.close(self._lock)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside become durable together, or none of them does. Not nested."""
        with disk_errors(self.data_dir):
            self._connection.execute("BEGIN")
            self._in_transaction = True
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._in_transaction = False

    def add_new(self, table: str, rows: Rows) -> int:
        """Insert the rows whose key is not there yet (of doubles among them the first). Returns how many were new."""
        kind = TABLES[table]
        same = _equal(kind.key, "t", "i")
        picked = f"SELECT * FROM incoming QUALIFY row_number() OVER (PARTITION BY {_names(kind.key)} ORDER BY 1) = 1"
        return self._write(
            kind,
            rows,
            f'INSERT INTO "{table}" BY NAME SELECT i.* FROM ({picked}) i '
            f'WHERE NOT EXISTS (SELECT 1 FROM "{table}" t WHERE {same})',
        )

    def put(self, table: str, rows: Rows) -> int:
        """Insert the rows, each in place of the one that has its key."""
        kind = TABLES[table]
        with nullcontext() if self._in_transaction else self.transaction():
            return self._write(
                kind,
                rows,
                f'DELETE FROM "{table}" t WHERE EXISTS (SELECT 1 FROM incoming i WHERE {_equal(kind.key, "t", "i")})',
                f'INSERT INTO "{table}" BY NAME SELECT * FROM incoming',
            )

    def add_versions(self, table: str, rows: Rows) -> int:
        """Insert a row for each fact whose latest state differs from the one given; `recorded_at` says since when it is
        known. A state recorded at the very instant of the latest one takes its place. Returns how many changed.
        """
        kind = TABLES[table]
        key = _names(kind.key)
        latest = (
            f'SELECT * FROM "{table}" t WHERE EXISTS (SELECT 1 FROM incoming i WHERE {_equal(kind.key, "t", "i")}) '
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY recorded_at DESC) = 1"
        )
        changed = (
            f"CREATE OR REPLACE TEMP TABLE changed AS SELECT i.* FROM incoming i LEFT JOIN ({latest}) l "
            f"ON {_equal(kind.key, 'l', 'i')} WHERE l.recorded_at IS NULL OR NOT ({_equal(kind.content, 'l', 'i')})"
        )
        same_instant = f"{_equal((*kind.key, 'recorded_at'), 't', 'c')}"
        with nullcontext() if self._in_transaction else self.transaction():
            return self._write(
                kind,
                rows,
                changed,
                f'DELETE FROM "{table}" t WHERE EXISTS (SELECT 1 FROM changed c WHERE {same_instant})',
                f'INSERT INTO "{table}" BY NAME SELECT * FROM changed',
            )

    def replace(self, table: str, where: Mapping[str, object], rows: Rows) -> int:
        """The rows instead of all those that match `where` (column = value)."""
        kind = TABLES[table]
        condition = " AND ".join(f'"{name}" = ?' for name in where) or "true"
        with nullcontext() if self._in_transaction else self.transaction():
            self.run(f'DELETE FROM "{table}" WHERE {condition}', list(where.values()))
            return self._write(kind, rows, f'INSERT INTO "{table}" BY NAME SELECT * FROM incoming')

    def latest(self, table: str, center_id: str, inside: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
        """The latest state of each fact of a center that lies inside a condition in SQL, in a fixed order."""
        kind = TABLES[table]
        newest = f"row_number() OVER (PARTITION BY {_names(kind.key)} ORDER BY recorded_at DESC) = 1"
        return self.rows(
            f'SELECT * FROM (SELECT * FROM "{table}" WHERE center_id = ? QUALIFY {newest}) WHERE {inside} '
            + kind.order_sql,
            [center_id, *parameters],
        )

    def delete(self, table: str, row: Mapping[str, object]) -> None:
        """Remove the fact that has the row's key."""
        key = TABLES[table].key
        same = " AND ".join(f'"{name}" IS NOT DISTINCT FROM ?' for name in key)
        self.run(f'DELETE FROM "{table}" WHERE {same}', [row[name] for name in key])

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement that changes rows."""
        with disk_errors(self.data_dir):
            self._connection.execute(sql, list(parameters)).fetchall()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """All rows of a query, by column; nulls are None, instants aware UTC."""
        with disk_errors(self.data_dir):
            found: list[dict[str, Any]] = _utc(self._connection.sql(sql, params=list(parameters))).to_pylist()
            return found

    def frame(self, table: str, center_id: str | None = None) -> pd.DataFrame:
        """The table as it stands inside this run, of one center or of all, in a fixed order of rows."""
        where = "WHERE center_id = ?" if center_id is not None else ""
        sql = f'SELECT * FROM "{table}" {where} {TABLES[table].order_sql}'
        with disk_errors(self.data_dir):
            frame: pd.DataFrame = _utc(self._connection.sql(sql, params=[center_id] if where else [])).to_pandas()
            return frame

    def mark(self, center_id: str, name: str) -> str | None:
        """A watermark a flow left: how far it came."""
        found = self.rows("SELECT value FROM marks WHERE center_id = ? AND name = ?", [center_id, name])
        return found[0]["value"] if found else None

    def set_mark(self, center_id: str, name: str, value: str) -> None:
        row = {"center_id": center_id, "name": name, "value": value}
        self.replace("marks", {"center_id": center_id, "name": name}, [row])

    def publish(self, now: datetime) -> Snapshot:
        """Checkpoint and publish a copy; readers see the old snapshot until the new one is complete on disk."""
        with disk_errors(self.data_dir):
            self._connection.execute("CHECKPOINT")
            self._connection.close()  # closing any handle on the file would drop DuckDB's own lock: let go of it first
            try:
                return publish_file(self.path, self.data_dir, now)
            finally:
                self._connection = self._open()

    def _open(self) -> duckdb.DuckDBPyConnection:
        try:
            connection = duckdb.connect(str(self.path))
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise _busy(self.path) from error
            raise
        return connection

    def _prepare(self) -> None:
        for table in TABLES.values():
            self._connection.execute(table.create_sql)
        found = self.mark("", "schema")
        if found is None:
            self.set_mark("", "schema", str(SCHEMA_VERSION))
        elif found != str(SCHEMA_VERSION):
            raise StoreError(
                f"{self.path} was written by another version (schema {found}, this one has {SCHEMA_VERSION}); move "
                "it away and run `ratiocast ingest` again"
            )

    def _write(self, kind: Table, rows: Rows, *statements: str) -> int:
        """Run the statements with the rows as the relation `incoming`; the count of the last statement's rows."""
        with disk_errors(self.data_dir):
            self._connection.register("incoming", _arrow(kind, rows))
            try:
                count = 0
                for statement in statements:
                    count = self._connection.execute(statement).fetchall()[0][0]
                return int(count)
            finally:
                self._unregister()

    def _unregister(self) -> None:
        try:
            self._connection.unregister("incoming")
        except duckdb.Error:  # the database went down in the statement itself, whose error is the one to tell
            return

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except duckdb.Error:  # a failed commit has rolled back already
            return


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Errors of the disk and of DuckDB as one sentence that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _full(folder) from error
        raise StoreError(f"{error.filename or folder} cannot be used: {error.strerror or error}") from error
    except duckdb.Error as error:
        text = str(error)
        if any(os.strerror(code) in text for code in _FULL) or "out of disk" in text.lower():
            raise _full(folder) from error
        raise StoreError(f"the warehouse in {folder} failed: {text.splitlines()[0]}") from error


def select(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
    """A query's rows: instants aware UTC, days as `date`; one fresh cursor per query."""
    frame: pd.DataFrame = _utc(connection.cursor().sql(sql, params=list(parameters))).to_pandas()
    return frame


def _utc(relation: duckdb.DuckDBPyRelation) -> pa.Table:
    """The rows as Arrow, instants in UTC whatever zone the machine is in."""
    table = relation.to_arrow_table()
    utc = pa.timestamp("us", "UTC")
    fields = [
        pa.field(field.name, utc) if pa.types.is_timestamp(field.type) and field.type.tz else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _arrow(kind: Table, rows: Rows) -> pa.Table:
    schema = kind.arrow_schema
    if isinstance(rows, pd.DataFrame):
        return pa.Table.from_pandas(rows[list(kind.columns)], schema=schema, preserve_index=False)
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def _equal(columns: Sequence[str], left: str, right: str) -> str:
    return " AND ".join(f'{left}."{name}" IS NOT DISTINCT FROM {right}."{name}"' for name in columns)


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise _busy(path.parent / FILE) from error
    return descriptor


def _busy(path: Path) -> StoreBusy:
    return StoreBusy(
        f"another run is writing to {path}; wait for it to end, then run this again (readers are not disturbed)"
    )


def _full(folder: Path) -> StoreError:
    return StoreError(
        f"the disk that holds {folder} is full; free some space and run this again: what was published before is "
        "untouched, and nothing half-written was published"
    )
