"""A very small platform that speaks the contract over real HTTP, for tests of the client and the pipeline.

Small on purpose: what it answers can be worked out by hand, and it misbehaves on request. The big double is `sandbox`.
"""

from __future__ import annotations

import json
import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

CHICAGO = ZoneInfo("America/Chicago")
TOKEN = "read-token"
WRITE_TOKEN = "write-token"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass
class World:
    """What the platform knows, as the contract's JSON rows."""

    now: datetime
    centers: list[dict[str, Any]] = field(default_factory=list)
    rooms: list[dict[str, Any]] = field(default_factory=list)
    children: list[dict[str, Any]] = field(default_factory=list)
    staff: list[dict[str, Any]] = field(default_factory=list)
    availability: list[dict[str, Any]] = field(default_factory=list)
    shifts: list[dict[str, Any]] = field(default_factory=list)
    bookings: list[dict[str, Any]] = field(default_factory=list)
    closures: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    speed: float = 0.0

    def add_event(self, center_id: str, event_type: str, at: datetime, late: float = 20, **more: Any) -> dict[str, Any]:
        sequence = 1 + sum(event["center_id"] == center_id for event in self.events)
        event = {
            "event_id": f"{center_id}-e{sequence}", "sequence": sequence, "center_id": center_id,
            "event_type": event_type, "timestamp": stamp(at),
            "recorded_at": stamp(at + timedelta(seconds=late)), **more,
        }  # fmt: skip
        self.events.append(event)
        return event


def small_world(first: date = date(2026, 2, 2), days: int = 21, centers: int = 1, seed: int = 7) -> World:
    """Centers with three rooms, 18 children and five adults each; forgotten check-outs, moves and corrections."""
    rng = random.Random(seed)
    last = first + timedelta(days=days)
    world = World(now=datetime(last.year, last.month, last.day, 6, tzinfo=CHICAGO).astimezone(UTC))
    for number in range(1, centers + 1):
        _add_center(world, f"c{number}", first, days, rng)
    return world


def _add_center(world: World, cid: str, first: date, days: int, rng: random.Random) -> None:
    world.centers.append(
        {"center_id": cid, "name": f"Center {cid}", "state": "TX", "timezone": "America/Chicago", "opens": "06:30",
         "closes": "18:00", "open_weekdays": [1, 2, 3, 4, 5], "a_field_of_tomorrow": 1}
    )  # fmt: skip
    for index, (low, high) in enumerate(((0, 18), (18, 36), (36, 60))):
        world.rooms.append(
            {"room_id": f"{cid}-r{index}", "center_id": cid, "name": f"Room {index}", "age_min_months": low,
             "age_max_months": high, "capacity": 12, "nap": {"start": "12:30", "end": "14:30"},
             "adjacent_room_ids": [f"{cid}-r{(index + 1) % 3}"], "walk_seconds": {f"{cid}-r{(index + 1) % 3}": 20}}
        )  # fmt: skip
    for index in range(18):
        born = first - timedelta(days=30 * (9, 27, 48)[index % 3] + index)
        world.children.append(
            {"child_id": f"{cid}-k{index}", "center_id": cid, "birth_date": born.isoformat(),
             "display_name": f"Kid {index}",
             "room_id": f"{cid}-r{index % 3}", "enrolled_from": first.isoformat(), "enrolled_to": None}
        )  # fmt: skip
    for index in range(5):
        world.staff.append(
            {"staff_id": f"{cid}-s{index}", "center_id": cid, "role": "Teacher", "is_float": index > 2,
             "home_room_id": f"{cid}-r{index}" if index < 3 else None, "birth_date": "1990-05-05",
             "credentials": [{"code": "infant_toddler", "valid_from": "2020-01-01"}], "max_hours_day": 9,
             "max_hours_week": 40, "hourly_cost": 18.5}
        )  # fmt: skip
    world.closures.append({"center_id": cid, "date": (first + timedelta(days=14)).isoformat(), "reason": "training"})
    for offset in range(days + 14):
        day = first + timedelta(days=offset)
        if day.isoweekday() <= 5 and offset != 14:
            _add_day(world, cid, day, rng, past=offset < days)
    ordered = sorted(
        (e for e in world.events if e["center_id"] == cid), key=lambda e: (e["recorded_at"], e["sequence"])
    )
    for sequence, event in enumerate(ordered, start=1):
        event["sequence"] = sequence


