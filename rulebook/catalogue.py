"""What rules there are: the table of jurisdictions, one jurisdiction in words, and outcomes of standard groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from rulebook.book import Rulebook
from rulebook.documents import SECTIONS, codes, in_force, read_document
from rulebook.group import Band
from rulebook.loading import load
from rulebook.situation import Building, Situation

_LARGEST_STANDARD_GROUP = 30
_FULL_BUILDING = Building(children=60, adults=20)


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    code: str
    name: str
    confidence: str
    checked_on: str
    unknown: tuple[str, ...]  # topics
    citation: str


def jurisdictions() -> list[Jurisdiction]:
    rows = []
    for code in codes():
        document = read_document(code)
        topics = tuple(sorted({entry["topic"] for entry in document["unknown"]}))
        rows.append(
            Jurisdiction(
                code, document["name"], document["confidence"], document["checked_on"], topics, document["citation"]
            )
        )
    return rows


def markdown_table() -> str:
    """The README's table of jurisdictions."""
    lines = ["| code | jurisdiction | confidence | as of | not known |", "|---|---|---|---|---|"]
    for row in jurisdictions():
        unknown = ", ".join(topic.replace("_", " ") for topic in row.unknown) or "-"
        lines.append(f"| {row.code} | {row.name} | {row.confidence} | {row.checked_on} | {unknown} |")
    return "\n".join(lines) + "\n"


def described(code: str, on: date) -> dict[str, Any]:
    """One jurisdiction as it holds on a day, with what is undecided, unknown and not checked; plain JSON values."""
    book = load(code, on)
    document = read_document(code)
    current = in_force(
        document, on, {option: entry["default"] for option, entry in document.get("options", {}).items()}
    )
    sentences = {
        section: [text for row in current.get(section, []) if (text := row.get("says") or row.get("label"))]
        for section in SECTIONS
        if section != "bands"
    }
    numbers = [
        {
            "numbers": band.item.label, "reference": band.item.reference, "confidence": band.item.confidence,
            "valid_from": band.item.valid_from.isoformat() if band.item.valid_from else None,
            "checked_on": band.item.checked_on,
        }
        for band in _all_bands(book)
    ]  # fmt: skip
    head = ("code", "name", "country", "authority", "citation", "confidence", "checked_on")
    return {name: document[name] for name in head} | {
        "on": on.isoformat(),
        "numbers": numbers,
        "mixed_ages": [row.get("label") or row.get("use", "") for row in current.get("mixed_ages", [])],
        "rules": {section: texts for section, texts in sentences.items() if texts and section != "mixed_ages"},
        "options": document.get("options", {}),
        "undecided": list(book.undecided),
        "unknown": document["unknown"],
        "not_checked": document.get("not_checked", []),
        "sources": document["sources"],
    }


def outcomes(code: str, on: date) -> Iterator[str]:
    """Lines that state required adults and group limits of standard groups: a change of law shows as a diff."""
    book = load(code, on)
    for band in book.bands:
        yield f"{band.band_id}: {_runs(book, on, (band,))}"
    for younger in book.bands:
        for older in book.bands[younger.index + 1 :]:
            yield f"{younger.band_id} + {older.band_id} in equal parts: {_runs(book, on, (younger, older))}"
    for band in book.bands:
        yield f"{band.band_id} at nap, all asleep: {_runs(book, on, (band,), activity='nap')}"


def _runs(book: Rulebook, on: date, bands: tuple[Band, ...], activity: str = "normal") -> str:
    """'1-4: 1, 5-10: 2; group 10': adults by number of children."""
    runs: list[list[int]] = []
    limits: list[str] = []
    for size in range(len(bands), _LARGEST_STANDARD_GROUP + 1, len(bands)):
        children = tuple(band.example for band in bands) * (size // len(bands))
        verdict = book.check(
            Situation(on, time(12), children, activity=activity, asleep=size, building=_FULL_BUILDING)
        )  # fmt: skip
        if runs and runs[-1][2] == verdict.required:
            runs[-1][1] = size
        else:
            runs.append([size, size, verdict.required])
        limit = "apart" if verdict.breaches else f"group {verdict.group_limit or 'unlimited'}"
        if not limits or limits[-1] != limit:
            limits.append(limit)
    adults = ", ".join(
        f"{first}-{last}: {needed}" if last > first else f"{first}: {needed}" for first, last, needed in runs
    )
    return f"{adults}; {', then '.join(limits)}"


def _all_bands(book: Rulebook) -> list[Band]:
    """Bands of every undecided choice, each once."""
    seen = {band.item.label: band for part in book.parts for band in part.bands.all}
    return sorted(seen.values(), key=lambda band: band.ages[0].start)
