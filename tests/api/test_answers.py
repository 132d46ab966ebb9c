"""Text messages out and back: who stopped them is replaced, and "1" or "2" decides for those who may."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time as pause
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from storage.ledger import outbox
from storage.ledger.outbox import Outgoing

NUMBER, OTHER, STOPPED = "+15550101", "+15550102", "+15550009"


@pytest.fixture
def twilio(vendors: Any) -> Iterator[Any]:
    with vendors.vendor(vendors.twilio) as double:
        yield double


@pytest.fixture
def texting(make_house: Callable[..., Any], twilio: Any) -> Any:
    return make_house(
        mode="alerts", twilio_account_sid="AC1", twilio_auth_token="token", twilio_from="+15550100",
        twilio_url=twilio.url, public_url="https://c.example",
    )  # fmt: skip


def critical(house: Any, **contacts: str) -> None:
    body: dict[str, Any] = {"mode": "alerts", "policy": {"count_patience_seconds": 120}}
    body["contacts"] = {who: [{"outlet": "sms", "recipient": n}] for who, n in contacts.items()}
    answer = house.client.put("/v1/centers/c1/settings", json=body, headers=house.auth("director"))
    assert answer.status_code == 200
    house.staff("clock_in", "s1", "s2")
    house.arrive(*(f"i{n}" for n in range(5)))
    house.step()
    house.pass_time(minutes=10)
    house.staff("clock_out", "s1", "s2", room_id=None)
    house.step()
    for _ in range(12):
        house.pass_time(minutes=1)


def reply(house: Any, sender: str, text: str) -> Any:
    form = [("From", sender), ("Body", text), ("To", "+15550100")]
    signed = "https://c.example/v1/sms/replies" + "".join(name + value for name, value in sorted(form))
    signature = base64.b64encode(hmac.new(b"token", signed.encode(), hashlib.sha1).digest()).decode()
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return house.client.post("/v1/sms/replies", content=urlencode(form), headers=headers)


def test_who_stopped_text_messages_is_never_texted_again_and_somebody_else_is_paged(texting: Any, twilio: Any) -> None:
    critical(texting, director=STOPPED, assistant_director=OTHER)
    while texting.get("/v1/health")["unsent"]:  # one text per second and number
        texting.step()
        pause.sleep(0.1)
    sent = [request.form() for request in twilio.received]
    assert [form["To"] for form in sent].count(STOPPED) == 1
    assert [form["To"] for form in sent].count(OTHER) == 1  # who hears it anyway is not told it a second time
    lost = [entry for entry in texting.get("/v1/audit", center_id="c1") if entry["action"] == "message.undeliverable"]
    assert [entry["after"]["gone"] for entry in lost] == [True]
    assert lost[0]["after"]["instead"]


def test_who_hears_instead_of_somebody_else_is_told_why(texting: Any, twilio: Any) -> None:
    contacts = {"director": [{"outlet": "sms", "recipient": STOPPED}]}
    contacts["assistant_director"] = [{"outlet": "sms", "recipient": OTHER}]
    note = Outgoing(
        message_id="m1", center_id="c1", outlet="sms", recipient=STOPPED, created_at=texting.clock.now(),
        not_before=texting.clock.now(),
        body={"title": "Infants", "text": "One more adult is needed.", "audience": "director", "severity": "soft"},
    )  # fmt: skip
    body = {"mode": "alerts", "contacts": contacts}
    assert texting.client.put("/v1/centers/c1/settings", json=body, headers=texting.auth("director")).is_success
    texting.service.ledger.write(lambda connection: outbox.enqueue(connection, [note]))
    texting.step()
    told = {form["To"]: form["Body"] for form in (request.form() for request in twilio.received)}
    assert "because director could not be reached" in told[OTHER]


def test_a_reply_acknowledges_for_a_known_number_alone(texting: Any, twilio: Any) -> None:
    critical(texting, director=NUMBER)
    assert "acknowledge" in twilio.received[0].form()["Body"]
    assert "not known here" in reply(texting, "+15559999", "1").text
    assert "1 or 2" in reply(texting, NUMBER, "what?").text
    assert "Acknowledged" in reply(texting, NUMBER, " 1 ").text
    incidents = texting.get("/v1/incidents", center_id="c1")
    assert "acknowledged" in {incident["status"] for incident in incidents}
    forged = texting.client.post("/v1/sms/replies", content=b"From=%2B15550101&Body=1")
    assert forged.status_code == 401


def test_quiet_hours_hold_lesser_messages_back_and_what_is_over_by_then_is_dropped(
    make_house: Callable[..., Any],
) -> None:
    house = make_house(mode="alerts")
    policy = {"quiet_from": "00:00", "quiet_to": "23:59", "quiet_severity": "critical"}
    body = {"mode": "alerts", "policy": policy}
    assert house.client.put("/v1/centers/c1/settings", json=body, headers=house.auth("director")).status_code == 200
    house.staff("clock_in", "s3", room_id="r2")
    house.arrive(*(f"t{n}" for n in range(12)), room_id="r2")
    house.step()
    house.pass_time(minutes=4)
    (incident,) = [i for i in house.get("/v1/incidents", center_id="c1") if i["matter"] == "shortage"]
    held = house.get(f"/v1/incidents/{incident['incident_id']}")["messages"]
    assert {message["status"] for message in held} == {"pending"}
    house.staff("clock_in", "s4", room_id="r2")
    house.step()
    house.pass_time(minutes=2)
    over = house.get(f"/v1/incidents/{incident['incident_id']}")
    assert over["status"] == "resolved"
    assert {message["status"] for message in over["messages"]} == {"dropped"}
    house.clock.at += timedelta(hours=20)
