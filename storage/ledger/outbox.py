"""Messages to be sent: enqueued with the change they tell of, claimed by compare-and-set, every attempt on record.

pending -> sending -> sent | failed | dropped; a passing failure goes back to pending. A row found `sending` at start
belongs to a process that died between the vendor's answer and its record: it is sent again, marked as a repeat.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, insert, select, update

from storage.ledger.schema import attempts, outbox, row_of, suppressed
from storage.ledger.upsert import insert_new

Outcome = Literal["sent", "passing", "permanent", "dropped"]
_AFTER = {"sent": "sent", "passing": "pending", "permanent": "failed", "dropped": "dropped"}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way. `message_id` is its idempotency key at vendors that take one."""

    message_id: str
    center_id: str
    outlet: str
    recipient: str
    body: dict[str, Any]
    created_at: datetime
    not_before: datetime
    incident_id: str | None = None
    proposal_id: str | None = None
    status: str = "pending"  # shadow: on record only, never sent
    attempts: int = 0
    repeats: int = 0  # attempts that may have reached the recipient although nothing was recorded
    claimed_at: datetime | None = None
    finished_at: datetime | None = None
    reference: str | None = None  # what the vendor calls it


@dataclass(frozen=True, slots=True)
class Attempt:
    message_id: str
    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    detail: str | None
    repeat: bool


def enqueue(connection: Connection, messages: Iterable[Outgoing]) -> int:
    """Add messages; one whose id is known already stays as it is. How many were new."""
    return len(insert_new(connection, outbox, [row_of(message) for message in messages]))


def claim(
    connection: Connection, now: datetime, limit: int, busy: Iterable[str] = (), busy_recipients: Iterable[str] = ()
) -> list[Outgoing]:
    """Take due messages, the oldest of each recipient, and record the attempts about to be made.

    `busy` names outlets that must be left alone now, `busy_recipients` recipients (as `recipient_key` names them).
    """
    turn = func.row_number().over(
        partition_by=(outbox.c.outlet, outbox.c.recipient), order_by=(outbox.c.not_before, outbox.c.message_id)
    )
    waiting = (
        select(outbox.c.message_id, turn.label("turn"))
        .where(outbox.c.status == "pending", outbox.c.not_before <= now, outbox.c.outlet.not_in(list(busy)))
        .where((outbox.c.outlet + "\x1f" + outbox.c.recipient).not_in(list(busy_recipients)))
        .subquery()
    )
    due = (
        select(outbox)
        .join(waiting, outbox.c.message_id == waiting.c.message_id)
        .where(waiting.c.turn == 1)
        .order_by(outbox.c.not_before, outbox.c.message_id)
        .limit(limit)
    )
    taken = []
    for row in connection.execute(due).all():
        message = _message(row)
        ours = connection.execute(
            update(outbox)
            .where(
                outbox.c.message_id == message.message_id,
                outbox.c.status == "pending",
                outbox.c.attempts == message.attempts,
            )
            .values(status="sending", attempts=message.attempts + 1, claimed_at=now)
        ).rowcount
        if ours:
            number = message.attempts + 1
            connection.execute(
                insert(attempts).values(
                    message_id=message.message_id, number=number, started_at=now, repeat=int(_is_repeat(message))
                )
            )
            taken.append(get(connection, message.message_id))
    return taken


def finish(
    connection: Connection,
    message: Outgoing,
    outcome: Outcome,
    now: datetime,
    *,
    detail: str = "",
    reference: str | None = None,
    retry_at: datetime | None = None,
) -> bool:
    """Record how the claimed attempt ended. False if the message is no longer ours."""
    ours = connection.execute(
        update(outbox)
        .where(
            outbox.c.message_id == message.message_id,
            outbox.c.status == "sending",
            outbox.c.attempts == message.attempts,
        )
        .values(
            status=_AFTER[outcome],
            finished_at=None if outcome == "passing" else now,
            reference=reference,
            **({"not_before": retry_at} if outcome == "passing" and retry_at else {}),
        )
    ).rowcount
    if ours:
        connection.execute(
            update(attempts)
            .where(attempts.c.message_id == message.message_id, attempts.c.number == message.attempts)
            .values(finished_at=now, outcome=outcome, detail=detail[:500])
        )
    return bool(ours)


def recover(connection: Connection, now: datetime) -> int:
    """At start: messages whose sender died become pending again, marked as repeats. How many."""
    return connection.execute(
        update(outbox)
        .where(outbox.c.status == "sending")
        .values(status="pending", repeats=outbox.c.repeats + 1, not_before=now)
    ).rowcount


