"""Instants, half-open intervals, slots and a center's local day. Aware UTC inside, local time at the edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import BadInput

SLOT_MINUTES = 15
SLOT = timedelta(minutes=SLOT_MINUTES)


class Clock(Protocol):
    """Where `now` comes from. Read at the edges only; everything below takes `now` as an argument."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def as_utc(instant: datetime) -> datetime:
    """The same instant in UTC; a naive time is an error, because its meaning would be a guess."""
    if instant.tzinfo is None:
        raise BadInput(f"the time {instant.isoformat()} has no zone; give an offset, for example ...Z or ...-05:00")
    return instant.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """An RFC 3339 text with offset as aware UTC."""
    try:
        return as_utc(datetime.fromisoformat(text))
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"'{text}' is not a time; write it as 2026-03-02T07:10:00Z") from error


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with `Z`."""
    return as_utc(instant).isoformat().replace("+00:00", "Z")


def zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(f"the time zone '{name}' is unknown; use an IANA name such as America/Chicago") from error


def parse_local_time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise BadInput(f"'{text}' is not a time of day; write it as 07:10") from error


def parse_local_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise BadInput(f"'{text}' is not a day; write it as 2026-03-02") from error


def local_instant(day: date, at: time, tz: ZoneInfo) -> datetime:
    """The UTC instant of a wall-clock time; of a doubled hour the first, of a missing one the instant after the gap."""
    return datetime.combine(day, at, tzinfo=tz).astimezone(UTC)


def local_date(instant: datetime, tz: ZoneInfo) -> date:
    return instant.astimezone(tz).date()


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """[start, end), aware UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if as_utc(self.end) < as_utc(self.start):
            raise BadInput(f"the interval ends ({self.end.isoformat()}) before it starts ({self.start.isoformat()})")

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def overlaps(self, other: Interval) -> bool:
        return self.start < other.end and other.start < self.end

    def intersection(self, other: Interval) -> Interval | None:
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


def local_day(day: date, tz: ZoneInfo) -> Interval:
    """The whole local day: 23, 24 or 25 hours."""
    return Interval(local_instant(day, time(0), tz), local_instant(day + timedelta(days=1), time(0), tz))


def floor_slot(instant: datetime, minutes: int = SLOT_MINUTES) -> datetime:
    """The start of the slot that holds the instant (slots are counted from the UTC hour)."""
    utc = as_utc(instant)
    return utc - timedelta(minutes=utc.minute % minutes, seconds=utc.second, microseconds=utc.microsecond)


def slots(interval: Interval, minutes: int = SLOT_MINUTES) -> Iterator[datetime]:
    """Starts of the slots that begin inside the interval."""
    step = timedelta(minutes=minutes)
    start = floor_slot(interval.start, minutes)
    if start < interval.start:
        start += step
    while start < interval.end:
        yield start
        start += step


def iso_week_start(week: str) -> date:
    """The Monday of '2026-W48'."""
    try:
        year, number = week.split("-W")
        if not 2000 <= int(year) <= 2200:
            raise ValueError(year)
        return date.fromisocalendar(int(year), int(number), 1)
    except ValueError as error:
        raise BadInput(f"'{week}' is not a week; write it as 2026-W48") from error


def age_in_months(birth_date: date, day: date) -> int:
    """Completed months on the day; a birthday on the 31st counts from the last day of a shorter month."""
    months = (day.year - birth_date.year) * 12 + day.month - birth_date.month
    last_day = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return months if day.day >= birth_date.day or day == last_day else months - 1
