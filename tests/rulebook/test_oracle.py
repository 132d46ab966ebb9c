"""The compiled rules against the slow, obvious evaluation of the same files (benchmarks/_naive_rules.py)."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import _naive_rules as naive
from rulebook import ChildHere, Rulebook, Situation, codes, load

DAY = date(2026, 3, 2)
OPENS, CLOSES = time(6, 30), time(18, 0)


def settled(code: str) -> tuple[Rulebook, dict[str, Any]]:
    """The book and the file under the first choice of every option."""
    known = load(code, DAY).document.get("options", {})
    choices = {
        name: next(iter(entry["choices"])) if entry["default"] == "strictest" else entry["default"]
        for name, entry in known.items()
    }
    return load(code, DAY, choices), naive.read(code, DAY, choices)


BOTH = {code: settled(code) for code in codes()}
OLDEST = {code: max(ages.end for band in book.bands for ages in band.ages) for code, (book, _) in BOTH.items()}

children = st.lists(
    st.tuples(st.one_of(st.integers(0, 71), st.integers(0, 143)), st.booleans(), st.booleans()), min_size=1, max_size=16
)


@given(here=children, at=st.times(), activity=st.sampled_from(["normal", "meal", "outdoors", "trip"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_the_compiled_rules_agree_with_the_slow_evaluation(
    here: list[tuple[int, bool, bool]], at: time, activity: str
) -> None:
    room = tuple(ChildHere(age, None, walking, in_school) for age, walking, in_school in here)
    given_room = {
        "day": DAY, "local_time": at, "opens": OPENS, "closes": CLOSES, "activity": activity,
        "children": [{"age_months": a, "walking": w, "in_school": s} for a, w, s in here],
    }  # fmt: skip
    situation = Situation(DAY, at, room, activity=activity, opens=OPENS, closes=CLOSES)
    for code, (book, document) in BOTH.items():
        if max(age for age, _, _ in here) >= OLDEST[code]:
            continue
        fast, slow = book.check(situation), naive.evaluate(document, given_room)
        assert (fast.required, fast.group_limit, bool(fast.breaches)) == slow, code
