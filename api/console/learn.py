"""Learn: the rule behind the situation at hand, what-if sliders through the rulebook, a quiz from the worked cases."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import Response

import rulebook
from api.console.frame import Visit, Visiting
from domain.errors import NotFound, RatiocastError
from rulebook import AdultHere, Building, ChildHere, Situation
from rulebook.cases import Case, cases_of

router = APIRouter(prefix="/learn")
Learner = Annotated[Visit, Depends(Visiting("rules.read"))]
AGES = (
    ("infants", "under 12 months", 6), ("toddlers", "12 to 23 months", 14), ("twos", "2 years", 26),
    ("threes", "3 years", 38), ("fours", "4 years", 50), ("fives", "5 years", 62),
)  # fmt: skip
Number = Annotated[int, Query(ge=0, le=40)]


@dataclass(frozen=True, slots=True)
class Question:
    """A worked case as a question: is this legal?"""

    number: int
    of: int
    title: str
    facts: tuple[str, ...]


@router.get("")
async def learn(visit: Learner, room: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The room at hand: what holds, why, and the sliders set to it."""
    center = visit.chosen
    assessment = center.assessment if center else None
    found = None
    if assessment is not None and assessment.rooms:
        found = assessment.room_of(room) if room else next(iter(assessment.rooms.values()))
    values = _from_situation(found.situation) if found and found.situation else _usual()
    code = _code(visit)
    return visit.page(
        "learn/learn.html", rooms=assessment.rooms if assessment else {}, found=found, values=values, ages=AGES,
        code=code, codes=rulebook.codes(), answer=_check(visit, code, values), cases=len(cases_of(code)),
    )  # fmt: skip


@router.get("/what-if")
async def what_if(
    visit: Learner,
    infants: Number = 0,
    toddlers: Number = 0,
    twos: Number = 0,
    threes: Number = 0,
    fours: Number = 0,
    fives: Number = 0,
    adults: Annotated[int, Query(ge=0, le=12)] = 1,
    aides: Annotated[int, Query(ge=0, le=12)] = 0,
    at: Annotated[str, Query(pattern=r"^\d{2}:\d{2}$")] = "10:00",
    nap: Annotated[bool, Query()] = False,
    code: Annotated[str, Query(max_length=8)] = "",
) -> Response:
    """The verdict for what the sliders say."""
    values = {
        "infants": infants, "toddlers": toddlers, "twos": twos, "threes": threes, "fours": fours, "fives": fives,
        "adults": adults, "aides": aides, "at": at, "nap": nap,
    }  # fmt: skip
    answer = _check(visit, code or _code(visit), values)
    if visit.in_place:
        return visit.part("learn/answer.html", answer=answer)
    return visit.page(
        "learn/learn.html", rooms={}, found=None, values=values, ages=AGES, code=code or _code(visit),
        codes=rulebook.codes(), answer=answer, cases=len(cases_of(code or _code(visit))),
    )  # fmt: skip


@router.get("/quiz")
async def quiz(
    visit: Learner, number: Annotated[int, Query(ge=0, le=10_000)] = 0, code: Annotated[str, Query(max_length=8)] = ""
) -> Response:
    case, question = _question(code or _code(visit), number)
    return visit.page("learn/quiz.html", question=question, code=case.code, given=None, right=None, verdict=None)


@router.post("/quiz")
async def answer_quiz(
    visit: Learner,
    number: Annotated[int, Form(ge=0, le=10_000)],
    given: Annotated[str, Form(pattern="^(legal|not legal)$")],
    code: Annotated[str, Form(max_length=8)] = "",
) -> Response:
    case, question = _question(code or _code(visit), number)
    verdict = case.verdict()
    right = (given == "legal") == verdict.compliant
    return visit.page("learn/quiz.html", question=question, code=case.code, given=given, right=right, verdict=verdict)


def _question(code: str, number: int) -> tuple[Case, Question]:
    """Cases in an order of their own per jurisdiction, always the same; those that show an error are left out."""
    cases = [case for case in cases_of(code) if "error" not in case.data["expect"] and case.data.get("adults")]
    if not cases:
        raise NotFound(f"there are no worked cases for {code} yet")
    random.Random(code).shuffle(cases)
    case = cases[number % len(cases)]
    return case, Question(number % len(cases) + 1, len(cases), case.data["name"], tuple(_facts(case)))


