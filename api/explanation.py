"""An incident in plain words, from its own facts: what, when, who was there, which rule, why, what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.time import format_instant, zone
from evaluator import Incident
from evaluator.causes import CAUSES

_MATTERS = {
    "shortage": "too few adults for the children present",
    "group_size": "too many children in one group",
    "outlook": "a shortage was likely to come",
    "count": "the count was doubtful",
}


def explain(incident: Incident) -> dict[str, Any]:
    """`text` in sentences, and the same by question. Nothing is said that the facts do not hold."""
    opening = _opening_facts(incident)
    verdict: Mapping[str, Any] = opening.get("verdict", {})
    parts = {
        "what": f"{opening.get('name', incident.room_id)}: {_MATTERS.get(incident.matter, incident.matter)}."
        + (f" {verdict['sentence']}" if verdict.get("sentence") else ""),
        "when": _when(incident),
        "who": _who(opening),
        "rule": _rule(verdict),
        "why": f"Cause: {CAUSES.get(incident.root_cause, incident.root_cause)}.",
        "done": _done(incident),
    }
    return {**parts, "text": " ".join(text for text in parts.values() if text)}


def _opening_facts(incident: Incident) -> Mapping[str, Any]:
    first = next((entry.facts for entry in incident.history if entry.facts), None)
    return first if first is not None else incident.facts


def _when(incident: Incident) -> str:
    began = _local(incident, incident.opened_at)
    if incident.resolved_at is None:
        return f"It began at {began} and is not over."
    minutes = (incident.resolved_at - incident.opened_at).total_seconds() / 60
    lasted = f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{minutes * 60:.0f} seconds"
    return f"It began at {began} and lasted {lasted}, until {_local(incident, incident.resolved_at)}."


def _who(facts: Mapping[str, Any]) -> str:
    if "children" not in facts:
        return ""
    adults: Sequence[Mapping[str, Any]] = facts.get("adults", ())
    here = [str(adult["staff_id"]) for adult in adults if adult.get("state") == "in_room"]
    away = [
        f"{adult['staff_id']} ({str(adult['state']).replace('_', ' ')})"
        for adult in adults
        if adult.get("state") != "in_room"
    ]
    text = f"There were {facts['children']} children, and as adults {', '.join(here) or 'nobody'}."
    text += f" Not in the room: {', '.join(away)}." if away else ""
    for each in facts.get("verdict", {}).get("uncounted", ()):
        text += f" {each['staff_id']} did not count: {each['reason']} ({each['citation']})."
    return text


def _rule(verdict: Mapping[str, Any]) -> str:
    governing = verdict.get("governing")
    if not governing:
        return ""
    text = f"Rule: {governing['value']} ({governing['citation']}"
    text += f", in force since {governing['valid_from']}" if governing.get("valid_from") else ""
    return text + ("" if governing.get("confidence") == "primary" else "; this value is not verified") + ")."


def _done(incident: Incident) -> str:
    told = [entry for entry in incident.history if entry.kind in ("told", "escalated", "repeated")]
    acts = [
        entry.sentence for entry in incident.history if entry.kind in ("acknowledged", "snoozed", "action", "reviewed")
    ]
    text = (
        f"People were told {len(told)} times, first at {_local(incident, told[0].at)}." if told else "Nobody was told."
    )
    return text + "".join(f" {sentence.rstrip('.')}." for sentence in acts)


def _local(incident: Incident, instant: datetime) -> str:
    local = instant.astimezone(zone(incident.policy.timezone))
    return f"{local:%H:%M} on {local:%Y-%m-%d}" if local.tzinfo else format_instant(instant)
