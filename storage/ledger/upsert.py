"""Insert unless it is there, insert or replace: the same words for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> Sequence[Row[Any]]:
    """Insert the rows whose keys are not there yet; returns the key of each that was new."""
    if not rows:
        return []
    statement = _dialect(connection).insert(table).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return connection.execute(statement, [dict(row) for row in rows]).all()


def replace_row(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row, or give the one with its key these values."""
    keys = [column.name for column in table.primary_key.columns]
    statement = _dialect(connection).insert(table).values(**row)
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=dict(row)))


def _dialect(connection: Connection) -> Any:
    return sqlite if connection.dialect.name == "sqlite" else postgresql