def _facts(case: Case) -> list[str]:
    situation = case.situation()
    said = [f"{case.day:%d %B %Y}, {situation.local_time:%H:%M}"]
    if situation.opens and situation.closes:
        said[0] += f" (open {situation.opens:%H:%M} to {situation.closes:%H:%M})"
    ages: dict[str, int] = {}
    for child in situation.children:
        words = _age(child.age_months)
        ages[words] = ages.get(words, 0) + 1
    said.append("Children: " + ", ".join(f"{count} of {words}" for words, count in ages.items()))
    said.append("Adults: " + (", ".join(_adult(adult) for adult in situation.adults) or "nobody"))
    if situation.activity != "normal":
        asleep = f", {situation.asleep} asleep" if situation.asleep is not None else ""
        said.append(f"Activity: {situation.activity}{asleep}")
    if situation.building:
        said.append(f"In the building: {situation.building.children} children, {situation.building.adults} adults")
    return said


def _age(months: int | None) -> str:
    if months is None:
        return "unknown age"
    return (
        f"{months} months"
        if months < 24
        else f"{months // 12} years" + (f" {months % 12} months" if months % 12 else "")
    )


def _adult(adult: AdultHere) -> str:
    extra = [f"{adult.age_years} years old"] if adult.age_years is not None else []
    extra += [adult.state.replace("_", " ")] if adult.state != "in_room" else []
    extra += sorted(code.replace("_", " ") for code in adult.credentials)
    extra += ["volunteer"] if adult.volunteer else []
    return adult.role + (f" ({', '.join(extra)})" if extra else "")


def _check(visit: Visit, code: str, values: dict[str, Any]) -> dict[str, Any]:
    """Verdict and words; a sentence instead where the rulebook cannot answer."""
    center = visit.chosen
    children = [ChildHere(months) for name, _, months in AGES for _ in range(values[name])]
    adults = [AdultHere(f"adult {n + 1}", "Teacher", 30) for n in range(values["adults"])]
    adults += [AdultHere(f"aide {n + 1}", "Aide", 17) for n in range(values["aides"])]
    place = center.facts.center if center else None
    day = visit.now.date() if center is None else center.facts.day_of(visit.now)
    try:
        book = _book(visit, code, day)
        situation = Situation(
            day, time.fromisoformat(values["at"]), tuple(children), tuple(adults), "nap" if values["nap"] else "normal",
            len(children) if values["nap"] else None, place.opens if place else None, place.closes if place else None,
            Building(len(children), len(adults)),
        )  # fmt: skip
        return {"verdict": book.check(situation), "name": book.name, "problem": ""}
    except (RatiocastError, ValueError) as error:
        return {"verdict": None, "name": code, "problem": str(error)}


def _book(visit: Visit, code: str, day: date) -> rulebook.Rulebook:
    center = visit.chosen
    if center is not None and code == _code(visit):
        return center.book(visit.now)
    return rulebook.load(code, day)


def _code(visit: Visit) -> str:
    if visit.chosen is None:
        return rulebook.codes()[0]
    return visit.chosen.settings.rules_code or visit.chosen.facts.center.state


def _from_situation(situation: Situation) -> dict[str, Any]:
    """The sliders' places for a room as it is."""
    values = _usual() | {name: 0 for name, _, _ in AGES}
    for child in situation.children:
        months = child.age_months or 0
        name = AGES[min(5, months // 12)][0]
        values[name] += 1
    here = [adult for adult in situation.adults if adult.state == "in_room"]
    return values | {
        "adults": len([adult for adult in here if adult.role != "Aide"]),
        "aides": len([adult for adult in here if adult.role == "Aide"]),
        "at": f"{situation.local_time:%H:%M}", "nap": situation.activity == "nap",
    }  # fmt: skip


def _usual() -> dict[str, Any]:
    return {name: 0 for name, _, _ in AGES} | {"threes": 10, "adults": 1, "aides": 0, "at": "10:00", "nap": False}
