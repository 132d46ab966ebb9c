"""The ledger's database: SQLite or PostgreSQL, how each is opened, locked and made durable. Nothing else differs."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from domain.errors import BadSettings, StoreBusy, StoreError

_CHECKPOINT_PAGES = 4000  # 16 MiB: a commit that moves the log into the database is four times as rare


class Database(Protocol):
    """One writer for the whole ledger, any number of readers."""

    def writer(self) -> Connection:
        """The one writing connection. StoreBusy if another process writes to this ledger."""
        ...

    def readers(self) -> Engine: ...

    def close(self) -> None: ...


def open_database(url: str) -> Database:
    """By URL: sqlite:///path or postgresql://user@host/name. BadSettings for anything else."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise BadSettings(
            "the setting 'ledger_url' is not a database URL; write sqlite:///path or postgresql://..."
        ) from error
    if parsed.get_backend_name() == "sqlite":
        return _Sqlite(parsed)
    if parsed.get_backend_name() == "postgresql":
        return _Postgres(parsed)
    raise BadSettings(
        f"the ledger cannot be kept in {parsed.get_backend_name()}; use sqlite:///path or postgresql://..."
    )


def is_made(url: str) -> bool:
    """False only for an SQLite file that is not there: opening one to read would make it."""
    if not url.startswith("sqlite:"):
        return True
    name = make_url(url).database
    return not name or Path(name).exists()


class _Sqlite:
    """A file in WAL mode with synchronous=FULL. SQLite below 3.51.3 can lose data with two WAL writers at once: a lock
    file beside the database refuses the second one before it opens anything."""

    def __init__(self, url: URL) -> None:
        if not url.database or url.database == ":memory:":
            raise BadSettings("the ledger needs a file (sqlite:///path): what is in memory is lost with the process")
        self._path = Path(url.database)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the folder {self._path.parent} of the ledger cannot be made: {error.strerror}"
            ) from error
        self._lock: int | None = None
        pragmas = ("journal_mode=WAL", "synchronous=FULL", f"wal_autocheckpoint={_CHECKPOINT_PAGES}")
        self._writer = self._engine(url, begin="BEGIN IMMEDIATE", pragmas=pragmas)
        self._readers = self._engine(url, begin="BEGIN", pragmas=("query_only=ON",))

    def writer(self) -> Connection:
        if self._lock is None:
            self._lock = _take_lock(self._path.with_name(self._path.name + ".lock"))
        return self._writer.connect()

    def readers(self) -> Engine:
        return self._readers

    def close(self) -> None:
        self._readers.dispose()
        self._writer.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @staticmethod
    def _engine(url: URL, *, begin: str, pragmas: tuple[str, ...]) -> Engine:
        engine = create_engine(url, connect_args={"check_same_thread": False})

        def opened(dbapi: Any, _record: Any) -> None:
            dbapi.isolation_level = None  # the driver's own BEGIN comes too late for savepoints; ours below
            for pragma in ("busy_timeout=5000", "foreign_keys=ON", *pragmas):
                dbapi.execute(f"PRAGMA {pragma}")

        event.listen(engine, "connect", opened)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine


class _Postgres:
    """Any PostgreSQL. The writer holds an advisory lock for as long as its connection lives."""

    def __init__(self, url: URL) -> None:
        url = url.set(drivername="postgresql+psycopg")
        self._writer = create_engine(url, poolclass=NullPool)
        self._readers = create_engine(url, pool_pre_ping=True, pool_size=4, max_overflow=4).execution_options(
            postgresql_readonly=True
        )
        name = f"ratiocast ledger {url.database}"
        self._lock = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")

    def writer(self) -> Connection:
        connection = self._writer.connect()
        with connection.begin():
            taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._lock}).scalar()
        if not taken:
            connection.close()
            raise StoreBusy("another ratiocast service writes to this ledger; stop it, or give this one its own")
        return connection

    def readers(self) -> Engine:
        return self._readers

    def close(self) -> None:
        self._readers.dispose()
        self._writer.dispose()


def _take_lock(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise StoreBusy(
            f"another ratiocast service writes to this ledger (it holds {path}); stop it, or set RATIOCAST_DATA_DIR"
        ) from error
    return handle
