"""Rooms and incidents as the board and the API show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from api.center import LiveCenter
from domain.time import format_instant
from evaluator import Incident, RoomAssessment
from evaluator.incidents import incident_to_json


def room_view(center: LiveCenter, room: RoomAssessment) -> dict[str, Any]:
    """What the board shows of a room: the assessment, the odds ahead and the open incidents."""
    view = room.to_json()
    view["risks"] = [
        {
            "target": format_instant(risk.target), "minutes": risk.horizon_minutes, "odds": round(risk.odds, 2),
            "group_odds": round(risk.group_odds, 2), "cause": risk.cause, "sentence": risk.sentence,
            "source": risk.source, "mean_children": round(risk.mean_children, 1),
        }
        for risk in center.risks or () if risk.room_id == room.room_id
    ]  # fmt: skip
    view["incidents"] = _incidents_of(center, room.room_id)
    return view


def room_views(center: LiveCenter) -> dict[str, Any]:
    """Every room of the last assessment; a view that was made for the live stream and still holds is taken."""
    assessment = center.assessment
    if assessment is None:
        return {}
    return {
        room_id: center.shown[room_id]
        if center.looks.get(room_id) == look_of(center, room, assessment.at)
        else room_view(center, room)
        for room_id, room in assessment.rooms.items()
    }


def look_of(center: LiveCenter, room: RoomAssessment, at: datetime) -> tuple[Any, ...]:
    """What a room's view is made of, cheap to compare."""
    verdict = room.verdict
    numbers = (verdict.required, verdict.counted, verdict.group_limit, verdict.group_size, verdict.compliant)
    odds = tuple(
        (
            risk.horizon_minutes, round(risk.odds, 2), round(risk.group_odds, 2), round(risk.mean_children, 1),
            risk.sentence,
        )
        for risk in center.risks or () if risk.room_id == room.room_id
    )  # fmt: skip
    activity = room.situation.activity if room.situation else ""
    group = room.group
    adults = [(adult.staff_id, adult.state) for adult in group.adults]
    people = (room.name, group.children, adults, group.aside, group.adults_aside, activity, room.trust)
    minute = at.replace(second=0, microsecond=0)
    return (people, numbers, odds, _incidents_of(center, room.room_id), center.settings_version, minute)


def _incidents_of(center: LiveCenter, room_id: str) -> list[str]:
    return sorted(incident.incident_id for incident in center.open_incidents() if incident.room_id == room_id)


def incident_for_people(incident: Incident) -> dict[str, Any]:
    """An incident as the API shows it: without the policy that stays with it, which is long."""
    body = incident_to_json(incident)
    body["policy"] = incident.policy.version
    return body
