"""Attendance and counts from any platform's CSV, XLSX, NDJSON or Parquet export (docs/formats.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from connectors.sessions import (
    DAY_FORMATS,
    TIME_FORMATS,
    YEARS,
    Session,
    absence,
    parse_check_out,
    parse_day,
    parse_moment,
    stable_id,
)
from connectors.sites import centers_of, read_toml, rooms_of
from connectors.tables import TableFile, read_table
from domain.errors import BadInput
from domain.places import Center, Room
from domain.time import zone


@dataclass(frozen=True, slots=True)
class Attendance:
    centers: tuple[Center, ...]
    rooms: tuple[Room, ...]
    sessions: tuple[Session, ...]


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """How a foreign file says what we need; read from a TOML file."""

    child: tuple[str, ...]
    room: str
    check_in: str
    check_out: str
    date: str  # '' where check_in carries the day
    center: str  # '' where the file is of the one center described
    date_formats: tuple[str, ...]
    time_formats: tuple[str, ...]
    delimiter: str
    encoding: str
    sheet: str
    centers: Mapping[str, Center]
    rooms: Mapping[tuple[str, str], Room]
    source: str


def read_attendance(path: Path, map_path: Path) -> Attendance:
    """The visits of a foreign export. BadInput names file, row and column; one wrong row refuses the whole file,
    because a person can put it right.
    """
    columns = read_column_map(map_path)
    file = read_file(path, delimiter=columns.delimiter, encoding=columns.encoding, sheet=columns.sheet)
    wanted = (*columns.child, columns.room, columns.check_in, columns.check_out, columns.date, columns.center)
    file.require(name for name in wanted if name)
    sessions = [session for number, row in file.numbered() if (session := _session(file.name, number, row, columns))]
    if not file.rows:
        raise BadInput(f"{file.name} names columns and has no rows; nothing was imported")
    _refuse_overlaps(file.name, [session for session in sessions if not session.voided])
    used = {session.center_id for session in sessions}
    centers = tuple(center for center in columns.centers.values() if center.center_id in used)
    return Attendance(
        centers, tuple(room for room in columns.rooms.values() if room.center_id in used), tuple(sessions)
    )


def read_column_map(path: Path) -> ColumnMap:
    """The TOML map of an export's columns; BadInput names what is missing in it."""
    table = read_toml(path)
    centers = centers_of(table, path.name)
    columns, formats, file = (_section(table, name, path.name) for name in ("columns", "formats", "file"))
    child = _texts(columns, "child", path.name)
    texts = {name: str(columns.get(name, "")) for name in ("room", "check_in", "check_out", "date", "center")}
    for name, value in {"child": child, **{n: texts[n] for n in ("room", "check_in", "check_out")}}.items():
        if not value:
            raise BadInput(f"{path.name} does not say which column is '{name}'; add it under [columns]")
    if not texts["center"] and len(centers) != 1:
        raise BadInput(f"{path.name} describes {len(centers)} centers; say under [columns] which column is 'center'")
    return ColumnMap(
        child=child,
        **texts,
        date_formats=_texts(formats, "date", path.name, DAY_FORMATS),
        time_formats=_texts(formats, "time", path.name, TIME_FORMATS),
        delimiter=_delimiter(file, path.name),
        encoding=str(file.get("encoding", "utf-8-sig")),
        sheet=str(file.get("sheet", "")),
        centers=centers,
        rooms=rooms_of(table, centers, path.name),
        source=path.name,
    )


