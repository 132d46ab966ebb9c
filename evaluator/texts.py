"""The words of messages, built from the facts of the check. Children are never named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.time import parse_instant, zone
from evaluator.assessment import RoomAssessment
from evaluator.conditions import Condition
from evaluator.incidents import Incident
from rulebook.explain import children_in_words


def title(incident: Incident, route: str, condition: Condition) -> str:
    """At most 120 characters."""
    name = _name(incident, condition.facts)
    verdict = condition.facts.get("verdict", {})
    if route == "please_count":
        text = f"{name}: please count now"
    elif incident.cause == "headroom":
        text = f"{name} is full"
    elif incident.matter == "outlook":
        at = _local(incident, parse_instant(str(condition.facts["target"])))
        what = "have too large or mixed a group" if condition.root_cause == "group_too_large" else "be short"
        text = f"{name} may {what} at {at}, {round(100 * float(condition.facts['odds']))} %"
    elif incident.matter == "group_size":
        text = f"{name}: group of {verdict.get('group_size')} where {verdict.get('group_limit')} are allowed"
    elif incident.matter == "premises":
        text = f"The building is short of {_adults(verdict.get('premises_deficit', 0))}"
    elif incident.cause == "nobody":
        text = f"{name}: {children_in_words(verdict.get('group_size', 0))} and no adult"
    else:
        text = f"{name} is short of {_adults(verdict.get('deficit', 0))}"
    return text[:120]


def body(incident: Incident, route: str, condition: Condition, now: datetime) -> str:
    """What is so, since when, why, and by which rule."""
    facts, lines = condition.facts, [condition.sentence]
    if incident.matter == "outlook" and "odds" in facts:
        lines.append(
            f"Expected: {facts['expected_children']} children, {facts['expected_required']} adults required, "
            f"{facts['expected_counted']} counted ({facts['forecast']})."
        )
    reasons = facts.get("trust", {}).get("reasons", [])
    if route == "please_count":
        lines.append("The count is doubtful: " + "; ".join(reasons) + ". Please count the room; it takes ten seconds.")
    elif reasons:
        lines.append("The count may be wrong: " + "; ".join(reasons) + ".")
    since = incident.condition_since or incident.opened_at
    if since < now and incident.matter != "outlook":
        lines.append(f"Since {_local(incident, since)}.")
    governing = facts.get("verdict", {}).get("governing", {})
    if governing:
        mark = "" if governing.get("confidence") == "primary" else f", {governing.get('confidence')} source"
        lines.append(f"Rule: {governing.get('value')} ({governing.get('citation')}{mark}).")
    return "\n".join(line for line in lines if line)


def over_title(incident: Incident) -> str:
    name = _name(incident, incident.facts)
    if incident.matter == "outlook":
        return f"{name}: the warning is withdrawn"
    return f"{name}: no count needed any more" if incident.matter == "count" else f"{name} is back in order"


def resolution(incident: Incident, room: RoomAssessment | None) -> str:
    """Why an incident is over, in words."""
    if incident.matter == "premises":
        return "enough adults are in the building again"
    if room is None:
        return "the room is no longer counted by itself"
    children, counted = len(room.group.children), room.verdict.counted
    state = f"{children_in_words(children)}, {counted} counted, {room.verdict.required} required"
    if incident.matter == "outlook":
        return f"the expected gap has passed or is no longer likely ({state})"
    if (
        incident.doubtful_since is not None
        and room.trust.confirmed_at
        and room.trust.confirmed_at >= incident.opened_at
    ):
        return f"a headcount has settled it ({state})"
    before = incident.facts.get("children")
    if isinstance(before, int) and children < before:
        return f"children have left ({state})"
    return f"the room is in order ({state})"


def duration(seconds: float) -> str:
    """'45 seconds', '5 minutes', '2 hours 10 minutes'."""
    if seconds < 90:
        return f"{round(seconds)} seconds"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} minutes"
    hours, rest = divmod(minutes, 60)
    return f"{hours} hours" + (f" {rest} minutes" if rest else "")


def _name(incident: Incident, facts: Mapping[str, Any]) -> str:
    return str(facts.get("name") or incident.room_id)


def _local(incident: Incident, instant: datetime) -> str:
    return instant.astimezone(zone(incident.policy.timezone)).strftime("%H:%M")


def _adults(count: int) -> str:
    return "1 adult" if count == 1 else f"{count} adults"
