"""The platform's data feed: a folder or bucket into which warehouse tables are exported, day by day or over and over.

Read through fsspec: a local folder, or a URL such as s3://bucket/{year}/{month:02d}/{day:02d}/ (its driver installed).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from string import Formatter
from typing import Any

import fsspec

from connectors.sessions import Session, absence, parse_check_out, parse_day, parse_moment, stable_id
from connectors.tables import SUFFIXES, TableFile, read_table
from domain.errors import BadInput
from domain.places import Center, Room
from domain.time import zone

CLASSES = "dim_class"
SESSIONS = "fct_session_time_entry_non_conformed"
_CLASS_COLUMNS = ("class", "school", "max_roster_size", "start_age", "start_age_unit", "end_age", "end_age_unit")
_SESSION_COLUMNS = ("school", "class", "session_date", "is_session_voided", "check_in_time", "check_out_time")
_MONTHS = {"week": 7 / 30.4375, "month": 1.0, "year": 12.0}
_YES = frozenset({"yes", "y", "true", "1"})


@dataclass(frozen=True, slots=True)
class FeedFile:
    location: str
    table: str  # dim_class or fct_session_time_entry_non_conformed
    day: date | None  # as the path template tells it
    modified: datetime
    stamp: str  # changes when the file was written again

    @property
    def newness(self) -> str:
        """Sorts as text from the oldest telling to the newest: by the day in the path, then when it was written."""
        return f"{self.day or ''} {self.modified:%Y-%m-%dT%H:%M:%S.%f} {self.location}"


class Feed:
    """The files under a location, which may carry Python format fields: /feeds/{year}/{month:02d}/{day:02d}/."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._pattern = _Pattern(location)
        try:
            self._files, self._glob = fsspec.core.url_to_fs(self._pattern.glob)
        except (ImportError, ValueError) as error:
            raise BadInput(
                f"the feed {location} cannot be opened: {error}; give a folder, or a URL whose fsspec driver is "
                "installed"
            ) from error

    def files(self) -> list[FeedFile]:
        """Every export found: classes first, then sessions, each from the oldest on. BadInput if there is none."""
        found = [file for name, info in self._list() if (file := self._file(name, info))]
        if not found:
            raise BadInput(
                f"the feed {self.location} holds no file named after {CLASSES} or {SESSIONS} ending in "
                f"{', '.join(SUFFIXES)}; check the path and its template"
            )
        return sorted(found, key=lambda f: (f.table != CLASSES, f.newness))

    def read(self, file: FeedFile) -> TableFile:
        """The file's rows; CutOff if it is not whole, BadInput if it cannot be read or lacks columns."""
        try:
            content: bytes = self._files.cat_file(file.location)
        except OSError as error:
            raise BadInput(f"{file.location} cannot be read: {error}; check its rights") from error
        table = read_table(file.location, content)
        table.require(_CLASS_COLUMNS if file.table == CLASSES else _SESSION_COLUMNS)
        return table

    def _list(self) -> list[tuple[str, dict[str, Any]]]:
        try:
            return sorted(self._files.glob(self._glob, detail=True).items())
        except OSError as error:
            raise BadInput(
                f"the feed {self.location} cannot be listed: {error}; check the address and rights"
            ) from error

    def _file(self, name: str, info: Mapping[str, Any]) -> FeedFile | None:
        path = PurePosixPath(name)
        table = next((known for known in (CLASSES, SESSIONS) if known in name), None)
        if info.get("type") != "file" or table is None or path.suffix.lower() not in SUFFIXES:
            return None
        modified = self._files.modified(name)
        modified = modified.replace(tzinfo=UTC) if modified.tzinfo is None else modified.astimezone(UTC)
        stamp = f"{info.get('size')} {info.get('ETag') or modified.isoformat()}"
        return FeedFile(name, table, self._pattern.day(name), modified, stamp)