def read_counts(path: Path, site: str = "", room: str = "") -> list[dict[str, Any]]:
    """Head counts of rooms: columns ts (local time on a grid) and count, and site and room unless given here."""
    file = read_file(path)
    given = {"site": site, "room": room}
    file.require(("ts", "count", *(name for name, value in given.items() if not value)))
    rows: dict[tuple[str, str, datetime], dict[str, Any]] = {}
    for number, row in file.numbered():
        try:
            ts = datetime.fromisoformat(row["ts"])
            count = float(row["count"])
            if ts.year not in YEARS or len(row["ts"]) <= len("2026-03-02"):
                raise ValueError(f"'{row['ts']}' is no such time")
        except ValueError as error:
            raise BadInput(
                f"{file.name}, row {number}: ts must be a local time such as 2026-03-02 07:15 and count a number "
                f"({error})"
            ) from error
        if ts.tzinfo is not None:
            raise BadInput(f"{file.name}, row {number}: ts must be local time without an offset, not {row['ts']}")
        if count < 0 or not math.isfinite(count):
            raise BadInput(
                f"{file.name}, row {number}: the count {row['count']} is not possible; leave unknown rows out"
            )
        place = (site or row["site"], room or row["room"])
        if not all(place):
            raise BadInput(f"{file.name}, row {number}: site or room is empty; fill it in, or give --site and --room")
        if rows.setdefault((*place, ts), {"count": count})["count"] != count:
            raise BadInput(f"{file.name}, row {number}: {place[1]} has another count at {row['ts']} before; keep one")
        rows[*place, ts] = {"site": place[0], "room": place[1], "ts": ts, "count": count}
    if not rows:
        raise BadInput(f"{file.name} names columns and has no rows; nothing was imported")
    return list(rows.values())


def read_file(path: Path, *, delimiter: str = ",", encoding: str = "utf-8-sig", sheet: str = "") -> TableFile:
    """A local file's rows; BadInput if it is missing or may not be read."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist; check the name") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; check its rights") from error
    return read_table(path.name, content, delimiter=delimiter, encoding=encoding, sheet=sheet)


def _section(table: Mapping[str, Any], name: str, source: str) -> Mapping[str, Any]:
    section = table.get(name, {})
    if not isinstance(section, Mapping):
        raise BadInput(f"{source}: '{name}' must be a section, written [{name}]")
    return section


def _texts(section: Mapping[str, Any], name: str, source: str, otherwise: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A text, or a list of texts, as a tuple."""
    value = section.get(name, otherwise)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise BadInput(f"{source}: '{name}' must be a text or a list of texts, not {value!r:.40}")
    return tuple(texts)


def _delimiter(section: Mapping[str, Any], source: str) -> str:
    value = section.get("delimiter", ",")
    if not isinstance(value, str) or len(value) != 1:
        raise BadInput(f"{source}: 'delimiter' must be one character, not {value!r:.40}")
    return value


def _session(file: str, number: int, row: Mapping[str, str], columns: ColumnMap) -> Session | None:
    """A row's visit, or that the child did not come; None where such a row does not say on which day."""
    if not row[columns.check_in] and not (columns.date and row[columns.date]):
        return None
    try:
        center = _center(row, columns)
        tz = zone(center.timezone)
        names = [row[name] for name in columns.child]
        if not any(names):
            raise BadInput(f"the child's name is empty (column {' and '.join(columns.child)})")
        child_id = stable_id("child", center.center_id, *names)
        day = parse_day(row[columns.date or columns.check_in], columns.date_formats)
        if not row[columns.check_in]:
            return absence(center.center_id, child_id, day, tz, number)
        room = columns.rooms.get((center.center_id, row[columns.room]))
        if room is None:
            raise BadInput(
                f"the room '{row[columns.room]}' is not described; add "
                f'[centers."{center.name}".rooms."{row[columns.room]}"] to {columns.source}'
            )
        formats = (columns.date_formats, columns.time_formats)
        came, left = parse_moment(row[columns.check_in], day, tz, *formats), None
        if row[columns.check_out]:
            left = parse_check_out(row[columns.check_out], came, day, tz, *formats, overnight=center.past_midnight)
    except BadInput as error:
        raise BadInput(f"{file}, row {number}: {error}; correct the row or the map, then import again") from error
    return Session(center.center_id, room.room_id, child_id, day, came, left, voided=False, row=number)


def _center(row: Mapping[str, str], columns: ColumnMap) -> Center:
    if not columns.center:
        return next(iter(columns.centers.values()))
    center = columns.centers.get(row[columns.center])
    if center is None:
        raise BadInput(f"the center '{row[columns.center]}' is not described; add it to {columns.source}")
    return center


def _refuse_overlaps(file: str, sessions: Sequence[Session]) -> None:
    ordered = sorted(sessions, key=lambda s: (s.child_id, s.check_in, s.row))
    for first, second in pairwise(ordered):
        if first.child_id == second.child_id and first.check_out is not None and second.check_in < first.check_out:
            raise BadInput(
                f"{file}, rows {first.row} and {second.row}: the same child is present twice from "
                f"{second.check_in:%Y-%m-%d %H:%M} UTC; correct one of the two rows, then import again"
            )
