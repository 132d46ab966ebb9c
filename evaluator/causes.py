"""Why a room is short: the root cause, classified from the same facts that the check used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from domain.people import Segment, Shift
from evaluator.facts import CenterFacts
from evaluator.groups import Group
from evaluator.state import CenterState
from rulebook import Verdict
from rulebook.explain import children_in_words

Code = Literal[
    "call_out", "late_start", "early_leave", "shift_end", "break_overlap", "late_from_break", "missed_room_move",
    "step_out", "not_counted", "late_pick_up", "early_arrival", "more_children_than_booked", "arrivals",
    "rooms_combined", "nap_over", "group_too_large", "doubtful_count", "full", "unknown",
]  # fmt: skip
CAUSES: Mapping[str, str] = {
    "call_out": "a call-out", "late_start": "a late start", "early_leave": "an early leave",
    "shift_end": "the end of a shift", "break_overlap": "a break without cover",
    "late_from_break": "a late return from a break",
    "missed_room_move": "a room move that was not made or not logged", "step_out": "a short absence",
    "not_counted": "an adult who does not count", "late_pick_up": "late pick-ups", "early_arrival": "early arrivals",
    "more_children_than_booked": "more children than booked", "arrivals": "arrivals",
    "rooms_combined": "combined rooms", "nap_over": "the end of the nap",
    "group_too_large": "a group too large or of ages to be kept apart", "doubtful_count": "a doubtful count",
    "full": "a full room", "unknown": "not known from the records",
}  # fmt: skip
_FRESH = timedelta(minutes=20)
_EARLY = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class RootCause:
    """The sentence names the adult, the time or the number it rests on."""

    code: Code
    sentence: str = ""


UNKNOWN = RootCause("unknown")


@dataclass(frozen=True)
class _Case:
    state: CenterState
    facts: CenterFacts
    group: Group
    verdict: Verdict
    now: datetime

    def clock(self, instant: datetime) -> str:
        return instant.astimezone(self.facts.tz).strftime("%H:%M")

    def planned(self) -> list[tuple[Segment, str]]:
        """Room segments planned here around now, with who: those whose shift was called off included."""
        return [
            (part, staff_id)
            for member in self.group.members
            for part, staff_id in self.facts.all_planned_by_room.get(member, ())
            if part.start - _FRESH <= self.now < part.end + _FRESH
        ]


def root_cause(state: CenterState, facts: CenterFacts, group: Group, verdict: Verdict, now: datetime) -> RootCause:
    """The first of the known causes that the facts show; staff side before children's side."""
    case = _Case(state, facts, group, verdict, now)
    if not verdict.deficit:
        rules: tuple[Callable[[_Case], RootCause | None], ...] = (_combined, _too_large)
    else:
        rules = (
            _step_out, _call_out, _late_start, _late_from_break, _break, _missed_move, _not_counted, _early_leave,
            _shift_end, _combined, _nap_over, _late_pick_up, _more_than_booked, _early_arrival, _arrivals,
        )  # fmt: skip
    return next((cause for rule in rules if (cause := rule(case)) is not None), UNKNOWN)


def _step_out(case: _Case) -> RootCause | None:
    away = [staff_id for staff_id, place in case.group.staff_places.items() if place.state == "stepped_out"]
    if not away:
        return None
    since = min(case.group.staff_places[staff_id].state_since for staff_id in away)
    return RootCause("step_out", f"{_names(case, away)} stepped out at {case.clock(since)}")


def _call_out(case: _Case) -> RootCause | None:
    for part, staff_id in case.planned():
        shift = _shift_of(case, staff_id, part)
        if shift and shift.status == "called_out" and part.start <= case.now < part.end:
            return RootCause("call_out", f"{case.facts.display(staff_id)} has called out and nobody is in their place")
    return None


def _late_start(case: _Case) -> RootCause | None:
    for part, staff_id in case.planned():
        shift = _shift_of(case, staff_id, part)
        place = case.state.adult(staff_id)
        here_today = place is not None and place.since >= case.facts.day_start(case.now)
        if not shift or shift.status != "scheduled" or here_today or not part.start <= case.now < part.end:
            continue
        if not case.state.worked(staff_id, case.facts.day_start(case.now)):
            start = case.clock(shift.start)
            return RootCause("late_start", f"{case.facts.display(staff_id)} was due at {start} and has not clocked in")
    return None


def _late_from_break(case: _Case) -> RootCause | None:
    for staff_id, place in case.group.staff_places.items():
        if (
            place.state == "on_break"
            and (until := _break_until(case, staff_id, place.state_since))
            and until < case.now
        ):
            sentence = (
                f"{case.facts.display(staff_id)} is not back from the break that was to end at {case.clock(until)}"
            )
            return RootCause("late_from_break", sentence)
    return None


def _break(case: _Case) -> RootCause | None:
    resting = [staff_id for staff_id, place in case.group.staff_places.items() if place.state == "on_break"]
    if not resting:
        return None
    since = min(case.group.staff_places[staff_id].state_since for staff_id in resting)
    what = "on break at once" if len(resting) > 1 else "on break"
    return RootCause("break_overlap", f"{_names(case, resting)} {what} since {case.clock(since)} without cover")


