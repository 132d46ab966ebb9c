"""Every ledger test runs on SQLite and on PostgreSQL: one contract, two databases."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from storage.ledger import Ledger, open_ledger

POSTGRES = os.environ.get("RATIOCAST_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A throw-away database on a real server, for the whole run."""
    options = {"connect_timeout": 3}
    server = create_engine(POSTGRES, isolation_level="AUTOCOMMIT", poolclass=NullPool, connect_args=options)
    name = f"ratiocast_test_{uuid.uuid4().hex[:12]}"
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError:
        pytest.skip("no PostgreSQL answers on 127.0.0.1:5432 (set RATIOCAST_TEST_POSTGRES to another one)")
    yield f"{POSTGRES.rsplit('/', 1)[0]}/{name}"
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    database = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with database.connect() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    return url.replace("+psycopg", "")


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with open_ledger(ledger_url) as opened:
        yield opened
