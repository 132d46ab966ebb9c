"""Insert unless it is there, insert or replace: the same words for SQLite and PostgreSQL.

SQLAlchemy makes the text of an `ON CONFLICT` statement anew at each call (its cache passes these over), which takes it
ten times as long as the insert itself. The texts for single rows are therefore made here, once per table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Table, TextClause, bindparam, text
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> Sequence[Row[Any]]:
    """Insert the rows whose keys are not there yet; returns the key of each that was new."""
    if not rows:
        return []
    if len(rows) == 1:
        return connection.execute(_insert_new(table), dict(rows[0])).all()
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return connection.execute(statement, [dict(row) for row in rows]).all()


def replace_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of all columns, or give those with their keys these values."""
    if rows:
        connection.execute(_replace(table), [dict(row) for row in rows])


@cache
def _insert_new(table: Table) -> Any:
    keys = table.primary_key.columns
    returning = ", ".join(f'"{column.name}"' for column in keys)
    return _insert(table, f"DO NOTHING RETURNING {returning}").columns(*keys)


@cache
def _replace(table: Table) -> TextClause:
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    rest = ", ".join(f'"{c.name}" = excluded."{c.name}"' for c in table.columns if not c.primary_key)
    return _insert(table, f"({keys}) DO UPDATE SET {rest}")


def _insert(table: Table, on_conflict: str) -> TextClause:
    """Of all columns, each bound with its type. The names come from `schema`, never from a request."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    values = ", ".join(f":{column.name}" for column in table.columns)
    statement = text(f'INSERT INTO "{table.name}" ({names}) VALUES ({values}) ON CONFLICT {on_conflict}')  # noqa: S608
    return statement.bindparams(*(bindparam(column.name, type_=column.type) for column in table.columns))
