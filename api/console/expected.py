"""Which children a day's slots will hold: joint draws of the trained model where there is one, else bookings.

The model is asked afresh, beside the live loop, for every slot of the rest of the day; who is here now and who has
told of an absence today is taken from the live service, habits from the published snapshot. Where a room has fallen
back to a plain rule, the rule's counts stand, as in the live odds and the plan of the week.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from api.center import LiveCenter
from api.console.forecasts import RULE_WORDS
from api.console.frame import Visit
from domain.errors import NothingPublished, RatiocastError
from domain.stays import child_stays
from evaluator import CenterFacts
from evaluator.expectations import BookedExpectation, Expectation, ForecastExpectation
from reports.days import day_at, day_span
from storage.reader import open_reader

if TYPE_CHECKING:
    from forecasting import Forecast

DRAWS = 200
_DAYS_AHEAD = 5  # a call-out reaches three days ahead at most
Stay = tuple[str, datetime, datetime]


@dataclass(frozen=True, slots=True)
class Expected:
    """Whom a plan is made for. `words` say on a page what that rests on, plainly where it is bookings alone."""

    expectation: Expectation
    words: str
    modelled: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What the live service knows of the day at `now`: who is here, who has come and gone, who is reported absent."""

    now: datetime
    present: tuple[tuple[str, str, datetime], ...]
    gone: tuple[Stay, ...]
    absent: tuple[str, ...]


async def expected_on(visit: Visit, day: date, ahead: Sequence[datetime]) -> Expected:
    """For the slots `ahead` of one day."""
    center, now = visit.center, visit.now
    try:
        seen = seen_by(center, day, now) if _begun(center.facts, day, now) else None
        forecast, published = await asyncio.to_thread(
            _forecast, visit.service.settings.data_dir, center.center_id, now, ahead, seen
        )
    except RatiocastError as error:
        why = "nothing has been learnt of this center yet" if isinstance(error, NothingPublished) else str(error)
        said = f"from bookings and who is present alone, because there is no forecast: {why}"
        return Expected(BookedExpectation(center.state, center.facts, max(now, ahead[0])), said, modelled=False)
    said = f"from the forecast, with the record as of {visit.local(published):%A %-d %B, %H:%M}"
    said += "".join(f"; {words}" for words in (*forecast.notes, *_stand_ins(forecast, center.facts)))
    return Expected(ForecastExpectation(forecast, center.facts, DRAWS), said, modelled=True)


def _begun(facts: CenterFacts, day: date, now: datetime) -> bool:
    """Whether what is known live belongs to the day: it runs, or it comes next and the center is shut for the night."""
    service = facts.service(now)
    shut = service is None or now not in service
    return day == day_at(facts, now) or (shut and day == facts.day_of(now))


def seen_by(center: LiveCenter, day: date, now: datetime) -> Seen:
    start, begins = center.facts.day_start(now), day_span(center.facts, day).start
    present = tuple(
        (child_id, place.room_id, place.since)
        for children in center.state.rooms.values()
        for child_id in sorted(children)
        if (place := center.state.child(child_id)) is not None and place.since >= start
    )
    gone = tuple(
        (stay.child_id, stay.start, stay.end)
        for stay in child_stays(center.state.events())
        if stay.end is not None and stay.start >= begins
    )
    absent = tuple(
        child_id
        for child_id in center.facts.children
        if (rows := center.facts.bookings_of(child_id, day)) and all(row.status != "booked" for row in rows)
    )
    return Seen(now, present, gone, absent)


def _forecast(
    data_dir: Path, center_id: str, now: datetime, ahead: Sequence[datetime], seen: Seen | None
) -> tuple[Forecast, datetime]:
    """With when its snapshot was published. About a second. RatiocastError where there is no snapshot or no model."""
    from flows.train import load_model
    from flows.weather import kept_weather
    from forecasting import History
    from forecasting.fallbacks import plain_sessions, with_fallbacks
    from forecasting.monitoring import Health

    with open_reader(data_dir) as reader:
        frames = {name: frame for name, frame in reader.frames(center_id).items() if name != "headcounts"}
        published = reader.snapshot.published_at
        health = [Health.of(row) for row in reader.frame("forecast_health", center_id).to_dict("records")]
    model, known = load_model(data_dir), History(frames, kept_weather(data_dir)).known_at(now)
    if seen is None:
        forecast = model.forecast_week(known, now, ahead, center_id)
    else:
        session = model.session(known, max(now, ahead[0]), center_id)
        session.see(now, (), seen.gone)
        for child_id in seen.absent:
            session.tell(child_id, absent=True)
        forecast = session.refresh(now, seen.present, ahead)
    names = sorted({one.baseline for one in health if one.fallen_back})
    rules = plain_sessions(known, center_id, names, _DAYS_AHEAD)
    present = seen.present if seen else ()
    plain = {name: rule.refresh(now, present, ahead) for name, rule in rules.items()}
    return replace(with_fallbacks(forecast, plain, health), notes=forecast.notes), published


def _stand_ins(forecast: Forecast, facts: CenterFacts) -> Iterator[str]:
    """Rooms in which a plain rule stands in, in words."""
    from forecasting.monitoring import BASELINE

    rules = {room_id: model.removeprefix(BASELINE) for (room_id, _), model in sorted(forecast.stand_ins.items())}
    for room_id, rule in rules.items():
        words = RULE_WORDS.get(rule, rule)
        yield f"{facts.room_name(room_id)}: {words}, a plain rule, because the model did worse there"
