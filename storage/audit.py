"""The audit log: one hash chain per center, written in the transaction of the change it records.

An entry's hash is SHA-256 over the canonical JSON of its fields, the previous hash among them, so no entry can be
changed, dropped or put in between without every later hash becoming wrong. A chain proves nothing unless its head is
also kept elsewhere: `signed_head` makes the text that goes out daily.

Names and other personal data never stand in an entry; it refers to people and rooms by id, so that a retention purge
of the tables does not break the chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, TextClause, select, text

from domain.errors import BadInput
from domain.time import parse_instant
from storage.ledger.schema import audit, canonical_json, instant_text, row_of
from storage.ledger.upsert import insert_rows

START = "0" * 64  # the hash before the first entry
_CHAINS = 200  # asked for by one statement
HEAD_FIELDS = ("center_id", "number", "hash", "at")


@dataclass(frozen=True, slots=True)
class Entry:
    """What changed and by whom. `subject` is e.g. "incident:inc_1"; `before` and `after` are JSON values."""

    center_id: str
    action: str
    subject: str
    actor: str
    at: datetime
    before: Any = None
    after: Any = None
    correlation_id: str = ""
    rule_version: str = ""
    number: int = 0
    previous_hash: str = START
    hash: str = ""

    def record(self) -> dict[str, Any]:
        """The entry as it is exported, in the order of its columns."""
        return {name: getattr(self, name) for name in EXPORT_COLUMNS} | {"at": instant_text(self.at)}


EXPORT_COLUMNS = (
    "number", "center_id", "at", "actor", "action", "subject", "correlation_id", "rule_version", "before", "after",
    "previous_hash", "hash",
)  # fmt: skip


def append(connection: Connection, entry: Entry) -> Entry:
    """Add an entry at the end of its center's chain; returns it with number and hashes."""
    return append_all(connection, [entry])[0]


def append_all(connection: Connection, new: Iterable[Entry]) -> list[Entry]:
    """Add entries at the ends of their centers' chains, in this order and by one insert."""
    arrived = list(new)
    heads = _heads(connection, {entry.center_id for entry in arrived})
    linked = []
    for entry in arrived:
        number, previous = heads.get(entry.center_id, (0, START))
        number += 1
        value = entry_hash({**entry.record(), "number": number, "previous_hash": previous})
        heads[entry.center_id] = (number, value)
        linked.append(replace(entry, number=number, previous_hash=previous, hash=value))
    insert_rows(connection, audit, [row_of(entry) for entry in linked])
    return linked


def entry_hash(record: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of the exported fields without `hash`."""
    hashed = {name: record[name] for name in EXPORT_COLUMNS if name != "hash"}
    return hashlib.sha256(canonical_json(hashed).encode()).hexdigest()


def entries(
    connection: Connection,
    center_id: str,
    *,
    after: int = 0,
    limit: int | None = None,
    subject: str | None = None,
) -> Iterator[Entry]:
    """A center's entries by number, from the one behind `after`."""
    query = select(audit).where(audit.c.center_id == center_id, audit.c.number > after).order_by(audit.c.number)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    if limit is not None:
        query = query.limit(limit)
    for row in connection.execution_options(yield_per=1000).execute(query):
        yield Entry(**row._mapping)


def centers(connection: Connection) -> list[str]:
    """Centers that have a chain ("" is the chain of the installation itself)."""
    return [row.center_id for row in connection.execute(select(audit.c.center_id).distinct().order_by("center_id"))]


def verify(records: Iterable[Mapping[str, Any]], head: Mapping[str, Any] | None = None) -> tuple[int, list[str]]:
    """Check one center's exported entries: how many there are, and every fault as a sentence (none: the chain holds).

    `head` is a signed head kept elsewhere: the chain must pass through it unchanged.
    """
    faults: list[str] = []
    count, previous = 0, START
    seen_head = head is None
    for record in records:
        count += 1
        number = record["number"]
        if number != count:
            faults.append(f"entry {count} is missing: the next one has number {number}")
            count = max(count, number) if isinstance(number, int) else count
        if record["previous_hash"] != previous:
            faults.append(f"entry {number} does not follow the one before it: an entry was changed, added or dropped")
        if entry_hash(record) != record["hash"]:
            faults.append(f"entry {number} was changed after it was written: its fields do not give its hash")
        previous = record["hash"]
        if head is not None and number == head["number"]:
            seen_head = True
            if record["hash"] != head["hash"]:
                faults.append(f"entry {number} is not the one whose hash was sent out on {head['at']}")
    if not seen_head and head is not None:
        faults.append(
            f"entry {head['number']}, whose hash was sent out on {head['at']}, is missing: the end was cut off"
        )
    return count, faults


def signed_head(connection: Connection, center_id: str, now: datetime, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The head of a center's chain with the installation's signature: small enough for an e-mail or a printed line."""
    number, value = _heads(connection, {center_id}).get(center_id, (0, START))
    head = {"center_id": center_id, "number": number, "hash": value, "at": instant_text(now)}
    public = key.public_key().public_bytes_raw().hex()
    return {**head, "key": public, "signature": key.sign(canonical_json(head).encode()).hex()}


def head_is_signed(head: Mapping[str, Any]) -> bool:
    """Whether the head carries a good signature of the key it names."""
    try:
        parse_instant(str(head["at"]))
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(head["key"]))
        signed = canonical_json({name: head[name] for name in HEAD_FIELDS}).encode()
        key.verify(bytes.fromhex(head["signature"]), signed)
    except (InvalidSignature, BadInput, KeyError, TypeError, ValueError):
        return False
    return True


def _heads(connection: Connection, center_ids: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Number and hash of the last entry of each of these chains, as far as they have begun."""
    wanted = sorted(center_ids)
    found: dict[str, tuple[int, str]] = {}
    for start in range(0, len(wanted), _CHAINS):
        some = wanted[start : start + _CHAINS]
        last = connection.execute(_last_of(len(some)), {f"c{n}": center_id for n, center_id in enumerate(some)}).one()
        for center_id, head in zip(some, last, strict=True):
            if head is not None:
                number, _, value = head.partition(" ")
                found[center_id] = (int(number), value)
    return found


@cache
def _last_of(chains: int) -> TextClause:
    """The last entry of each chain as "number hash": one seek per chain (`GROUP BY` would walk through all of it), and
    all in one row, since the driver gives up the interpreter for each row and gets it back when others let it."""
    last = "(SELECT CAST(number AS TEXT) || ' ' || hash FROM audit WHERE center_id = :c{} ORDER BY number DESC LIMIT 1)"
    return text("SELECT " + ", ".join(last.format(n) for n in range(chains)))
