"""Ingest from the platform's data feed or a spreadsheet: files -> rooms, children and attendance events.

Each file is one transaction together with the note that it was read, so a killed run goes on with the next file. A file
is read again when it was written again; one that is cut off is left alone until then. What a newer file has told of a
class, or of a child's day, no older one changes, whenever it arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from connectors.feeds import CLASSES, Feed, FeedFile, is_described, rooms_of_classes, schools_of, sessions_of
from connectors.sessions import Session
from connectors.spreadsheets import Attendance
from domain.errors import BadInput, CutOff
from domain.places import Center, Room
from flows.ingest import IngestResult
from flows.progress import Progress, silent
from flows.rows import Row, center_row, room_of, room_row
from flows.sessions import add_sessions
from storage.warehouse import Warehouse

_Told = tuple[str, str, date | None]  # center, and a room, or a child and the day of its visits


@dataclass
class _Run:
    warehouse: Warehouse
    centers: Mapping[str, Center]  # by the school's name
    now: datetime
    problems: list[str]
    new_events: int = 0
    changed_rows: int = 0


def ingest_feed(
    warehouse: Warehouse, feed: Feed, centers: Mapping[str, Center], now: datetime, *, progress: Progress = silent
) -> IngestResult:
    """Read every file of the feed that is new or was written again. `centers` says, by the school's name, what a feed
    does not: state, time zone, opening hours. Wrong files and rows become problems and do not hold up the others.
    """
    run = _Run(warehouse, centers, now, [])
    files = feed.files()
    for number, file in enumerate(files, start=1):
        noted = _noted(warehouse, file.location)
        if noted is None or noted["state"] == "incomplete" or noted["stamp"] != file.stamp:
            _read_file(run, feed, file)
        elif noted["message"]:
            run.problems.append(_left_out(noted["message"]))
        progress("feed files", number, len(files))
    rooms = warehouse.rows("SELECT DISTINCT center_id FROM rooms")
    with_rooms = {row["center_id"] for row in rooms}
    known = tuple(sorted(center.center_id for center in centers.values() if center.center_id in with_rooms))
    if not known and not run.problems:
        raise BadInput(
            f"the feed {feed.location} names none of the centers described; check their names in centers.toml"
        )
    return IngestResult(known, run.new_events, run.changed_rows, tuple(dict.fromkeys(run.problems)))


def import_attendance(warehouse: Warehouse, attendance: Attendance, told_at: datetime) -> IngestResult:
    """Store a spreadsheet's centers, rooms, children and visits; all of it or, if killed, nothing."""
    with warehouse.transaction():
        for center in attendance.centers:
            warehouse.replace("centers", {"center_id": center.center_id}, [center_row(center)])
        _store_rooms(warehouse, attendance.rooms)
        changed = _store_children(warehouse, attendance.sessions)
        new = add_sessions(warehouse, attendance.sessions, told_at)
    return IngestResult(tuple(center.center_id for center in attendance.centers), new, changed, ())


def _read_file(run: _Run, feed: Feed, file: FeedFile) -> None:
    warehouse = run.warehouse
    try:
        table = feed.read(file)
        rooms = rooms_of_classes(table, run.centers) if file.table == CLASSES else _rooms(run)
        state, message = "read", ""
    except BadInput as error:
        state, message = ("cut off" if isinstance(error, CutOff) else "refused"), str(error)
        run.problems.append(_left_out(message))
        with warehouse.transaction():
            _note(run, file, 0, state, message)
        return
    unknown = [school for school in schools_of(table) if school not in run.centers]
    run.problems += [
        f"the feed names the school '{school}', which centers.toml does not describe; add it there with state, "
        "timezone, opens and closes"
        for school in unknown
    ]
    described = not unknown
    with warehouse.transaction():
        if file.table == CLASSES:
            news = _news(run, file, [(room.center_id, room.room_id, None) for room in rooms.values()])
            _store_classes(run, [r for r in rooms.values() if (r.center_id, r.room_id, None) in news])
        else:
            described = is_described(table, run.centers, rooms)
            sessions = list(sessions_of(table, run.centers, rooms, run.problems))
            news = _news(run, file, [(s.center_id, s.child_id, s.day) for s in sessions])
            sessions = [s for s in sessions if (s.center_id, s.child_id, s.day) in news]
            run.changed_rows += _store_children(warehouse, sessions)
            run.new_events += add_sessions(warehouse, sessions, min(file.modified, run.now))
        # a file that names an unknown school or class is looked at again until it is described
        _note(run, file, len(table.rows), state if described else "incomplete", message)


def _news(run: _Run, file: FeedFile, told: Sequence[_Told]) -> set[_Told]:
    """Of what a file tells that which no newer one told before; from now on it is known that this one did. What the
    file itself told when it was another one no longer stands, whatever its time.
    """
    days = [day for _, _, day in told if day is not None]
    among, bounds = ("day BETWEEN ? AND ?", [min(days), max(days)]) if days else ("day IS NULL", [])
    newer = run.warehouse.rows(
        f"SELECT center_id, subject, day FROM feed_told WHERE {among} AND location <> ? AND newness > ?",  # noqa: S608
        [*bounds, file.location, file.newness],
    )
    news = set(told) - {(row["center_id"], row["subject"], row["day"]) for row in newer}
    run.warehouse.put(
        "feed_told",
        [
            {"center_id": center_id, "subject": subject, "day": day, "location": file.location, "newness": file.newness}
            for center_id, subject, day in news
        ],
    )
    return news


def _store_classes(run: _Run, rooms: Sequence[Room]) -> None:
    used = {room.center_id for room in rooms}
    for center in run.centers.values():
        if center.center_id in used:
            run.warehouse.replace("centers", {"center_id": center.center_id}, [center_row(center)])
    _store_rooms(run.warehouse, rooms)


def _store_rooms(warehouse: Warehouse, rooms: Sequence[Room]) -> None:
    for room in rooms:
        warehouse.replace("rooms", {"center_id": room.center_id, "room_id": room.room_id}, [room_row(room)])


def _store_children(warehouse: Warehouse, sessions: Sequence[Session]) -> int:
    """Children as visits show them: the room of the latest visit stands for their home room, their age is unknown."""
    latest: dict[tuple[str, str], Session] = {}
    for session in sorted((s for s in sessions if not s.voided), key=lambda s: (s.check_in, s.row)):
        latest[session.center_id, session.child_id] = session
    rows = [
        {"center_id": s.center_id, "child_id": s.child_id, "room_id": s.room_id, "recorded_at": s.check_in}
        for s in latest.values()
    ]
    return warehouse.add_versions("children", rows)


def _rooms(run: _Run) -> dict[tuple[str, str], Room]:
    return {(row["center_id"], row["name"]): room_of(row) for row in run.warehouse.rows("SELECT * FROM rooms")}


def _noted(warehouse: Warehouse, location: str) -> Row | None:
    """What stands of a file since it was last read."""
    found = warehouse.rows("SELECT * FROM feed_files WHERE location = ?", [location])
    return found[0] if found else None


def _left_out(message: str) -> str:
    return f"{message} (the file was left out)"


def _note(run: _Run, file: FeedFile, rows: int, state: str, message: str) -> None:
    row = {
        "location": file.location, "stamp": file.stamp, "rows": rows, "state": state, "message": message,
        "recorded_at": run.now,
    }  # fmt: skip
    run.warehouse.replace("feed_files", {"location": file.location}, [row])
