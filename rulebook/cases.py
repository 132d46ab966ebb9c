"""Worked cases: situations with their right answer, written by people of the trade (data/rules/cases)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from functools import cache
from typing import Any

from domain.errors import RatiocastError
from domain.time import parse_local_time
from rulebook.documents import RULES_FOLDER, Document, check_document, read_yaml
from rulebook.loading import load
from rulebook.notation import parse_adults, parse_children
from rulebook.situation import Building, RoomLicence, Situation
from rulebook.verdict import Verdict


@dataclass(frozen=True)
class Case:
    """One case, with the file's defaults filled in."""

    code: str
    data: Document

    @property
    def name(self) -> str:
        return f"{self.code}: {self.data['name']}"

    @property
    def day(self) -> date:
        return date.fromisoformat(self.data["on"])

    def situation(self) -> Situation:
        data = self.data
        building = data.get("building")
        if building is not None:
            building = Building(**{**building, "staff": parse_adults(building.get("staff", ()))})
        return Situation(
            day=self.day,
            local_time=parse_local_time(data.get("time", "10:00")),
            children=parse_children(data.get("children", ()), self.day),
            adults=parse_adults(data.get("adults", ())),
            activity=data.get("activity", "normal"),
            asleep=data.get("asleep"),
            opens=_time(data.get("opens")),
            closes=_time(data.get("closes")),
            building=building,
            room=RoomLicence(**data["room"]) if "room" in data else None,
            nap_minutes=data.get("nap_minutes"),
        )

    def verdict(self) -> Verdict:
        book = load(self.code, self.day, self.data.get("options"), self.data.get("policy"))
        return book.check(self.situation())

    def failures(self) -> list[str]:
        """What differs from what the case expects; empty if all is as expected."""
        expected = dict(self.data["expect"])
        error = expected.pop("error", None)
        try:
            verdict = self.verdict()
        except RatiocastError as raised:
            return [] if error and str(error) in str(raised) else [f"raised: {raised}"]
        if error:
            return [f"no error, expected one saying '{error}'"]
        found = _found(verdict, expected)
        return [f"{key}: {found[key]!r}, expected {value!r}" for key, value in expected.items() if found[key] != value]


@cache
def cases_of(code: str) -> tuple[Case, ...]:
    """The worked cases of a jurisdiction; none if there is no file."""
    path = RULES_FOLDER / "cases" / f"{code.lower()}.yaml"
    if not path.is_file():
        return ()
    document = read_yaml(path)
    check_document(document, "cases", f"cases/{path.name}")
    defaults = {key: document[key] for key in ("on", "opens", "closes", "time") if key in document}
    return tuple(Case(code.upper(), defaults | case) for case in document["cases"])


def _found(verdict: Verdict, expected: Document) -> dict[str, Any]:
    """The answers asked for, in the form the case states them."""
    plain = (
        "required", "counted", "deficit", "group_limit", "group_over", "compliant", "premises_required",
        "premises_deficit", "spare",
    )  # fmt: skip
    found: dict[str, Any] = {key: getattr(verdict, key) for key in plain if key in expected}
    if "headroom" in expected:
        more = {entry.band: entry.more for entry in verdict.headroom}
        found["headroom"] = {band: more.get(band) for band in expected["headroom"]}
    if "may_leave" in expected:
        found["may_leave"] = {staff: verdict.may_leave(staff).allowed for staff in expected["may_leave"]}
    if "uncounted" in expected:
        reasons = {entry.staff_id: entry.reason for entry in verdict.uncounted}
        found["uncounted"] = {
            staff: part if part in reasons.get(staff, "") else reasons.get(staff)
            for staff, part in expected["uncounted"].items()
        }
    if "source" in expected:
        found["source"] = verdict.governing.source
    for key, texts in (("breach", verdict.breaches), ("note", verdict.notes)):
        if key in expected:
            found[key] = expected[key] if any(expected[key] in text for text in texts) else texts
    return found


def _time(text: str | None) -> time | None:
    return None if text is None else parse_local_time(text)
