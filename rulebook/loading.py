"""From a code, a day, options and a policy to a compiled, cached rulebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from itertools import product
from typing import Any

from domain.errors import UnknownRule
from rulebook.book import Rulebook
from rulebook.documents import Document, change_days, check_document, in_force, read_document
from rulebook.rules import Rules


def load(
    code: str,
    on: date,
    options: Mapping[str, str] | None = None,
    policy: Mapping[str, Any] | None = None,
) -> Rulebook:
    """The rules of a jurisdiction as they hold on a day, with a center's choices and its own stricter policy.

    An option not chosen takes its default or, where the file says so, the strictest of its choices. A policy has the
    form of `docs/rules.md`, "A center's own policy". Raises UnknownRule for an unknown code, option, choice or day.
    """
    document = read_document(code)
    known: Mapping[str, Any] = document.get("options", {})
    chosen = dict(options or {})
    for option, choice in chosen.items():
        if choice not in known.get(option, {}).get("choices", {}):
            offered = "; ".join(f"{name}: {', '.join(entry['choices'])}" for name, entry in known.items()) or "none"
            raise UnknownRule(f"{document['code']} has no option {option}={choice}; options are {offered}")
    policy_text = json.dumps(policy, sort_keys=True) if policy else ""
    since = max((day for day in _changes(document["code"], policy_text) if day <= on), default=date.min)
    return _compiled(document["code"], since, tuple(sorted(chosen.items())), policy_text)


@lru_cache(maxsize=512)
def _changes(code: str, policy_text: str) -> tuple[date, ...]:
    """The days on which anything changes: books between two of them are the same book."""
    own = change_days(_policy_document(policy_text)) if policy_text else []
    return (*change_days(read_document(code)), *own)


@lru_cache(maxsize=512)
def _compiled(code: str, on: date, options: tuple[tuple[str, str], ...], policy_text: str) -> Rulebook:
    document = read_document(code)
    chosen, undecided = dict(options), []
    known = document.get("options", {})
    for option, entry in known.items():
        if option not in chosen:
            if entry["default"] == "strictest":
                undecided.append(option)
            else:
                chosen[option] = entry["default"]
    variants = [
        chosen | dict(zip(undecided, choices, strict=True))
        for choices in product(*(known[option]["choices"] for option in undecided))
    ]
    parts = [Rules(in_force(document, on, variant)) for variant in variants]
    if policy_text:
        parts.append(Rules(in_force(_policy_document(policy_text), on, {})))
    return Rulebook(document, on, parts, undecided)


def _policy_document(text: str) -> Document:
    """The policy as a document; BadInput where it is not of the form."""
    policy: dict[str, Any] = json.loads(text)
    check_document(policy, "policy", f"the policy '{policy.get('name', '')}'")
    return {
        "code": "policy",
        "citation": policy["name"],
        "confidence": "primary",
        "checked_on": "unknown",
        "bands": [],
        **policy,
        "source": "policy",
    }
