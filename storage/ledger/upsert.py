"""Insert unless it is there, insert or replace: the same words for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> Sequence[Row[Any]]:
    """Insert the rows whose keys are not there yet; returns the key of each that was new."""
    if not rows:
        return []
    return connection.execute(_insert_new(connection.dialect.name, table), [dict(row) for row in rows]).all()


def replace_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of all columns, or give those with their keys these values."""
    if rows:
        connection.execute(_replace(connection.dialect.name, table), [dict(row) for row in rows])


# Making a statement takes SQLAlchemy longer than the database takes to run it.
@cache
def _insert_new(dialect: str, table: Table) -> Any:
    return _dialect(dialect).insert(table).on_conflict_do_nothing().returning(*table.primary_key.columns)


@cache
def _replace(dialect: str, table: Table) -> Any:
    statement = _dialect(dialect).insert(table)
    rest = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=table.primary_key.columns, set_=rest)


def _dialect(name: str) -> Any:
    return sqlite if name == "sqlite" else postgresql