def _missed_move(case: _Case) -> RootCause | None:
    for part, staff_id in case.planned():
        place = case.state.adult(staff_id)
        if place is None or place.since < case.facts.day_start(case.now) or not part.start <= case.now < part.end:
            continue
        if place.room_id not in case.group.members and place.state == "in_room":
            where = case.facts.room_name(place.room_id) if place.room_id else "no room"
            sentence = (
                f"{case.facts.display(staff_id)} was to be here from {case.clock(part.start)} and is logged in {where}"
            )
            return RootCause("missed_room_move", sentence)
    return None


def _not_counted(case: _Case) -> RootCause | None:
    present = {adult.staff_id for adult in case.group.in_room}
    for entry in case.verdict.uncounted:
        if entry.staff_id in present:
            return RootCause(
                "not_counted", f"{case.facts.display(entry.staff_id)} is there but does not count: {entry.reason}"
            )
    return None


def _early_leave(case: _Case) -> RootCause | None:
    for part, staff_id in case.planned():
        if case.state.adult(staff_id) is None and part.start <= case.now < part.end:
            left = case.state.left_at(staff_id)
            shift = _shift_of(case, staff_id, part)
            if left and shift and left >= case.facts.day_start(case.now) and left < shift.end:
                sentence = (
                    f"{case.facts.display(staff_id)} clocked out at {case.clock(left)}, before the end of the shift"
                )
                return RootCause("early_leave", sentence)
    return None


def _shift_end(case: _Case) -> RootCause | None:
    for part, staff_id in case.planned():
        place = case.state.adult(staff_id)
        gone = place is None or place.room_id not in case.group.members
        if gone and part.end <= case.now:
            shift = _shift_of(case, staff_id, part)
            what = "shift ended" if shift and shift.end <= part.end else "time in this room ended"
            return RootCause("shift_end", f"{case.facts.display(staff_id)}'s {what} at {case.clock(part.end)}")
    return None


def _combined(case: _Case) -> RootCause | None:
    since = case.group.since
    if since is None or case.now - since > _FRESH:
        return None
    return RootCause("rooms_combined", f"{len(case.group.members)} rooms were combined at {case.clock(since)}")


def _nap_over(case: _Case) -> RootCause | None:
    for member in case.group.members:
        ended = case.state.nap_ended(member)
        if ended and timedelta(0) <= case.now - ended <= _FRESH:
            return RootCause("nap_over", f"the nap ended at {case.clock(ended)} and its relief with it")
    return None


def _late_pick_up(case: _Case) -> RootCause | None:
    dues = (case.facts.session(child_id, place.since).ends for child_id, place in case.group.places.items())
    late = sum(due is not None and due < case.now for due in dues)
    if late < case.verdict.deficit:
        return None
    return RootCause("late_pick_up", f"{_are(late)} still here after their booked pick-up") if late else None


def _more_than_booked(case: _Case) -> RootCause | None:
    day = case.facts.day_of(case.now)
    if day not in case.facts.booked_days:
        return None
    extra = sum(
        not any(row.status == "booked" for row in case.facts.bookings_of(child_id, case.facts.day_of(place.since)))
        for child_id, place in case.group.places.items()
    )
    return RootCause("more_children_than_booked", f"{_are(extra)} here without a booking") if extra else None


def _early_arrival(case: _Case) -> RootCause | None:
    early = 0
    for child_id, place in case.group.places.items():
        begins = case.facts.session(child_id, place.since).begins
        early += begins is not None and place.since < begins - _EARLY and case.now < begins
    return (
        RootCause("early_arrival", f"{children_in_words(early)} came well before their booked time") if early else None
    )


def _arrivals(case: _Case) -> RootCause | None:
    fresh = sum(1 for place in case.group.places.values() if case.now - place.moved <= _FRESH)
    return RootCause("arrivals", f"{children_in_words(fresh)} came within the last 20 minutes") if fresh else None


def _too_large(case: _Case) -> RootCause | None:
    if not case.verdict.group_over:
        return None
    return RootCause("group_too_large", f"{children_in_words(case.verdict.group_over)} more than the group may have")


def _are(children: int) -> str:
    return f"{children_in_words(children)} {'is' if children == 1 else 'are'}"


def _names(case: _Case, staff_ids: list[str]) -> str:
    return " and ".join(case.facts.display(staff_id) for staff_id in sorted(staff_ids))


def _shift_of(case: _Case, staff_id: str, part: Segment) -> Shift | None:
    return next((s for s in case.facts.shifts_by_staff.get(staff_id, ()) if s.start <= part.start < s.end), None)


def _break_until(case: _Case, staff_id: str, since: datetime) -> datetime | None:
    """The planned end of the break nearest to its start, shifted if it began late."""
    breaks = [
        part
        for shift in case.facts.shifts_by_staff.get(staff_id, ())
        for part in shift.segments
        if part.kind == "break" and abs(part.start - since) < timedelta(hours=1)
    ]
    if not breaks:
        return None
    part = min(breaks, key=lambda each: abs(each.start - since))
    return max(part.end, since + (part.end - part.start))
