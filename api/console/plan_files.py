"""The plans of a center as files: what the planner made, the draft a person edits, what was accepted.

plans/<center>/<week>.problem.json and .plan.json are written by the planning flow; `<week>.draft.*` and
`<week>.accepted.*` by the console.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from domain.errors import BadInput, NotFound, StoreError
from domain.time import iso_week_start
from optimizer import Plan, Problem

Kind = Literal["made", "draft", "accepted"]
_STEMS: dict[Kind, str] = {"made": "", "draft": ".draft", "accepted": ".accepted"}
_WEEK = re.compile(r"^(\d{4}-W\d{2})(\.accepted)?\.plan\.json$")


@dataclass(frozen=True, slots=True)
class StoredPlan:
    kind: Kind
    problem: Problem
    plan: Plan


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

    def write(self, kind: Kind, problem: Problem, plan: Plan) -> None:
        """The plan last: its presence says that both are there."""
        if kind == "made":
            raise BadInput("only the planner writes its own plans")
        for what, content in (("problem", problem.model_dump_json(indent=1)), ("plan", plan.model_dump_json(indent=1))):
            path = self._path(problem.label, kind, what)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                partial = path.with_name(f".{path.name}.partial")
                partial.write_text(content, encoding="utf-8")
                partial.replace(path)
            except OSError as error:
                raise StoreError(f"the plan of {problem.label} cannot be written: {error.strerror}") from error

    def discard_draft(self, week: str) -> None:
        iso_week_start(week)
        for what in ("plan", "problem"):
            self._path(week, "draft", what).unlink(missing_ok=True)

    @property
    def _folder(self) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", self.center_id) or self.center_id.startswith("."):
            raise NotFound("this center's id is no name of a folder")
        return self.data_dir / "plans" / self.center_id

    def _path(self, week: str, kind: Kind, what: str) -> Path:
        return self._folder / f"{week}{_STEMS[kind]}.{what}.json"
