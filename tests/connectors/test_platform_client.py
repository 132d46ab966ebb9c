"""The platform client against real HTTP that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import stamina

from connectors.platform import PlatformClient
from domain.errors import Conflict, NotFound, PlatformMalformed, PlatformRefused, PlatformUnavailable
from domain.people import Segment
from tests.platform_double import TOKEN, WRITE_TOKEN, PlatformDouble, small_world

FIRST = date(2026, 2, 2)
ROOM: dict[str, object] = {"room_id": "r", "center_id": "c1", "age_min_months": 0, "age_max_months": 3}
START, END = datetime(2026, 2, 2, 6, tzinfo=UTC), datetime(2026, 2, 4, 6, tzinfo=UTC)


@pytest.fixture
def double() -> Iterator[PlatformDouble]:
    server = PlatformDouble(small_world(FIRST, days=3), page_size=7)
    yield server
    server.close()


@pytest.fixture
def client(double: PlatformDouble) -> Iterator[PlatformClient]:
    with PlatformClient(double.url, TOKEN, write_token=WRITE_TOKEN) as made:
        yield made


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    stamina.set_testing(True, attempts=3, cap=True)
    yield
    stamina.set_testing(False)


def test_it_follows_cursors_through_empty_pages_to_the_end(client: PlatformClient, double: PlatformDouble) -> None:
    assert [child.child_id for child in client.children("c1")] == [f"c1-k{n}" for n in range(18)]
    assert sum("again" in path for path in double.requests) >= 2  # the double answered with empty pages that go on


def test_every_list_comes_back_as_domain_types(client: PlatformClient) -> None:
    center = client.centers()[0]
    room, child, member = client.rooms("c1")[0], client.children("c1")[0], client.staff("c1")[0]
    assert (center.timezone, center.opens.hour, room.walk_seconds) == ("America/Chicago", 6, {"c1-r1": 20})
    assert child.birth_date is not None
    assert member.credentials[0].valid_on(FIRST)
    assert all(shift.interval.overlaps(shift.interval) for shift in client.shifts("c1", START, END))
    assert {booking.day for booking in client.bookings("c1", START, END)} == {FIRST, FIRST + timedelta(days=1)}
    assert len(client.availability("c1", START, END)) == 10
    assert client.closures("c1", START, END + timedelta(days=20))[0].reason == "training"


def test_events_come_by_sequence_after_the_one_given(client: PlatformClient) -> None:
    everything = list(client.events("c1"))
    assert [event.sequence for event in everything] == list(range(1, len(everything) + 1))
    assert [event.sequence for event in client.events("c1", after_sequence=10)] == list(range(11, len(everything) + 1))


@pytest.mark.parametrize(("status", "headers"), [(503, {}), (500, {}), (429, {"Retry-After": "0"}), (0, {})])
def test_what_passes_is_tried_again(
    client: PlatformClient, double: PlatformDouble, status: int, headers: dict[str, str]
) -> None:
    double.fail_once("/rooms", status, headers)
    double.fail_once("/rooms", status, headers)
    assert len(client.rooms("c1")) == 3


def test_it_waits_as_long_as_the_platform_asks(double: PlatformDouble) -> None:
    from connectors.platform import _wait

    stamina.set_testing(False)
    with PlatformClient(double.url, TOKEN) as client:
        double.fail_once("/rooms", 429, {"Retry-After": "1"})
        assert len(client.rooms("c1")) == 3
    import httpx

    def asked(seconds: str) -> object:
        response = httpx.Response(429, headers={"Retry-After": seconds}, request=httpx.Request("GET", "http://x"))
        return _wait(httpx.HTTPStatusError("", request=response.request, response=response))

    assert asked("7") == timedelta(seconds=7)
    assert asked("86400") == timedelta(minutes=2)  # never asleep for a day
    assert asked("soon") is True


def test_it_gives_up_with_a_sentence(client: PlatformClient, double: PlatformDouble) -> None:
    double.always["/rooms"] = (503, b"")
    with pytest.raises(PlatformUnavailable, match="answered 503 to GET /api/v1/rooms"):
        client.rooms("c1")


def test_a_platform_that_is_gone_is_named(double: PlatformDouble) -> None:
    double.close()
    with (
        PlatformClient(double.url, TOKEN) as client,
        pytest.raises(PlatformUnavailable, match="cannot be reached for GET /api/v1/centers"),
    ):
        client.centers()


def test_html_instead_of_json_is_an_error(client: PlatformClient, double: PlatformDouble) -> None:
    double.always["/rooms"] = (200, b"<html>Sign in</html>")
    with pytest.raises(PlatformMalformed, match="with text/html instead of JSON"):
        client.rooms("c1")


@pytest.mark.parametrize(("status", "words"), [(403, "lacks the right to read children"), (401, "is not accepted")])
def test_a_token_without_the_right_names_the_right(
    client: PlatformClient, double: PlatformDouble, status: int, words: str
) -> None:
    double.always["/children"] = (status, b"{}")
    with pytest.raises(PlatformRefused, match=words):
        client.children("c1")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (ROOM | {"name": "x"}, "lacks the field 'capacity'"),
        (ROOM | {"name": 3, "capacity": 1}, "'name' must be"),
        ("a text", "is not an object"),
    ],
)  # fmt: skip
def test_a_row_that_breaks_the_contract_is_named(
    client: PlatformClient, double: PlatformDouble, row: object, words: str
) -> None:
    double.world.rooms[:] = [row] if isinstance(row, dict) else []
    if not isinstance(row, dict):
        double.always["/rooms"] = (200, b'{"data": ["a text"], "next_cursor": null}')
    with pytest.raises(PlatformMalformed, match=words):
        client.rooms("c1")


@pytest.mark.parametrize("answer", [b'{"data": []}', b"[]", b'{"data": 3, "next_cursor": null}'])
def test_a_page_that_is_no_page_is_an_error(client: PlatformClient, double: PlatformDouble, answer: bytes) -> None:
    double.always["/rooms"] = (200, answer)
    with pytest.raises(PlatformMalformed, match="lacks 'data' or 'next_cursor'"):
        client.rooms("c1")


def test_pages_that_go_in_a_circle_end(client: PlatformClient, double: PlatformDouble) -> None:
    double.always["/rooms"] = (200, b'{"data": [], "next_cursor": "same"}')
    with pytest.raises(PlatformMalformed, match="go round in a circle"):
        client.rooms("c1")


def test_tasks_notes_and_drafts_carry_their_key(client: PlatformClient, double: PlatformDouble) -> None:
    assert client.create_task({"center_id": "c1", "title": "t", "body": "b"}, "k1") == "made-k1"
    assert client.notify({"center_id": "c1", "severity": "info", "title": "t", "body": "b"}, "k2") == "made-k2"
    assert client.create_draft({"center_id": "c1", "room_id": "r", "subject": "s", "body": "b"}, "k3") == "made-k3"
    assert [headers["Idempotency-Key"] for *_, headers in double.written] == ["k1", "k2", "k3"]


def test_a_shift_is_changed_with_the_write_token_and_its_version(client: PlatformClient) -> None:
    shift = client.shifts("c1", START, END)[0]
    parts = [Segment(shift.start, shift.end, "room", "c1-r2")]
    changed = client.patch_shift(shift.shift_id, shift.version, parts, "call-out", "key")
    assert (changed.version, changed.segments[0].room_id) == ("2", "c1-r2")
    with pytest.raises(Conflict, match="changed meanwhile"):
        client.patch_shift(shift.shift_id, shift.version, parts, "call-out", "key-2")


def test_without_a_write_token_no_shift_is_changed(double: PlatformDouble) -> None:
    with PlatformClient(double.url, TOKEN) as client, pytest.raises(PlatformRefused, match="no write token is set"):
        client.patch_shift("x", "1", [], "why", "key")


def test_an_unknown_path_is_not_found(client: PlatformClient, double: PlatformDouble) -> None:
    double.always["/rooms"] = (404, b"{}")
    with pytest.raises(NotFound):
        client.rooms("c1")
