"""Daily reports already made, by what they were made from: a period is asked for again and again, its days stay."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from evaluator.assessment import Book
from reports.compliance import DailyReport, DayGround, report_on


@dataclass(slots=True)
class KeptReports:
    """Nothing has to be told when something changes: a correction, a void, a headcount, another rule or a name gives
    another ground, and the day is computed anew. Safe to use from several threads; at worst a day is made twice."""

    most: int = 1000  # days kept, a few kilobytes each
    _made: dict[tuple[str, date], tuple[Book, str, DailyReport]] = field(default_factory=dict)

    def report(self, ground: DayGround) -> DailyReport:
        """The report of this ground, computed only if the last one of its day was made from another."""
        day, digest = (ground.facts.center.center_id, ground.day), ground.sha256
        last = self._made.pop(day, None)  # and put back at the end: the longest unasked goes first
        if last is None or last[0] is not ground.book or last[1] != digest:
            last = (ground.book, digest, report_on(ground))
        self._made[day] = last
        for oldest in list(self._made)[: -self.most]:
            self._made.pop(oldest, None)
        return last[2]
