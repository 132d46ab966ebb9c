"""The fold: any delivery gives the state of the right one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.events import Event, effective
from evaluator import CenterState

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROOMS = ("r1", "r2", "r3")
KINDS = (
    "check_in", "check_out", "room_transfer", "clock_in", "clock_out", "room_move", "break_start", "break_end",
    "step_out", "step_in", "nap_start", "nap_end", "rooms_combined", "rooms_split", "booking_changed", "parade",
)  # fmt: skip


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """A log with corrections, corrections of corrections, voids and originals that are missing."""
    events: list[Event] = []
    for number in range(1, draw(st.integers(1, 25)) + 1):
        minute = draw(st.integers(0, 40))
        kind = draw(st.sampled_from((*KINDS, "correction", "correction")))
        fields: dict[str, Any] = {
            "child_id": draw(st.sampled_from((None, "a", "b"))),
            "staff_id": draw(st.sampled_from((None, "x", "y"))),
            "room_id": draw(st.sampled_from((None, *ROOMS))),
        }
        if kind == "rooms_combined":
            fields["room_ids"] = tuple(draw(st.sets(st.sampled_from(ROOMS))))
        if kind == "correction":
            fields["supersedes"] = f"e{draw(st.integers(1, 26))}"
            fields["voided"] = draw(st.booleans())
            fields["corrected_type"] = draw(st.sampled_from((None, *KINDS)))
        happened = START + timedelta(minutes=minute)
        recorded = happened + timedelta(minutes=draw(st.integers(0, 60)))
        events.append(Event(f"e{number}", number, "c", kind, happened, recorded, **fields))
    return events


def clean_fold(events: list[Event]) -> dict[str, Any]:
    """The oracle: the effective sequence folded once, in order, by a state that never sees a correction."""
    return picture(CenterState.rebuild("c", effective(events)))


def picture(state: CenterState) -> dict[str, Any]:
    return state.picture() | {
        "rooms": {room: sorted(ids) for room, ids in state.rooms.items() if ids},
        "staffed": {str(room): sorted(ids) for room, ids in state.staffed.items() if ids},
        "strays": sorted(event.event_id for event in state.stray_check_outs()),
    }


@given(logs(), st.randoms(use_true_random=False))
def test_the_state_does_not_depend_on_order_duplication_or_lateness(events: list[Event], random: Any) -> None:
    delivered = [*events, *random.choices(events, k=len(events) // 2)]
    random.shuffle(delivered)
    state = CenterState("c")
    for event in delivered:
        state.apply(event)
    assert picture(state) == clean_fold(events)


@given(logs(), st.randoms(use_true_random=False))
def test_a_changed_double_ends_as_the_better_known_one_whatever_came_first(events: list[Event], random: Any) -> None:
    doubles = [
        Event(e.event_id, e.sequence, "c", e.event_type, e.happened_at, e.recorded_at + timedelta(hours=1), e.child_id,
              e.staff_id, random.choice(ROOMS), supersedes=e.supersedes)
        for e in random.sample(events, k=min(3, len(events)))
    ]  # fmt: skip
    delivered = [*events, *doubles]
    random.shuffle(delivered)
    assert picture(CenterState.rebuild("c", delivered)) == clean_fold([*events, *doubles])


@given(logs(), st.integers(0, 41))
def test_forgetting_older_events_changes_nothing_about_now(events: list[Event], minute: int) -> None:
    plain = [event for event in events if event.event_type != "correction"]
    state = CenterState.rebuild("c", plain)
    before = state.picture()
    cut = START + timedelta(minutes=minute)
    state.forget_before(cut)
    assert state.picture() == before
    for event in plain:
        applied = state.apply(event)
        assert applied.too_old == (event.happened_at < cut)
        assert not applied.changed
    assert state.picture() == before


@given(logs(), st.integers(0, 41))
def test_the_state_at_a_past_instant_is_the_fold_of_what_had_happened_by_then(events: list[Event], minute: int) -> None:
    at = START + timedelta(minutes=minute)
    by_then = [event for event in effective(events) if event.happened_at <= at]
    assert picture(CenterState.rebuild("c", events).as_of(at)) == picture(CenterState.rebuild("c", by_then))


def event(number: int, kind: str, minute: int, **fields: Any) -> Event:
    at = START + timedelta(minutes=minute)
    return Event(f"e{number}", number, "c", kind, at, at, **fields)


def test_a_late_event_names_the_instant_from_which_the_past_changed() -> None:
    state = CenterState.rebuild("c", [event(1, "check_in", 0, child_id="a", room_id="r1")])
    state.apply(event(3, "check_out", 30, child_id="a", room_id="r1"))
    applied = state.apply(event(2, "room_transfer", 10, child_id="a", room_id="r2"))
    assert applied.late_from == START + timedelta(minutes=10)
    assert state.child("a") is None


def test_a_correction_names_both_rooms_it_touches() -> None:
    state = CenterState.rebuild("c", [event(1, "check_in", 0, child_id="a", room_id="r1")])
    applied = state.apply(event(2, "correction", 0, supersedes="e1", room_id="r2"))
    assert applied.rooms == {"r1", "r2"}
    assert state.rooms == {"r1": set(), "r2": {"a"}}


def test_a_notice_asks_for_shifts_or_bookings_to_be_read_again() -> None:
    state = CenterState("c")
    assert state.apply(event(1, "schedule_changed", 0)).reread == {"shifts"}
    assert state.apply(event(2, "booking_changed", 0)).reread == {"bookings"}


def test_an_unknown_type_is_remembered_and_changes_no_room() -> None:
    state = CenterState("c")
    applied = state.apply(event(1, "parade", 0, room_id="r1"))
    assert applied.changed
    assert applied.rooms == frozenset()
    assert [each.event_id for each in state.events()] == ["e1"]


def test_an_event_of_another_center_is_refused() -> None:
    with pytest.raises(BadInput, match="belongs to center c"):
        CenterState("other").apply(event(1, "check_in", 0, child_id="a", room_id="r1"))


def test_an_idle_float_is_in_no_room() -> None:
    state = CenterState.rebuild("c", [event(1, "clock_in", 0, staff_id="x")])
    assert state.staffed == {None: {"x"}}


def test_clocking_in_to_two_rooms_counts_in_the_last_and_is_doubtful() -> None:
    state = CenterState("c")
    state.apply(event(1, "clock_in", 0, staff_id="x", room_id="r1"))
    state.apply(event(2, "clock_in", 5, staff_id="x", room_id="r2"))
    place = state.adult("x")
    assert place is not None
    assert (place.room_id, place.doubt, place.from_room_id) == ("r2", "clocked in to two rooms", "r1")
