"""The floor, minute by minute: where every adult truly is, given where the children are.

A simulated director keeps rooms inside the ratio with some delay: floats go where it is short or about to be, breaks
wait for cover (mostly), rooms merge early and late. What remains short is what happens in real centers.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sandbox.knobs import Knobs
from sandbox.laws import Rng
from sandbox.merging import Merge, merge_rooms
from sandbox.staffing import Duty, Worker

OFF, IDLE, BREAK, STEP = -1, -2, -3, -4


@dataclass(frozen=True, slots=True)
class Move:
    """What one adult did. action: clock_in, clock_out, room_move, break_start, break_end, step_out, step_in."""

    minute: float
    worker: int
    action: str
    room: int | None
    logged: bool = True


@dataclass(slots=True)
class Floor:
    moves: list[Move] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)


def run_floor(
    rng: Rng, knobs: Knobs, workers: list[Worker], duties: list[Duty], counts: NDArray[np.int64], first: int
) -> Floor:
    """`counts` are children by room and minute from minute `first`; it ends after the last child has left."""
    merges = merge_rooms(knobs, counts, first)
    shift = _Shift(rng, knobs, workers, duties, counts, first, merges)
    shift.run()
    shift.moves.sort(key=lambda move: (move.minute, move.worker))
    return Floor(shift.moves, merges)


class _Shift:
    """One day's loop. `where` is the place of each worker on duty; actions wait in a heap by minute."""

    def __init__(
        self, rng: Rng, knobs: Knobs, workers: list[Worker], duties: list[Duty], counts: NDArray[np.int64],
        first: int, merges: list[Merge],
    ) -> None:  # fmt: skip
        self.rng, self.knobs, self.workers, self.first = rng, knobs, workers, first
        self.duties = {duty.worker: duty for duty in duties}
        self.counts: list[list[int]] = counts.T.tolist()
        self.merges = merges
        self.where = {duty.worker: OFF for duty in duties}
        self.ratio = [knobs.children_per_adult(room.age_min_months) for room in knobs.layout.rooms]
        self.moves: list[Move] = []
        self.heap: list[tuple[float, int, int, str, int]] = []
        self.serial = 0
        self.silent: set[int] = set()  # away without having told the platform
        self.assigned: dict[int, int] = {}  # floats sent to a room outside the plan, since when
        self.short_since: dict[int, int] = {}
        self.patience: dict[int, int] = {}
        self.clusters: list[tuple[int, ...]] = []
        self.cluster_of: list[int] = []
        self.cluster_ratio: list[int] = []
        self.in_room = [0] * len(self.ratio)
        self.stepped_from = [0] * len(self.ratio)
        self.origin: dict[int, int] = {}  # rooms that adults stepped out of
        self.stirred = True  # something moved since the director last looked
        self.last_move: dict[int, float] = {}  # of each worker, the minute
        for duty in duties:
            self._plan(duty)

    def run(self) -> None:
        changes = sorted({m.start for m in self.merges} | {m.end for m in self.merges})
        start = min([self.first, *(int(duty.arrives) for duty in self.duties.values())])
        end = self.first + len(self.counts)
        self._regroup(start)
        for minute in range(start, end):
            if minute in changes:
                self._regroup(minute)
            while self.heap and self.heap[0][0] < minute + 1:
                at, _, worker, action, argument = heapq.heappop(self.heap)
                self._act(at, worker, action, argument)
            if self.first <= minute:
                self._direct(minute)
        for worker, place in sorted(self.where.items()):
            if place != OFF:
                self._move(end + self.rng.uniform(1, 5), worker, "clock_out", OFF)

    # ---- the plan of a day, as actions ----

    def _push(self, at: float, worker: int, action: str, argument: int = 0) -> None:
        self.serial += 1
        heapq.heappush(self.heap, (at, self.serial, worker, action, argument))

    def _plan(self, duty: Duty) -> None:
        rng, worker = self.rng, duty.worker
        self._push(duty.arrives, worker, "arrive")
        self._push(duty.leaves, worker, "leave")
        if self.workers[worker].kind == "office":
            if duty.break_at is not None:
                self._push(duty.break_at + rng.uniform(0, 5), worker, "lunch")
            return
        for part in duty.parts:
            if part.kind in ("room", "float") and part.start > duty.arrives:
                room = IDLE if part.room is None else part.room
                self._push(part.start - rng.uniform(0, 4), worker, "post", room)
            elif part.kind == "break":
                self._push(part.start + rng.uniform(0, 5), worker, "lunch")
        span = duty.leaves - duty.arrives
        for low in (0.25, 0.75):
            self._push(duty.arrives + span * (low + rng.uniform(-0.08, 0.08)), worker, "rest")
        for _ in range(int(rng.integers(2, 5))):
            self._push(duty.arrives + span * rng.uniform(0.08, 0.95), worker, "bathroom")

    def _act(self, at: float, worker: int, action: str, argument: int) -> None:
        place = self.where[worker]
        if action == "arrive":
            self._move(at, worker, "clock_in", self._post_at(worker, at))
        elif action == "leave":
            self._leave(at, worker)
        elif action == "post" and place not in (OFF, BREAK, STEP) and worker not in self.assigned:
            if place != argument and (argument != IDLE or self._spare(worker, at)):
                self._move(at, worker, "room_move", argument)
        elif action == "lunch" and place not in (OFF, BREAK, STEP):
            self._take_break(at, worker, self.knobs.break_minutes)
        elif action == "rest" and place >= 0 and self._spare(worker, at, ahead=1):
            self._away(at, worker, 10 + self.rng.uniform(-1, 2), BREAK, self.knobs.rest_logged)
        elif action == "bathroom" and place >= 0:
            self._away(at, worker, self.rng.uniform(3, 6), STEP, self.knobs.bathroom_logged)
        elif action == "back" and place in (BREAK, STEP):
            self._move(at, worker, "break_end" if place == BREAK else "step_in", argument)
            self.silent.discard(worker)

    def _post_at(self, worker: int, at: float) -> int:
        for part in self.duties[worker].parts:
            if part.start <= at + 5 and at < part.end and part.kind in ("room", "float", "admin"):
                return IDLE if part.room is None else part.room
        return IDLE

    def _away(self, at: float, worker: int, minutes: float, state: int, logged: float) -> None:
        back = self.where[worker]
        if self.rng.random() >= logged:
            self.silent.add(worker)
        self._move(at, worker, "break_start" if state == BREAK else "step_out", state)
        self._push(at + minutes, worker, "back", back)

    def _take_break(self, at: float, worker: int, minutes: float) -> None:
        """Lunch: at once when the room can spare the adult, else it waits for cover, until it is taken anyway."""
        covered = self.where[worker] == IDLE or self._spare(worker, at)
        if covered or self.rng.random() < self.knobs.uncovered_break_rate:
            self._away(at, worker, minutes + self.rng.uniform(-2, 4), BREAK, 1.0)
        elif at < 14.75 * 60:
            self._push(at + 8, worker, "lunch")

    def _leave(self, at: float, worker: int) -> None:
        if self.where[worker] == OFF:
            return
        duty = self.duties[worker]
        alone = self.where[worker] >= 0 and self._adults(self.cluster_of[self.where[worker]]) <= 1
        children = self.where[worker] >= 0 and self._total(self.cluster_of[self.where[worker]], at) > 0
        waited = at - duty.leaves
        willing = not duty.walks_out and waited < 15 and not self._spare(worker, at)
        if self.where[worker] in (BREAK, STEP) or (alone and children) or willing:
            self._push(at + 2, worker, "leave")
        else:
            self._move(at, worker, "clock_out", OFF)

    # ---- the director's eye ----

    def _direct(self, minute: int) -> None:
        if minute % 5 == 0:
            self._release(minute)
        offset = minute - self.first
        if not self.stirred and not self.short_since and self.counts[offset] == self.counts[offset - 1]:
            return
        self.stirred = False
        for index in range(len(self.clusters)):
            total = self._total(index, minute)
            need, adults = self._need(index, total), self._adults(index, stepped=True)
            if adults < need:
                since = self.short_since.setdefault(index, minute)
                patience = self.patience.setdefault(index, 1 + int(self.rng.geometric(0.4)))
                if minute - since >= patience:
                    self._send(minute, index, urgent=minute - since >= patience + 4)
            else:
                self.short_since.pop(index, None)
                self.patience.pop(index, None)
                if total and adults < self._need(index, total + 1):
                    self._send(minute, index, urgent=False, only_idle=True)

    def _send(self, minute: int, index: int, *, urgent: bool, only_idle: bool = False) -> None:
        """The nearest help: an idle float, then an adult another room can spare, then the office."""
        target = next((r for r in self.clusters[index] if self.counts[minute - self.first][r]), self.clusters[index][0])
        at = minute + self.rng.random()
        idle = [w for w, place in sorted(self.where.items()) if place == IDLE]
        floats = [w for w in idle if self.workers[w].kind != "office"]
        if not floats and not only_idle:
            floats = [
                w
                for w, place in sorted(self.where.items())
                if place >= 0 and self.cluster_of[place] != index and self._spare(w, minute)
            ]
        if not floats and urgent:
            floats = [w for w in idle if self.workers[w].role in ("Director", "Assistant Director")]
        if floats:
            chosen = floats[int(self.rng.integers(len(floats)))]
            self.assigned[chosen] = minute
            self._move(at, chosen, "room_move", target)

    def _release(self, minute: int) -> None:
        for worker, since in sorted(self.assigned.items()):
            place = self.where[worker]
            if place >= 0 and minute - since >= 10 and self._spare(worker, minute, ahead=2):
                del self.assigned[worker]
                home = self._post_at(worker, minute)
                if home != place:
                    self._move(minute + self.rng.random(), worker, "room_move", home)
            elif place == OFF:
                del self.assigned[worker]

    # ---- what a room needs ----

    def _regroup(self, minute: int) -> None:
        joined = [merge.rooms for merge in self.merges if merge.start <= minute < merge.end]
        alone: list[tuple[int, ...]] = [(r,) for r in range(len(self.ratio)) if not any(r in rooms for rooms in joined)]
        self.clusters = sorted(joined + alone)
        self.cluster_ratio = [min(self.ratio[room] for room in cluster) for cluster in self.clusters]
        self.stirred = True
        self.cluster_of = [next(i for i, c in enumerate(self.clusters) if r in c) for r in range(len(self.ratio))]
        self.short_since.clear()
        self.patience.clear()

    def _total(self, index: int, minute: float) -> int:
        offset = int(minute) - self.first
        if not 0 <= offset < len(self.counts):
            return 0
        row, total = self.counts[offset], 0
        for room in self.clusters[index]:
            total += row[room]
        return total

    def _need(self, index: int, total: int) -> int:
        return -(-total // self.cluster_ratio[index])

    def _adults(self, index: int, *, stepped: bool = False) -> int:
        """Adults in the cluster; with `stepped`, those who are back in a minute as well."""
        count = 0
        for room in self.clusters[index]:
            count += self.in_room[room] + (self.stepped_from[room] if stepped else 0)
        return count

    def _spare(self, worker: int, at: float, *, ahead: int = 0) -> bool:
        place = self.where[worker]
        if place < 0:
            return True
        index = self.cluster_of[place]
        total = self._total(index, at)
        return self._adults(index) - 1 >= max(self._need(index, total + (ahead if total else 0)), 1 if total else 0)

    def _move(self, at: float, worker: int, action: str, place: int) -> None:
        # The director looks once a minute: sent in the minute in which a break ended, they go after it has ended.
        at = self.last_move[worker] = max(at, self.last_move.get(worker, at) + 1 / 60)
        before = self.where[worker]
        if before >= 0:
            self.in_room[before] -= 1
        elif before == STEP:
            self.stepped_from[self.origin[worker]] -= 1
        if place >= 0:
            self.in_room[place] += 1
        elif place == STEP:
            self.origin[worker] = before
            self.stepped_from[before] += 1
        self.where[worker] = place
        self.stirred = True
        self.moves.append(Move(at, worker, action, place if place >= 0 else None, worker not in self.silent))
