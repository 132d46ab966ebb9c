"""A verdict in words: who does not count and why, what governs, what was assumed, and a sentence to read aloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rulebook.values import Item
from rulebook.verdict import Governing, Uncounted, Verdict

if TYPE_CHECKING:
    from rulebook.book import Rulebook

_TOPIC_BY_ACTIVITY = {"nap": "nap", "trip": "trips", "outdoors": "outdoors", "meal": "meals", "water": "water"}
_ALWAYS = {"group_size", "opening", "premises", "other"}  # topics on which every answer rests


def uncounted(book: Rulebook, verdict: Verdict) -> tuple[Uncounted, ...]:
    """Adults against whom law or policy says something, then those whose rank does not help."""
    adults, helping, result, left = verdict.situation.adults, verdict.basis.helping, [], []
    for adult in adults:
        if adult in helping:
            continue
        for part in book.parts:
            reason = part.counting.reason_against(adult, adults)
            if reason is not None:
                result.append(Uncounted(adult.staff_id, reason, _citation(part.counting.item)))
                break
        else:
            left.append(adult)
    mixing: Item | None = verdict.basis.mixing
    if mixing is not None:
        ranks = book.parts[0].counting.rank
        reason = f"does not fill the place that is open: {mixing.label}"
        left.reverse()  # of equal ranks the one named last is the one too many
        useless = sorted(left, key=ranks)[: len(left) + len(helping) - verdict.counted]
        result += [Uncounted(adult.staff_id, reason, _citation(mixing)) for adult in useless]
    return tuple(result)


def governing(verdict: Verdict) -> Governing:
    room, basis = verdict.situation.room, verdict.basis
    if basis.governs < 0 and room is not None:
        value = f"{room.per_staff} children per adult in this room"
        return Governing(value, room.citation, room.citation, "primary", None, "unknown", "room licence")
    item: Item = basis.findings[basis.governs].item
    return Governing(
        item.label, item.citation, item.reference, item.confidence, item.valid_from, item.checked_on, item.source
    )


def notes(book: Rulebook, verdict: Verdict) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_notes(book, verdict)))


def _notes(book: Rulebook, verdict: Verdict) -> Iterator[str]:
    situation, law = verdict.situation, verdict.basis.findings[0]
    for finding in verdict.basis.findings:
        yield from finding.notes
    yield from law.group.unclear
    if len(law.group.bands_present) > 1 and not book.parts[0].mix_is_known(law.group, situation):
        yield "how these ages are mixed is not known for this rule; the strictest of the ages present is taken"
    for option in book.undecided:
        yield f"the center has not chosen '{option}'; the strictest choice is taken"
    if verdict.group_size and verdict.governing.confidence == "unverified":
        yield "the governing number is unverified; ask the licensing office before relying on it"
    topics = _ALWAYS | {_TOPIC_BY_ACTIVITY.get(situation.activity, "ratio")} if verdict.group_size else set()
    if len(law.group.bands_present) > 1:
        topics.add("mixed_ages")
    if verdict.uncounted:
        topics.add("who_counts")
    for entry in book.document.get("unknown", []):
        if entry["topic"] in topics:
            yield f"not known: {entry['note']}"
    if situation.activity in ("trip", "water") and not _speaks_of(book, situation.activity):
        yield f"not checked: whether more adults are asked for ({situation.activity}); nothing on it was read"
    if verdict.group_size and (rules := book.document.get("not_checked")):
        yield f"not checked: {' '.join(rules)}"
    if situation.activity == "nap" and not book.document.get("nap"):
        yield "no nap relief is known here; the normal ratio holds"
    if situation.opens is None and any(part.edges for part in book.parts):
        yield "opening hours were not given; no exception for opening or closing is granted"
    yield from _notes_on_adults(book, verdict)
    if verdict.group_size:
        yield from _notes_on_building(book, verdict)


def _notes_on_building(book: Rulebook, verdict: Verdict) -> Iterator[str]:
    """Which rules could not be checked, or not wholly, without the building's totals."""
    building = verdict.situation.building
    if building is None and verdict.premises_required:
        yield (
            f"the building needs {adults_in_words(verdict.premises_required)} for this many children; "
            "its total was not given, so this was not checked"
        )
    elif building is None and any(part.asks_building for part in book.parts):
        yield "the building's total was not given; rules that depend on it were checked for this room's children alone"
    if building is None or not building.staff:
        for part in book.parts:
            for label in part.building_mixes:
                yield f"not checked, because the staff of the building was not given: whether {label}"


