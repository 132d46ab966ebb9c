from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from icalendar import Calendar
from pypdf import PdfReader

import rulebook
from api import console
from benchmarks._stage import PASSWORD, Stage
from connectors.clock import SystemPacedClock
from evaluator import Risk
from storage.ledger import open_ledger
from storage.ledger.access import User, create_user, hash_password
from storage.settings import Settings
from tests.console.conftest import HTML, until, words

PAGES = (
    "/", "/week", "/week/2026-W12?by=person", "/call-out", "/roll-call", "/incidents", "/incidents/week/2026-W11",
    "/reports", "/reports/daily/2026-03-10", "/reports/period?first=2026-03-09&last=2026-03-11", "/reports/tune-up",
    "/reports/shadow", "/reports/forecasts", "/inspector", "/families", "/learn", "/learn/quiz", "/settings",
    "/centers", "/my-day",
)  # fmt: skip


def pdf_text(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


@pytest.mark.parametrize("path", PAGES)
def test_a_director_can_open_every_page_and_none_loads_anything_from_elsewhere(director, path: str) -> None:
    html = director.read(path)
    assert "Traceback" not in html
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', html)
    assert html.count("<h1") == 1


def test_every_page_of_the_console_is_in_the_directors_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "console.md").read_text()
    paths = {route.path for router in console.PAGES for route in router.routes if isinstance(route, APIRoute)
             if "GET" in route.methods}  # fmt: skip
    assert "/roll-call" in paths
    assert [path for path in sorted(paths) if f"`{path.split('{')[0].rstrip('/') or '/'}" not in guide] == []


def test_the_front_page_names_its_center_and_shows_a_tile_per_room(director, running: Stage) -> None:
    html = director.read("/")
    assert f'data-center="{running.center_id}"' in html
    board = director.client.get(f"/v1/centers/{running.center_id}/live").json()["rooms"]
    for room_id, room in board.items():
        tile = html.split(f'id="room-{room_id}"')[1].split("</article>")[0]
        assert f"<b>{room['children']}</b>" in tile
        assert f"<b>{room['verdict']['counted']}</b>" in tile
        assert "next hour" in tile


def test_a_tile_tells_the_odds_of_a_gap_and_those_of_too_large_a_group_apart(
    director, running: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    center = running.app.state.service.live.centers[running.center_id]
    room_id, at = next(iter(center.assessment.rooms)), center.assessment.at + timedelta(minutes=15)
    when = f"{at.astimezone(center.facts.tz):%H:%M}"
    gap = Risk(room_id, at, 15, 0.07, "arrivals", f"at {when}: no adult to spare", "bookings", 6.0, 2.0, 2.0, 0.8)
    monkeypatch.setattr(center, "risks", [gap])
    tile = words(director.read("/").split(f'id="room-{room_id}"')[1].split("</article>")[0])
    assert f"{when} · 7 % no adult to spare" in tile
    assert f"{when} · 80 % a group too large, or of ages to be kept apart" in tile


def test_somebody_who_is_not_signed_in_is_led_to_the_sign_in_and_back(running: Stage) -> None:
    with httpx.Client(base_url=running.url, follow_redirects=True, trust_env=False) as browser:
        page = browser.get("/incidents", headers={"Accept": "text/html"})
        assert page.url.path == "/sign-in"
        form = {"user": "dana", "password": PASSWORD, "next": page.url.params["next"]}
        assert browser.post("/sign-in", data=form, headers={"Accept": "text/html"}).url.path == "/incidents"
        assert browser.get("/v1/centers", headers={"Accept": "text/html"}).headers["content-type"] == "application/json"


def test_a_wrong_password_is_told_without_saying_which_of_the_two_is_wrong(running: Stage) -> None:
    for user in ("dana", "nobody"):
        answer = httpx.post(f"{running.url}/sign-in", data={"user": user, "password": "not it"}, trust_env=False)
        assert answer.status_code == 401
        assert "The name or the password is wrong." in answer.text


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_after_signing_in_nobody_is_sent_to_another_site(running: Stage, target: str) -> None:
    form = {"user": "dana", "password": PASSWORD, "next": target}
    answer = httpx.post(f"{running.url}/sign-in", data=form, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_page_that_is_not_there_is_a_page_for_people_and_json_for_machines(director) -> None:
    assert "There is no such page." in director.read("/nowhere", 404)
    assert director.client.get("/v1/nowhere").json()["detail"]


def test_a_form_without_the_token_of_the_session_changes_nothing(director, running: Stage) -> None:
    del director.client.headers["X-CSRF-Token"]
    assert "out of date" in director.send("/settings/mode", 403, mode="shadow", version="0")
    assert director.client.get(f"/v1/centers/{running.center_id}/settings").json()["mode"] == "suggestions"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/now/proposals/pro_1/decide", {"answer": "approve"}), ("/call-out", {"staff_id": "c01-s01"}),
        ("/week/2026-W12/accept", {"sha256": "x"}), ("/settings/mode", {"mode": "shadow", "version": "0"}),
        ("/inspector/links", {"hours": "2"}), ("/reports/daily/2026-03-10/sign", {}),
    ],
)  # fmt: skip
def test_a_lead_teacher_may_not_decide(lead, path: str, form: dict[str, str]) -> None:
    html = lead.send(path, 403, **form)
    assert "Not for your role" in html


