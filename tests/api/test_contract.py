"""Bad input over HTTP: whatever is sent, the service answers with a reason and never fails."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors import webhooks
from storage.ledger.events import read_events

EXAMPLES_PER_ROUTE = 6
_QUIETLY = settings(
    max_examples=EXAMPLES_PER_ROUTE, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
MUTATIONS = 300
_SKIPPED = {"/v1/live", "/v1/webhooks/attendance"}  # endless by nature; signed, see below


@pytest.mark.timeout(1200)  # some twenty seconds of work, of which a machine with other work makes many minutes
def test_no_request_the_schema_allows_or_forbids_makes_the_service_fail(house: Any) -> None:
    house.arrive("i1", "i2")
    house.step()
    schema = schemathesis.openapi.from_dict(house.client.app.openapi())
    keep = house.auth("director")
    tried = list[int]()
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in _SKIPPED or not operation.path.startswith("/v1"):
            continue
        cases = st.one_of(
            operation.as_strategy(), operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
        )

        given(case=cases)(_QUIETLY(attempt_at(house, operation.label, keep, tried)))()
    assert len(tried) >= 100


def attempt_at(house: Any, label: str, keep: dict[str, str], tried: list[int]) -> Any:
    def attempt(case: Any) -> None:
        tried.append(send(house, label, keep, case))

    return attempt


def send(house: Any, label: str, keep: dict[str, str], case: Any) -> int:
    request = case.as_transport_kwargs(base_url="http://testserver")
    if isinstance(request.get("data"), bytes):
        request["content"] = request.pop("data")
    request["headers"] = {**dict(request.get("headers") or {}), **keep}
    request.pop("cookies", None)
    answer = house.client.request(**request)
    assert answer.status_code < 500 or answer.status_code == 503, (label, answer.text, request)
    status: int = answer.status_code
    return status


def test_mutated_deliveries_are_taken_as_events_or_refused_with_a_reason(house: Any) -> None:
    chance = random.Random(4)
    key = house.service.webhook_keys[0]
    stamp = int(house.clock.now().timestamp())
    counts = {200: 0, 400: 0}
    expected = set[str]()
    for number in range(MUTATIONS):
        body = mutate(json.dumps([house.event("check_in", child_id="i1", room_id="r1")]).encode(), chance)
        headers = {
            "webhook-id": str(number), "webhook-timestamp": str(stamp),
            "webhook-signature": webhooks.sign(key, str(number), stamp, body),
        }  # fmt: skip
        answer = house.client.post("/v1/webhooks/attendance", content=body, headers=headers)
        counts[answer.status_code] += 1
        if answer.status_code == 200:
            expected |= {event.event_id for event in webhooks.parse_events(body) if event.center_id == "c1"}
    assert counts[200] > 10
    assert counts[400] > 10
    stored = {event.event_id for event in house.service.ledger.read(lambda c: read_events(c, "c1"))}
    assert stored == expected


def mutate(body: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, dropped, doubled or put in, or a value replaced by an odd one."""
    mutated = bytearray(body)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(mutated) + 1)
        odd = chance.choice(
            [b"", b"\x00", b"\xff", b'"', b"null", b"-1", b"1e400", b"{", b"[[", bytes([chance.randrange(256)])]
        )
        mutated[at : at + chance.randint(0, 3)] = odd
    return bytes(mutated)