def withdraw_held(connection: Connection, incident_id: str, now: datetime, reason: str) -> int:
    """Drop an incident's messages that were held back and have not been tried yet. How many."""
    held = (outbox.c.status.in_(("pending", "shadow")), outbox.c.not_before > now, outbox.c.attempts == 0)
    return connection.execute(
        update(outbox)
        .where(outbox.c.incident_id == incident_id, *held)
        .values(status="dropped", finished_at=now, reference=reason)
    ).rowcount


def was_attempted(connection: Connection, incident_id: str) -> bool:
    """Whether any message of the incident has left, is leaving or is free to leave."""
    query = select(outbox.c.message_id).where(outbox.c.incident_id == incident_id, outbox.c.status != "dropped")
    return connection.execute(query.limit(1)).first() is not None


def get(connection: Connection, message_id: str) -> Outgoing:
    return _message(connection.execute(select(outbox).where(outbox.c.message_id == message_id)).one())


def messages_of(
    connection: Connection, center_id: str, *, incident_id: str | None = None, limit: int = 1000
) -> list[Outgoing]:
    query = select(outbox).where(outbox.c.center_id == center_id).order_by(outbox.c.created_at.desc()).limit(limit)
    if incident_id is not None:
        query = query.where(outbox.c.incident_id == incident_id)
    return [_message(row) for row in connection.execute(query)]


def attempts_of(connection: Connection, message_id: str) -> list[Attempt]:
    query = select(attempts).where(attempts.c.message_id == message_id).order_by(attempts.c.number)
    return [Attempt(**{**row._mapping, "repeat": bool(row.repeat)}) for row in connection.execute(query)]


def unsent(connection: Connection, now: datetime) -> int:
    """Messages that are on their way or should be; those held back until later do not count."""
    on_the_way = (outbox.c.status == "sending") | ((outbox.c.status == "pending") & (outbox.c.not_before <= now))
    return int(connection.execute(select(func.count()).select_from(outbox).where(on_the_way)).scalar_one())


def next_due(connection: Connection) -> datetime | None:
    """When the next pending message may be sent."""
    return connection.execute(select(func.min(outbox.c.not_before)).where(outbox.c.status == "pending")).scalar()


def first_reference(connection: Connection, message: Outgoing) -> str:
    """What the vendor calls the first message about the same incident to the same recipient; "" if there is none."""
    if message.incident_id is None:
        return ""
    query = (
        select(outbox.c.reference)
        .where(outbox.c.incident_id == message.incident_id, outbox.c.status == "sent", outbox.c.reference != "")
        .where(outbox.c.outlet == message.outlet, outbox.c.recipient == message.recipient)
        .order_by(outbox.c.finished_at)
        .limit(1)
    )
    return connection.execute(query).scalar() or ""


def same_for(connection: Connection, message: Outgoing, other: Outgoing) -> str | None:
    """The message by which the recipient of `other` hears what `message` says anyway; None if there is none."""
    query = select(outbox).where(
        outbox.c.center_id == message.center_id, outbox.c.incident_id.is_not_distinct_from(message.incident_id),
        outbox.c.proposal_id.is_not_distinct_from(message.proposal_id), outbox.c.outlet == other.outlet,
        outbox.c.recipient == other.recipient, outbox.c.status.in_(("pending", "sending", "sent")),
    )  # fmt: skip
    said = (message.body["title"], message.body["text"])
    found = (row.message_id for row in connection.execute(query) if (row.body["title"], row.body["text"]) == said)
    return next(found, None)


def last_question(connection: Connection, outlet: str, recipient: str) -> tuple[str | None, str | None] | None:
    """Incident and proposal of the last message sent to this recipient that asked for an answer."""
    query = (
        select(outbox)
        .where(outbox.c.outlet == outlet, outbox.c.recipient == recipient, outbox.c.status.in_(("sent", "sending")))
        .order_by(outbox.c.claimed_at.desc())
        .limit(20)
    )
    for row in connection.execute(query):
        if row.body.get("buttons"):
            return row.incident_id, row.proposal_id
    return None


def suppress(connection: Connection, outlet: str, recipient: str, now: datetime, reason: str) -> None:
    """Never send to this recipient through this outlet again."""
    insert_new(connection, suppressed, [{"outlet": outlet, "recipient": recipient, "at": now, "reason": reason}])


def is_suppressed(connection: Connection, outlet: str, recipient: str) -> bool:
    query = select(suppressed.c.at).where(suppressed.c.outlet == outlet, suppressed.c.recipient == recipient)
    return connection.execute(query).first() is not None


def recipient_key(message: Outgoing) -> str:
    return f"{message.outlet}\x1f{message.recipient}"


def _is_repeat(message: Outgoing) -> bool:
    return message.repeats > 0


def _message(row: Any) -> Outgoing:
    return Outgoing(**row._mapping)
