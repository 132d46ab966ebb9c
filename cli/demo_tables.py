"""What the demo prints: next week's risk and plan, and the forecast's accuracy beside its baselines."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cli.output import console, print_table
from domain.time import zone
from reports.plan_exports import proof, title, turns
from storage.reader import Reader, open_reader

BASELINES = {
    "last": "last count", "change": "last count + mean change", "weekday": "same weekday",
    "mean4": "four-week mean", "bookings": "bookings x show rate",
}  # fmt: skip


def show_week(data_dir: Path, center_id: str) -> None:
    """The risk table of the planned week, then its plan for one day and how good it is."""
    from optimizer import Plan, Problem

    with open_reader(data_dir) as reader:
        row = reader.query(
            "SELECT * FROM plans WHERE center_id = ? ORDER BY week DESC, made_at DESC", [center_id]
        ).iloc[0]
        risks = reader.query("SELECT * FROM risks WHERE center_id = ?", [center_id])
        rooms = reader.frame("rooms", center_id)
        tz = zone(str(reader.frame("centers", center_id)["timezone"].iloc[0]))
    names = dict(zip(rooms["room_id"], rooms["name"], strict=True))
    problem, plan = Problem.read(row["problem"]), Plan.read(row["plan"])
    risks["local"] = risks["slot"].dt.tz_convert(tz)
    risks["day"], risks["hour"] = risks["local"].dt.strftime("%a"), risks["local"].dt.hour
    worst = risks.groupby(["room_id", "day"])["p_short"].max().unstack()
    days = list(dict.fromkeys(risks.sort_values("slot")["day"]))
    print_table(
        f"Week {plan.label}: highest odds that a room is short, with the plan in force",
        ["room", *days],
        [[names[room_id], *(f"{worst.loc[room_id, day]:.0%}" for day in days)] for room_id in worst.index],
    )
    first = problem.days[0].day
    moves = [turn for turn in turns(problem, plan) if turn.day == first and turn.staff_id in _floats(problem)]
    print_table(
        f"Floats on {first:%A %-d %B} (people by id here, by name on the page)",
        ["from", "to", "who", "where", "why"],
        [[f"{t.start:%H:%M}", f"{t.end:%H:%M}", t.name, title(t), t.reason] for t in moves[:14]],
    )
    short = sum(part.expected for part in plan.shortages) * problem.slot_hours
    console.print(f"The plan: {proof(plan)}. Expected shortage of the week: {short:.1f} adult-hours.")


def _floats(problem: Any) -> set[str]:
    return {adult.staff_id for adult in problem.staff if adult.is_float}


def show_accuracy(data_dir: Path, center_id: str, days: int = 5) -> None:
    """Pinball loss and coverage of the last open days, from what was known at each origin."""
    from forecasting import History
    from forecasting.backtest import answer, recorded_counts, rolling_questions

    with open_reader(data_dir) as reader:
        history = History(_frames(reader, center_id))
    questions = rolling_questions(history, timedelta(days=days), center_id)
    questions = questions[questions["target_time"].dt.minute == 0].reset_index(drop=True)
    answers = answer(history, questions, baselines=tuple(BASELINES))
    truth = recorded_counts(history, answers)
    answers["loss"] = sum(_pinball(level, answers[column], truth) for level, column in _LEVELS) / len(_LEVELS)
    answers["inside"] = (answers["q10"] <= truth) & (truth <= answers["q90"])
    ahead = (answers["target_time"] - answers["origin"]).dt.total_seconds() / 60
    answers["ahead"] = np.select([ahead <= 15, ahead <= 30], ["15 min", "30 min"], "7 days")
    answers["name"] = answers["model"].map(_name)
    by = answers.groupby(["name", "ahead"])
    table = pd.DataFrame(by.agg(loss=("loss", "mean"), inside=("inside", "mean")).unstack())
    print_table(
        f"Forecasts of the last {days} days on the hour: mean pinball loss (share inside the 80 % interval)",
        ["", "15 min", "30 min", "7 days"],
        [[name, *(_cell(line, ahead) for ahead in ("15 min", "30 min", "7 days"))] for name, line in _ordered(table)],
    )


_LEVELS = ((0.1, "q10"), (0.5, "q50"), (0.9, "q90"))


def _frames(reader: Reader, center_id: str) -> dict[str, pd.DataFrame]:
    return {name: frame for name, frame in reader.frames(center_id).items() if name != "headcounts"}


def _pinball(level: float, forecast: pd.Series[float], actual: pd.Series[float]) -> Any:
    return np.maximum(level * (actual - forecast), (level - 1) * (actual - forecast))


def _name(model: str) -> str:
    kind, _, baseline = model.partition(":")
    return BASELINES.get(baseline, model) if kind == "baseline" else "Ratiocast"


def _ordered(table: pd.DataFrame) -> list[tuple[str, Any]]:
    return sorted(((str(name), line) for name, line in table.iterrows()), key=lambda each: float(each[1]["loss"].sum()))


def _cell(line: Any, ahead: str) -> str:
    return f"{line['loss'][ahead]:.3f} ({line['inside'][ahead]:.0%})"
