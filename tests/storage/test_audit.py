"""The audit chain: what it says, and that no change to it goes unseen."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import audit
from storage.ledger import Ledger
from storage.ledger.schema import canonical_json

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def written(ledger: Ledger, count: int = 6, center_id: str = "c1") -> list[dict[str, Any]]:
    for n in range(count):
        entry = audit.Entry(
            center_id,
            "incident.opened",
            f"incident:i{n}",
            "service",
            NOW,
            None,
            {"n": n, "ü": "é"},
            f"cor{n}",
            "TX@2026",
        )
        ledger.write(lambda c, entry=entry: audit.append(c, entry))
    return ledger.read(lambda c: [entry.record() for entry in audit.entries(c, center_id)])


def chain(count: int = 5) -> list[dict[str, Any]]:
    records, previous = [], audit.START
    for number in range(1, count + 1):
        entry = audit.Entry(
            "c1", "a", f"s{number}", "me", NOW, None, {"n": number}, number=number, previous_hash=previous
        )
        record = entry.record()
        previous = record["hash"] = audit.entry_hash(record)
        records.append(record)
    return records


def test_each_center_has_a_chain_of_its_own_and_it_verifies(ledger: Ledger) -> None:
    records = written(ledger)
    other = written(ledger, 2, "c2")
    assert [r["number"] for r in records] == [1, 2, 3, 4, 5, 6]
    assert [r["number"] for r in other] == [1, 2]
    assert audit.verify(records) == (6, [])
    assert audit.verify(json.loads(json.dumps(records))) == (6, [])
    assert ledger.read(audit.centers) == ["c1", "c2"]


def test_entries_of_one_subject_can_be_read_alone(ledger: Ledger) -> None:
    written(ledger)
    found = ledger.read(lambda c: list(audit.entries(c, "c1", subject="incident:i3")))
    assert [entry.number for entry in found] == [4]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_single_change_of_any_field_is_found(data: st.DataObject) -> None:
    records = chain()
    at = data.draw(st.integers(0, len(records) - 1))
    name = data.draw(st.sampled_from(audit.EXPORT_COLUMNS))
    forged = copy.deepcopy(records)
    value = data.draw(st.one_of(st.text(max_size=5), st.integers(-5, 5), st.none()))
    if value == forged[at][name]:
        return
    forged[at][name] = value
    assert audit.verify(forged)[1]


@pytest.mark.parametrize("at", range(5))
def test_an_entry_left_out_is_found_or_the_kept_head_shows_it(at: int) -> None:
    records = chain()
    head = {"number": 5, "hash": records[-1]["hash"], "at": "2026-03-02"}
    del records[at]
    assert audit.verify(records, head)[1]


def test_a_chain_rewritten_from_the_middle_is_caught_by_the_head_kept_elsewhere() -> None:
    records = chain()
    head = {"number": 5, "hash": records[-1]["hash"], "at": "2026-03-02"}
    previous = records[1]["hash"]
    for record in records[2:]:
        record["actor"], record["previous_hash"] = "forger", previous
        previous = record["hash"] = audit.entry_hash(record)
    assert audit.verify(records) == (5, [])
    assert "whose hash was sent out" in audit.verify(records, head)[1][0]


def test_a_head_is_signed_and_a_changed_one_is_not(ledger: Ledger) -> None:
    written(ledger, 3)
    key = Ed25519PrivateKey.generate()
    head = ledger.read(lambda c: audit.signed_head(c, "c1", NOW, key))
    assert head["number"] == 3
    assert audit.head_is_signed(head)
    for name in ("number", "hash", "at", "center_id", "signature", "key"):
        assert not audit.head_is_signed({**head, name: "00"})
    assert not audit.head_is_signed({})


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_json({"b": 1, "a": [1.5, None, True]}) == canonical_json({"a": [1.5, None, True], "b": 1})


def test_the_chains_of_more_centers_than_one_statement_asks_for_are_all_continued(ledger: Ledger) -> None:
    chains = [f"c{n}" for n in range(450)]
    new = [audit.Entry(center_id, "events.received", "events:1..1", "service", NOW) for center_id in chains]
    for number in (1, 2):
        assert {e.number for e in ledger.write(lambda c: audit.append_all(c, new))} == {number}
    found = ledger.read(lambda c: [audit.verify(e.record() for e in audit.entries(c, each)) for each in chains])
    assert found == [(2, [])] * len(chains)
