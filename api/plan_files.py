"""The plans of a center as files: what the planner made, the draft a person edits, what was accepted.

plans/<center>/<week>.problem.json and .plan.json are written by the planning flow; `<week>.draft.*` and
`<week>.accepted.*` by the console. `<week>.accepted.json` says by whom and when (`Accepted`); it is written last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.errors import BadInput, NotFound, StoreError
from domain.time import iso_week_start
from optimizer import Plan, Problem

Kind = Literal["made", "draft", "accepted"]
Mark = tuple[int, int]  # of a file: when it was written, and its size
_STEMS: dict[Kind, str] = {"made": "", "draft": ".draft", "accepted": ".accepted"}
_WEEK = re.compile(r"^(\d{4}-W\d{2})(\.accepted)?\.plan\.json$")


@dataclass(frozen=True, slots=True)
class StoredPlan:
    kind: Kind
    problem: Problem
    plan: Plan


class Accepted(BaseModel):
    """The record of an acceptance, in force while its `sha256` is that of the accepted plan's problem."""

    model_config = ConfigDict(frozen=True)

    center_id: str
    week: str
    version: int
    status: str
    gap: float | None
    sha256: str
    accepted_at: AwareDatetime
    accepted_by: str


@dataclass(frozen=True, slots=True)
class PlanFiles:
    """Blocking; call from a thread."""

    data_dir: Path
    center_id: str

    def weeks(self) -> list[str]:
        """Weeks there is a plan of, oldest first."""
        names = (path.name for path in self._folder.glob("*.plan.json")) if self._folder.is_dir() else ()
        return sorted({found[1] for name in names if (found := _WEEK.match(name))})

    def read(self, week: str, kind: Kind) -> StoredPlan | None:
        iso_week_start(week)
        problem, plan = (self._path(week, kind, what) for what in ("problem", "plan"))
        try:
            texts = problem.read_bytes(), plan.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"the plan of {week} cannot be read: {error.strerror}") from error
        return StoredPlan(kind, Problem.read(texts[0], problem.name), Plan.read(texts[1], plan.name))

    def accepted_mark(self, week: str) -> Mark | None:
        """Changes whenever another plan is accepted; None where none is."""
        iso_week_start(week)
        try:
            found = self._path(week, "accepted", "plan").stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_size

    def shown(self, week: str) -> StoredPlan | None:
        """What a person works with: the draft, else what was accepted, else what the planner made."""
        return self.read(week, "draft") or self.in_force(week)

    def in_force(self, week: str) -> StoredPlan | None:
        return self.read(week, "accepted") or self.read(week, "made")

    def need(self, week: str) -> StoredPlan:
        found = self.shown(week)
        if found is None:
            raise NotFound(f"there is no plan for {week} yet; `ratiocast plan --week {week}` makes one")
        return found

    def accept(self, shown: StoredPlan, at: datetime, by: str) -> Accepted:
        """Make what is shown the plan in force; the draft is done with."""
        problem, plan = shown.problem, shown.plan
        record = Accepted(
            center_id=self.center_id, week=problem.label, version=plan.version, status=plan.status, gap=plan.gap,
            sha256=plan.problem_hash, accepted_at=at, accepted_by=by,
        )  # fmt: skip
        self.write("accepted", problem, plan)
        self._write(self._record(problem.label), record.model_dump_json(indent=1))
        self.discard_draft(problem.label)
        return record

    def acceptance(self, week: str) -> Accepted | None:
        """Who accepted the week's plan and when; None where nobody did."""
        iso_week_start(week)
        try:
            return Accepted.model_validate_json(self._record(week).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(f"the record {self._record(week).name} cannot be read; accept the plan again") from error

    def write(self, kind: Kind, problem: Problem, plan: Plan) -> None:
        """The plan last: its presence says that both are there."""
        if kind == "made":
            raise BadInput("only the planner writes its own plans")
        for what, content in (("problem", problem.model_dump_json(indent=1)), ("plan", plan.model_dump_json(indent=1))):
            self._write(self._path(problem.label, kind, what), content)

    def discard_draft(self, week: str) -> None:
        iso_week_start(week)
        for what in ("plan", "problem"):
            self._path(week, "draft", what).unlink(missing_ok=True)

    def _write(self, path: Path, content: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            partial.write_text(content, encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            raise StoreError(f"{path.name} cannot be written: {error.strerror}") from error

    def _record(self, week: str) -> Path:
        return self._folder / f"{week}.accepted.json"

    @property
    def _folder(self) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", self.center_id) or self.center_id.startswith("."):
            raise NotFound("this center's id is no name of a folder")
        return self.data_dir / "plans" / self.center_id

    def _path(self, week: str, kind: Kind, what: str) -> Path:
        return self._folder / f"{week}{_STEMS[kind]}.{what}.json"
