"""The outbox emptied: nothing is lost, nobody is flooded, and who cannot be reached is replaced."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.dispatch import Dispatcher, note_of
from connectors.outlets import DeliveryFailed, Note
from storage import audit
from storage.ledger import Ledger, open_ledger, outbox
from storage.ledger.outbox import Outgoing

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


class Clock:
    speed = 0.0
    at = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class Recorder:
    """An outlet that does as it is told and remembers what it was given."""

    name: str = "slack"
    idempotent: bool = False
    min_interval: float = 0.0
    answers: list[Exception | str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    sent: threading.Event = field(default_factory=threading.Event)

    def send(self, note: Note) -> str:
        self.notes.append(note)
        self.sent.set()
        answer = self.answers.pop(0) if self.answers else "ok"
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as opened:
        yield opened


def message(message_id: str = "m1", **changes: Any) -> Outgoing:
    body = {"title": "t", "text": "x", "severity": "violation", "audience": "director"}
    return replace(Outgoing(message_id, "c1", "slack", "#a", body, NOW, NOW), **changes)


def drive(ledger: Ledger, outlet: Recorder, messages: list[Outgoing], *after: float, elsewhere: Any = None) -> Clock:
    """Send what is due, then again after each of the spans (seconds)."""
    clock = Clock()

    async def run() -> None:
        dispatcher = Dispatcher(ledger, clock, {outlet.name: outlet}, elsewhere or (lambda _: None))
        ledger.write(lambda c: outbox.enqueue(c, messages))
        for span in (0.0, *after):
            clock.at += timedelta(seconds=span)
            while await dispatcher.step():
                pass
        dispatcher.close()

    asyncio.run(run())
    return clock


def status(ledger: Ledger, message_id: str = "m1") -> Outgoing:
    return ledger.read(lambda c: outbox.get(c, message_id))


def test_a_message_is_sent_once_and_its_reference_kept(ledger: Ledger) -> None:
    outlet = Recorder(answers=["ts-1"])
    drive(ledger, outlet, [message()], 60, 600)
    assert len(outlet.notes) == 1
    assert (status(ledger).status, status(ledger).reference) == ("sent", "ts-1")


def test_a_passing_failure_is_tried_again_ever_more_rarely_until_it_works(ledger: Ledger) -> None:
    outlet = Recorder(answers=[DeliveryFailed("503"), DeliveryFailed("503")])
    drive(ledger, outlet, [message()], 1, 3, 1, 8)
    assert len(outlet.notes) == 3
    assert status(ledger).status == "sent"
    tries = ledger.read(lambda c: outbox.attempts_of(c, "m1"))
    assert [t.outcome for t in tries] == ["passing", "passing", "sent"]
    assert not any(note.repeat for note in outlet.notes)


def test_each_message_knows_the_first_one_of_its_incident_to_the_same_recipient(ledger: Ledger) -> None:
    outlet = Recorder(answers=["C1:1", "C1:2", "C1:3", "C2:1", "C1:4", "C1:5"])
    told = [
        message("m1", incident_id="i1"),
        message("m2", incident_id="i1", proposal_id="p1", not_before=NOW + timedelta(seconds=1)),
        message("m3", incident_id="i2", not_before=NOW + timedelta(seconds=2)),
        message("m4", incident_id="i1", recipient="#b", not_before=NOW + timedelta(seconds=3)),
        message("m5", not_before=NOW + timedelta(seconds=4)),
        message("m6", not_before=NOW + timedelta(seconds=5)),
    ]
    drive(ledger, outlet, told, *[1] * 5)
    assert [note.thread for note in outlet.notes] == ["", "C1:1", "", "", "", ""]
    assert [note.renews for note in outlet.notes] == [True, False, True, True, True, True]


def test_a_second_message_to_a_recipient_waits_until_the_first_is_on_record(ledger: Ledger) -> None:
    gate = threading.Event()

    class Slow(Recorder):
        def send(self, note: Note) -> str:
            if note.message_id == "m1":
                gate.wait(10)
            return super().send(note)

    outlet, clock = Slow(), Clock()

    async def run() -> None:
        dispatcher = Dispatcher(ledger, clock, {"slack": outlet}, lambda _: None)
        ledger.write(lambda c: outbox.enqueue(c, [message("m1"), message("m2"), message("m3", recipient="#b")]))
        assert await dispatcher.start_due() == 2
        assert await dispatcher.start_due() == 0
        gate.set()
        while await dispatcher.step():
            pass
        await dispatcher.step()
        dispatcher.close()

    asyncio.run(run())
    assert sorted(note.message_id for note in outlet.notes) == ["m1", "m2", "m3"]


def test_an_outlets_own_mistake_does_not_lose_the_message(ledger: Ledger) -> None:
    outlet = Recorder(answers=[ZeroDivisionError("oops")])
    drive(ledger, outlet, [message()], 5)
    assert status(ledger).status == "sent"


def test_retry_after_leaves_the_whole_outlet_alone(ledger: Ledger) -> None:
    outlet = Recorder(answers=[DeliveryFailed("429", retry_after=30)])
    drive(ledger, outlet, [message()])
    assert len(outlet.notes) == 1
    clock = Clock()

    async def run() -> None:
        dispatcher = Dispatcher(ledger, clock, {"slack": outlet}, lambda _: None)
        outlet.answers = [DeliveryFailed("429", retry_after=30)]
        ledger.write(lambda c: outbox.enqueue(c, [message("m2", recipient="#b")]))
        await dispatcher.step()
        ledger.write(lambda c: outbox.enqueue(c, [message("m3", recipient="#c")]))
        clock.at = NOW + timedelta(seconds=29)
        assert await dispatcher.step() == 0
        clock.at = NOW + timedelta(seconds=31)
        while await dispatcher.step():
            pass
        dispatcher.close()

    asyncio.run(run())
    assert {status(ledger, key).status for key in ("m1", "m2", "m3")} == {"sent"}


def test_a_recipient_who_is_gone_is_never_tried_again_and_somebody_else_is_told(ledger: Ledger) -> None:
    outlet = Recorder(answers=[DeliveryFailed("21610", gone=True)])

    def instead(lost: Outgoing) -> Outgoing:
        return replace(lost, message_id=f"{lost.message_id}_1", recipient="#b", status="pending", attempts=0)

    drive(ledger, outlet, [message()], elsewhere=instead)
    assert status(ledger).status == "failed"
    assert status(ledger, "m1_1").status == "sent"
    drive(ledger, outlet, [message("m2")])
    assert [note.recipient for note in outlet.notes] == ["#a", "#b"]
    entries = ledger.read(lambda c: list(audit.entries(c, "c1")))
    assert entries[0].action == "message.undeliverable"
    assert entries[0].after["instead"] == "m1_1"


def test_nobody_hears_the_same_twice_because_somebody_else_is_gone(ledger: Ledger) -> None:
    outlet = Recorder()

    def send(note: Note) -> str:
        outlet.notes.append(note)
        if note.recipient == "#a":
            raise DeliveryFailed("21610", gone=True)
        return "ok"

    outlet.send = send  # type: ignore[method-assign]

    def instead(lost: Outgoing) -> Outgoing:
        body = lost.body | {"text": f"{lost.body['text']}\nSent to you because somebody could not be reached."}
        return replace(lost, message_id=f"{lost.message_id}_1", recipient="#b", status="pending", attempts=0, body=body)

    both = [message("m1", incident_id="i"), message("m2", incident_id="i", recipient="#b")]
    other = message("m3", incident_id="j")
    drive(ledger, outlet, [*both, other], elsewhere=instead)
    assert sorted(note.message_id for note in outlet.notes if note.recipient == "#b") == ["m2", "m3_1"]
    entries = ledger.read(lambda c: list(audit.entries(c, "c1")))
    assert {entry.subject: entry.after["instead"] for entry in entries} == {"message:m1": "m2", "message:m3": "m3_1"}


@pytest.mark.parametrize("kind", ["all_clear", "withdrawal"])
def test_what_says_that_it_is_over_bears_no_alarm(kind: str) -> None:
    body = {"title": "t", "text": "x", "severity": "critical", "kind": kind}
    assert note_of(message(body=body), Recorder()).severity == "info"
    assert note_of(message(body=body | {"kind": "alert"}), Recorder()).severity == "critical"


def test_after_a_day_a_message_is_given_up_and_somebody_else_is_told(ledger: Ledger) -> None:
    outlet = Recorder(answers=[DeliveryFailed("503")] * 40)
    told = list[str]()
    spans = [1300.0] * 80
    drive(ledger, outlet, [message()], *spans, elsewhere=lambda lost: told.append(lost.message_id))
    assert status(ledger).status == "sent" or told == ["m1"]


def test_an_outlet_that_is_not_set_up_is_a_permanent_failure(ledger: Ledger) -> None:
    drive(ledger, Recorder(), [message(outlet="sms")])
    assert status(ledger).status == "failed"


@pytest.mark.parametrize("idempotent", [True, False])
def test_what_was_on_its_way_when_the_process_died_goes_again_as_a_marked_repeat(
    ledger: Ledger, idempotent: bool
) -> None:
    ledger.write(lambda c: outbox.enqueue(c, [message()]))
    ledger.write(lambda c: outbox.claim(c, NOW, 1))
    outlet = Recorder(idempotent=idempotent)

    async def run() -> int:
        return await Dispatcher(ledger, Clock(), {"slack": outlet}, lambda _: None).recover()

    assert asyncio.run(run()) == 1
    drive(ledger, outlet, [])
    (note,) = outlet.notes
    assert note.message_id == "m1"
    assert note.repeat is not idempotent
    assert [a.repeat for a in ledger.read(lambda c: outbox.attempts_of(c, "m1"))] == [False, True]


def test_a_slow_outlet_holds_no_other_up(ledger: Ledger) -> None:
    release = threading.Event()

    class Slow(Recorder):
        def send(self, note: Note) -> str:
            release.wait(20)
            return super().send(note)

    slow, fast = Slow(), Recorder(name="sms")

    async def run() -> None:
        dispatcher = Dispatcher(ledger, Clock(), {"slack": slow, "sms": fast}, lambda _: None)
        ledger.write(lambda c: outbox.enqueue(c, [message("m1"), message("m2", outlet="sms")]))
        running = asyncio.create_task(dispatcher.run())
        await asyncio.to_thread(fast.sent.wait, 20)
        assert slow.notes == []
        release.set()
        await asyncio.to_thread(slow.sent.wait, 20)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.gather(*dispatcher._under_way)
        dispatcher.close()

    asyncio.run(run())


def test_one_recipient_is_not_sent_to_faster_than_the_outlet_allows(ledger: Ledger) -> None:
    outlet = Recorder(min_interval=3600.0)

    async def run() -> None:
        dispatcher = Dispatcher(ledger, Clock(), {"slack": outlet}, lambda _: None)
        ledger.write(lambda c: outbox.enqueue(c, [message("m1"), message("m2"), message("m3", recipient="#b")]))
        assert await dispatcher.step() == 2
        assert await dispatcher.step() == 0
        dispatcher.close()

    asyncio.run(run())
    assert sorted(note.message_id for note in outlet.notes) == ["m1", "m3"]
