"""Files with rows (CSV, NDJSON, Parquet, XLSX) as plain texts by column, whatever wrote them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import PurePosixPath
from typing import Any, TypeVar
from xml.etree.ElementTree import ParseError

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from domain.errors import BadInput, CutOff

SUFFIXES = (".csv", ".ndjson", ".jsonl", ".parquet", ".xlsx")
Line = TypeVar("Line")
NULLS = frozenset({"", "-1", "null", "NULL", "None", "nan"})


@dataclass(frozen=True, slots=True)
class TableFile:
    """Rows by column name; `numbers` are those a person sees beside them, empty rows counted."""

    name: str
    columns: tuple[str, ...]
    rows: list[dict[str, str]]
    numbers: tuple[int, ...]

    def require(self, columns: Iterable[str]) -> None:
        """BadInput unless each of the columns is there once; it names the first that is not, and those found. A file of
        no rows in a form that names columns in its rows alone (NDJSON) lacks none.
        """
        if not self.columns and not self.rows:
            return
        for column in columns:
            if column not in self.columns:
                raise BadInput(
                    f"{self.name} lacks the column '{column}'; it has: {', '.join(self.columns) or 'none'}. Name the "
                    "right column or export the file again"
                )
            if self.columns.count(column) > 1:
                raise BadInput(f"{self.name} has the column '{column}' twice; rename or remove one of them")

    def numbered(self) -> Iterator[tuple[int, dict[str, str]]]:
        return zip(self.numbers, self.rows, strict=True)


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
        lines = _without_empty(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise CutOff(f"{name} ends inside a quoted text ({error}); it was cut off. Send it again") from error
    if not lines:
        raise BadInput(f"{name} has no rows; the first row must name the columns")
    (_, columns), *rows = lines
    for number, row in rows:
        if len(row) < len(columns) and number == lines[-1][0]:
            raise CutOff(
                f"{name} ends in the middle of row {number} ({len(row)} of {len(columns)} columns); send it again"
            )
        if len(row) != len(columns):
            raise BadInput(
                f"{name}, row {number} has {len(row)} columns instead of {len(columns)}; quote texts that hold "
                f"'{delimiter}'"
            )
    return _table(name, [part.strip() for part in columns], rows)


def _ndjson(name: str, text: str) -> TableFile:
    lines = _without_empty(line.strip() for line in text.split("\n"))
    objects: list[tuple[int, dict[str, Any]]] = []
    for number, line in lines:
        try:
            value = json.loads(line)
        except ValueError as error:
            if number == lines[-1][0]:
                raise CutOff(f"{name} ends in the middle of line {number}; it was cut off. Send it again") from error
            raise BadInput(f"{name}, line {number} is not JSON: {error}; write one object per line") from error
        if not isinstance(value, dict):
            raise BadInput(f"{name}, line {number} is not a JSON object; write one object per line")
        objects.append((number, value))
    columns = list(dict.fromkeys(key for _, row in objects for key in row))
    return _table(name, columns, [(number, [row.get(column) for column in columns]) for number, row in objects])


def _parquet(name: str, content: bytes) -> TableFile:
    try:
        table = pq.read_table(io.BytesIO(content))
    except (pa.ArrowInvalid, OSError) as error:
        raise CutOff(
            f"{name} is not a whole Parquet file ({str(error).splitlines()[0]}); it was cut off or is something else. "
            "Send it again"
        ) from error
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return _table(name, table.column_names, list(enumerate(rows, start=1)))


def _xlsx(name: str, content: bytes, sheet: str) -> TableFile:
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        if sheet and sheet not in book.sheetnames:
            raise BadInput(f"{name} has no sheet '{sheet}'; it has: {', '.join(book.sheetnames)}")
        cells = book[sheet] if sheet else book.worksheets[0]
        cells.reset_dimensions()  # what a file says of its size is often out of date, and rows would be left out
        lines = [(n, line) for n, line in enumerate(cells.iter_rows(values_only=True), 1) if any(_filled(line))]
        book.close()
    except (zipfile.BadZipFile, zlib.error, EOFError, ParseError, LookupError, OSError, ValueError) as error:
        raise CutOff(f"{name} is not a whole XLSX file ({error}); it was cut off. Send it again") from error
    if not lines:
        raise BadInput(f"{name} has no rows; the first row must name the columns")
    (_, header), *rows = lines
    for number, row in rows:
        if any(_filled(row[len(header) :])):
            raise BadInput(f"{name}, row {number} has a value beyond the named columns; name its column or clear it")
    padded = [(number, (*row, *[None] * len(header))[: len(header)]) for number, row in rows]
    return _table(name, [_text(cell) for cell in header], padded)


def _filled(cells: Iterable[Any]) -> Iterator[bool]:
    return (cell is not None for cell in cells)


def _without_empty(lines: Iterable[Line]) -> list[tuple[int, Line]]:
    return [(number, line) for number, line in enumerate(lines, start=1) if line]


def _table(name: str, columns: Sequence[str], rows: Sequence[tuple[int, Sequence[Any]]]) -> TableFile:
    texts = [{column: _text(cell) for column, cell in zip(columns, row, strict=True)} for _, row in rows]
    return TableFile(name, tuple(columns), texts, tuple(number for number, _ in rows))


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
