"""Reading data/rules: YAML to checked documents, and a document to what holds on one day."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, cast

import jsonschema
import yaml

from domain.errors import BadInput, UnknownRule
from domain.time import parse_local_date

RULES_FOLDER = Path(__file__).resolve().parents[1] / "data" / "rules"
INHERITED = ("reference", "confidence", "checked_on", "valid_from")

Document = dict[str, Any]


def codes() -> list[str]:
    """The jurisdictions there are files for, in alphabetical order."""
    return sorted(path.stem.upper() for path in RULES_FOLDER.glob("*.yaml"))


@cache
def read_document(code: str) -> Document:
    """The checked document of a jurisdiction; UnknownRule if there is none, BadInput if the file is wrong."""
    if code.upper() not in codes():
        raise UnknownRule(f"there are no rules for '{code}'; known are {', '.join(codes())} (`ratiocast rules list`)")
    path = RULES_FOLDER / f"{code.lower()}.yaml"
    document = read_yaml(path)
    check_document(document, "jurisdiction", path.name)
    if document["code"] != code.upper():
        raise BadInput(f"{path.name}: the code is {document['code']}, but the file's name says {code.upper()}")
    return document


def read_yaml(path: Path) -> Document:
    """A YAML mapping read plainly: days and times stay text, only true/false are booleans."""
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise BadInput(f"{path.name} is not YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise BadInput(f"{path.name} must hold a mapping of fields")
    return loaded


def check_document(document: object, kind: str, name: str) -> None:
    """Against data/rules/schema.json ('jurisdiction' or 'policy'); BadInput names the place and what is wrong."""
    error = jsonschema.exceptions.best_match(_validator(kind).iter_errors(document))
    if error is not None:
        place = "/".join(str(part) for part in error.absolute_path) or "the top"
        raise BadInput(f"{name}, at {place}: {error.message}; docs/rules.md explains the format")


def change_days(document: Mapping[str, Any]) -> list[date]:
    """Days on which something in the document starts to hold or holds no more; BadInput where one is no day."""
    days = set()
    for item in _dated(document):
        if item.get("valid_from"):
            days.add(parse_local_date(item["valid_from"]))
        if item.get("valid_to") and (last := parse_local_date(item["valid_to"])) < date.max:
            days.add(last + timedelta(days=1))
    return sorted(days)


def in_force(document: Mapping[str, Any], on: date, choices: Mapping[str, str]) -> Document:
    """The document as it holds on a day under the chosen options; each item carries its own inherited provenance."""
    inherited = {name: document[name] for name in INHERITED if name in document}
    result = dict(document)
    for section, items in document.items():
        if section in SECTIONS:
            result[section] = [
                {**inherited, **item} for item in items if _holds(item, on) and _chosen(item.get("when", {}), choices)
            ]
    return result


SECTIONS = (
    "bands", "mixed_ages", "exceptions", "floors", "apart", "nap", "group_lifted", "premises", "who_counts",
    "staff_mix", "short_absence", "variances",
)  # fmt: skip


def _holds(item: Mapping[str, Any], on: date) -> bool:
    day = on.isoformat()
    return (item.get("valid_from") or "") <= day <= (item.get("valid_to") or "9999")


def _chosen(when: Mapping[str, str], choices: Mapping[str, str]) -> bool:
    return all(choices.get(option) == choice for option, choice in when.items())


def _dated(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for section in SECTIONS:
        yield from document.get(section, ())


@lru_cache(maxsize=2)
def _validator(kind: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((RULES_FOLDER / "schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": schema["$defs"]})


class _PlainLoader(yaml.SafeLoader):
    """YAML 1.1 would read 07:10 as 430 and NO as false; here a number is a number and the rest is text."""


_PlainLoader.yaml_implicit_resolvers = {
    first: kept
    for first, resolvers in cast(dict[str, list[Any]], yaml.SafeLoader.yaml_implicit_resolvers).items()
    if (kept := [entry for entry in resolvers if entry[0].endswith((":null", ":merge"))])
}
_TAG = "tag:yaml.org,2002:"
_PlainLoader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(true|false)$"), list("tf"))
_PlainLoader.add_implicit_resolver(_TAG + "int", re.compile(r"^-?(0|[1-9]\d*)$"), list("-0123456789"))
_PlainLoader.add_implicit_resolver(_TAG + "float", re.compile(r"^-?(0|[1-9]\d*)\.\d+$"), list("-0123456789"))
