"""Keys, users and sessions: who may come in. Secrets are kept as hashes only.

Keys and session tokens are 256 random bits, so a plain SHA-256 is enough; passwords are chosen by people, so they get
scrypt (RFC 7914) with a salt.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from domain.errors import BadInput, NotFound
from domain.time import format_instant
from storage.ledger.schema import keys, sessions, users

ROLES = ("director", "assistant_director", "lead_teacher", "float", "analyst", "inspector", "service")
SESSION_HOURS = 12
MIN_PASSWORD = 10
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: a key or a signed-in user. `centers` ("*" is every center) bounds what they may see."""

    actor: str  # "key:..." or "user:..."
    name: str
    role: str
    centers: tuple[str, ...]
    csrf: str | None = None  # of a session; None for a key

    def sees(self, center_id: str) -> bool:
        return "*" in self.centers or center_id in self.centers


@dataclass(frozen=True, slots=True)
class KeyRecord:
    key_id: str
    name: str
    role: str
    centers: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class User:
    user_id: str
    name: str
    role: str
    centers: tuple[str, ...]
    contacts: dict[str, str] = field(default_factory=dict)  # outlet -> address: {"sms": "+1...", "slack": "U..."}
    disabled_at: datetime | None = None


def create_key(
    connection: Connection,
    name: str,
    role: str,
    centers: Sequence[str],
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[str, str]:
    """A new key: its id and its secret text, which is shown once and never stored."""
    _check_role(role, centers)
    if not name.strip():
        raise BadInput("a key needs a name that tells what it is for")
    if expires_at is not None and expires_at <= now:
        raise BadInput(f"the key would have ended already, at {format_instant(expires_at)}; give a later time")
    if role == "inspector" and expires_at is None:
        raise BadInput("an inspector's key must expire; give the day it ends")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = f"rk_{key_id}_{secret}"
    row = {"key_id": key_id, "hash": _digest(token), "name": name, "role": role, "centers": list(centers)}
    connection.execute(insert(keys).values(**row, created_at=now, expires_at=expires_at))
    return key_id, token


def principal_of_key(connection: Connection, token: str, now: datetime) -> Principal | None:
    parts = token.split("_", 2)
    if len(parts) != 3 or parts[0] != "rk":
        return None
    row = connection.execute(select(keys).where(keys.c.key_id == parts[1])).first()
    if row is None or not hmac.compare_digest(row.hash, _digest(token)):
        return None
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return Principal(f"key:{row.key_id}", row.name, row.role, tuple(row.centers))


def list_keys(connection: Connection) -> list[KeyRecord]:
    rows = connection.execute(select(keys).order_by(keys.c.created_at, keys.c.key_id))
    return [
        KeyRecord(r.key_id, r.name, r.role, tuple(r.centers), r.created_at, r.expires_at, r.revoked_at) for r in rows
    ]


def revoke_key(connection: Connection, key_id: str, now: datetime) -> None:
    changed = connection.execute(
        update(keys).where(keys.c.key_id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    if not changed.rowcount:
        raise NotFound(f"there is no key {key_id} in force; `ratiocast keys list` shows all of them")


def create_user(connection: Connection, user: User, password_hash: str, now: datetime) -> None:
    """`password_hash` comes from `hash_password`, which takes long on purpose: hash before the transaction."""
    _check_role(user.role, user.centers)
    if not user.user_id.strip():
        raise BadInput("a user needs a name to sign in with")
    if find_user(connection, user.user_id):
        raise BadInput(f"the user {user.user_id} exists already")
    connection.execute(
        insert(users).values(
            user_id=user.user_id,
            name=user.name,
            password_hash=password_hash,
            role=user.role,
            centers=list(user.centers),
            contacts=user.contacts,
            created_at=now,
        )
    )


def change_user(connection: Connection, user_id: str, **changes: Any) -> None:
    """Change role, centers, contacts, name, disabled_at or password_hash; a new password ends the sessions."""
    if "role" in changes:
        _check_role(changes["role"], changes.get("centers", ("*",)))
    if "password_hash" in changes:
        connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
    if "centers" in changes:
        changes["centers"] = list(changes["centers"])
    if not connection.execute(update(users).where(users.c.user_id == user_id).values(**changes)).rowcount:
        raise NotFound(f"there is no user {user_id}")


def find_user(connection: Connection, user_id: str) -> User | None:
    row = connection.execute(select(users).where(users.c.user_id == user_id)).first()
    return _user(row) if row else None


def list_users(connection: Connection) -> list[User]:
    return [_user(row) for row in connection.execute(select(users).order_by(users.c.user_id))]


def check_password(connection: Connection, user_id: str, password: str) -> bool:
    """Whether this is the password of a user who may sign in. Takes equally long for users who do not exist."""
    row = connection.execute(select(users).where(users.c.user_id == user_id)).first()
    good = password_matches(password, row.password_hash if row else _NOBODY)
    return good and row is not None and row.disabled_at is None


def open_session(connection: Connection, user_id: str, now: datetime) -> tuple[str, Principal]:
    """A session token for a user whose password was checked, and who they are. NotFound if they are gone."""
    user = find_user(connection, user_id)
    if user is None or user.disabled_at is not None:
        raise NotFound(f"there is no user {user_id}")
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    ends = now + timedelta(hours=SESSION_HOURS)
    row = {"hash": _digest(token), "user_id": user_id, "csrf": csrf, "created_at": now, "expires_at": ends}
    connection.execute(insert(sessions).values(**row))
    return token, Principal(f"user:{user_id}", user.name, user.role, user.centers, csrf)


def principal_of_session(connection: Connection, token: str, now: datetime) -> Principal | None:
    row = connection.execute(
        select(users, sessions.c.csrf)
        .join(sessions, sessions.c.user_id == users.c.user_id)
        .where(sessions.c.hash == _digest(token), sessions.c.expires_at > now, users.c.disabled_at.is_(None))
    ).first()
    return Principal(f"user:{row.user_id}", row.name, row.role, tuple(row.centers), row.csrf) if row else None


def sign_out(connection: Connection, token: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.hash == _digest(token)))


def hash_password(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise BadInput(f"a password needs at least {MIN_PASSWORD} characters")
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT).hex()}"


def password_matches(password: str, stored: str) -> bool:
    _, salt, expected = stored.split("$")
    given = hashlib.scrypt(password.encode("utf-8", "replace"), salt=bytes.fromhex(salt), **_SCRYPT)
    return hmac.compare_digest(given.hex(), expected)


_NOBODY = f"scrypt${'00' * 16}${'00' * 64}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _user(row: Any) -> User:
    return User(row.user_id, row.name, row.role, tuple(row.centers), dict(row.contacts), row.disabled_at)


def _check_role(role: str, centers: Sequence[str]) -> None:
    if role not in ROLES:
        raise BadInput(f"'{role}' is not a role; the roles are {', '.join(ROLES)}")
    if not centers or not all(centers):
        raise BadInput("name at least one center, or * for every center")
