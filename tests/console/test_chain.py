"""Two centers and stored names: what one installation shows differently from the usual one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from benchmarks._stage import Stage, stage, week_of

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
