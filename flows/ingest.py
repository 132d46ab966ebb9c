"""Ingest: from the platform into the warehouse, all of it the first time, then what is new. Safe to kill and repeat.

Nothing is remembered beside the data but one mark per center (how far the windows were read), so a killed run is taken
up where it stopped: events by their sequence, everything dated by windows, each page or window one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.port import Platform, RefusedEvent
from domain.errors import BadInput, PlatformMalformed
from domain.places import Center
from domain.time import Interval, as_utc, local_date, local_day, zone
from flows import rows
from flows.progress import Progress, silent
from storage.warehouse import Warehouse

WINDOW = timedelta(days=28)  # of one request and one transaction
READ_AGAIN = timedelta(days=14)  # bookings and shifts of days gone by may still be put right
LOOK_AHEAD = timedelta(days=28)
_WINDOWS_MARK = "windows read until"
_SINCE_MARK = "events since"
_FIRST_MARK = "first event"  # of a log read from a day on, if it was set aside
MOST_TOLD = 20  # events set aside, one sentence each


@dataclass(frozen=True, slots=True)
class IngestResult:
    centers: tuple[str, ...]
    new_events: int
    changed_rows: int
    problems: tuple[str, ...]  # sentences; the other centers were ingested nevertheless


def ingest(
    warehouse: Warehouse,
    platform: Platform,
    now: datetime,
    *,
    since: datetime | None = None,
    store_names: bool = False,
    progress: Progress = silent,
) -> IngestResult:
    """Read every center the token may read. `since` bounds how far back the first read of a center reaches.

    A center whose data is wrong becomes a problem in the result and does not hold up the others; a platform that does
    not answer ends the run (PlatformError), and the next run goes on from there.
    """
    now = as_utc(now)
    problems: list[str] = []
    done: list[str] = []
    new_events = changed = 0
    for center in platform.centers():
        run = _CenterIngest(warehouse, platform, center, now, progress, store_names=store_names)
        try:
            run.places()
            new_events += run.events(since)
            changed += run.people() + run.windows(since)
        except (BadInput, PlatformMalformed) as error:
            problems.append(f"center {center.center_id} ({center.name}): {error}")
            continue
        problems += run.problems
        done.append(center.center_id)
    return IngestResult(tuple(done), new_events, changed, tuple(problems))


class _CenterIngest:
    def __init__(
        self,
        warehouse: Warehouse,
        platform: Platform,
        center: Center,
        now: datetime,
        progress: Progress,
        *,
        store_names: bool,
    ) -> None:
        self.warehouse, self.platform, self.center, self.now = warehouse, platform, center, now
        self.progress, self.store_names = progress, store_names
        self.center_id = center.center_id
        self.problems: list[str] = []
        self.refused: dict[RefusedEvent, None] = {}  # in the order read
        self.refused_sequences: set[int] = set()

    def places(self) -> None:
        """The center and its rooms as they are now; BadInput if the zone is unknown or there is no room."""
        zone(self.center.timezone)
        rooms = self.platform.rooms(self.center_id)
        if not rooms:
            raise BadInput(
                "the platform lists no rooms for it; add its rooms there (or take the center from the token), then "
                "run `ratiocast ingest` again"
            )
        here = {"center_id": self.center_id}
        with self.warehouse.transaction():
            self.warehouse.replace("centers", here, [rows.center_row(self.center)])
            self.warehouse.replace("rooms", here, [rows.room_row(room) for room in rooms])

    def people(self) -> int:
        children = self.platform.children(self.center_id)
        staff = self.platform.staff(self.center_id)
        names = self.store_names
        with self.warehouse.transaction():
            changed = self.warehouse.add_versions(
                "children", [rows.child_row(child, self.now, store_names=names) for child in children]
            )
            return changed + self.warehouse.add_versions(
                "staff", [rows.staff_row(member, self.now, store_names=names) for member in staff]
            )

    def events(self, since: datetime | None) -> int:
        """First the gaps in what is stored, then everything after it; a gap that stays is told, and so is an event that
        is wrong: it is set aside, which leaves a gap (or the end of the log), so that it is read again at every run.
        """
        last = self._span()[1]
        if last == 0 and since is not None:
            self.warehouse.set_mark(self.center_id, _SINCE_MARK, since.isoformat())
        new = self._fill_gaps()
        new += self._read_events(last, None, since if last == 0 else None)
        new += self._fill_gaps()  # a page may have been skipped while rows appeared between two pages
        self.problems += self._set_aside()
        self.problems += [
            f"center {self.center_id}: the platform does not give its events {first} to {until}; they are asked for "
            "again at every run"
            for first, until in self._open_gaps()
        ]
        return new

    def windows(self, since: datetime | None) -> int:
        """Bookings, shifts, availability and closures, window by window up to four weeks ahead."""
        tz = zone(self.center.timezone)
        today = local_date(self.now, tz)
        end = today + LOOK_AHEAD
        day = self._first_day(since, tz, today)
        total = (end - day).days
        changed = 0
        while day < end:
            until = min(day + WINDOW, end)
            changed += self._window(day, until, tz)
            day = until
            self.progress(f"{self.center.name}: bookings and shifts", total - (end - day).days, total)
        return changed

    def _fill_gaps(self) -> int:
        return sum(self._read_events(first - 1, until) for first, until in self._open_gaps())

    def _open_gaps(self) -> Iterator[tuple[int, int]]:
        """The gaps but for those of which each event was read in this run and is wrong."""
        for first, until in self._gaps():
            if not all(sequence in self.refused_sequences for sequence in range(first, until + 1)):
                yield first, until

    def _set_aside(self) -> list[str]:
        """A sentence per wrong event that the platform has not corrected or voided by another one."""
        if not self.refused:
            return []
        corrected = self.warehouse.rows("SELECT supersedes FROM events WHERE center_id = ?", [self.center_id])
        settled = {row["supersedes"] for row in corrected} - {None}
        wrong = [event for event in self.refused if event.event_id not in settled]
        told = [
            f"center {self.center_id}: event {event.event_id or 'without an id'} (sequence "
            f"{event.sequence or 'unknown'}) was set aside: {event.problem}; it is read again at every run until the "
            "platform mends or voids it"
            for event in wrong[:MOST_TOLD]
        ]
        if len(wrong) > MOST_TOLD:
            told.append(f"center {self.center_id}: {len(wrong) - MOST_TOLD} more events of its log were set aside")
        return told

    def _read_events(self, after: int, until: int | None, since: datetime | None = None) -> int:
        new = 0
        refused: list[RefusedEvent] = []
        for page in self.platform.event_pages(self.center_id, after, since, refused=refused):
            wanted = [event for event in page if until is None or event.sequence <= until]
            if since is not None and new == 0 and (wrong := _sequences(refused)):  # no gap would show it
                self.warehouse.set_mark(self.center_id, _FIRST_MARK, str(min(wrong)))
            new += self.warehouse.add_new("events", [rows.event_row(event) for event in wanted])
            self.progress(f"{self.center.name}: events", page[-1].sequence)
            if until is not None and page[-1].sequence >= until:
                break
        self.refused |= dict.fromkeys(refused)
        self.refused_sequences |= _sequences(refused)
        return new

    def _span(self) -> tuple[int, int]:
        found = self.warehouse.rows(
            "SELECT coalesce(min(sequence), 0) AS first, coalesce(max(sequence), 0) AS last FROM events "
            "WHERE center_id = ?",
            [self.center_id],
        )[0]
        return found["first"], found["last"]

    def _gaps(self) -> list[tuple[int, int]]:
        """[first, last] sequences that are missing among those stored (from 1, or the first asked for)."""
        found = self.warehouse.rows(
            "SELECT sequence + 1 AS first, following - 1 AS last FROM (SELECT sequence, lead(sequence) OVER "
            "(ORDER BY sequence) AS following FROM events WHERE center_id = ?) "
            "WHERE following > sequence + 1 ORDER BY 1",
            [self.center_id],
        )
        gaps = [(row["first"], row["last"]) for row in found]
        first, since = self._span()[0], self.warehouse.mark(self.center_id, _SINCE_MARK)
        begins = 1 if since is None else int(self.warehouse.mark(self.center_id, _FIRST_MARK) or first)
        if first > begins:
            gaps.insert(0, (begins, first - 1))
        return gaps

    def _first_day(self, since: datetime | None, tz: ZoneInfo, today: date) -> date:
        mark = self.warehouse.mark(self.center_id, _WINDOWS_MARK)
        if mark is not None:
            return min(date.fromisoformat(mark), today) - READ_AGAIN
        if since is not None:
            return local_date(since, tz)
        first = self.warehouse.rows("SELECT min(happened_at) AS at FROM events WHERE center_id = ?", [self.center_id])
        return min(local_date(first[0]["at"], tz), today) if first[0]["at"] else today - READ_AGAIN

    def _window(self, day: date, until: date, tz: ZoneInfo) -> int:
        window = Interval(local_day(day, tz).start, local_day(until, tz).start)
        key, span = self.center_id, (window.start, window.end)
        bookings = rows.booking_rows(self.platform.bookings(key, *span), self.now)
        shifts = [rows.shift_row(shift, self.now) for shift in self.platform.shifts(key, *span)]
        free = [rows.availability_row(part, self.now) for part in self.platform.availability(key, *span)]
        closed = [rows.closure_row(part, self.now) for part in self.platform.closures(key, *span)]
        instants = (window.start, window.end)
        with self.warehouse.transaction():
            changed = self._versions("bookings", bookings, '"day" >= ? AND "day" < ?', (day, until))
            changed += self._versions("shifts", shifts, '"start" >= ? AND "end" <= ?', instants)
            changed += self._current("availability", free, '"start" >= ? AND "end" <= ?', instants)
            changed += self._current("closures", closed, '"day" >= ? AND "day" < ?', (day, until))
            self.warehouse.set_mark(key, _WINDOWS_MARK, until.isoformat())
        return changed

    def _versions(self, table: str, read: Sequence[rows.Row], inside: str, bounds: Sequence[object]) -> int:
        """New states of what was read; what has gone from inside the window stands as cancelled from now on."""
        known_now = {"status": "cancelled", "recorded_at": self.now}
        if table == "bookings":
            known_now["reported_at"] = self.now
        gone = [
            row | known_now
            for row in self.warehouse.latest(table, self.center_id, inside, bounds)
            if row["status"] != "cancelled"
        ]
        name = _KEYS[table]
        present = {name(row) for row in read}
        return self.warehouse.add_versions(table, [*read, *(row for row in gone if name(row) not in present)])

    def _current(self, table: str, read: Sequence[rows.Row], inside: str, bounds: Sequence[object]) -> int:
        """What was read instead of what the window held; rows that stay keep the instant they were first read."""
        name = _KEYS[table]
        known = {name(row): row for row in self.warehouse.latest(table, self.center_id, inside, bounds)}
        present = {name(row) for row in read}
        for key in known.keys() - present:
            self.warehouse.delete(table, known[key])
        return self.warehouse.add_new(table, read) + len(known.keys() - present)


def _sequences(refused: Iterable[RefusedEvent]) -> set[int]:
    return {event.sequence for event in refused if event.sequence is not None}


_KEYS: dict[str, Callable[[rows.Row], tuple[object, ...]]] = {
    "bookings": lambda row: (row["child_id"], row["day"], row["session"]),
    "shifts": lambda row: (row["shift_id"],),
    "availability": lambda row: (row["staff_id"], row["start"], row["end"], row["note"]),
    "closures": lambda row: (row["day"], row["room_id"], row["reason"]),
}
