"""Insert, insert unless it is there, insert or replace: many rows by one statement, for SQLite and PostgreSQL alike.

SQLAlchemy makes the text of an `ON CONFLICT` statement anew at each call (its cache passes these over), and of many
rows it makes many statements, between which the writer may lose the interpreter. Both cost more than the insert itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Table

_ROWS = 200  # in one statement: 13 columns of them stay far below the bound parameters either database takes

Rows = Sequence[Mapping[str, Any]]  # of all columns of their table


def insert_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows whose keys are not there."""
    for _ in _executed(connection, table, rows, ""):
        pass


def insert_new(connection: Connection, table: Table, rows: Rows) -> list[Row[Any]]:
    """Insert the rows whose keys are not there yet; returns the key of each that was new, as it is stored."""
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    results = _executed(connection, table, rows, f"ON CONFLICT DO NOTHING RETURNING {keys}")
    return [row for result in results for row in result]


def insert_new_count(connection: Connection, table: Table, rows: Rows) -> int:
    """`insert_new` that says only how many were new: each key it would return is a step of its own in the driver, which
    gives up the interpreter for it."""
    return sum(result.rowcount for result in _executed(connection, table, rows, "ON CONFLICT DO NOTHING"))


def replace_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows, or give those with their keys these values; of several with one key the last one holds."""
    names = [column.name for column in table.primary_key.columns]
    keys = ", ".join(f'"{name}"' for name in names)
    rows = list({tuple(row[name] for name in names): row for row in rows}.values())
    rest = ", ".join(f'"{c.name}" = excluded."{c.name}"' for c in table.columns if not c.primary_key)
    for _ in _executed(connection, table, rows, f"ON CONFLICT ({keys}) DO UPDATE SET {rest}"):
        pass


def _executed(connection: Connection, table: Table, rows: Rows, on_conflict: str) -> Iterator[Any]:
    """The results, statement by statement."""
    dialect = connection.dialect
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    columns = [(column.name, column.type.bind_processor(dialect)) for column in table.columns]
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        values = tuple(code(row[name]) if code else row[name] for row in part for name, code in columns)
        yield connection.exec_driver_sql(_statement(table, len(part), mark, on_conflict), values)


@lru_cache(maxsize=1000)
def _statement(table: Table, rows: int, mark: str, on_conflict: str) -> str:
    """The names come from `schema`, never from a request."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    values = ", ".join([f"({', '.join([mark] * len(table.columns))})"] * rows)
    return f'INSERT INTO "{table.name}" ({names}) VALUES {values} {on_conflict}'  # noqa: S608
