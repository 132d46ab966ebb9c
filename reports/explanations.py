"""An incident told in plain words from its own facts: what, when, who was there, which rule, why, what was done.

Templates over the facts the check itself used; nothing is added and nothing guessed. Children are never named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from domain.time import parse_instant, zone
from evaluator import Incident
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
_DONE = {
    "told": "messages sent",
    "escalated": "told further",
    "repeated": "told again",
    "acknowledged": "acknowledged",
    "snoozed": "snoozed",
    "action": "done",
    "doubted": "doubted",
    "confirmed": "confirmed",
    "withdrawn": "withdrawn",
    "reviewed": "reviewed",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """One paragraph per question, in reading order; a question the facts do not answer is empty."""

    what: str
    who: str
    rule: str
    why: str
    done: str
    when: str

    @property
    def paragraphs(self) -> tuple[str, ...]:
        return tuple(text for text in (self.what, self.who, self.rule, self.why, self.done, self.when) if text)

    def to_json(self) -> dict[str, str]:
        """The paragraphs by question, and all of them as `text`."""
        return asdict(self) | {"text": " ".join(self.paragraphs)}


def explain(incident: Incident, name_of: Namer = str) -> Explanation:
    """`name_of` turns staff ids into what the reader may see; by default the ids themselves."""
    facts = next((entry.facts for entry in incident.history if entry.facts), incident.facts)
    return Explanation(
        what=_what(incident, facts),
        who=" ".join(_people(facts, name_of)),
        rule=" ".join(_rule(facts)),
        why=" ".join([_why(incident, facts), *_trust(facts)]),
        done=" ".join(_done(incident)),
        when=" ".join([_lasted(incident), *_amended(incident)]),
    )


def _what(incident: Incident, facts: Mapping[str, Any]) -> str:
    verdict = facts.get("verdict", {})
    room, when = _room(incident, facts), _clock(incident, incident.opened_at, with_day=True)
    if incident.matter == "outlook" and "odds" in facts:
        target = _clock(incident, parse_instant(str(facts["target"])))
        what = "hold too large or mixed a group" if incident.root_cause == "group_too_large" else "be short"
        return (
            f"On {when} the odds that {room} would {what} at {target} were {round(100 * float(facts['odds']))} % "
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
    elif "children" in facts:
        yield "No adult was logged in the room."
    for entry in facts.get("verdict", {}).get("uncounted", []):
        yield f"{name_of(entry['staff_id'])} did not count: {entry['reason']} ({entry['citation']})."


def _rule(facts: Mapping[str, Any]) -> Iterator[str]:
    governing = facts.get("verdict", {}).get("governing")
    if not governing:
        return
    reference = governing.get("reference")
    reference = f", {reference}" if reference and reference != governing["citation"] else ""
    since = f", in force since {governing['valid_from']}" if governing.get("valid_from") else ""
    yield f"Rule: {governing['value']} ({governing['source']}: {governing['citation']}{reference}{since})."
    if governing.get("confidence") != "primary":
        yield f"This value is from a {governing.get('confidence')} source; check it before relying on it."
    for note in facts.get("verdict", {}).get("notes", []):
        yield f"Note: {note.rstrip('.')}."


def _why(incident: Incident, facts: Mapping[str, Any]) -> str:
    """The check's own sentence stands where its cause is still the one the incident is kept under."""
    cause = facts.get("root_cause") or {}
    code = incident.root_cause
    said = cause.get("sentence") if cause.get("code") == code else ""
    if incident.matter == "outlook":
        said = facts.get("because")
    return f"Cause: {CAUSES.get(code, code)}" + (f" ({said})." if said else ".")


def _trust(facts: Mapping[str, Any]) -> Iterator[str]:
    reasons = facts.get("trust", {}).get("reasons", [])
    if reasons:
        yield f"The count was doubtful: {'; '.join(reasons)}."


def _done(incident: Incident) -> Iterator[str]:
    for entry in incident.history:
        if entry.kind in _DONE:
            yield f"{_clock(incident, entry.at)} {_DONE[entry.kind]}: {entry.sentence.rstrip('.')}."
    if incident.told_severity is None and not incident.is_open and incident.muted_by is None:
        yield "Nobody was told: it was over within the grace of its cause."
    if incident.muted_by is not None:
        yield "Nobody was told of it by itself: a stronger incident of the same room was open."


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


def _room(incident: Incident, facts: Mapping[str, Any]) -> str:
    return str(facts.get("name") or incident.room_id)


def _clock(incident: Incident, instant: datetime, *, with_day: bool = False) -> str:
    local = instant.astimezone(zone(incident.policy.timezone))
    return local.strftime("%Y-%m-%d at %H:%M" if with_day else "%H:%M")
