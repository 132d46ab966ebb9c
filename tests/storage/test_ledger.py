"""The contract of the ledger, for both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from domain.errors import BadInput, BadSettings, Conflict, NotFound, StoreBusy, StoreError
from domain.events import Event
from storage import audit
from storage.ledger import Ledger, access, call_outs, centers, incidents, open_ledger, outbox, proposals, schema
from storage.ledger import events as event_log
from storage.ledger.database import open_database
from storage.ledger.migrations import MIGRATIONS, migrate

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def event(sequence: int, center_id: str = "c1", **changes: object) -> Event:
    at = NOW + timedelta(seconds=sequence)
    made = Event(f"e{sequence}", sequence, center_id, "check_in", at, at, child_id=f"k{sequence}", room_id="r1")
    return replace(made, **changes)  # type: ignore[arg-type]


def add(ledger: Ledger, *arrived: Event) -> list[Event]:
    return ledger.write(lambda c: event_log.append_events(c, arrived, NOW, "webhook"))


def stored(ledger: Ledger, center_id: str = "c1") -> list[Event]:
    return ledger.read(lambda c: event_log.read_events(c, center_id))


def outgoing(message_id: str = "m1", **changes: object) -> outbox.Outgoing:
    return replace(outbox.Outgoing(message_id, "c1", "slack", "#alerts", {"text": "x"}, NOW, NOW), **changes)  # type: ignore[arg-type]


def test_an_event_is_stored_once_however_often_it_arrives(ledger: Ledger) -> None:
    assert add(ledger, event(1), event(2), event(1)) == [event(1), event(2)]
    assert add(ledger, event(2), event(3)) == [event(3)]
    assert stored(ledger) == [event(1), event(2), event(3)]


def test_new_events_are_told_from_doubles_in_more_rows_than_one_statement_takes(ledger: Ledger) -> None:
    known, new = ([event(n) for n in range(1, 501) if (n % 3 == 0) is double] for double in (True, False))
    assert add(ledger, *known) == known
    assert add(ledger, *sorted(known + new, key=lambda each: each.sequence)) == new
    assert len(stored(ledger)) == 500


def test_two_bodies_with_one_id_are_both_kept(ledger: Ledger) -> None:
    add(ledger, event(1))
    changed = event(1, room_id="r2")
    assert add(ledger, changed) == [changed]
    assert stored(ledger) == [event(1), changed]


def test_all_fields_of_an_event_survive_the_ledger(ledger: Ledger) -> None:
    full = event(
        1, event_type="correction", staff_id="s", from_room_id="r0", room_ids=("a", "b"), shift_id="h", supersedes="e0",
        voided=True, corrected_type="check_out", happened_at=NOW + timedelta(microseconds=7),
    )  # fmt: skip
    add(ledger, full)
    assert stored(ledger) == [full]


def test_events_are_found_by_when_they_happened_or_became_known(ledger: Ledger) -> None:
    late = event(1, happened_at=NOW - timedelta(days=3), recorded_at=NOW)
    old = event(2, happened_at=NOW - timedelta(days=3), recorded_at=NOW - timedelta(days=3))
    add(ledger, late, old, event(3))
    found = ledger.read(lambda c: event_log.read_events(c, "c1", since=NOW - timedelta(days=1)))
    assert found == [late, event(3)]


def test_gaps_in_the_sequence_are_found(ledger: Ledger) -> None:
    add(ledger, event(3), event(4), event(8))
    assert ledger.read(lambda c: event_log.gaps(c, "c1")) == (8, [(1, 2), (5, 7)])
    add(ledger, *(event(n) for n in (1, 2, 5, 6, 7)))
    assert ledger.read(lambda c: event_log.gaps(c, "c1")) == (8, [])
    assert ledger.read(lambda c: event_log.gaps(c, "nobody")) == (0, [])


def test_writers_that_wait_together_share_a_commit_and_a_failing_one_takes_nothing_with_it(ledger: Ledger) -> None:
    def fails(connection: Connection) -> None:
        event_log.append_events(connection, [event(99)], NOW, "webhook")
        raise BadInput("no")

    before = ledger.commits
    futures = [
        ledger.submit(lambda c, n=n: event_log.append_events(c, [event(n)], NOW, "webhook")) for n in range(1, 41)
    ]
    bad = ledger.submit(fails)
    assert sum(len(future.result()) for future in futures) == 40
    with pytest.raises(BadInput, match="no"):
        bad.result()
    assert ledger.commits - before < 40
    assert sorted(e.sequence for e in stored(ledger)) == list(range(1, 41))


def test_a_database_error_reaches_its_caller_as_a_sentence_and_the_writer_goes_on(ledger: Ledger) -> None:
    with pytest.raises(StoreError, match="the ledger cannot be read or written"):
        ledger.write(lambda c: c.execute(text("INSERT INTO nowhere VALUES (1)")))
    assert add(ledger, event(1)) == [event(1)]


def test_a_second_writer_is_refused_until_the_first_has_gone(ledger_url: str) -> None:
    with open_ledger(ledger_url):
        for _ in range(2):
            with pytest.raises(StoreBusy, match="another ratiocast service"):
                open_ledger(ledger_url)
    with open_ledger(ledger_url) as again:
        assert add(again, event(1))


def test_a_reader_beside_the_writer_sees_what_is_committed_and_cannot_write(ledger_url: str, ledger: Ledger) -> None:
    add(ledger, event(1))
    with open_ledger(ledger_url, write=False) as reader:
        assert stored(reader) == [event(1)]
        with pytest.raises(StoreError, match="reading only"):
            add(reader, event(2))
        with pytest.raises(StoreError):
            reader.read(lambda c: event_log.append_events(c, [event(2)], NOW, "webhook"))


def test_what_was_committed_is_there_after_opening_again(ledger_url: str) -> None:
    with open_ledger(ledger_url) as first:
        add(first, *(event(n) for n in range(1, 50)))
    with open_ledger(ledger_url) as second:
        assert len(stored(second)) == 49


def test_many_threads_may_write_and_read_at_once(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: (add(ledger, event(n)), stored(ledger)), range(1, 33)))
    assert len(stored(ledger)) == 32


def test_the_migrations_make_exactly_the_tables_the_code_knows(ledger: Ledger) -> None:
    found = ledger.read(
        lambda c: {n: {col["name"] for col in inspect(c).get_columns(n)} for n in inspect(c).get_table_names()}
    )
    assert found == {name: set(table.columns.keys()) for name, table in schema.metadata.tables.items()}
    keys = ledger.read(lambda c: {n: set(inspect(c).get_pk_constraint(n)["constrained_columns"]) for n in found})
    assert keys == {name: set(table.primary_key.columns.keys()) for name, table in schema.metadata.tables.items()}


def test_a_ledger_of_any_older_version_is_brought_up_to_date_with_its_rows(ledger_url: str) -> None:
    database = open_database(ledger_url)
    connection = database.writer()
    with connection.begin():
        assert migrate(connection, NOW, upto=1) == [1]
    with connection.begin():
        event_log.append_events(connection, [event(1)], NOW, "webhook")
    connection.close()
    database.close()
    with open_ledger(ledger_url) as opened:
        assert stored(opened) == [event(1)]
        versions = opened.read(lambda c: c.execute(select(schema.schema_version.c.version)).scalars().all())
        assert sorted(versions) == [step.version for step in MIGRATIONS]


def test_a_ledger_of_a_newer_release_is_refused(ledger_url: str) -> None:
    with open_ledger(ledger_url) as opened:
        opened.write(lambda c: c.execute(schema.schema_version.insert().values(version=999, applied_at=NOW)))
    with pytest.raises(StoreError, match="newer release"):
        open_ledger(ledger_url)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "not a url"])
def test_any_other_database_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(BadSettings):
        open_ledger(url)


def test_an_unreachable_database_is_a_store_error() -> None:
    with pytest.raises(StoreError, match="the ledger cannot be read"):
        open_ledger("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")


def test_a_message_is_claimed_by_one_sender_only_and_the_attempt_is_on_record_before_it_leaves(ledger: Ledger) -> None:
    ledger.write(lambda c: outbox.enqueue(c, [outgoing()]))
    assert ledger.write(lambda c: outbox.enqueue(c, [outgoing()])) == 0
    (mine,) = ledger.write(lambda c: outbox.claim(c, NOW, 10))
    assert ledger.write(lambda c: outbox.claim(c, NOW, 10)) == []
    (attempt,) = ledger.read(lambda c: outbox.attempts_of(c, "m1"))
    assert (attempt.number, attempt.outcome, attempt.repeat) == (1, None, False)
    assert ledger.write(lambda c: outbox.finish(c, mine, "sent", NOW, reference="ts1"))
    assert not ledger.write(lambda c: outbox.finish(c, mine, "sent", NOW))
    assert ledger.read(lambda c: outbox.get(c, "m1")).status == "sent"


def test_a_passing_failure_comes_back_later_and_a_permanent_one_does_not(ledger: Ledger) -> None:
    ledger.write(lambda c: outbox.enqueue(c, [outgoing("m1"), outgoing("m2", recipient="#other")]))
    first, second = ledger.write(lambda c: outbox.claim(c, NOW, 10))
    later = NOW + timedelta(seconds=30)
    ledger.write(lambda c: outbox.finish(c, first, "passing", NOW, detail="503", retry_at=later))
    ledger.write(lambda c: outbox.finish(c, second, "permanent", NOW, detail="404"))
    assert ledger.write(lambda c: outbox.claim(c, NOW, 10)) == []
    assert ledger.read(outbox.next_due) == later
    (again,) = ledger.write(lambda c: outbox.claim(c, later, 10))
    assert (again.message_id, again.attempts, again.repeats) == ("m1", 2, 0)


def test_a_message_whose_sender_died_is_sent_again_as_a_repeat(ledger: Ledger) -> None:
    ledger.write(lambda c: outbox.enqueue(c, [outgoing()]))
    ledger.write(lambda c: outbox.claim(c, NOW, 10))
    assert ledger.write(lambda c: outbox.recover(c, NOW)) == 1
    (again,) = ledger.write(lambda c: outbox.claim(c, NOW, 10))
    assert again.repeats == 1
    assert [a.repeat for a in ledger.read(lambda c: outbox.attempts_of(c, "m1"))] == [False, True]


def test_messages_in_shadow_are_on_record_and_never_sent(ledger: Ledger) -> None:
    ledger.write(lambda c: outbox.enqueue(c, [outgoing(status="shadow")]))
    assert ledger.write(lambda c: outbox.claim(c, NOW + timedelta(days=1), 10)) == []
    assert [m.status for m in ledger.read(lambda c: outbox.messages_of(c, "c1"))] == ["shadow"]


def test_one_message_per_recipient_is_taken_at_a_time_and_a_busy_recipient_is_passed_over(ledger: Ledger) -> None:
    ledger.write(lambda c: outbox.enqueue(c, [outgoing("m1"), outgoing("m2"), outgoing("m3", recipient="#other")]))
    assert [m.message_id for m in ledger.write(lambda c: outbox.claim(c, NOW, 10))] == ["m1", "m3"]
    busy = [outbox.recipient_key(outgoing("m2"))]
    assert ledger.write(lambda c: outbox.claim(c, NOW, 10, busy_recipients=busy)) == []
    assert [m.message_id for m in ledger.write(lambda c: outbox.claim(c, NOW, 10))] == ["m2"]


def test_an_outlet_that_must_wait_is_passed_over(ledger: Ledger) -> None:
    ledger.write(lambda c: outbox.enqueue(c, [outgoing("m1"), outgoing("m2", outlet="sms")]))
    assert [m.message_id for m in ledger.write(lambda c: outbox.claim(c, NOW, 10, busy=["slack"]))] == ["m2"]


def test_held_back_messages_are_dropped_and_those_free_to_leave_are_not(ledger: Ledger) -> None:
    later = NOW + timedelta(hours=8)
    held = outgoing("m1", incident_id="i1", not_before=later)
    ledger.write(lambda c: outbox.enqueue(c, [held]))
    assert ledger.write(lambda c: outbox.withdraw_held(c, "i1", NOW, "over")) == 1
    assert not ledger.read(lambda c: outbox.was_attempted(c, "i1"))
    ledger.write(lambda c: outbox.enqueue(c, [outgoing("m2", incident_id="i1")]))
    assert ledger.write(lambda c: outbox.withdraw_held(c, "i1", NOW, "over")) == 0
    assert [m.message_id for m in ledger.write(lambda c: outbox.claim(c, later, 10))] == ["m2"]


def test_a_recipient_who_said_never_again_is_remembered(ledger: Ledger) -> None:
    for _ in range(2):
        ledger.write(lambda c: outbox.suppress(c, "sms", "+1555", NOW, "21610"))
    assert ledger.read(lambda c: outbox.is_suppressed(c, "sms", "+1555"))
    assert not ledger.read(lambda c: outbox.is_suppressed(c, "sms", "+1666"))


def test_incidents_and_proposals_change_by_compare_and_set(ledger: Ledger) -> None:
    row = incidents.IncidentRow("i1", "c1", "r1", "violation", "violation", "open", NOW, NOW, None, {"n": 1})
    first = ledger.write(lambda c: incidents.save_incident(c, row))
    with pytest.raises(Conflict):
        ledger.write(lambda c: incidents.save_incident(c, row))
    ledger.write(lambda c: incidents.save_incident(c, replace(first, status="resolved", closed_at=NOW)))
    with pytest.raises(Conflict):
        ledger.write(lambda c: incidents.save_incident(c, replace(first, status="acknowledged")))
    assert ledger.read(lambda c: incidents.open_incidents(c, "c1")) == []
    assert ledger.read(lambda c: incidents.read_incident(c, "i1")).version == 2
    offer = proposals.ProposalRow("p1", "c1", "reassign", "open", NOW, NOW, {})
    saved = ledger.write(lambda c: proposals.save_proposal(c, offer))
    ledger.write(lambda c: proposals.save_proposal(c, replace(saved, status="approved")))
    with pytest.raises(Conflict):
        ledger.write(lambda c: proposals.save_proposal(c, replace(saved, status="denied")))
    with pytest.raises(NotFound):
        ledger.read(lambda c: proposals.read_proposal(c, "p9"))


def test_verdicts_headcounts_and_feedback_come_back_as_they_were_kept(ledger: Ledger) -> None:
    verdict = incidents.VerdictRow("c1", "r1", NOW, 5, 1, 2, "plain", "TX@x/0", {"odds": {"15": 0.5}})
    later = replace(verdict, at=NOW + timedelta(minutes=1), children=6)
    ledger.write(lambda c: incidents.save_verdicts(c, [verdict, later, replace(later, children=7)]))
    span = (NOW, NOW + timedelta(hours=1))
    found = ledger.read(lambda c: incidents.read_verdicts(c, "c1", *span))
    assert found == [verdict, replace(later, children=7)]
    assert ledger.read(lambda c: incidents.read_verdicts(c, "c1", NOW, NOW)) == []
    for new in (True, False):
        kept = ledger.write(lambda c: incidents.save_observation(c, "o1", "c1", "r1", NOW, NOW, {"children": 3}))
        assert kept is new
    assert ledger.read(lambda c: incidents.read_observations(c, "c1", NOW)) == [{"children": 3}]
    label = incidents.Feedback("f1", "c1", "missed", NOW, "user:d", None, "r1", NOW, None, "seen")
    ledger.write(lambda c: incidents.save_feedback(c, label))
    assert ledger.read(lambda c: incidents.read_feedback(c, "c1", NOW)) == [label]


def test_of_the_call_outs_of_one_adult_on_a_day_the_last_one_holds(ledger: Ledger) -> None:
    def approved(number: int, staff_id: str, day: int = 11, **body: object) -> call_outs.CallOutRow:
        at = NOW + timedelta(minutes=number)
        return call_outs.CallOutRow(
            f"co{number}", "c1", date(2026, 3, day), staff_id, at, at + timedelta(hours=8), at, "user:d", dict(body)
        )

    first, other, again, later = approved(1, "s1"), approved(2, "s2"), approved(3, "s1"), approved(4, "s1", 12)
    for row in (first, other, again, later):
        ledger.write(lambda c, row=row: call_outs.save_call_out(c, row))
    done = approved(3, "s1", outcome=["changed"])
    ledger.write(lambda c: call_outs.save_call_out(c, done))
    assert ledger.read(lambda c: call_outs.find_call_outs(c, "c1", date(2026, 3, 11))) == [other, done]
    assert ledger.read(lambda c: call_outs.find_call_outs(c, "c2", date(2026, 3, 11))) == []
    assert ledger.read(lambda c: call_outs.read_call_out(c, "co1")) == first
    assert ledger.read(lambda c: call_outs.read_call_out(c, "co9")) is None


def test_settings_are_versioned_and_a_change_on_an_old_version_is_refused(ledger: Ledger) -> None:
    def save(body: dict[str, object], version: int | None) -> centers.StoredSettings:
        return ledger.write(lambda c: centers.write_settings(c, "c1", body, "user:d", NOW, version=version))

    assert save({"mode": "shadow"}, 0).version == 1
    assert save({"mode": "alerts"}, 1).version == 2
    with pytest.raises(Conflict):
        save({"mode": "shadow"}, 1)
    log = ledger.read(lambda c: list(audit.entries(c, "c1")))
    assert [(e.before, e.after) for e in log] == [(None, {"mode": "shadow"}), ({"mode": "shadow"}, {"mode": "alerts"})]


def test_reference_data_is_replaced_by_kind(ledger: Ledger) -> None:
    for body in ([1], [1, 2]):
        ledger.write(lambda c, body=body: centers.keep_reference(c, "c1", "rooms", body, NOW))
    ledger.write(lambda c: centers.keep_reference(c, "c1", "center", {"name": "A"}, NOW))
    assert ledger.read(lambda c: centers.read_reference(c, "c1")) == {"rooms": [1, 2], "center": {"name": "A"}}
    assert ledger.read(centers.known_centers) == ["c1"]


def test_a_key_is_known_by_its_hash_only_and_ends_when_revoked_or_expired(ledger: Ledger) -> None:
    key_id, token = ledger.write(lambda c: access.create_key(c, "tablet", "lead_teacher", ["c1"], NOW))
    who = ledger.read(lambda c: access.principal_of_key(c, token, NOW))
    assert who is not None
    assert (who.role, who.sees("c1"), who.sees("c2")) == ("lead_teacher", True, False)
    rows = ledger.read(lambda c: [tuple(row) for row in c.execute(select(schema.keys))])
    assert token.split("_", 2)[2] not in repr(rows)
    for wrong in (token + "x", token[:-1], "", "rk_", f"rk_{key_id}_", "rk_a_b", "\ud800"):
        assert ledger.read(lambda c, wrong=wrong: access.principal_of_key(c, wrong, NOW)) is None
    ledger.write(lambda c: access.revoke_key(c, key_id, NOW))
    assert ledger.read(lambda c: access.principal_of_key(c, token, NOW)) is None
    _, brief = ledger.write(lambda c: access.create_key(c, "i", "inspector", ["c1"], NOW, NOW + timedelta(hours=1)))
    assert ledger.read(lambda c: access.principal_of_key(c, brief, NOW + timedelta(minutes=59)))
    assert ledger.read(lambda c: access.principal_of_key(c, brief, NOW + timedelta(hours=1))) is None


def test_a_session_needs_the_password_and_ends_by_itself(ledger: Ledger) -> None:
    user = access.User("ana", "Ana", "director", ("c1",), {"sms": "+15550100"})
    ledger.write(lambda c: access.create_user(c, user, access.hash_password("correct horse"), NOW))
    for name, password, good in (
        ("ana", "wrong horse", False),
        ("bob", "correct horse", False),
        ("ana", "correct horse", True),
    ):
        assert ledger.read(lambda c, n=name, p=password: access.check_password(c, n, p)) is good
    token, who = ledger.write(lambda c: access.open_session(c, "ana", NOW))
    assert ledger.read(lambda c: access.principal_of_session(c, token, NOW)) == who
    assert ledger.read(lambda c: access.principal_of_session(c, token, NOW + timedelta(hours=13))) is None
    ledger.write(lambda c: access.change_user(c, "ana", password_hash=access.hash_password("another horse")))
    assert ledger.read(lambda c: access.principal_of_session(c, token, NOW)) is None
    dump = ledger.read(lambda c: [tuple(row) for row in c.execute(select(schema.users))])
    assert "horse" not in repr(dump)


@pytest.mark.parametrize(
    ("role", "chosen", "expires"), [("king", ["c1"], None), ("director", [], None), ("inspector", ["c1"], None)]
)
def test_a_key_that_makes_no_sense_is_refused(
    ledger: Ledger, role: str, chosen: list[str], expires: datetime | None
) -> None:
    with pytest.raises(BadInput):
        ledger.write(lambda c: access.create_key(c, "x", role, chosen, NOW, expires))


def test_a_write_that_fails_half_way_leaves_no_audit_entry_behind(ledger: Ledger) -> None:
    def half(connection: Connection) -> None:
        audit.append(connection, audit.Entry("c1", "x", "y", "z", NOW))
        raise SQLAlchemyError("half way")

    with pytest.raises(SQLAlchemyError):
        ledger.write(half)
    assert ledger.read(lambda c: list(audit.entries(c, "c1"))) == []