def _add_day(world: World, cid: str, day: date, rng: random.Random, *, past: bool) -> None:
    def at(hour: float) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=CHICAGO) + timedelta(minutes=round(hour * 60))

    for index in range(5):
        start, end = at(6.5 + index % 2), at(16 + index % 2 * 2)
        home = f"{cid}-r{index}" if index < 3 else None
        part = {"start": stamp(start), "end": stamp(end), "kind": "room" if home else "float", "room_id": home}
        world.shifts.append(
            {"shift_id": f"{cid}-{day}-s{index}", "center_id": cid, "staff_id": f"{cid}-s{index}",
             "start": stamp(start), "end": stamp(end), "version": "1", "status": "scheduled", "segments": [part]}
        )  # fmt: skip
        world.availability.append(
            {"staff_id": f"{cid}-s{index}", "center_id": cid, "start": stamp(start), "end": stamp(end)}
        )
        if past:
            who = {"staff_id": f"{cid}-s{index}"} | ({"room_id": home} if home else {})
            world.add_event(cid, "clock_in", start + timedelta(minutes=rng.randrange(8)), **who)
            world.add_event(cid, "break_start", at(12), **who)
            world.add_event(cid, "break_end", at(12.5), **who)
            world.add_event(cid, "clock_out", end, **who)
    for index in range(18):
        absent = rng.random() < 0.1
        world.bookings.append(
            {"child_id": f"{cid}-k{index}", "center_id": cid, "room_id": f"{cid}-r{index % 3}", "date": day.isoformat(),
             "expected_in": "08:00", "expected_out": "16:30", "status": "absent" if absent else "booked",
             "reported_at": stamp(at(7) if absent and past else at(-200))}
        )  # fmt: skip
        if past and not absent:
            _add_visit(world, cid, index, at, rng)


def _add_visit(world: World, cid: str, index: int, at: Callable[[float], datetime], rng: random.Random) -> None:
    kid, home = f"{cid}-k{index}", f"{cid}-r{index % 3}"
    comes, goes = at(rng.gauss(8, 0.5)), at(rng.gauss(16.5, 0.4))
    world.add_event(cid, "check_in", comes, child_id=kid, room_id=home)
    if rng.random() < 0.1:
        other = f"{cid}-r{(index + 1) % 3}"
        world.add_event(cid, "room_transfer", at(11), child_id=kid, room_id=other, from_room_id=home)
    if rng.random() < 0.02:
        return  # forgotten check-out
    out = world.add_event(cid, "check_out", goes, child_id=kid, room_id=home, late=900 if rng.random() < 0.05 else 20)
    if rng.random() < 0.03:
        world.add_event(
            cid, "correction", goes - timedelta(minutes=20), late=70_000, child_id=kid, room_id=home,
            supersedes=out["event_id"], corrected_type="check_out",
        )  # fmt: skip


