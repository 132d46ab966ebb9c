"""Files with rows (CSV, NDJSON, Parquet, XLSX) as plain texts by column, whatever wrote them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import PurePosixPath
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from domain.errors import BadInput, CutOff

SUFFIXES = (".csv", ".ndjson", ".jsonl", ".parquet", ".xlsx")
NULLS = frozenset({"", "-1", "null", "NULL", "None", "nan"})


@dataclass(frozen=True, slots=True)
class TableFile:
    """Rows by column name; `first_row` is the number a person sees beside the first of them."""

    name: str
    columns: tuple[str, ...]
    rows: list[dict[str, str]]
    first_row: int

    def require(self, columns: Iterable[str]) -> None:
        """BadInput unless all the columns are there; it names the first one missing and those found. A file of no rows
        in a form that names columns in its rows alone (NDJSON) lacks none.
        """
        if not self.columns and not self.rows:
            return
        for column in columns:
            if column not in self.columns:
                raise BadInput(
                    f"{self.name} lacks the column '{column}'; it has: {', '.join(self.columns) or 'none'}. Name the "
                    "right column or export the file again"
                )

    def numbered(self) -> Iterator[tuple[int, dict[str, str]]]:
        return enumerate(self.rows, start=self.first_row)


def read_table(
    name: str, content: bytes, *, delimiter: str = ",", encoding: str = "utf-8-sig", sheet: str = ""
) -> TableFile:
    """The file's rows as stripped texts; nulls in all their spellings are ''. CutOff if it ends in the middle, BadInput
    (naming file and row) if it cannot be read.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise BadInput(f"{name} is not one of the kinds this reads ({', '.join(SUFFIXES)}); export it as one of them")
    if not content:
        raise CutOff(f"{name} is empty; it was cut off, or its writer has not finished. Send it again")
    if suffix == ".parquet":
        return _parquet(name, content)
    if suffix == ".xlsx":
        return _xlsx(name, content, sheet)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{name} is not {encoding} text (byte {error.start}); save it as UTF-8 or name its encoding in the map"
        ) from error
    except LookupError as error:
        raise BadInput(f"{name}: the encoding '{encoding}' is unknown; use for example utf-8 or cp1252") from error
    return _csv(name, text, delimiter) if suffix == ".csv" else _ndjson(name, text)


def _csv(name: str, text: str, delimiter: str) -> TableFile:
    try:
        lines = [line for line in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True) if line]
    except csv.Error as error:
        raise CutOff(f"{name} ends inside a quoted text ({error}); it was cut off. Send it again") from error
    columns, rows = [part.strip() for part in lines[0]], lines[1:]
    for number, row in enumerate(rows, start=2):
        if len(row) < len(columns) and number == len(rows) + 1:
            raise CutOff(
                f"{name} ends in the middle of row {number} ({len(row)} of {len(columns)} columns); send it again"
            )
        if len(row) != len(columns):
            raise BadInput(
                f"{name}, row {number} has {len(row)} columns instead of {len(columns)}; quote texts that hold "
                f"'{delimiter}'"
            )
    return _table(name, columns, rows, 2)


def _ndjson(name: str, text: str) -> TableFile:
    lines = [line for line in text.split("\n") if line.strip()]
    objects: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                raise CutOff(f"{name} ends in the middle of line {number}; it was cut off. Send it again") from error
            raise BadInput(f"{name}, line {number} is not JSON: {error}; write one object per line") from error
        if not isinstance(value, dict):
            raise BadInput(f"{name}, line {number} is not a JSON object; write one object per line")
        objects.append(value)
    return _objects(name, objects, 1)


def _parquet(name: str, content: bytes) -> TableFile:
    try:
        table = pq.read_table(io.BytesIO(content))
    except (pa.ArrowInvalid, OSError) as error:
        raise CutOff(
            f"{name} is not a whole Parquet file ({str(error).splitlines()[0]}); it was cut off or is something else. "
            "Send it again"
        ) from error
    return _table(name, table.column_names, zip(*(c.to_pylist() for c in table.columns), strict=True), 1)


def _xlsx(name: str, content: bytes, sheet: str) -> TableFile:
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        raise CutOff(f"{name} is not a whole XLSX file ({error}); it was cut off. Send it again") from error
    if sheet and sheet not in book.sheetnames:
        raise BadInput(f"{name} has no sheet '{sheet}'; it has: {', '.join(book.sheetnames)}")
    lines = list((book[sheet] if sheet else book.worksheets[0]).iter_rows(values_only=True))
    book.close()
    if not lines:
        raise BadInput(f"{name} has no rows; the first row must name the columns")
    rows = [line for line in lines[1:] if any(cell is not None for cell in line)]
    return _table(name, [_text(cell) for cell in lines[0]], rows, 2)


def _objects(name: str, objects: Sequence[Mapping[str, Any]], first_row: int) -> TableFile:
    columns = list(dict.fromkeys(key for row in objects for key in row))
    return _table(name, columns, [[row.get(column) for column in columns] for row in objects], first_row)


def _table(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], first_row: int) -> TableFile:
    texts = [{column: _text(cell) for column, cell in zip(columns, row, strict=True)} for row in rows]
    return TableFile(name, tuple(columns), texts, first_row)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    return "" if text in NULLS else text
