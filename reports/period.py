"""A period of daily reports as one: trend, rooms most at risk, every violation with duration and cause, corrections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from reports.compliance import DailyReport, Violation, corrections_page
from reports.pdf import Page, made, write_pdf
from reports.timeline import Correction


@dataclass(frozen=True, slots=True)
class RoomTotal:
    room: str
    minutes_occupied: float
    minutes_out: float
    times: int  # beyond doubt
    doubtful: int  # times that rest on a doubtful count; their minutes are in neither figure above

    @property
    def share_out(self) -> float:
        return self.minutes_out / self.minutes_occupied if self.minutes_occupied else 0.0


@dataclass(frozen=True, slots=True)
class PeriodReport:
    center: str
    state: str
    rules: str  # the jurisdiction's name and since when its present form holds
    days: tuple[DailyReport, ...]

    @property
    def first(self) -> date:
        return self.days[0].day

    @property
    def last(self) -> date:
        return self.days[-1].day

    @property
    def violations(self) -> list[tuple[date, Violation]]:
        return [(report.day, each) for report in self.days for each in report.violations]

    @property
    def rooms(self) -> list[RoomTotal]:
        """Worst first: by share of the occupied minutes out of compliance."""
        names = {room.room_id: room.room for report in self.days for room in report.rooms}
        totals = []
        for room_id, name in names.items():
            mine = [room for report in self.days for room in report.rooms if room.room_id == room_id]
            doubtful = [each.doubtful for _, each in self.violations if each.room_id == room_id]
            totals.append(
                RoomTotal(
                    name, sum(r.minutes_occupied for r in mine), sum(r.minutes_out for r in mine),
                    doubtful.count(False), doubtful.count(True),
                )
            )  # fmt: skip
        return sorted(totals, key=lambda total: (-total.share_out, total.room))

    @property
    def share_in_ratio(self) -> float | None:
        occupied = sum(total.minutes_occupied for total in self.rooms)
        return 1 - sum(total.minutes_out for total in self.rooms) / occupied if occupied else None

    @property
    def corrections(self) -> list[Correction]:
        """Each once, in the order they became known."""
        found = {each.event_id: each for report in self.days for each in report.corrections}
        return sorted(found.values(), key=lambda each: (each.recorded_at, each.event_id))

    @property
    def sentences(self) -> list[str]:
        if self.share_in_ratio is None:
            return ["Nobody was here in this period."]
        sure = [each for _, each in self.violations if not each.doubtful]
        said = [
            f"{self.share_in_ratio:.2%} of the occupied minutes beyond doubt were inside the rule ({self.rules}).",
            f"{len(sure)} violations beyond doubt, {len(self.violations) - len(sure)} that rest on a doubtful count.",
        ]
        worst = self.rooms[0]
        if worst.minutes_out:
            said.append(f"Most at risk: {worst.room}, {worst.share_out:.2%} of its occupied minutes.")
        if self.corrections:
            number = len(self.corrections)
            words = "1 correction of the record reaches" if number == 1 else f"{number} corrections of the record reach"
            said.append(f"{words} into the period.")
        return said


def period_pdf(report: PeriodReport, *, audit_head: str, made_at: datetime) -> bytes:
    trend = [
        (f"{each.day:%a %Y-%m-%d}", _share(each.share_in_ratio), f"{sum(r.minutes_out for r in each.rooms):.1f}",
         *_times([violation.doubtful for violation in each.violations]), str(len(each.corrections)))
        for each in report.days
    ]  # fmt: skip
    rooms = [
        (
            room.room,
            f"{room.minutes_occupied:.0f}",
            f"{room.minutes_out:.1f}",
            f"{room.share_out:.2%}",
            str(room.times),
            str(room.doubtful),
        )
        for room in report.rooms
    ]
    violations = [
        (f"{day:%Y-%m-%d}", each.room, each.times(day), f"{each.minutes:.0f}",
         f"{each.worst.counted} of {each.worst.required}", f"{each.cause}. {each.worst.citation}")
        for day, each in report.violations
    ]  # fmt: skip
    pages = [
        Page(
            f"Compliance, {report.center}, {report.first:%d %B} to {report.last:%d %B %Y}", report.sentences,
            ("day", "in ratio", "minutes out", "times", "in doubt", "corrections"), trend,
        ),
        Page(
            "Rooms, most at risk first", (),
            ("room", "min occupied", "minutes out", "share", "times", "in doubt"), rooms,
        ),
    ]  # fmt: skip
    if violations:
        columns = ("date", "room", "time", "minutes", "adults", "cause and rule")
        pages.append(Page("Violations", (), columns, violations, (3, 3, 3, 2, 2, 8)))
    if report.corrections:
        pages.append(corrections_page(report.corrections))
    return write_pdf(pages, footer=f"{made(made_at)}. Audit chain head {audit_head}.")


def _times(doubtful: list[bool]) -> tuple[str, str]:
    """Violations beyond doubt, and those in doubt."""
    return str(doubtful.count(False)), str(doubtful.count(True))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"