class PlatformDouble:
    """Serves a world. `faults` holds answers given once, in order, to the next requests whose path ends so."""

    def __init__(self, world: World, page_size: int = 50) -> None:
        self.world, self.page_size = world, page_size
        self.faults: deque[tuple[str, int, dict[str, str], bytes]] = deque()
        self.always: dict[str, tuple[int, bytes]] = {}
        self.requests: list[str] = []
        self.written: list[tuple[str, str, dict[str, Any], dict[str, str]]] = []
        self.hidden_sequences: set[int] = set()
        handler = type("Handler", (_Handler,), {"double": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail_once(self, path: str, status: int, headers: dict[str, str] | None = None, body: bytes = b"{}") -> None:
        self.faults.append((path, status, headers or {}, body))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def rows(self, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
        world = self.world
        lists = {
            "centers": world.centers, "rooms": world.rooms, "children": world.children, "staff": world.staff,
            "staff/availability": world.availability, "schedules": world.shifts, "bookings": world.bookings,
        }  # fmt: skip
        name = path.removeprefix("/api/v1/")
        if name == "attendance/checkins":
            after = int(query.get("after_sequence", 0))
            rows = [e for e in world.events if e["sequence"] > after and e["sequence"] not in self.hidden_sequences]
            rows = [e for e in rows if instant(query.get("from", "2000-01-01T00:00:00Z")) <= instant(e["timestamp"])]
            rows.sort(key=lambda event: event["sequence"])
        else:
            rows = lists[name]
        if "center_id" in query:
            rows = [row for row in rows if row["center_id"] == query["center_id"]]
        return [row for row in rows if _inside(row, query)] if name != "attendance/checkins" else rows


def _inside(row: dict[str, Any], query: dict[str, str]) -> bool:
    if "from" not in query:
        return True
    start, end = instant(query["from"]), instant(query["to"])
    if "date" in row:
        day = datetime.fromisoformat(row["date"]).replace(tzinfo=CHICAGO)
        return day < end and day + timedelta(days=1) > start
    return instant(row["start"]) < end and instant(row["end"]) > start if "start" in row else True


class _Handler(BaseHTTPRequestHandler):
    double: PlatformDouble
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        if split.path == "/control/clock":
            self._json(200, {"now": stamp(self.double.world.now), "speed": self.double.world.speed})
            return
        if self._refused(split.path):
            return
        if split.path == "/api/v1/closures":
            rows = [row for row in self.double.world.closures if row["center_id"] == query["center_id"]]
            self._json(200, [row for row in rows if _inside(row, query)])
            return
        rows = self.double.rows(split.path, query)
        at = int(query.get("cursor", "0").split("-")[0])
        size = min(self.double.page_size, int(query.get("limit", 200)))
        if "cursor" in query and not query["cursor"].endswith("-again") and at:  # an empty page that continues
            self._json(200, {"data": [], "next_cursor": f"{at}-again"})
            return
        more = at + size < len(rows)
        self._json(200, {"data": rows[at : at + size], "next_cursor": str(at + size) if more else None})

    def do_POST(self) -> None:
        body = self._body()
        if self._refused(self.path):
            return
        kind = {"/api/v1/tasks": "task_id", "/api/v1/notifications": "notification_id"}.get(self.path, "draft_id")
        self.double.written.append((self.command, self.path, body, dict(self.headers)))
        self._json(201, {kind: f"made-{self.headers['Idempotency-Key']}"})

    def do_PATCH(self) -> None:
        body = self._body()
        shift = next(s for s in self.double.world.shifts if self.path.endswith(s["shift_id"]))
        if self.headers["Authorization"] != f"Bearer {WRITE_TOKEN}":
            self._json(403, {"error": "read-only"})
        elif self.headers["If-Match"] != shift["version"]:
            self._json(412, {"error": "changed"})
        else:
            shift |= {"segments": body["segments"], "version": str(int(shift["version"]) + 1)}
            self._json(200, shift)

    def _refused(self, path: str) -> bool:
        """Answer with a fault if one is due."""
        double = self.double
        double.requests.append(self.path)
        for kept, (status, answer) in double.always.items():
            if path.endswith(kept):
                self._raw(status, {"Content-Type": "text/html"}, answer)
                return True
        if double.faults and path.endswith(double.faults[0][0]):
            _, status, headers, answer = double.faults.popleft()
            if status == 0:
                self.close_connection = True
                self.connection.close()
            else:
                self._raw(status, headers, answer)
            return True
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._json(401, {"error": "who are you"})
            return True
        return False

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def _json(self, status: int, value: object) -> None:
        self._raw(status, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def _raw(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Silent."""
