"""What people agreed on for a day: the accepted plan of its week, then the cover plans of approved call-outs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

from api.plan_files import Mark, PlanFiles
from domain.errors import RatiocastError
from domain.time import Interval
from optimizer import Plan, Problem
from storage.ledger import Ledger
from storage.ledger.call_outs import CallOutRow, find_call_outs

log = logging.getLogger("ratiocast.agreed")
_KEPT = 200  # plans read before, so that a suggestion does not read them again

Agreement = tuple[Problem, Plan]


@dataclass(frozen=True, slots=True)
class Agreed:
    """Of `plans` the later one holds. `away`: who is out, and when, whatever the platform says of their shifts."""

    plans: tuple[Agreement, ...] = ()
    away: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(slots=True)
class Agreements:
    """Read from where they are kept each time; parsed once per version."""

    ledger: Ledger
    data_dir: Path
    _parsed: dict[tuple[object, ...], Agreement] = field(default_factory=dict)

    async def of(self, center_id: str, day: date) -> Agreed:
        """What cannot be read is left out and said in the log: a suggestion from the shifts is better than none."""
        rows = await self.ledger.aread(partial(find_call_outs, center_id=center_id, day=day))
        try:
            return await asyncio.to_thread(self._agreed, center_id, day, rows)
        except (RatiocastError, ValueError) as error:
            log.warning("center %s: the plans agreed on for %s cannot be read: %s", center_id, day, error)
            return Agreed(away=_away(rows))

    def _agreed(self, center_id: str, day: date, rows: list[CallOutRow]) -> Agreed:
        plans = [plan for plan in (self._accepted(center_id, day), *map(self._cover, rows)) if plan is not None]
        return Agreed(tuple(plans), _away(rows))

    def _accepted(self, center_id: str, day: date) -> Agreement | None:
        files, (year, number, _) = PlanFiles(self.data_dir, center_id), day.isocalendar()
        week = f"{year}-W{number:02d}"
        mark: Mark | None = files.accepted_mark(week)
        if mark is None:
            return None
        key = (center_id, day, mark)
        if key not in self._parsed:
            found = files.read(week, "accepted")
            if found is None:
                return None
            self._keep(key, (found.problem, _of_day(found.problem, found.plan, day)))
        return self._parsed[key]

    def _cover(self, row: CallOutRow) -> Agreement:
        key = (row.call_out_id,)
        if key not in self._parsed:
            self._keep(key, cover_plan(row))
        return self._parsed[key]

    def _keep(self, key: tuple[object, ...], found: Agreement) -> None:
        while len(self._parsed) >= _KEPT:
            self._parsed.pop(next(iter(self._parsed)))
        self._parsed[key] = found


def cover_plan(row: CallOutRow) -> Agreement:
    """The problem and plan of an approved call-out."""
    return Problem.model_validate(row.body["problem"]), Plan.model_validate(row.body["plan"])


def _away(rows: list[CallOutRow]) -> dict[str, Interval]:
    return {row.staff_id: Interval(row.absent_from, row.absent_until) for row in rows}


def _of_day(problem: Problem, plan: Plan, day: date) -> Plan:
    """The week's plan with one day's assignments: the rest of the day is posed often, and from them alone."""
    spans = [each for each in problem.days if each.day == day]
    mine = tuple(item for item in plan.assignments if any(span.start <= item.start < span.end for span in spans))
    return plan.model_copy(update={"assignments": mine})
