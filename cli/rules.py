"""Commands: rules list | show | check."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import console, print_json, print_table
from domain.errors import BadInput
from domain.time import parse_local_date, parse_local_time
from rulebook import Building, RoomLicence, Situation, Verdict, load
from rulebook.catalogue import described, jurisdictions, markdown_table
from rulebook.documents import read_yaml
from rulebook.notation import parse_adults, parse_children

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
On = Annotated[str, typer.Option("--on", help="Day for which to answer (2026-03-02); today if not given.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    rules = typer.Typer(help="Licensing rules: which there are, what they say, and whether a room keeps them.")
    rules.command(name="list")(list_rules)
    rules.command(name="show")(show_rules)
    rules.command(name="check")(check_rules)
    app.add_typer(rules, name="rules", no_args_is_help=True)


def list_rules(
    as_json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the README's table.")] = False,
) -> None:
    """Every jurisdiction with its confidence, the date of its text and what is not known."""
    rows = jurisdictions()
    if as_json:
        print_json([asdict(row) for row in rows])
    elif markdown:
        typer.echo(markdown_table(), nl=False)
    else:
        columns = ["code", "jurisdiction", "confidence", "as of", "not known", "citation"]
        cells = [[r.code, r.name, r.confidence, r.checked_on, ", ".join(r.unknown), r.citation] for r in rows]
        print_table("Licensing rules", columns, cells)


def show_rules(code: str, on: On = "", as_json: AsJson = False) -> None:
    """One jurisdiction on a day: numbers, rules, options, what is unknown and what is not checked."""
    shown = described(code, _day(on))
    if as_json:
        print_json(shown)
        return
    console.print(f"{shown['name']} ({shown['code']}): {shown['citation']}")
    console.print(f"{shown['authority']}; confidence {shown['confidence']}, as of {shown['checked_on']}")
    rows = [[n["numbers"], n["confidence"], n["valid_from"] or "not known", n["reference"]] for n in shown["numbers"]]
    print_table(f"Numbers on {shown['on']}", ["numbers", "confidence", "valid from", "reference"], rows)
    _print_list("Mixed ages", shown["mixed_ages"] or ["not known: the strictest of the ages present"])
    for section, texts in shown["rules"].items():
        _print_list(section.replace("_", " ").capitalize(), texts)
    for option, entry in shown["options"].items():
        choices = [f"{option}={choice}: {says}" for choice, says in entry["choices"].items()]
        _print_list(f"Option: {entry['says']} (default {entry['default']})", choices)
    _print_list("Not known", [f"{entry['topic']}: {entry['note']}" for entry in shown["unknown"]])
    _print_list("Not checked", shown["not_checked"])


def check_rules(
    code: str,
    ages: Annotated[
        str, typer.Option(help="Children: months (8), years (3y), ? unknown; w walks, n not, s school; x4.")
    ] = "",
    staff: Annotated[
        str, typer.Option(help='Adults: "Lead Teacher,Aide:17y", further :+lead :on_break :volunteer.')
    ] = "",
    at: Annotated[str, typer.Option("--time", help="Local time, 07:10.")] = "10:00",
    on: On = "",
    nap: Annotated[bool, typer.Option("--nap", help="It is nap time.")] = False,
    asleep: Annotated[int | None, typer.Option(help="How many sleep or rest.")] = None,
    activity: Annotated[str, typer.Option(help="normal, nap, outdoors, meal, trip or water.")] = "normal",
    opens: Annotated[str, typer.Option(help="Opening, 06:30.")] = "",
    closes: Annotated[str, typer.Option(help="Closing, 18:00.")] = "",
    building: Annotated[
        str, typer.Option(help="Children/adults in the whole building, 40/8; 40/8/5 if the other rooms need 5.")
    ] = "",
    capacity: Annotated[int | None, typer.Option(help="Licensed capacity of the room.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="A choice of the center, infants=1:4. May be repeated.")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="YAML file with the center's own policy.")] = None,
    as_json: AsJson = False,
) -> None:
    """Is a room legal, and what would change that?"""
    day = _day(on)
    situation = Situation(
        day=day,
        local_time=parse_local_time(at),
        children=parse_children(_split(ages), day),
        adults=parse_adults(_split(staff)),
        activity="nap" if nap else activity,
        asleep=asleep,
        opens=_time(opens),
        closes=_time(closes),
        building=_building(building),
        room=None if capacity is None else RoomLicence(capacity=capacity),
    )
    book = load(code, day, _options(option or []), read_yaml(policy) if policy else None)
    verdict = book.check(situation)
    if as_json:
        print_json(
            verdict.to_json() | {"may_leave": {a.staff_id: _leave(verdict, a.staff_id) for a in situation.adults}}
        )
    else:
        _print_verdict(verdict)


def _print_verdict(verdict: Verdict) -> None:
    governing = verdict.governing
    console.print(verdict.sentence)
    since = f"in force since {governing.valid_from}" if governing.valid_from else "effective date not known"
    console.print(
        f"Governing ({governing.source}): {governing.value}. {governing.reference}, {governing.confidence}, "
        f"{since}, text as of {governing.checked_on}."
    )
    _print_list(
        "Does not count", [f"{entry.staff_id} {entry.reason} ({entry.citation})" for entry in verdict.uncounted]
    )
    rows = [[entry.band, f"{entry.more:+d}" if entry.more else "0", entry.limited_by] for entry in verdict.headroom]
    print_table("Headroom", ["age band", "more children", "limited by"], rows)
    _print_list("May leave", [verdict.may_leave(adult.staff_id).reason for adult in verdict.situation.adults])
    _print_list("Notes", list(verdict.notes))


def _leave(verdict: Verdict, staff_id: str) -> dict[str, Any]:
    return asdict(verdict.may_leave(staff_id))


def _print_list(title: str, texts: list[str]) -> None:
    if texts:
        console.print(f"{title}:")
        for text in texts:
            console.print(f"  - {text}")


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _day(text: str) -> date:
    return parse_local_date(text) if text else datetime.now().astimezone().date()


def _time(text: str) -> time | None:
    return parse_local_time(text) if text else None


def _building(text: str) -> Building | None:
    if not text:
        return None
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(part.strip().isdigit() for part in parts):
        raise BadInput(f"'{text}' is not children/adults of the building; write for example 40/8 or 40/8/5")
    children, adults, *elsewhere = map(int, parts)
    return Building(children, adults, elsewhere[0] if elsewhere else None)


def _options(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if any(not separator for _, separator, _ in pairs):
        raise BadInput(f"{json.dumps(texts)}: write an option as name=choice, `ratiocast rules show CODE` lists them")
    return {name: choice for name, _, choice in pairs}
