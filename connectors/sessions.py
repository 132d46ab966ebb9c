"""Visits of children as exports tell them: one row per pair of check-in and check-out, keyed by names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.errors import BadInput
from domain.time import as_utc, local_instant

DAY_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%m/%d/%Y")
YEARS = range(2000, 2201)
NEAR_ITS_DAY = timedelta(days=2)  # whatever is told of a visit happened no farther from its day
TIME_FORMATS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")


@dataclass(frozen=True, slots=True)
class Session:
    """One visit; the ids are made from names, so that no name is kept."""

    center_id: str
    room_id: str
    child_id: str
    day: date
    check_in: datetime  # aware UTC
    check_out: datetime | None
    voided: bool
    row: int  # in its file, for sentences


def stable_id(kind: str, *names: str) -> str:
    """The same id for the same names in every file and run, whatever their case and spacing; it does not show them."""
    text = "\x1f".join(" ".join(name.split()).casefold() for name in names)
    return f"{kind}-{hashlib.blake2b(text.encode(), digest_size=8, person=kind.encode()[:16]).hexdigest()}"


def absence(center_id: str, child_id: str, day: date, tz: ZoneInfo, row: int) -> Session:
    """A child did not come on a day: a visit that was told of it before does not hold."""
    return Session(center_id, "", child_id, day, local_instant(day, time(0), tz), None, voided=True, row=row)


def parse_day(text: str, formats: Sequence[str] = DAY_FORMATS) -> date:
    """A day by the first format that fits (a time after it is ignored); BadInput names what was expected."""
    for form in formats:
        for part in (text, text.split("T")[0].split(" ")[0]):
            try:
                day = datetime.strptime(part, form).date()  # noqa: DTZ007 (a day has no zone)
            except ValueError:
                continue
            if day.year not in YEARS:
                raise BadInput(f"'{text}' lies outside the years {YEARS[0]} to {YEARS[-1]}")
            return day
    raise BadInput(f"'{text}' is not a day in the form {' or '.join(formats)}")


def parse_moment(
    text: str,
    day: date,
    tz: ZoneInfo,
    day_formats: Sequence[str] = DAY_FORMATS,
    time_formats: Sequence[str] = TIME_FORMATS,
) -> datetime:
    """An instant from a full timestamp (local unless it has an offset) or from a time of day on `day`; BadInput where
    it is neither, or lies more than two days from that day.

    Of an hour the clocks double the first is taken, of a skipped one the instant after the gap.
    """
    moment = _moment(text, day, tz, day_formats, time_formats)
    if moment is None:
        raise BadInput(
            f"'{text}' is not a time in the form {' or '.join(time_formats)}, with or without a day before it"
        )
    if abs(moment - local_instant(day, time(0), tz)) > NEAR_ITS_DAY:
        raise BadInput(f"'{text}' is more than two days from the day of its row, {day}")
    return moment


def parse_check_out(
    text: str,
    check_in: datetime,
    day: date,
    tz: ZoneInfo,
    day_formats: Sequence[str] = DAY_FORMATS,
    time_formats: Sequence[str] = TIME_FORMATS,
    *,
    overnight: bool,
) -> datetime:
    """When the visit that began at `check_in` ended. A time that would lie before it is the second of a doubled hour,
    or a time of day of the next day at a center open past midnight; BadInput if it is not after the check-in even so.
    """
    check_out = parse_moment(text, day, tz, day_formats, time_formats)
    if check_out <= check_in:
        check_out = check_out.astimezone(tz).replace(fold=1).astimezone(UTC)
    if check_out <= check_in and overnight and _on_day(text, day, tz, time_formats) is not None:
        check_out = parse_moment(text, day + timedelta(days=1), tz, day_formats, time_formats)
    if check_out <= check_in:
        raise BadInput(f"the check-out ({check_out:%Y-%m-%d %H:%M} UTC) is not after the check-in")
    return check_out


def _moment(
    text: str, day: date, tz: ZoneInfo, day_formats: Sequence[str], time_formats: Sequence[str]
) -> datetime | None:
    if len(text) > len("2026-03-02"):  # a day alone is no moment
        try:
            return _local(datetime.fromisoformat(text), tz)
        except ValueError:
            pass
    at = _on_day(text, day, tz, time_formats)
    if at is not None:
        return at
    for form in (f"{d} {t}" for d in day_formats for t in time_formats):
        try:
            return _local(datetime.strptime(text, form), tz)  # noqa: DTZ007 (local time of the center)
        except ValueError:
            continue
    return None


def _on_day(text: str, day: date, tz: ZoneInfo, formats: Sequence[str]) -> datetime | None:
    for form in formats:
        try:
            at = datetime.strptime(text, form).time()  # noqa: DTZ007 (a time of day)
        except ValueError:
            continue
        return local_instant(day, at, tz)
    return None


def _local(moment: datetime, tz: ZoneInfo) -> datetime:
    """BadInput instead of an overflow at the ends of the calendar."""
    if moment.year not in YEARS:
        raise BadInput(f"{moment:%Y-%m-%d} lies outside the years {YEARS[0]} to {YEARS[-1]}")
    if moment.tzinfo is not None:
        return as_utc(moment)
    return local_instant(moment.date(), moment.time(), tz)
