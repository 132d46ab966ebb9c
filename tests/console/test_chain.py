"""Two centers and stored names: what one installation shows differently from the usual one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from api.console.centers import Line, worst_first
from benchmarks._stage import PASSWORD, Stage, stage, week_of

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("chain"), week_of("small", 2), names=True, mode="shadow") as found:
        yield found


def test_the_center_chosen_is_shown_and_remembered_on_every_page(chain: Stage) -> None:
    client = chain.signed_in()
    assert 'data-center="c01"' in client.get("/?center=c01", headers=HTML).text
    assert 'data-center="c02"' in client.get("/?center=c02", headers=HTML).text
    for path in ("/", "/roll-call", "/reports"):
        html = client.get(path, headers=HTML).text
        assert 'data-center="c02"' in html
        assert 'id="room-c01' not in html
    assert client.get("/?center=c99", headers=HTML).status_code == 404
    client.close()


def test_a_redirect_to_the_chosen_centers_week_stays_with_that_center(chain: Stage) -> None:
    client = chain.signed_in()
    client.get("/?center=c01", headers=HTML)
    assert 'data-center="c02"' in client.get("/week?center=c02", headers=HTML).text
    assert 'data-center="c02"' in client.get("/", headers=HTML).text
    client.close()


def test_what_is_worst_comes_first_then_what_waits_longest() -> None:
    def line(name: str, tone: str, rooms: int = 1, waiting: int = 0, minutes: int = 0) -> Line:
        return Line(name, name, tone, "", rooms, 9, 2, waiting, waiting, minutes, "alerts")

    right = [
        line("two rooms short", "bad", 2), line("nobody took it on", "bad", waiting=1), line("old", "bad", minutes=9),
        line("short", "bad"), line("no rules", "trouble", 0), line("doubt", "doubt"), line("full", "warn"),
        line("calm", "good", 6), line("closed", "plain", 0),
    ]  # fmt: skip
    mixed = [*right[5:], *right[:5]]
    assert sorted(mixed, key=worst_first) == right


def test_the_overview_has_the_boards_own_counts_and_says_which_center_cannot_be_judged(chain: Stage) -> None:
    client, live = chain.signed_in(), chain.app.state.service.live.centers
    live["c02"].trouble = "the rules of XX are not known"
    try:
        html = client.get("/centers", headers=HTML).text
    finally:
        live["c02"].trouble = ""
    assert "cannot be judged" in html
    assert "the rules of XX are not known" in html
    for center in live.values():
        rooms = center.assessment.rooms.values()
        line = html.split(f'href="/?center={center.center_id}"')[1].split("</tr>")[0]
        assert f'data-is="children">{sum(room.verdict.group_size for room in rooms)}<' in line
        assert f'data-is="adults">{sum(room.verdict.counted for room in rooms)}<' in line
    client.close()


def test_the_overview_finds_by_name_and_says_so_when_there_is_none(chain: Stage) -> None:
    client = chain.signed_in()
    name = chain.app.state.service.live.centers["c02"].facts.center.name
    found = client.get("/centers", params={"named": name.upper()}, headers=HTML).text
    assert found.count('<tr><td><a href="/?center=') == 1
    assert "No center has" in client.get("/centers?named=nowhere", headers=HTML).text
    part = client.get("/centers", headers=HTML | {"HX-Request": "true"}).text
    assert part.startswith('<div id="centers"')
    client.close()


def test_the_overview_keeps_to_the_centers_of_the_person_and_is_in_no_menu_where_there_is_one(chain: Stage) -> None:
    client = chain.signed_in()
    person = {"user_id": "one", "name": "One", "role": "director", "centers": ["c01"], "password": PASSWORD}
    client.post("/v1/users", json=person).raise_for_status()
    assert 'href="/centers"' in client.get("/", headers=HTML).text
    client.close()
    one = chain.signed_in("one")
    assert 'href="/centers"' not in one.get("/", headers=HTML).text
    html = one.get("/centers", headers=HTML).text
    assert "center=c01" in html
    assert "c02" not in html
    one.close()


def test_in_shadow_mode_every_page_says_so(chain: Stage) -> None:
    client = chain.signed_in()
    assert "Shadow mode." in client.get("/", headers=HTML).text
    client.close()


def test_with_names_switched_on_the_roll_call_has_a_face_for_every_child_here(chain: Stage) -> None:
    client = chain.signed_in()
    html = client.get("/roll-call?center=c01", headers=HTML).text
    center = chain.app.state.service.live.centers["c01"]
    for room_id in center.facts.rooms:
        here = [center.facts.children[child_id] for child_id in center.state.rooms.get(room_id, ())]
        card = html.split(f'data-room="{room_id}"')[1].split("</form>")[0]
        assert len(re.findall("data-here", card)) == len([child for child in here if child.display_name])
        for child in here:
            assert child.display_name is None or child.display_name in card
    assert any(child.display_name for child in center.facts.children.values())
    client.close()
