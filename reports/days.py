"""Which stretch of time is a center's day: the report, the call-out and everybody's turns go by it.

It begins at 04:00 local. Where the center is open then, or opens before, it begins in the middle of the hours it is
shut, so that no night is cut in two; round the clock it begins at the hour the center names as its opening.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from domain.time import Interval, local_instant
from evaluator import CenterFacts

_FOUR = time(4)
_WHOLE_DAY = timedelta(days=1)


def day_span(facts: CenterFacts, day: date) -> Interval:
    """The stretch that belongs to a local day; those of neighbouring days touch. It holds the day's opening hours."""
    return Interval(_begins(facts, day), _begins(facts, day + _WHOLE_DAY))


def day_at(facts: CenterFacts, now: datetime) -> date:
    """The day an instant belongs to: after midnight still the one before, until that is over."""
    today = now.astimezone(facts.tz).date()
    near = (today - _WHOLE_DAY, today, today + _WHOLE_DAY)
    return next(day for day in near if now in day_span(facts, day))


def _begins(facts: CenterFacts, day: date) -> datetime:
    center = facts.center
    open_at_four = center.past_midnight and center.closes > _FOUR
    if center.opens > _FOUR and not open_at_four:
        return local_instant(day, _FOUR, facts.tz)
    opens, closes = datetime.combine(day, center.opens), datetime.combine(day, center.closes)
    shut = (opens - closes) % _WHOLE_DAY
    begins = opens - shut / 2
    return local_instant(begins.date(), begins.time(), facts.tz)
