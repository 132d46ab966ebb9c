from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.events import Event, effective, event_from_json, event_to_json
from domain.stays import child_stays

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def event(number: int, kind: str, minute: int, *, recorded: int | None = None, **fields: Any) -> Event:
    return Event(
        event_id=f"e{number}",
        sequence=number,
        center_id="c1",
        event_type=kind,
        happened_at=NOON + timedelta(minutes=minute),
        recorded_at=NOON + timedelta(minutes=minute if recorded is None else recorded),
        **fields,
    )


BODY = {
    "event_id": "e1",
    "sequence": 1,
    "center_id": "c1",
    "event_type": "check_in",
    "timestamp": "2026-03-02T06:10:00-06:00",
    "recorded_at": "2026-03-02T12:10:20Z",
    "child_id": "kid",
    "room_id": "r1",
    "colour": "ignored",
}


def test_an_event_is_read_in_utc_and_unknown_fields_are_ignored() -> None:
    read = event_from_json(BODY)
    assert read.happened_at == datetime(2026, 3, 2, 12, 10, tzinfo=UTC)
    assert read.happened_at.tzinfo is UTC
    assert event_from_json(event_to_json(read)) == read


def test_an_unknown_event_type_is_kept() -> None:
    assert event_from_json({**BODY, "event_type": "fire_drill"}).event_type == "fire_drill"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", None), ("event_id", ""), ("event_id", "x" * 65), ("event_id", 7), ("center_id", None),
        ("sequence", 0), ("sequence", True), ("sequence", "1"), ("sequence", 2**70),
        ("timestamp", "2026-03-02T06:10:00"),
        ("timestamp", "yesterday"), ("timestamp", 5), ("recorded_at", None), ("timestamp", "0001-01-01T00:00:00+14:00"),
        ("room_ids", "r1"), ("room_ids", [1]), ("voided", "yes"), ("child_id", "a\x00b"), ("child_id", "\ud800"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(BadInput, match=field):
        event_from_json({**BODY, field: value})


def test_something_that_is_no_object_is_refused() -> None:
    with pytest.raises(BadInput, match="object"):
        event_from_json([BODY])


LOG = [
    event(1, "check_in", 0, child_id="a", room_id="r1"),
    event(2, "check_in", 5, child_id="b", room_id="r1"),
    event(3, "room_transfer", 30, child_id="a", from_room_id="r1", room_id="r2"),
    event(4, "check_out", 90, child_id="b"),
    event(5, "correction", 60, recorded=400, supersedes="e4", corrected_type="check_out"),
    event(6, "correction", 0, recorded=500, supersedes="e3", voided=True),
    event(7, "check_out", 200, child_id="a"),
    event(8, "correction", 70, recorded=600, supersedes="e5"),
]


def test_a_correction_takes_from_the_original_what_it_does_not_name() -> None:
    b_out = next(e for e in effective(LOG[:5]) if e.event_type == "check_out" and e.child_id == "b")
    assert b_out.happened_at == NOON + timedelta(minutes=60)


def test_a_voided_event_never_happened() -> None:
    assert [s.room_id for s in child_stays(LOG) if s.child_id == "a"] == ["r1"]


def test_a_correction_of_a_correction_corrects_the_original() -> None:
    stay = next(s for s in child_stays(LOG) if s.child_id == "b")
    assert stay.end == NOON + timedelta(minutes=70)


def test_a_correction_without_its_original_stands_by_itself() -> None:
    lone = event(9, "correction", 3, supersedes="lost", corrected_type="check_in", child_id="c", room_id="r1")
    assert [e.event_type for e in effective([lone])] == ["check_in"]


@given(st.lists(st.sampled_from(LOG), max_size=30), st.randoms(use_true_random=False))
def test_the_result_does_not_depend_on_order_or_number_of_deliveries(extra: list[Event], random: Any) -> None:
    delivered = LOG + extra
    random.shuffle(delivered)
    assert effective(delivered) == effective(LOG)
    assert child_stays(delivered) == child_stays(LOG)


def test_of_two_bodies_under_one_id_the_last_recorded_holds_in_any_order() -> None:
    later = replace(LOG[0], room_id="r9", recorded_at=NOON + timedelta(minutes=1))
    assert effective([LOG[0], later]) == effective([later, LOG[0]]) == [later]


def test_overlapping_stays_are_closed_and_marked_not_dropped() -> None:
    first, second = child_stays(
        [event(1, "check_in", 0, child_id="a", room_id="r1"), event(2, "check_in", 50, child_id="a", room_id="r2")]
    )
    assert first.end == second.start
    assert first.doubts == ("checked in again without a check-out",)
    assert second.end is None


def test_a_move_without_check_in_opens_a_doubtful_stay() -> None:
    (stay,) = child_stays([event(1, "room_transfer", 0, child_id="a", from_room_id="r1", room_id="r2")])
    assert stay.room_id == "r2"
    assert stay.doubts