def _speaks_of(book: Rulebook, activity: str) -> bool:
    document = book.document
    return (
        activity in document.get("as_usual", ())
        or any(entry["topic"] == _TOPIC_BY_ACTIVITY[activity] for entry in document["unknown"])
        or any(activity in row.get("if", {}).get("activity", ()) for row in document.get("floors", ()))
    )


def _notes_on_adults(book: Rulebook, verdict: Verdict) -> Iterator[str]:
    adults = verdict.situation.adults
    for adult in adults:
        if any(part.counting.reason_against(adult, adults) for part in book.parts):
            continue
        if adult.age_years is None and not adult.volunteer:
            yield "an adult's age is not known and is taken as old enough"
        if adult.state == "stepped_out":
            rule = book.parts[0].counting.short_absence(adult)
            if rule is not None:
                yield f"{adult.staff_id} is away for a moment and still counts: {rule.item.label}"


def sentence(book: Rulebook, verdict: Verdict) -> str:
    """For example: 'Texas: 5 children (5 x 0-11 months) need 2 adults and 1 counts: one more adult is needed.'"""
    where = f"{book.name}: "
    if not verdict.group_size:
        text = f"{where}no children are here, so no adult is required."
    else:
        verb = "needs" if verdict.group_size == 1 else "need"
        text = (
            f"{where}{children_in_words(verdict.group_size)} ({_composition(book, verdict)}) {verb} "
            f"{adults_in_words(verdict.required)} and {_count(verdict)}"
        )
        text += f": {_more(verdict.deficit)} needed." if verdict.deficit else "."
    if verdict.group_over:
        text += f" The group is {verdict.group_over} over its limit of {verdict.group_limit}."
    if verdict.premises_deficit:
        text += f" The building needs {adults_in_words(verdict.premises_required)} for the children in it."
    return " ".join([text, *(f"{breach[:1].upper()}{breach[1:]}." for breach in verdict.breaches)])


def departure(staff_id: str, before: Verdict, after: Verdict, *, allowed: bool) -> str:
    if not allowed:
        if after.deficit > before.deficit:
            return f"No: without {staff_id} the room needs {adults_in_words(after.required)} and {_count(after)}."
        if after.premises_deficit > before.premises_deficit:
            return f"No: the building needs {adults_in_words(after.premises_required)} and would have fewer."
        return f"No: {after.breaches[-1]}."
    if before.counted == after.counted:
        return f"Yes: {staff_id} does not count here now, so nothing changes."
    return f"Yes: without {staff_id} the room needs {adults_in_words(after.required)} and {_count(after)}."


def combining(verdict: Verdict, allowed: bool) -> str:
    if verdict.breaches:
        return f"No: {verdict.breaches[0]}."
    if not allowed:
        size = children_in_words(verdict.group_size)
        return f"No: {size} together are {verdict.group_over} over the limit of {verdict.group_limit}."
    return f"Yes: together {children_in_words(verdict.group_size)} need {adults_in_words(verdict.required)}."


def limit_reached(verdict: Verdict) -> str:
    if verdict.deficit:
        return "ratio"
    if verdict.group_over:
        return "group size"
    return "ages kept apart" if verdict.breaches else "building"


def adults_in_words(number: int) -> str:
    return "1 adult" if number == 1 else f"{number or 'no'} adults"


def children_in_words(number: int) -> str:
    return "1 child" if number == 1 else f"{number} children"


def _count(verdict: Verdict) -> str:
    return "1 counts" if verdict.counted == 1 else f"{verdict.counted or 'none'} count"


def _more(number: int) -> str:
    return "one more adult is" if number == 1 else f"{number} more adults are"


def _composition(book: Rulebook, verdict: Verdict) -> str:
    group = verdict.basis.findings[0].group
    return ", ".join(f"{group.counts[index]} x {book.bands[index].label}" for index in group.bands_present)


def _citation(item: Item) -> str:
    return item.citation if item.reference in ("", item.citation) else f"{item.citation}: {item.reference}"
