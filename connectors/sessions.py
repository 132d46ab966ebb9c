"""Visits of children as exports tell them: one row per pair of check-in and check-out, keyed by names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.errors import BadInput
from domain.time import as_utc, local_instant

DAY_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%m/%d/%Y")
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


def parse_day(text: str, formats: Sequence[str] = DAY_FORMATS) -> date:
    """A day by the first format that fits (a time after it is ignored); BadInput names what was expected."""
    for form in formats:
        for part in (text, text.split("T")[0].split(" ")[0]):
            try:
                return datetime.strptime(part, form).date()  # noqa: DTZ007 (a day has no zone)
            except ValueError:
                continue
    raise BadInput(f"'{text}' is not a day in the form {' or '.join(formats)}")


def parse_moment(
    text: str,
    day: date,
    tz: ZoneInfo,
    day_formats: Sequence[str] = DAY_FORMATS,
    time_formats: Sequence[str] = TIME_FORMATS,
) -> datetime:
    """An instant from a full timestamp (local unless it has an offset) or from a time of day on `day`.

    Of an hour the clocks double the first is taken, of a skipped one the instant after the gap.
    """
    try:
        return _local(datetime.fromisoformat(text), tz) if "-" in text[1:] else _on_day(text, day, tz, time_formats)
    except ValueError:
        pass
    for form in (f"{d} {t}" for d in day_formats for t in time_formats):
        try:
            return _local(datetime.strptime(text, form), tz)  # noqa: DTZ007 (local time of the center)
        except ValueError:
            continue
    raise BadInput(f"'{text}' is not a time in the form {' or '.join(time_formats)}, with or without a day before it")


def after(check_in: datetime, check_out: datetime, *, overnight: bool) -> datetime:
    """The check-out, a day later if need be at a center open past midnight; BadInput if not after the check-in."""
    if check_out <= check_in and overnight:
        check_out += timedelta(days=1)
    if check_out <= check_in:
        raise BadInput(f"the check-out ({check_out:%Y-%m-%d %H:%M} UTC) is not after the check-in")
    return check_out


def _on_day(text: str, day: date, tz: ZoneInfo, formats: Sequence[str]) -> datetime:
    for form in formats:
        try:
            at = datetime.strptime(text, form).time()  # noqa: DTZ007 (a time of day)
        except ValueError:
            continue
        return local_instant(day, at, tz)
    raise ValueError(text)


def _local(moment: datetime, tz: ZoneInfo) -> datetime:
    if moment.tzinfo is not None:
        return as_utc(moment)
    return local_instant(moment.date(), time(moment.hour, moment.minute, moment.second, moment.microsecond), tz)
