"""What is purged and what is held back, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from domain.events import Event
from storage import audit
from storage.ledger import (
    Connection,
    Ledger,
    call_outs,
    centers,
    events,
    incidents,
    outbox,
    proposals,
    retention,
    schema,
)

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(days=1200), NOW - timedelta(days=10)
CUT = NOW - timedelta(days=1100)


def event(sequence: int, at: datetime, center_id: str = "c1") -> Event:
    return Event(f"e{sequence}", sequence, center_id, "check_in", at, at, child_id="k1", room_id="r1")


def incident(incident_id: str, at: datetime, closed_at: datetime | None) -> incidents.IncidentRow:
    status = "open" if closed_at is None else "resolved"
    return incidents.IncidentRow(incident_id, "c1", "r1", "shortage", "violation", status, at, at, closed_at, {})


def message(message_id: str, at: datetime, status: str, incident_id: str | None = None) -> outbox.Outgoing:
    return outbox.Outgoing(message_id, "c1", "slack", "", {}, at, at, incident_id, status=status)


def fill(ledger: Ledger) -> None:
    def all_of_it(c: Connection) -> None:
        events.append_events(c, [event(1, OLD), event(2, OLD), event(3, YOUNG)], NOW, "webhook")
        events.append_events(c, [event(1, OLD, "c2")], NOW, "webhook")
        for at in (OLD, YOUNG):
            name = at.date().isoformat()
            incidents.save_incident(c, incident(f"inc_{name}", at, at + timedelta(hours=1)))
            incidents.save_observation(c, f"o{name}", "c1", "r1", at, at, {})
            incidents.save_feedback(c, incidents.Feedback(f"f{name}", "c1", "useful", at, "user:d"))
            row = call_outs.CallOutRow(
                f"co{name}", "c1", at.date(), "s1", at, at + timedelta(hours=8), at, "user:d", {}
            )
            call_outs.save_call_out(c, row)
            incidents.save_verdicts(c, [incidents.VerdictRow("c1", "r1", at, 1, 1, 1, "plain", "TX", {})])
            proposals.save_proposal(
                c, proposals.ProposalRow(f"p{name}", "c1", "move_float", "expired", at, at, {}, f"inc_{name}")
            )
            outbox.enqueue(c, [message(f"m{name}", at, "pending")])
        while claimed := outbox.claim(c, NOW, 10):
            for each in claimed:
                outbox.finish(c, each, "sent", NOW)
        outbox.enqueue(c, [message("waiting", OLD, "pending")])
        children = [
            {"child_id": "gone", "enrolled_to": "2022-12-30", "display_name": "Ada"},
            {"child_id": "here", "enrolled_to": None, "display_name": "Ben"},
        ]
        centers.keep_reference(c, "c1", "children", children, NOW)

    ledger.write(all_of_it)


def purge(ledger: Ledger, *, names: bool = False) -> dict[str, int]:
    total: dict[str, int] = {}
    before = ledger.read(lambda c: retention.kept_from(c, "c1", CUT))
    while any((gone := ledger.write(lambda c: retention.purge(c, "c1", before, NOW, names=names))).values()):
        total = {what: total.get(what, 0) + count for what, count in gone.items()}
    return total


def rows(ledger: Ledger, table: Any) -> int:
    return int(ledger.read(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one()))


def test_what_is_old_goes_and_what_is_young_or_of_another_center_stays(ledger: Ledger) -> None:
    fill(ledger)
    counted = ledger.read(lambda c: retention.count_old(c, "c1", CUT, names=False))
    gone = purge(ledger)
    assert gone == counted
    assert gone == {
        "events": 2, "headcounts": 1, "verdicts": 1, "messages": 1, "proposals": 1, "call-outs": 1,
        "feedback": 1, "incidents": 1, "children": 2,
    }  # fmt: skip
    left = ledger.read(lambda c: [e.sequence for e in events.read_events(c, "c1")])
    assert (left, ledger.read(lambda c: len(events.read_events(c, "c2")))) == ([3], 1)
    assert rows(ledger, schema.attempts) == 1
    assert rows(ledger, schema.verdicts) == rows(ledger, schema.feedback) == rows(ledger, schema.incidents) == 1


def test_a_message_still_to_be_sent_is_not_purged(ledger: Ledger) -> None:
    fill(ledger)
    purge(ledger)
    assert ledger.read(lambda c: outbox.get(c, "waiting")).status == "pending"


def test_a_dry_run_changes_nothing(ledger: Ledger) -> None:
    fill(ledger)
    before = [rows(ledger, table) for table in schema.metadata.sorted_tables]
    ledger.read(lambda c: retention.count_old(c, "c1", CUT, names=False))
    assert [rows(ledger, table) for table in schema.metadata.sorted_tables] == before


def test_an_open_incident_holds_back_everything_from_two_days_before_it_began(ledger: Ledger) -> None:
    fill(ledger)
    ledger.write(lambda c: incidents.save_incident(c, incident("inc_open", OLD + timedelta(days=1), None)))
    assert purge(ledger, names=True) == {}
    row = ledger.read(lambda c: incidents.read_incident(c, "inc_open"))
    closed = replace(row, status="resolved", closed_at=OLD + timedelta(days=2))
    ledger.write(lambda c: incidents.save_incident(c, closed))
    assert purge(ledger, names=True)["incidents"] == 2


def test_names_go_unless_they_may_be_kept_and_children_who_left_long_ago_go_anyhow(ledger: Ledger) -> None:
    fill(ledger)
    assert purge(ledger, names=True)["children"] == 1
    assert names_of(ledger) == ["Ben"]
    assert purge(ledger, names=False) == {"children": 1, **dict.fromkeys(EMPTY, 0)}
    assert names_of(ledger) == [None]


EMPTY = ("events", "headcounts", "verdicts", "messages", "proposals", "call-outs", "feedback", "incidents")


def names_of(ledger: Ledger) -> list[str | None]:
    return [child["display_name"] for child in ledger.read(lambda c: centers.read_reference(c, "c1"))["children"]]


def test_each_slice_is_on_record_and_the_chain_holds_without_what_is_gone(ledger: Ledger) -> None:
    fill(ledger)
    purge(ledger)
    records = ledger.read(lambda c: [entry.record() for entry in audit.entries(c, "c1")])
    assert audit.verify(records)[1] == []
    (entry,) = [record for record in records if record["action"] == "retention.purged"]
    assert entry["after"]["events"] == 2
    assert "Ada" not in str(records)


def test_what_was_purged_is_no_gap_in_the_log(ledger: Ledger) -> None:
    fill(ledger)
    purge(ledger)
    assert ledger.read(lambda c: centers.read_reference(c, "c1"))["log_base"] == {"sequence": 2}
