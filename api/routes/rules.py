"""The rulebook over HTTP: a check of any situation, the jurisdictions, who counts."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

import rulebook
from api.access import may
from api.dependencies import TheService
from api.errors import responses
from domain.errors import BadInput
from rulebook import AdultHere, Building, ChildHere, RoomLicence, Situation
from storage.ledger.access import Principal

router = APIRouter(prefix="/v1", tags=["rules"])
Reader = Annotated[Principal, Depends(may("rules.read"))]
Code = Annotated[str, Path(max_length=8)]


class GivenChild(BaseModel):
    model_config = ConfigDict(extra="forbid")
    age_months: int | None = Field(default=None, ge=0, le=215)
    walking: bool | None = None
    in_school: bool = False


class GivenAdult(BaseModel):
    model_config = ConfigDict(extra="forbid")
    staff_id: str = Field(min_length=1, max_length=64)
    role: str = Field(max_length=64)
    age_years: int | None = Field(default=None, ge=0, le=120)
    credentials: tuple[Annotated[str, Field(max_length=64)], ...] = Field(default=(), max_length=50)
    state: str = Field(default="in_room", max_length=20)
    away_seconds: int = Field(default=0, ge=0, le=86400)
    volunteer: bool = False


class GivenBuilding(BaseModel):
    model_config = ConfigDict(extra="forbid")
    children: int = Field(ge=0, le=10_000)
    adults: int = Field(ge=0, le=10_000)
    required_elsewhere: int | None = Field(
        default=None, ge=0, le=10_000, description="Adults the other rooms need without nap relief."
    )


class Question(BaseModel):
    """One room at one local moment."""

    model_config = ConfigDict(extra="forbid")
    jurisdiction: str = Field(max_length=8, description="Such as TX; /v1/rules lists them.")
    day: date | None = Field(default=None, description="Today if not given.")
    local_time: time = time(10)
    children: tuple[GivenChild, ...] = Field(default=(), max_length=300)
    adults: tuple[GivenAdult, ...] = Field(default=(), max_length=100)
    activity: str = Field(default="normal", max_length=20)
    asleep: int | None = Field(default=None, ge=0, le=300)
    opens: time | None = None
    closes: time | None = None
    building: GivenBuilding | None = None
    capacity: int | None = Field(default=None, ge=0, le=1000)
    options: dict[str, str] = Field(default={}, max_length=50)
    policy: dict[str, Any] | None = None


@router.post("/ratio/check", responses=responses(400))
async def ratio_check(question: Question, service: TheService, caller: Reader) -> dict[str, Any]:  # noqa: ARG001
    """The verdict for a situation: required, counted, headroom, who does not count and why, with citations."""
    day = question.day or service.clock.now().date()
    if not 2000 <= day.year <= 2200:
        raise BadInput("the day lies outside the years 2000 to 2200")
    if any(at is not None and at.tzinfo for at in (question.local_time, question.opens, question.closes)):
        raise BadInput("times are the center's own, without zone")
    book = rulebook.load(question.jurisdiction, day, question.options, question.policy)
    situation = Situation(
        day, question.local_time,
        tuple(ChildHere(c.age_months, None, c.walking, c.in_school) for c in question.children),
        tuple(
            AdultHere(a.staff_id, a.role, a.age_years, frozenset(a.credentials), a.state, a.away_seconds, a.volunteer)
            for a in question.adults
        ),
        question.activity, question.asleep, question.opens, question.closes,
        Building(**question.building.model_dump()) if question.building else None,
        RoomLicence(question.capacity) if question.capacity is not None else None,
    )  # fmt: skip
    return {"jurisdiction": book.code, "day": day.isoformat(), **book.check(situation).to_json()}


@router.get("/rules", responses=responses())
async def jurisdictions(service: TheService, caller: Reader) -> list[dict[str, Any]]:  # noqa: ARG001
    """The jurisdictions there are rules for."""
    today = service.clock.now().date()
    books = [rulebook.load(code, today) for code in rulebook.codes()]
    return [{"code": book.code, "name": book.name, "in_force_since": book.on.isoformat()} for book in books]


@router.get("/rules/{code}", responses=responses(400, 404))
async def rules(code: Code, service: TheService, caller: Reader, day: date | None = None) -> dict[str, Any]:  # noqa: ARG001
    """The rule file of a jurisdiction, with sources, and the day its present form holds since."""
    book = rulebook.load(code, day or service.clock.now().date())
    return {"code": book.code, "name": book.name, "in_force_since": book.on.isoformat(), "document": book.document}
