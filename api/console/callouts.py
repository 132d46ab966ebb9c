"""Call-outs of a running service: what was asked for lately in memory, what was approved in the ledger."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

from api.agreed import cover_plan
from api.console.absence import Absence
from api.console.callout_plan import CallOut, changes_of, short_hours, to_ask
from domain.time import Interval
from evaluator import CenterFacts
from storage.ledger import Ledger
from storage.ledger.call_outs import CallOutRow, find_call_outs, read_call_out

_KEPT = 50
_NOT_TOLD = "what became of the shifts is not on record, because the service stopped meanwhile; look at the platform"


@dataclass(slots=True)
class CallOuts:
    """One that was asked for and not approved is forgotten with the service: one asks again."""

    _asked: OrderedDict[str, CallOut] = field(default_factory=OrderedDict)

    def keep(self, call_out: CallOut) -> None:
        self._asked[call_out.call_out_id] = call_out
        while len(self._asked) > _KEPT:
            self._asked.popitem(last=False)

    async def find(self, ledger: Ledger, call_out_id: str, facts: CenterFacts) -> CallOut | None:
        if (asked := self._asked.get(call_out_id)) is not None:
            return asked
        row = await ledger.aread(partial(read_call_out, call_out_id=call_out_id))
        mine = row is not None and row.center_id == facts.center.center_id
        return await asyncio.to_thread(_from_row, row, facts) if row is not None and mine else None


async def approved(ledger: Ledger, facts: CenterFacts, day: date) -> list[CallOut]:
    """Those of a day that hold, in the order of approval."""
    rows = await ledger.aread(partial(find_call_outs, center_id=facts.center.center_id, day=day))
    return await asyncio.to_thread(lambda: [_from_row(row, facts) for row in rows])


def as_row(call_out: CallOut, at: datetime, by: str) -> CallOutRow:
    body: dict[str, Any] = {
        "words": call_out.absence.words, "basis": list(call_out.basis), "outcome": call_out.outcome,
        "missing_hours_before": call_out.missing_hours_before,
        "problem": call_out.problem.model_dump(mode="json"), "plan": call_out.plan.model_dump(mode="json"),
    }  # fmt: skip
    span = call_out.absence.interval
    return CallOutRow(
        call_out.call_out_id, call_out.center_id, call_out.day, call_out.staff_id, span.start, span.end, at, by, body
    )


def _from_row(row: CallOutRow, facts: CenterFacts) -> CallOut:
    (problem, plan), body = cover_plan(row), row.body
    return CallOut(
        row.call_out_id, row.center_id, row.day, row.staff_id, facts.display(row.staff_id),
        Absence(Interval(row.absent_from, row.absent_until), body["words"]), tuple(body["basis"]), problem, plan,
        changes_of(problem, plan, row.staff_id), body["missing_hours_before"], short_hours(problem, plan),
        to_ask(problem, plan, facts), list(body["outcome"]) or [_NOT_TOLD],
    )  # fmt: skip
