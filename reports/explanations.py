"""An incident told in plain words from its own facts: what, when, who was there, which rule, why, what was done.

Templates over the facts the check itself used; nothing is added and nothing guessed. Children are never named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.time import parse_instant, zone
from evaluator import Entry, Incident
from evaluator.causes import CAUSES
from evaluator.texts import duration

Namer = Callable[[str], str]  # staff id -> how to name them

_STATES = {
    "in_room": "in the room",
    "on_break": "on break",
    "stepped_out": "stepped out",
    "elsewhere": "elsewhere",
    "not_clocked_in": "not clocked in",
}
_DONE = (
    "told",
    "escalated",
    "repeated",
    "acknowledged",
    "snoozed",
    "action",
    "doubted",
    "confirmed",
    "withdrawn",
    "reviewed",
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """`sentences` in reading order; `text` joins them."""

    title: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.sentences)


def explain(incident: Incident, name_of: Namer | None = None) -> Explanation:
    """`name_of` turns staff ids into what the reader may see; by default the ids themselves."""
    name_of = name_of or (lambda staff_id: staff_id)
    facts = incident.history[0].facts if incident.history else incident.facts
    sentences = [
        _what(incident, facts), *_people(facts, name_of), *_rule(facts), *_why(incident, facts), *_trust(facts),
        *_done(incident), _lasted(incident), *_amended(incident),
    ]  # fmt: skip
    return Explanation(f"{_room(incident, facts)}: {_kind(incident)}", tuple(sentences))


def _what(incident: Incident, facts: Mapping[str, Any]) -> str:
    verdict = facts.get("verdict", {})
    room, when = _room(incident, facts), _clock(incident, incident.opened_at, with_day=True)
    if incident.matter == "outlook" and "odds" in facts:
        target = _clock(incident, parse_instant(str(facts["target"])))
        return (
            f"On {when} the odds that {room} would be short at {target} were {round(100 * float(facts['odds']))} % "
            f"(by {facts['forecast']}): {facts['expected_children']} children expected, {facts['expected_required']} "
            f"adults required, {facts['expected_counted']} counted."
        )
    if incident.matter == "count":
        return f"On {when} the count of {room} could not be trusted, and the room might have been out of ratio."
    if incident.matter == "premises":
        return f"On {when} the building needed {verdict.get('premises_required')} adults by head count and had fewer."
    if incident.matter == "group_size":
        limit = verdict.get("group_limit")
        return f"On {when} {room} held {verdict.get('group_size')} children" + (
            f"; the limit was {limit}." if limit else "."
        )
    return (
        f"On {when} {room} held {verdict.get('group_size')} children; {verdict.get('required')} adults were required "
        f"and {verdict.get('counted')} counted."
    )


def _people(facts: Mapping[str, Any], name_of: Namer) -> Iterator[str]:
    adults = facts.get("adults", [])
    if adults:
        parts = [f"{name_of(a['staff_id'])} ({a['role']}, {_STATES.get(a['state'], a['state'])})" for a in adults]
        yield f"Adults of the room: {', '.join(parts)}."
    else:
        yield "No adult was logged in the room."
    for entry in facts.get("verdict", {}).get("uncounted", []):
        yield f"{name_of(entry['staff_id'])} did not count: {entry['reason']} ({entry['citation']})."


def _rule(facts: Mapping[str, Any]) -> Iterator[str]:
    governing = facts.get("verdict", {}).get("governing")
    if not governing:
        return
    reference = f", {governing['reference']}" if governing.get("reference") else ""
    since = f", in force since {governing['valid_from']}" if governing.get("valid_from") else ""
    yield f"Rule: {governing['value']} ({governing['source']}: {governing['citation']}{reference}{since})."
    if governing.get("confidence") != "primary":
        yield f"This value is from a {governing.get('confidence')} source; check it before relying on it."
    for note in facts.get("verdict", {}).get("notes", []):
        yield f"Reading taken: {note}"


def _why(incident: Incident, facts: Mapping[str, Any]) -> Iterator[str]:
    cause = facts.get("root_cause", {})
    code = incident.root_cause
    if incident.matter == "outlook" and facts.get("because"):
        yield f"Cause: {CAUSES.get(code, code)} ({facts['because']})."
    elif code != "unknown":
        said = cause.get("sentence") if cause.get("code") == code else ""
        yield f"Cause: {CAUSES.get(code, code)}" + (f" ({said})." if said else ".")
    else:
        yield "The cause is not known from the records."


def _trust(facts: Mapping[str, Any]) -> Iterator[str]:
    reasons = facts.get("trust", {}).get("reasons", [])
    if reasons:
        yield f"The count was doubtful: {'; '.join(reasons)}."


def _done(incident: Incident) -> Iterator[str]:
    for entry in incident.history:
        if entry.kind in _DONE:
            yield f"{_clock(incident, entry.at)} {_verb(entry)}: {entry.sentence}."
    if incident.told_severity is None and not incident.is_open and incident.muted_by is None:
        yield "Nobody was told: it was over within the grace of its cause."
    if incident.muted_by is not None:
        yield "Nobody was told of it by itself: a stronger incident of the same room was open."


def _verb(entry: Entry) -> str:
    return (
        entry.kind if entry.kind not in ("action", "told") else {"action": "done", "told": "messages sent"}[entry.kind]
    )


def _lasted(incident: Incident) -> str:
    if incident.resolved_at is None:
        return f"It has been open since {_clock(incident, incident.opened_at)}."
    lasted = duration((incident.resolved_at - incident.opened_at).total_seconds())
    ended = next((e.sentence for e in reversed(incident.history) if e.kind in ("resolved", "withdrawn")), "")
    return f"It ended at {_clock(incident, incident.resolved_at)} after {lasted}" + (f": {ended}." if ended else ".")


def _amended(incident: Incident) -> Iterator[str]:
    for entry in incident.history:
        if entry.kind == "amended":
            yield f"Amended on {_clock(incident, entry.at, with_day=True)}: {entry.sentence}."


def _kind(incident: Incident) -> str:
    if incident.matter == "outlook":
        return "warning withdrawn" if incident.withdrawn else "warning"
    what = {
        "shortage": "short of staff",
        "group_size": "group too large or mixed",
        "count": "count in doubt",
        "premises": "too few adults",
    }
    return f"{what[incident.matter]} ({incident.peak_severity})"


def _room(incident: Incident, facts: Mapping[str, Any]) -> str:
    return str(facts.get("name") or incident.room_id)


def _clock(incident: Incident, instant: datetime, *, with_day: bool = False) -> str:
    local = instant.astimezone(zone(incident.policy.timezone))
    return local.strftime("%Y-%m-%d at %H:%M" if with_day else "%H:%M")
