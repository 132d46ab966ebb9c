"""Foreign attendance files and head counts: names, dates and gaps of other systems."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from connectors.sessions import parse_check_out, parse_moment, stable_id
from connectors.spreadsheets import read_attendance, read_column_map, read_counts
from domain.errors import BadInput
from domain.time import zone

MAP = """
[centers."Sonnenhügel"]
state = "TX"
timezone = "America/Chicago"
opens = "06:30"
closes = "18:30"

[centers."Sonnenhügel".rooms."Bären"]
age_min_months = 18
age_max_months = 36
capacity = 12

[file]
delimiter = ";"

[columns]
child = ["Nachname", "Vorname"]
room = "Gruppe"
date = "Datum"
check_in = "Ankunft"
check_out = "Abholung"

[formats]
date = ["%d.%m.%Y", "%Y-%m-%d"]
time = ["%H:%M", "%I:%M %p"]
"""
HEADER = "Nachname;Vorname;Gruppe;Datum;Ankunft;Abholung\n"
ROWS = (
    "Roe;Ana;Bären;07.03.2026;07:45;16:30\n"  # the day before the clocks change
    "Roe;Ana;Bären;2026-03-09;7:50 AM;4:40 PM\n"  # the day after, another spelling
    "Poe;Bo;Bären;09.03.2026;08:10;\n"  # forgot to check out
    "Poe;Bo;Bären;10.03.2026;;\n"  # absent
)


def write(tmp_path: Path, rows: str = ROWS, mapping: str = MAP) -> tuple[Path, Path]:
    file, map_file = tmp_path / "anwesenheit.csv", tmp_path / "map.toml"
    file.write_text(HEADER + rows)
    map_file.write_text(mapping)
    return file, map_file


def test_foreign_columns_mixed_dates_and_a_missing_check_out(tmp_path: Path) -> None:
    attendance = read_attendance(*write(tmp_path))
    assert [room.name for room in attendance.rooms] == ["Bären"]
    told = [(s.day, s.check_in, s.check_out) for s in attendance.sessions if not s.voided]
    assert told == [
        (date(2026, 3, 7), datetime(2026, 3, 7, 13, 45, tzinfo=UTC), datetime(2026, 3, 7, 22, 30, tzinfo=UTC)),
        (date(2026, 3, 9), datetime(2026, 3, 9, 12, 50, tzinfo=UTC), datetime(2026, 3, 9, 21, 40, tzinfo=UTC)),
        (date(2026, 3, 9), datetime(2026, 3, 9, 13, 10, tzinfo=UTC), None),
    ]
    assert [s.day for s in attendance.sessions if s.voided] == [date(2026, 3, 10)]  # did not come
    assert len({s.child_id for s in attendance.sessions}) == 2
    assert "Roe" not in repr(attendance.sessions)


def test_hours_the_clocks_double_or_skip() -> None:
    chicago = zone("America/Chicago")
    doubled = parse_moment("01:30", date(2026, 11, 1), chicago)
    assert doubled == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # the first of the two
    skipped = parse_moment("02:30", date(2026, 3, 8), chicago)
    assert skipped == datetime(2026, 3, 8, 8, 30, tzinfo=UTC)
    told = parse_moment("2026-11-01T01:30:00-06:00", date(2026, 11, 1), chicago)
    assert told == datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
    out = parse_check_out("01:10", doubled, date(2026, 11, 1), chicago, overnight=False)
    assert out == datetime(2026, 11, 1, 7, 10, tzinfo=UTC)  # the second of the two, because the first lies before


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Roe;Ana;Bären;31.02.2026;08:00;16:00\n", "row 6: '31.02.2026' is not a day in the form %d.%m.%Y or %Y-%m-%d"),
        ("Roe;Ana;Bären;11.03.2026;late;16:00\n", "row 6: 'late' is not a time"),
        ("Roe;Ana;Bären;11.03.2026;16:00;08:00\n", "row 6: the check-out .* is not after the check-in"),
        ("Roe;Ana;Igel;11.03.2026;08:00;16:00\n", "row 6: the room 'Igel' is not described; add .*rooms.\"Igel\""),
        (";;Bären;11.03.2026;08:00;16:00\n", "row 6: the child's name is empty"),
        ("\n\nRoe;Ana;Bären;11.03.2026;late;16:00\n", "row 8: 'late' is not a time"),
        ("Roe;Ana;Bären;11.03.0001;08:00;16:00\n", "row 6: '11.03.0001' lies outside the years 2000 to 2200"),
        ("Roe;Ana;Bären;11.03.2026;08:00;2027-03-11 16:00\n", "row 6: '2027-03-11 16:00' is more than two days from"),
        ("Roe;Ana;Bären;11.03.2026;2026-03-11;16:00\n", "row 6: '2026-03-11' is not a time"),
        ("Roe;Ana;Bären;09.03.2026;15:00;17:00\n", "rows 3 and 6: the same child is present twice"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_imported(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read_attendance(*write(tmp_path, ROWS + row))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"America/Chicago"', '"Mars/Olympus"', "the center 'Sonnenhügel': the time zone 'Mars/Olympus' is unknown"),
        ('opens = "06:30"', 'opens = "half six"', "'half six' is not a time of day"),
        ('state = "TX"', "", "the center 'Sonnenhügel' lacks 'state'"),
        ("capacity = 12", "", "needs age_min_months, age_max_months and capacity"),
        ('check_in = "Ankunft"', "", "does not say which column is 'check_in'"),
        ('"Ankunft"', '"Arrival"', "lacks the column 'Arrival'; it has: Nachname, Vorname"),
        ("[columns]", "[columns", "cannot be read as TOML"),
        ("[columns]\nchild", "[[columns]]\nchild", "'columns' must be a section"),
        ('delimiter = ";"', 'delimiter = ";;"', "'delimiter' must be one character, not ';;'"),
        ('["%H:%M", "%I:%M %p"]', "[5]", r"'time' must be a text or a list of texts, not \[5\]"),
        ('["Nachname", "Vorname"]', "5", "'child' must be a text or a list of texts, not 5"),
        ('state = "TX"', 'state = "TX"\nopen_weekdays = [0, 8]', r"the open weekdays \[0, 8\] are not numbers from 1"),
        ("age_max_months = 36", "age_max_months = 6", "the ages of the room 'Bären' of 'Sonnenhügel' end before they"),
        ('[centers."Sonnenhügel".rooms', '[centers."B"]\n[x', "describes 2 centers|lacks 'timezone'"),
    ],
)
def test_a_wrong_map_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    mapping = MAP.replace(old, new, 1)
    with pytest.raises(BadInput, match=words):
        read_attendance(*write(tmp_path, mapping=mapping))


def test_a_missing_map_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist; write it, for example"):
        read_column_map(tmp_path / "none.toml")


def test_a_center_open_past_midnight_takes_a_check_out_of_the_next_day(tmp_path: Path) -> None:
    mapping = MAP.replace('closes = "18:30"', 'closes = "02:00"')
    attendance = read_attendance(*write(tmp_path, "Roe;Ana;Bären;07.03.2026;17:00;01:15\n", mapping))
    assert attendance.sessions[0].check_out == datetime(2026, 3, 8, 7, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "left"),
    [
        ("Roe;Ana;Bären;07.03.2026;22:00;06:00\n", datetime(2026, 3, 8, 11, 0, tzinfo=UTC)),  # a night of 7 hours
        ("Roe;Ana;Bären;31.10.2026;22:00;06:00\n", datetime(2026, 11, 1, 12, 0, tzinfo=UTC)),  # a night of 9 hours
    ],
)
def test_a_night_in_which_the_clocks_change_ends_by_the_wall_clock(tmp_path: Path, row: str, left: datetime) -> None:
    mapping = MAP.replace('closes = "18:30"', 'closes = "06:30"')  # round the clock
    assert read_attendance(*write(tmp_path, row, mapping)).sessions[0].check_out == left


def test_a_full_timestamp_before_the_check_in_is_wrong_also_past_midnight(tmp_path: Path) -> None:
    mapping = MAP.replace('closes = "18:30"', 'closes = "02:00"')
    with pytest.raises(BadInput, match="is not after the check-in"):
        read_attendance(*write(tmp_path, "Roe;Ana;Bären;07.03.2026;17:00;2026-03-07 01:15\n", mapping))


def test_a_file_that_names_columns_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="names columns and has no rows; nothing was imported"):
        read_attendance(*write(tmp_path, ""))


def test_opening_hours_may_be_times_of_toml(tmp_path: Path) -> None:
    mapping = MAP.replace('"06:30"', "06:30:00")
    assert read_attendance(*write(tmp_path, mapping=mapping)).centers[0].opens == time(6, 30)


def test_ids_are_the_same_for_the_same_name_however_it_is_spelled() -> None:
    assert stable_id("child", "c", "Roe", "Ana") == stable_id("child", "c", " ROE", "ana ")
    assert stable_id("child", "c", "Roe", "Ana") != stable_id("child", "c", "RoeAna", "")
    assert stable_id("child", "c", "x") != stable_id("room", "c", "x")


def test_counts_are_read_with_names_from_the_file_or_the_command(tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    file.write_text("ts,count\n2026-03-02 07:15,3\n2026-03-02 07:30:00,5.0\n")
    rows = read_counts(file, site="pool", room="ice")
    assert rows[1] == {"site": "pool", "room": "ice", "ts": datetime.fromisoformat("2026-03-02 07:30"), "count": 5.0}
    with pytest.raises(BadInput, match="lacks the column 'room'"):
        read_counts(file, site="pool")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("tomorrow,3", "row 3: ts must be a local time such as"),
        ("2026-03-02T07:30:00+01:00,3", "row 3: ts must be local time without an offset"),
        ("2026-03-02 07:30,many", "row 3: ts must be a local time .* and count a number"),
        ("2026-03-02 07:30,-4", "row 3: the count -4 is not possible"),
        ("2026-03-02 07:30,inf", "row 3: the count inf is not possible"),
        ("2026-03-02,4", "row 3: ts must be a local time .* is no such time"),
        ("0001-01-01 07:30,4", "row 3: ts must be a local time .* is no such time"),
        ("2026-03-02 07:15,4", "row 3: ice has another count at 2026-03-02 07:15 before"),
    ],
)
def test_a_wrong_count_is_named(tmp_path: Path, row: str, words: str) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(f"ts,count\n2026-03-02 07:15,3\n{row}\n")
    with pytest.raises(BadInput, match=words):
        read_counts(file, site="pool", room="ice")


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist; check the name"):
        read_counts(tmp_path / "none.csv")
    with pytest.raises(BadInput, match="cannot be read"):
        read_counts(tmp_path)
