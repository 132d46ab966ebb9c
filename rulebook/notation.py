"""Children and adults in a few letters, as the command line and the worked cases write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from domain.errors import BadInput
from domain.time import age_in_months, parse_local_date
from rulebook.situation import ADULT_STATES, AdultHere, ChildHere

_CHILD = re.compile(r"^(?P<age>\?|\d+m?|\d+y|\d{4}-\d{2}-\d{2})(?P<status>[wns]*)(?:x(?P<times>\d+))?$")


def parse_children(texts: Iterable[str | int], day: date) -> tuple[ChildHere, ...]:
    """`8` or `8m` months, `3y` years, `2025-03-02` born then, `?` unknown; then `w` walks, `n` does not, `s` goes to
    school; then `x4` for four of them. BadInput names the text that is none of these."""
    children: list[ChildHere] = []
    for text in texts:
        match = _CHILD.match(str(text).strip())
        if match is None:
            raise BadInput(
                f"'{text}' is not a child; write months (8), years (3y), a birth date or ?, then w, n, s, x4"
            )
        status = match["status"]
        child = ChildHere(
            _age(match["age"], day),
            walking=True if "w" in status else False if "n" in status else None,
            in_school="s" in status,
        )
        children += [child] * int(match["times"] or 1)
    return tuple(children)


def parse_adults(texts: Iterable[str]) -> tuple[AdultHere, ...]:
    """`Role` then, after colons, `17y`, `+lead` (a credential), `volunteer`, a state (`on_break`), `240s` away.

    They are named a1, a2, ... in the order given.
    """
    return tuple(_adult(f"a{number}", text) for number, text in enumerate(texts, 1))


def _adult(staff_id: str, text: str) -> AdultHere:
    role, *rest = (part.strip() for part in text.split(":"))
    if not role:
        raise BadInput("an adult needs a role; write for example 'Lead Teacher' or 'Aide:17y'")
    age: int | None = None
    credentials: set[str] = set()
    state, away, volunteer = "in_room", 0, False
    for part in rest:
        if re.fullmatch(r"\d+y", part):
            age = int(part[:-1])
        elif re.fullmatch(r"\d+s", part):
            away = int(part[:-1])
        elif part.startswith("+") and len(part) > 1:
            credentials.add(part[1:])
        elif part == "volunteer":
            volunteer = True
        elif part in ADULT_STATES:
            state = part
        else:
            raise BadInput(f"'{part}' in '{text}' is not known; write 17y, 240s, +lead, volunteer or a state")
    return AdultHere(staff_id, role, age, frozenset(credentials), state, away, volunteer)


def _age(text: str, day: date) -> int | None:
    if text == "?":
        return None
    if "-" in text:
        return age_in_months(parse_local_date(text), day)
    return int(text[:-1]) * 12 if text.endswith("y") else int(text.removesuffix("m"))
