"""What could be done about a room that lacks adults: every way, by kind, with what it changes and what it prevents.

A way only ever takes what nobody misses: time in no room, an adult another room has to spare in that slot, a break
that may lie elsewhere in its window. Whether it stands is the checker's to say (`optimizer.reassign` asks it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from optimizer.measure import Measure
from optimizer.plan import Combined, ShiftChange
from optimizer.problem import Adult, Assignment, Problem, Shift, Span
from optimizer.standing import Spot, Spots
from optimizer.walking import lost_slots
from optimizer.way import Kind, Stretch, WayOut

LEAD_MINUTES = 30  # a substitute is not here sooner
_NOTHING = 1e-9


class Floor:
    """The rest of a day as it is if nothing is done."""

    def __init__(self, problem: Problem, spots: Spots, measure: Measure, gone: str | None = None) -> None:
        self.problem, self.spots, self.measure, self.gone = problem, spots, measure, gone
        self.weights = [scenario.weight for scenario in problem.scenarios]
        self.planned = range(problem.frozen_until, len(problem.slots))
        self.wings = {room.room_id: room.wing for room in problem.rooms}
        self._missing: dict[tuple[str, int, int], float] = {}
        self._spare: dict[tuple[str, int], bool] = {}

    def missing(self, room_id: str, t: int, more: int = 0) -> float:
        """Expected adults missing with so many more (or fewer) there."""
        key = (room_id, t, more)
        if key not in self._missing:
            count = self.measure.counts.get((room_id, t), 0) + more
            numbers = zip(self.weights, self.measure.required(room_id, t), strict=True)
            self._missing[key] = sum(weight * max(0, number - count) for weight, number in numbers)
        return self._missing[key]

    def gain(self, room_id: str, start: int, end: int) -> float:
        """What one more adult there prevents."""
        return sum(self.missing(room_id, t) - self.missing(room_id, t, 1) for t in range(start, end))

    def need(self, room_id: str, window: range) -> tuple[int, int] | None:
        """From the first slot of the window that lacks somebody to the end of that gap, however late; None: no gap."""
        start = next((t for t in window if self.missing(room_id, t) > _NOTHING), None)
        if start is None:
            return None
        least = self.problem.house.min_stay_slots
        end = start + 1
        for t in range(start + 1, self.planned.stop):
            if t - end > least:
                break
            end = t + 1 if self.missing(room_id, t) > _NOTHING else end
        return start, min(max(end, start + least), self.planned.stop)

    def spare(self, room_id: str, t: int) -> bool:
        """Whether the room misses nobody more with one adult fewer, and is not left alone."""
        key = (room_id, t)
        if key not in self._spare:
            asked = self.missing(room_id, t, -1) <= self.missing(room_id, t) + _NOTHING
            used = max(self.measure.required(room_id, t), default=0) > 0
            self._spare[key] = asked and (self.measure.counts.get(key, 0) > 1 or not used)
        return self._spare[key]

    def ways(self, room_id: str, window: range) -> Iterator[WayOut]:
        """Every way out for the room; none if it lacks nobody in the window."""
        need = self.need(room_id, window)
        if need is None:
            return
        for who in sorted(self.measure.adults):
            adult = self.measure.adults[who]
            if who == self.gone or not adult.counts_in(room_id):
                continue
            yield from self._breaks(adult, room_id, *need)
            if adult.on_call:
                yield from self._called(adult, room_id, *need)
                continue
            yield from self._longer(adult, room_id, *need)
            if self.measure.moves(adult):
                yield from self._free(adult, room_id, *need)
                yield from self._spared(adult, room_id, *need)
                yield from self._chains(adult, room_id, *need)
        yield from self._joined(room_id, *need)

    def _free(self, adult: Adult, room_id: str, start: int, end: int) -> Iterator[WayOut]:
        for stretch in self._runs(adult, room_id, start, end, free=True):
            yield self._way("free_adult", adult, room_id, stretch)

    def _spared(self, adult: Adult, room_id: str, start: int, end: int) -> Iterator[WayOut]:
        for stretch in self._runs(adult, room_id, start, end, spare=True):
            yield self._way("move", adult, room_id, stretch)

    def _chains(self, adult: Adult, room_id: str, start: int, end: int) -> Iterator[WayOut]:
        """Somebody free or to spare takes this adult's place, so that this one can help."""
        for stretch in self._runs(adult, room_id, start, end):
            source, first, last = stretch.place, stretch.leaves, max(stretch.back, stretch.end)
            if source is None or all(self.spare(source, t) for t in range(first, last)):
                continue
            way = self._way("chain", adult, room_id, stretch)
            for who in sorted(self.measure.adults):
                other = self.measure.adults[who]
                if who in (adult.staff_id, self.gone) or not self._could_take(other, source, first):
                    continue
                for own in self._runs(other, source, first, last, free=True, spare=True):
                    if (own.start, own.end) == (first, last) and own.place != room_id:
                        step = _in_room(who, source, first, last)
                        yield replace(way, changes=(*way.changes, step), second_source=own.place)

    def _could_take(self, adult: Adult, room_id: str, t: int) -> bool:
        spot = self.spots.get(adult.staff_id, {}).get(t)
        if spot is None or spot.state == "break" or not adult.counts_in(room_id) or not self.measure.moves(adult):
            return False
        return spot.room_id is None or (spot.room_id != room_id and self.spare(spot.room_id, t))

    def _runs(
        self, adult: Adult, room_id: str, start: int, end: int, *, free: bool = False, spare: bool = False
    ) -> list[Stretch]:
        """Unbroken stretches in one other place that the adult can leave for the room, walks taken off; with neither
        `free` nor `spare`, any other room will do."""
        mine = self.spots.get(adult.staff_id, {})
        limit = self.planned.stop
        while end < limit and end - start < self.problem.house.min_stay_slots:
            end += 1

        def source(t: int) -> tuple[bool, str | None]:
            spot = mine.get(t)
            if spot is None or spot.state == "break" or spot.room_id == room_id:
                return False, None
            if not self.measure.may_be(adult, room_id, t):
                return False, None
            if spot.room_id is None:
                return free, None
            return (self.spare(spot.room_id, t) if spare else not free), spot.room_id

        found: list[tuple[int, int, str | None]] = []
        for t in range(start, end):
            fits, place = source(t)
            if not fits:
                continue
            if found and found[-1][1:] == (t, place):
                found[-1] = (found[-1][0], t + 1, place)
            else:
                found.append((t, t + 1, place))
        least = min(self.problem.house.min_stay_slots, end - start)
        walked = [
            Stretch(*self._walked(mine, room_id, first, last), place, first, last) for first, last, place in found
        ]
        return [stretch for stretch in walked if stretch.end - stretch.start >= least]

    def _walked(self, mine: Mapping[int, Spot], room_id: str, first: int, last: int) -> tuple[int, int]:
        """The stretch without the slots that the ways there and on to the next room take."""
        before = next((t for t in range(first - 1, -1, -1) if t in mine and mine[t].room_id), None)
        after = next((t for t in range(last, self.planned.stop) if t in mine and mine[t].room_id), None)
        if before is not None:
            first = max(first, before + 1 + self._lost(mine[before], room_id))
        if after is not None:
            last = min(last, after - self._lost(mine[after], room_id))
        return first, self._back_for_long_enough(mine, first, last)

    def _lost(self, spot: Spot, room_id: str) -> int:
        return lost_slots(self.problem, self.wings[spot.room_id or room_id], self.wings[room_id])

    def _back_for_long_enough(self, mine: Mapping[int, Spot], first: int, last: int) -> int:
        """Who comes back stays the least time there, or does not come back before the next change."""
        least, spot = self.problem.house.min_stay_slots, mine.get(last)
        if spot is None or spot.room_id is None:
            return last
        end = next((t for t in range(last, self.planned.stop) if mine.get(t) != spot), self.planned.stop)
        if end - last >= least or end not in mine:
            return last
        if all(self.spare(spot.room_id, t) for t in range(last, end)):
            return end
        return end - least if end - least - first >= least else last

    def _breaks(self, adult: Adult, room_id: str, start: int, end: int) -> Iterator[WayOut]:
        """A break out of the room that is still to come and may lie elsewhere in its window, where nobody misses it."""
        mine = self.spots.get(adult.staff_id, {})
        for pause in adult.breaks:
            was = [t for t, spot in mine.items() if spot.break_id == pause.break_id]
            begin = min(was, default=0)
            if not was or begin < self.planned.start or begin >= end or begin + pause.slots <= start:
                continue
            home = mine[begin - 1].room_id if begin - 1 in mine else adult.home_room_id
            if home != room_id:
                continue
            old = range(begin, begin + pause.slots)
            for at in range(max(pause.start, self.planned.start), pause.end - pause.slots + 1):
                new = range(at, at + pause.slots)
                if at == begin or not all(self._misses_nobody(mine, t) for t in new if t not in old):
                    continue
                back = [t for t in old if t not in new]
                stays = (_in_room(adult.staff_id, room_id, t, t + 1) for t in back)
                rest = Assignment(
                    staff_id=adult.staff_id, start=at, end=new.stop, state="break", break_id=pause.break_id
                )
                gain = sum(self.gain(room_id, t, t + 1) for t in back)
                yield WayOut("move_break", room_id, begin, old.stop, gain, (*stays, rest))

    def _misses_nobody(self, mine: Mapping[int, Spot], t: int) -> bool:
        spot = mine.get(t)
        return spot is not None and spot.state != "break" and (spot.room_id is None or self.spare(spot.room_id, t))

    def _longer(self, adult: Adult, room_id: str, start: int, end: int) -> Iterator[WayOut]:
        """Whose work ends before the gap does and may end later."""
        mine, work = self.spots.get(adult.staff_id, {}), self.measure.work[adult.staff_id]
        for shift in adult.shifts:
            until = min(end, shift.end + shift.may_end_later)
            if not max(start, self.planned.start) <= shift.end < until or shift.end - 1 not in work:
                continue
            if shift.end in mine or not all(self._open(adult, room_id, t) for t in range(shift.end, until)):
                continue
            first = shift.end - 1
            while first - 1 in work and first > shift.start:
                first -= 1
            cost = self._extra_cost(adult, until - shift.end)
            change = ShiftChange(
                staff_id=adult.staff_id, was=Span(start=first, end=shift.end), becomes=Span(start=first, end=until),
                cost=cost,
            )  # fmt: skip
            gain = self.gain(room_id, shift.end, until)
            stay = _in_room(adult.staff_id, room_id, shift.end, until)
            yield WayOut("stay_longer", room_id, shift.end, until, gain, (stay,), longer=change, cost=cost)

    def _extra_cost(self, adult: Adult, slots: int) -> float:
        hours = self.problem.slot_hours
        worked = adult.hours_before + len(self.measure.work[adult.staff_id]) * hours
        over = max(0.0, min(slots * hours, worked + slots * hours - adult.overtime_after_hours))
        return round(adult.hourly_cost * (slots * hours + over * (adult.overtime_factor - 1)), 2)

    def _called(self, adult: Adult, room_id: str, start: int, end: int) -> Iterator[WayOut]:
        """From when a substitute can be here, as long as the gap lasts and the hours reach."""
        lead = -(-LEAD_MINUTES // self.problem.slot_minutes)
        for span in adult.available:
            first = max(start, span.start, self.planned.start + lead)
            last = min(end, span.end, first + int(adult.max_hours_day / self.problem.slot_hours))
            if first < last and all(self._open(adult, room_id, t) for t in range(first, last)):
                shift = Shift(start=first, end=last)
                called = adult.model_copy(update={"shifts": (shift,), "on_call": False, "movable": True, "breaks": ()})
                yield WayOut(
                    "substitute", room_id, first, last, self.gain(room_id, first, last),
                    (_in_room(adult.staff_id, room_id, first, last),), called=called,
                    cost=round((last - first) * self.problem.slot_hours * adult.hourly_cost, 2),
                )  # fmt: skip

    def _open(self, adult: Adult, room_id: str, t: int) -> bool:
        gone = any(span.start <= t < span.end for span in adult.absences)
        return not gone and self.measure.may_be(adult, room_id, t)

    def _joined(self, room_id: str, start: int, end: int) -> Iterator[WayOut]:
        """The room and another as one, in the part of a window that the gap reaches into."""
        for item in self.problem.combinations:
            first = max(start, item.start)
            last = min(max(end, first + item.min_slots), item.end)
            taken = any((room, t) in self.measure.joined_over for room in item.rooms for t in range(first, last))
            if room_id not in item.rooms or last - first < item.min_slots or taken:
                continue
            apart = sum(self.missing(room, t) for room in item.rooms for t in range(first, last))
            chosen = Combined(rooms=item.rooms, start=first, end=last)
            gain = apart - sum(self._together(item.rooms, item.required, item.start, t) for t in range(first, last))
            other = next(room for room in item.rooms if room != room_id)
            yield WayOut("combine", room_id, first, last, gain, source=other, joined=chosen)

    def _together(self, rooms: Sequence[str], required: dict[str, tuple[int, ...]], start: int, t: int) -> float:
        there = sum(
            1
            for who, mine in self.spots.items()
            if t in mine and mine[t].room_id in rooms and all(map(self.measure.adults[who].counts_in, rooms))
        )
        numbers = (required[str(number)][t - start] for number in range(len(self.weights)))
        return sum(weight * max(0, number - there) for weight, number in zip(self.weights, numbers, strict=True))

    def _way(self, kind: Kind, adult: Adult, room_id: str, stretch: Stretch) -> WayOut:
        who, (start, end, source, leaves, back) = adult.staff_id, stretch
        walks = [
            Assignment(staff_id=who, start=a, end=b, state="idle") for a, b in ((leaves, start), (end, back)) if a < b
        ]
        changes = (_in_room(who, room_id, start, end), *walks)
        return WayOut(kind, room_id, start, end, self.gain(room_id, start, end), changes, source)


def _in_room(who: str, room_id: str, start: int, end: int) -> Assignment:
    return Assignment(staff_id=who, start=start, end=end, state="room", room_id=room_id)
