"""The ledger's tables as SQLAlchemy Core sees them; `migrations` makes them (a test compares the two)."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Column, Dialect, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator

from domain.time import as_utc


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant as text of fixed width (2026-03-02T07:10:00.000000Z): readable, and sorted as time is."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else instant_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


class Written(str):
    """A JSON value that is in its canonical text already."""

    __slots__ = ()


class Json(TypeDecorator[Any]):
    """Any JSON value as canonical text, so that equal values are equal texts in both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        return value if isinstance(value, Written) else canonical_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else json.loads(value)


def instant_text(instant: datetime) -> str:
    return as_utc(instant).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """Sorted keys, no blanks, UTF-8 as it is: the one text of a JSON value."""
    return _CANONICAL.encode(value)


def row_of(record: Any) -> dict[str, Any]:
    """A flat dataclass as a row. `asdict` would copy every document inside it, which costs more than writing it."""
    kind: Any = type(record)
    return {name: getattr(record, name) for name in _names(kind)}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


metadata = MetaData()


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(name, metadata, *columns)


def _key(name: str, kind: type[Text] | type[BigInteger] = Text) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _text(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=null)


def _at(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Instant, nullable=null)


def _whole(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Integer, nullable=null)


def _json(name: str) -> Column[Any]:
    return Column(name, Json, nullable=False)


schema_version = _table("schema_version", _key("version", BigInteger), _at("applied_at"))

# Attendance events as they arrived; `position` is the order of arrival, `digest` tells two bodies of one id apart.
events = _table(
    "events", _key("position", BigInteger), _text("center_id"), Column("sequence", BigInteger, nullable=False),
    _text("event_id"), _text("digest"), _at("happened_at"), _at("recorded_at"), _at("received_at"), _text("source"),
    _json("body"),
)  # fmt: skip

# What the platform said about a center last: one JSON document per kind (center, rooms, staff, shifts, ...).
reference = _table("reference", _key("center_id"), _key("kind"), _at("read_at"), _json("body"))

centers = _table("center_settings", _key("center_id"), _whole("version"), _at("updated_at"), _json("body"))

audit = _table(
    "audit", _key("center_id"), _key("number", BigInteger), _at("at"), _text("actor"), _text("action"),
    _text("subject"), _text("correlation_id"), _text("rule_version"), _json("before"), _json("after"),
    _text("previous_hash"), _text("hash"),
)  # fmt: skip

incidents = _table(
    "incidents", _key("incident_id"), _text("center_id"), _text("room_id", null=True), _text("kind"),
    _text("severity"), _text("status"), _at("opened_at"), _at("updated_at"), _at("closed_at", null=True),
    _whole("version"), _json("body"),
)  # fmt: skip

# Every message to be sent. pending -> sending -> sent | failed | dropped; shadow is never sent.
outbox = _table(
    "outbox", _key("message_id"), _text("center_id"), _text("incident_id", null=True), _text("proposal_id", null=True),
    _text("outlet"), _text("recipient"), _text("status"), _whole("attempts"), _whole("repeats"), _at("created_at"),
    _at("not_before"), _at("claimed_at", null=True), _at("finished_at", null=True), _text("reference", null=True),
    _json("body"),
)  # fmt: skip

# Each attempt is written before the message leaves; an attempt without an outcome is a crash in between.
attempts = _table(
    "attempts", _key("message_id"), _key("number", BigInteger), _at("started_at"), _at("finished_at", null=True),
    _text("outcome", null=True), _text("detail", null=True), _whole("repeat"),
)  # fmt: skip

# Recipients who said "never again" (a stopped telephone number), by outlet.
suppressed = _table("suppressed", _key("outlet"), _key("recipient"), _at("at"), _text("reason"))

proposals = _table(
    "proposals", _key("proposal_id"), _text("center_id"), _text("incident_id", null=True), _text("kind"),
    _text("status"), _at("created_at"), _at("updated_at"), _at("expires_at", null=True), _text("decided_by", null=True),
    _whole("version"), _json("body"),
)  # fmt: skip

# Approved call-outs with their cover plans; `day` is the center's own, 2026-03-11.
call_outs = _table(
    "call_outs", _key("call_out_id"), _text("center_id"), _text("day"), _text("staff_id"), _at("absent_from"),
    _at("absent_until"), _at("approved_at"), _text("approved_by"), _json("body"),
)  # fmt: skip

feedback = _table(
    "feedback", _key("feedback_id"), _text("center_id"), _text("incident_id", null=True), _text("room_id", null=True),
    _text("label"), _at("start_at", null=True), _at("end_at", null=True), _at("at"), _text("actor"), _text("note"),
)  # fmt: skip

# What people told the product themselves (headcounts): a stream of its own beside the platform's events.
observations = _table(
    "observations", _key("observation_id"), _text("center_id"), _text("room_id"), _at("happened_at"),
    _at("recorded_at"), _json("body"),
)  # fmt: skip

# Ratio verdicts as they changed, so that any past minute can be shown and shadow figures computed.
verdicts = _table(
    "verdicts", _key("center_id"), _key("room_id"), Column("at", Instant, primary_key=True),
    _whole("children"), _whole("counted"), _whole("required"), _text("trust"), _text("rule_version"), _json("body"),
)  # fmt: skip

keys = _table(
    "api_keys", _key("key_id"), _text("hash"), _text("name"), _text("role"), _json("centers"), _at("created_at"),
    _at("expires_at", null=True), _at("revoked_at", null=True),
)  # fmt: skip

users = _table(
    "users", _key("user_id"), _text("name"), _text("password_hash"), _text("role"), _json("centers"),
    _json("contacts"), _at("created_at"), _at("disabled_at", null=True),
)  # fmt: skip

sessions = _table(
    "sessions", _key("hash"), _text("user_id"), _text("csrf"), _at("created_at"), _at("expires_at"),
)  # fmt: skip
