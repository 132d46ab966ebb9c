"""Rows out of CSV, NDJSON, Parquet and XLSX, and clear words about files that are not whole."""

from __future__ import annotations

import io
from datetime import date, datetime, time

import openpyxl
import pandas as pd
import pytest

from connectors.tables import read_table
from domain.errors import BadInput, CutOff

FRAME = pd.DataFrame({"name": ["Ana", "Bo, Jr.", None], "n": [1, -1, 3], "yes": [True, False, True]})
EXPECTED = [
    {"name": "Ana", "n": "1", "yes": "Yes"},
    {"name": "Bo, Jr.", "n": "", "yes": "No"},
    {"name": "", "n": "3", "yes": "Yes"},
]


def content(form: str) -> bytes:
    frame = FRAME.assign(yes=["Yes", "No", "Yes"]) if form in ("csv", "xlsx") else FRAME
    if form == "csv":
        return frame.to_csv(index=False).encode()
    if form == "ndjson":
        return frame.to_json(orient="records", lines=True).encode()
    out = io.BytesIO()
    if form == "parquet":
        frame.to_parquet(out, index=False)
    else:
        frame.to_excel(out, index=False)
    return out.getvalue()


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet", "xlsx"])
def test_every_form_gives_the_same_texts(form: str) -> None:
    table = read_table(f"export.{form}", content(form))
    assert table.columns == ("name", "n", "yes")
    assert table.rows == EXPECTED


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet", "xlsx"])
@pytest.mark.parametrize("share", [0.0, 0.75])
def test_a_file_that_was_cut_off_is_told(form: str, share: float) -> None:
    whole = content(form)
    part = whole[: int(len(whole) * share)] if form != "csv" or not share else whole[:-6]
    with pytest.raises(CutOff, match=f"export.{form} (is|ends)"):
        read_table(f"export.{form}", part)


def test_a_quoted_text_that_never_ends_is_a_cut() -> None:
    with pytest.raises(CutOff, match="inside a quoted text"):
        read_table("a.csv", b'a,b\n1,"never ends')


def test_a_row_with_too_many_columns_is_named() -> None:
    with pytest.raises(BadInput, match="row 3 has 3 columns instead of 2"):
        read_table("a.csv", b"a,b\n1,2\n1,2,3\n1,2\n")


def test_a_line_that_is_no_json_is_named() -> None:
    with pytest.raises(BadInput, match="line 1 is not JSON"):
        read_table("a.ndjson", b'{"a": \n{"a": 1}\n')
    with pytest.raises(BadInput, match="line 2 is not a JSON object"):
        read_table("a.ndjson", b'{"a": 1}\n[1]\n{"a": 2}\n')


def test_text_in_another_encoding_is_named_and_can_be_told() -> None:
    latin = "Kind,Gruppe\nZoë,Bären\n".encode("cp1252")
    with pytest.raises(BadInput, match="is not utf-8-sig text"):
        read_table("a.csv", latin)
    assert read_table("a.csv", latin, encoding="cp1252").rows == [{"Kind": "Zoë", "Gruppe": "Bären"}]
    with pytest.raises(BadInput, match="encoding 'klingon' is unknown"):
        read_table("a.csv", latin, encoding="klingon")


def test_another_kind_of_file_is_refused() -> None:
    with pytest.raises(BadInput, match="is not one of the kinds this reads"):
        read_table("report.pdf", b"%PDF")


def test_a_missing_column_is_named_with_those_found() -> None:
    table = read_table("a.csv", b"a,b\n1,2\n")
    with pytest.raises(BadInput, match=r"a\.csv lacks the column 'c'; it has: a, b"):
        table.require(("a", "c"))


def test_a_sheet_is_chosen_by_name() -> None:
    out = io.BytesIO()
    with pd.ExcelWriter(out) as writer:
        pd.DataFrame({"a": [1]}).to_excel(writer, sheet_name="one", index=False)
        when = {"day": [date(2026, 3, 2)], "at": [time(7, 5)], "stamp": [datetime.fromisoformat("2026-03-02 07:05")]}
        pd.DataFrame(when).to_excel(writer, sheet_name="two", index=False)
    assert read_table("a.xlsx", out.getvalue()).columns == ("a",)
    row = read_table("a.xlsx", out.getvalue(), sheet="two").rows[0]
    assert (row["day"][:10], row["at"], row["stamp"]) == ("2026-03-02", "07:05:00", "2026-03-02 07:05:00")
    with pytest.raises(BadInput, match="has no sheet 'three'; it has: one, two"):
        read_table("a.xlsx", out.getvalue(), sheet="three")


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_file_of_empty_lines_has_no_rows(form: str) -> None:
    if form == "csv":
        with pytest.raises(BadInput, match="has no rows"):
            read_table("a.csv", b"\n\n")
    else:
        assert read_table("a.ndjson", b"\n\n").rows == []


def test_rows_have_the_numbers_a_person_sees() -> None:
    table = read_table("a.csv", b'a,b\n1,2\n\n"over two\nlines",4\n\n5,6\n')
    assert [number for number, _ in table.numbered()] == [2, 4, 6]
    assert [number for number, _ in read_table("a.ndjson", b'{"a": 1}\n\n{"a": 2}\n').numbered()] == [1, 3]


def test_lines_may_end_as_old_spreadsheets_end_them() -> None:
    assert read_table("a.csv", b"a,b\r1,2\r").rows == [{"a": "1", "b": "2"}]


def test_a_column_named_twice_is_refused_where_it_is_needed() -> None:
    table = read_table("a.csv", b"a,b,a\n1,2,3\n")
    table.require(["b"])
    with pytest.raises(BadInput, match="has the column 'a' twice"):
        table.require(["a"])


def test_rows_of_a_workbook_are_as_long_as_its_header() -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for line in (["a", "b", "c"], [1], [], [1, 2, 3]):
        sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    table = read_table("a.xlsx", out.getvalue())
    assert table.rows == [{"a": "1", "b": "", "c": ""}, {"a": "1", "b": "2", "c": "3"}]
    assert table.numbers == (2, 4)
    sheet["E4"] = "beside"
    book.save(out := io.BytesIO())
    with pytest.raises(BadInput, match="row 4 has a value beyond the named columns"):
        read_table("a.xlsx", out.getvalue())