def test_an_inspector_is_not_told_that_nothing_waits_where_they_may_not_see_it(running: Stage) -> None:
    client = running.signed_in("ines")
    page = client.get("/", headers=HTML).text
    client.close()
    assert "Open incidents" in page
    assert "Suggestions" not in page
    assert "Nothing to decide" not in page


def test_a_lead_teacher_is_not_even_shown_what_only_directors_do(lead) -> None:
    html = lead.read("/")
    assert "Roll call" in html
    assert 'href="/settings"' not in html
    assert 'href="/call-out"' not in html
    assert "Accept as the plan" not in lead.read("/week/2026-W12")


def test_without_a_center_the_front_page_says_how_to_begin(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    clock = SystemPacedClock()
    with open_ledger(settings.ledger_location) as ledger:
        hashed = hash_password(PASSWORD)
        ledger.write(lambda c: create_user(c, User("dana", "Dana", "director", ("*",)), hashed, clock.now()))
    from api.app import create_app

    with TestClient(create_app(settings, clock)) as browser:
        form = {"user": "dana", "password": PASSWORD}
        page = browser.post("/sign-in", data=form, headers={"Accept": "text/html"})
        assert "no center is known yet" in page.text
        assert "RATIOCAST_PLATFORM_URL" in page.text
        for path in ("/week", "/roll-call", "/incidents", "/reports", "/settings"):
            assert browser.get(path, headers={"Accept": "text/html"}).status_code == 404


def test_before_anybody_may_sign_in_the_page_says_how_to_add_the_first(tmp_path: Path) -> None:
    from api.app import create_app

    with TestClient(create_app(Settings(data_dir=tmp_path), SystemPacedClock())) as browser:
        assert "ratiocast users create" in browser.get("/sign-in").text


def test_the_plan_leaves_as_csv_calendar_and_pdf_with_peoples_names(director) -> None:
    rows = list(csv.DictReader(io.StringIO(director.read("/week/2026-W12/plan.csv"))))
    assert rows
    assert all(not row["name"].startswith("c01-s") for row in rows)
    calendar = Calendar.from_ical(director.client.get(f"/week/2026-W12/calendar/{rows[0]['staff_id']}.ics").content)
    mine = [row for row in rows if row["staff_id"] == rows[0]["staff_id"]]
    assert len(calendar.walk("VEVENT")) == len(mine)
    text = pdf_text(director.client.get("/week/2026-W12/plan.pdf").content)
    assert rows[0]["name"] in text


def test_a_plan_that_changed_meanwhile_cannot_be_accepted_blindly(director) -> None:
    assert "changed meanwhile" in director.send("/week/2026-W12/accept", 409, sha256="0" * 64)


def test_a_week_nobody_planned_says_how_to_plan_it(director) -> None:
    page = director.read("/week/2031-W01", 404)
    assert "<code>ratiocast plan --week 2031-W01</code>" in page
    assert 'href="/week/2026-W12"' in page


def test_a_week_that_is_over_without_a_plan_asks_for_none(director) -> None:
    said = words(director.read("/week/2020-W01", 404))
    assert "The week from 30 December 2019 to 5 January 2020 is over" in said
    assert "ratiocast plan" not in said


def test_commands_in_an_error_stand_in_the_type_of_code(director) -> None:
    page = director.read("/week/2031-W01/plan.csv", 404)
    assert "<code>ratiocast plan --week 2031-W01</code>" in page
    assert "`" not in page


def test_the_exceptions_say_their_days_and_claim_nothing_of_weeks_nobody_listened_to(director) -> None:
    running = words(director.read("/incidents/week/2026-W11"))
    assert "9 March to 15 March 2026 so far" in running
    assert "Week after" not in running
    before = words(director.read("/incidents/week/2025-W30"))
    assert "for the first time" in before
    assert "Nothing happened" not in before
    assert "This week has not begun." in words(director.read("/incidents/week/2027-W01"))


def test_the_daily_report_is_signed_off_on_record_and_the_pdf_carries_it(director, running: Stage) -> None:
    assert "Not signed off yet" in director.read("/reports/daily/2026-03-09")
    html = director.send("/reports/daily/2026-03-09/sign")
    assert "Signed off by user:dana" in html
    head = re.search(r'id="head">([0-9a-f]{64})<', html)
    assert head
    text = pdf_text(director.client.get("/reports/daily/2026-03-09/report.pdf").content)
    assert "Signed off by user:dana" in text
    assert head[1] in re.sub(r"\s", "", text)
    entries = director.client.get("/v1/audit", params={"center_id": running.center_id}).json()
    assert any(entry["action"] == "report.signed" for entry in entries)
    assert director.client.get("/v1/audit/verify", params={"center_id": running.center_id}).json()["holds"]


def test_a_running_day_cannot_be_signed_off(director) -> None:
    page = director.read("/reports/daily/2026-03-11")
    assert "It can be signed when the center has closed" in page
    assert 'action="/reports/daily/2026-03-11/sign"' not in page
    assert "not over" in director.send("/reports/daily/2026-03-11/sign", 409)


def test_a_day_looked_at_before_shows_what_came_and_was_voided_since(director, running: Stage) -> None:
    path = "/reports/daily/2026-03-10"  # yesterday, and thereby every period with it
    before = director.read(path)
    facts = running.app.state.service.live.centers["c01"].facts
    child, known = next((c, known) for c, known in facts.children.items() if known.room_id)
    told = {"center_id": "c01", "child_id": child, "room_id": known.room_id, "timestamp": "2026-03-10T15:00:00Z"}
    (arrival,) = running.control("events", [told | {"event_type": "check_in"}])
    voids = {"event_type": "correction", "supersedes": arrival["event_id"], "voided": True}
    running.control("events", [told | voids])
    told_now = before.count("never happened") + 1
    until(lambda: director.read(path).count("never happened") == told_now)
    assert director.read("/reports/period?first=2026-03-10&last=2026-03-11").count("never happened") == told_now


def test_a_periods_csv_pdf_and_page_tell_the_same_violations(director) -> None:
    rows = list(csv.DictReader(io.StringIO(director.read("/reports/period/2026-03-09/2026-03-11/report.csv"))))
    html = director.read("/reports/period?first=2026-03-09&last=2026-03-11")
    text = pdf_text(director.client.get("/reports/period/2026-03-09/2026-03-11/report.pdf").content)
    assert rows
    for row in rows:
        span = f"{row['start'][:5]}–{row['end'][:5]}"
        assert span in html
        assert span.replace("–", " - ") in text


@pytest.mark.parametrize("day", ["2026-03-12", "2031-01-01"])
def test_a_day_that_has_not_begun_is_refused_in_words(director, day: str) -> None:
    assert "Choose days that have begun" in director.read(f"/reports/daily/{day}", 400)


def test_the_inspectors_answer_is_the_rooms_own_verdict_of_that_minute(director, running: Stage) -> None:
    rooms = director.client.get(f"/v1/centers/{running.center_id}/live").json()["rooms"]
    for room_id, room in rooms.items():
        html = director.read(f"/inspector?room={room_id}&day=2026-03-11&at=11:00")
        verdict = room["verdict"]
        assert f'data-children="{room["children"]}" data-counted="{verdict["counted"]}"' in html


def test_the_inspectors_answer_leaves_as_pdf_and_csv_with_the_same_numbers(director, running: Stage) -> None:
    asked = "room=c01-r01&day=2026-03-11&at=11:00"
    html = director.read(f"/inspector?{asked}")
    children, counted, required = re.findall(r'data-(?:children|counted|required)="(\d+)"', html)
    said = f"children {children}, adults counted {counted}, adults required {required}."
    answer = director.client.get(f"/inspector/room.csv?{asked}&known=then")
    assert said in answer.text
    assert "only what was known then" in answer.text
    assert len(list(csv.reader(io.StringIO(answer.text)))) > 8, "the room's whole day follows"
    text = " ".join(pdf_text(director.client.get(f"/inspector/room.pdf?{asked}").content).split())
    assert said in text
    assert "every correction since" in text
    assert "c01-k" not in text


def test_the_inspector_may_take_the_chain_along(director, running: Stage) -> None:
    from storage.audit import head_is_signed

    assert head_is_signed(director.client.get("/inspector/head.json").json())
    assert director.client.get("/inspector/audit.jsonl").text.count("\n") >= 1


def test_an_inspectors_key_is_in_no_address_and_no_cookie(director, running: Stage) -> None:
    link = hidden_link(director.send("/inspector/links", hours=2))
    address, _, key = link.partition("#")
    assert key.startswith("rk_")
    with httpx.Client(base_url=running.url, trust_env=False, headers=HTML) as visitor:
        assert key not in visitor.get(address).text
        assert visitor.get(f"{address}?key={key}").headers.get("set-cookie") is None
        entered = visitor.post("/inspector/enter", data={"key": key})
        assert (entered.status_code, entered.headers["location"]) == (303, "/inspector")
        cookie = entered.headers["set-cookie"]
        assert key not in cookie
        assert "HttpOnly" in cookie
        page = visitor.get("/inspector")
        assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
        assert page.headers["referrer-policy"] == "same-origin"
        assert visitor.post("/inspector/links", data={"hours": "2"}).status_code in (401, 403, 303)
        key_id = key.split("_")[1]
        director.send(f"/settings/keys/{key_id}/revoke")
        assert "expired" in visitor.get("/inspector").text


def hidden_link(html: str) -> str:
    found = re.search(r'id="link" readonly value="([^"]+)"', html)
    assert found
    return found[1]


def test_what_if_answers_as_the_rulebook_does(director) -> None:
    html = director.read("/learn/what-if?infants=5&adults=1&code=TX")
    assert "Not legal" in html
    assert "Texas" in html
    fewer = director.read("/learn/what-if?infants=4&adults=1&code=TX")
    assert "In compliance" in fewer
    assert rulebook.load("TX", running_day()).required([6] * 5) == 2


def test_the_quiz_tells_right_from_wrong_by_the_worked_case(director) -> None:
    answers = [director.send("/learn/quiz", number=3, code="TX", given=given) for given in ("legal", "not legal")]
    assert ["Right." in html for html in answers].count(True) == 1
    assert all("Rule:" in html for html in answers)


def test_a_draft_to_families_holds_the_facts_and_what_is_missing_is_named(director) -> None:
    form = {"kind": "room_closed", "day": "2026-03-13", "room": "Infants", "other_room": "Toddlers", "reason": "paint"}
    html = director.send("/families", **form)
    assert "Infants will be closed, because paint" in html
    assert "other room" in director.send("/families", 400, **(form | {"other_room": ""}))


def test_a_count_can_be_sent_without_script_and_is_shown_as_counted(director, running: Stage) -> None:
    director.send("/roll-call", room_id="c01-r03", children=14, adults=2)
    counts = director.client.get("/v1/headcounts", params={"center_id": running.center_id}).json()
    assert [(c["room_id"], c["children"], c["adults"]) for c in counts][-1] == ("c01-r03", 14, 2)


def test_something_missed_can_be_kept_and_counts_in_the_shadow_figures(director, running: Stage) -> None:
    director.send("/incidents/missed", room_id="c01-r01", at="2026-03-11T09:00", minutes=6, note="one adult")
    labels = director.client.get("/v1/feedback", params={"center_id": running.center_id}).json()
    assert [(each["label"], each["start"]) for each in labels] == [("missed", "2026-03-11T14:00:00Z")]
    assert re.search(r"violations logged by people</th><td>1<", director.read("/reports/shadow"))
    assert "violations logged by people,1" in director.read("/reports/shadow/report.csv")


@pytest.mark.parametrize(("page", "title"), [("tune-up", "Alert tune-up"), ("shadow", "Shadow scoreboard")])
def test_tune_up_and_scoreboard_come_as_pdf_and_csv_with_the_same_lines(director, page: str, title: str) -> None:
    lines = list(csv.reader(io.StringIO(director.read(f"/reports/{page}/report.csv?days=14"))))
    text = " ".join(pdf_text(director.client.get(f"/reports/{page}/report.pdf?days=14").content).split())
    assert lines[0][0].startswith(title)
    assert lines[0][0].endswith("14 days")
    assert lines[0][0] in text
    assert ["odds from", "warnings", "came true", "shortages", "shortages warned of"] in lines
    director.read(f"/reports/{page}/report.docx", 422)


def running_day():
    from datetime import date

    return date(2026, 3, 11)