def rooms_of_classes(table: TableFile, centers: Mapping[str, Center]) -> dict[tuple[str, str], Room]:
    """The rooms of the centers known, by (center id, class name); ages in completed months, the end exclusive."""
    rooms: dict[tuple[str, str], Room] = {}
    for number, row in table.numbered():
        center = centers.get(row["school"])
        if center is None:
            continue
        try:
            low = _months(row["start_age"], row["start_age_unit"], 0)
            high = _months(row["end_age"], row["end_age_unit"], 18 * 12)
            capacity = int(float(row["max_roster_size"] or 0))
        except (ValueError, OverflowError, KeyError) as error:
            raise BadInput(f"{table.name}, row {number}: the ages or the roster size are wrong ({error})") from error
        room_id = row.get("class_id") or stable_id("room", center.center_id, row["class"])
        room = Room(room_id, center.center_id, row["class"], low, max(high, low + 1), capacity)
        rooms[center.center_id, row["class"]] = room
    return rooms


def schools_of(table: TableFile) -> list[str]:
    return sorted({row["school"] for row in table.rows})


def is_described(table: TableFile, centers: Mapping[str, Center], rooms: Mapping[tuple[str, str], Room]) -> bool:
    """Whether every school of a file of sessions is known, and every class that was visited."""
    visited = {(row["school"], row["class"]) for row in table.rows if row["check_in_time"]}
    return all(school in centers for school in schools_of(table)) and all(
        (centers[school].center_id, room) in rooms for school, room in visited
    )


def sessions_of(
    table: TableFile, centers: Mapping[str, Center], rooms: Mapping[tuple[str, str], Room], problems: list[str]
) -> Iterator[Session]:
    """The visits of the file's centers; a row without a check-in (an absence) says that there was none. A row that is
    wrong is told in `problems` and left out; a wrong check-out alone leaves the visit open.
    """
    for number, row in table.numbered():
        center = centers.get(row["school"])
        if center is None or not (row["check_in_time"] or any(_names(row))):
            continue
        try:
            yield _session(row, number, center, rooms, problems, table.name)
        except BadInput as error:
            problems.append(f"{table.name}, row {number}: {error}; it was left out")


def _session(
    row: Mapping[str, str],
    number: int,
    center: Center,
    rooms: Mapping[tuple[str, str], Room],
    problems: list[str],
    file: str,
) -> Session:
    tz = zone(center.timezone)
    day = parse_day(row["session_date"])
    names = _names(row)
    if not any(names):
        raise BadInput("neither 'child' nor the child's names are given")
    child_id = stable_id("child", center.center_id, *names)
    if not row["check_in_time"]:
        return absence(center.center_id, child_id, day, tz, number)
    room = rooms.get((center.center_id, row["class"]))
    if room is None:
        raise BadInput(f"the class '{row['class']}' of '{row['school']}' is in no {CLASSES} file")
    came = parse_moment(row["check_in_time"], day, tz)
    left = None
    if row["check_out_time"]:
        try:
            left = parse_check_out(row["check_out_time"], came, day, tz, overnight=center.past_midnight)
        except BadInput as error:
            problems.append(f"{file}, row {number}: {error}; the visit stands without a check-out")
    voided = row["is_session_voided"].casefold() in _YES
    return Session(center.center_id, room.room_id, child_id, day, came, left, voided, number)


def _names(row: Mapping[str, str]) -> list[str]:
    return [row.get(column, "") for column in ("child", "child_last_name", "child_first_name")]


def _months(value: str, unit: str, missing: int) -> int:
    return round(float(value) * _MONTHS[unit.casefold().rstrip("s")]) if value else missing


class _Pattern:
    """A path template as a glob and as the expression that reads the day back out of a path."""

    def __init__(self, template: str) -> None:
        glob, expression = "", ""
        try:
            parts = list(Formatter().parse(template))
        except ValueError as error:
            raise BadInput(f"the feed's template '{template}' is wrong: {error}; use for example {{year}}") from error
        for text, field, _, _ in parts:
            glob += text
            expression += re.escape(text)
            if field is not None:
                glob += "" if glob.endswith("*") else "*"
                first = field in ("year", "month", "day") and f"(?P<{field}>" not in expression
                expression += rf"(?P<{field}>\d+)" if first else "[^/]+"
        if PurePosixPath(glob).suffix.lower() not in SUFFIXES:
            deeper = "**/*" if "*" not in glob else "*"
            glob = f"{glob.rstrip('/')}/{deeper}"
        self.glob = glob
        self._expression = re.compile(expression.split("://")[-1].lstrip("/"))

    def day(self, path: str) -> date | None:
        found = self._expression.search(path)
        parts = found.groupdict() if found else {}
        if {"year", "month", "day"} - parts.keys():
            return None
        try:
            return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
        except ValueError:
            return None
