"""The ledger: one writer thread that commits in groups, readers beside it.

Whatever wants to write hands over a function of the connection. All functions that wait while a commit is on its way to
disk share the next transaction, each in a savepoint of its own (a single one needs none): one that fails takes nothing
with it. A function's result (or error) comes back only when its transaction is durable.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Transaction, inspect
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from domain.errors import StoreError
from storage.ledger.database import Database, is_made, open_database
from storage.ledger.migrations import migrate

T = TypeVar("T")
MAX_GROUP = 256  # functions in one transaction: more would make the first of them wait for the last
_Work = tuple[Callable[[Connection], Any], "Future[Any]"]


def open_ledger(url: str, *, write: bool = True) -> Ledger:
    """The ledger at a URL, its tables brought up to date. StoreBusy if it is to be written and another writer is alive.

    `write=False` opens it beside a running service, for reading only.
    """
    try:
        return Ledger(open_database(url), write=write)
    except SQLAlchemyError as error:
        raise _store_error(error) from error


def read_ledger(url: str, work: Callable[[Connection], T], otherwise: T) -> T:
    """`work` on a ledger beside a running service; `otherwise` where no service has made one yet."""
    if not is_made(url):
        return otherwise
    with open_ledger(url, write=False) as ledger:
        return ledger.read(lambda connection: work(connection) if inspect(connection).get_table_names() else otherwise)


class Ledger:
    def __init__(self, database: Database, *, write: bool = True) -> None:
        self._database = database
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="ledger-reader")
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None
        self.commits = 0  # transactions committed since the start
        if write:
            self._connection = database.writer()
            try:
                with self._connection.begin():
                    migrate(self._connection, datetime.now(UTC))
            except BaseException:
                self._connection.close()
                database.close()
                raise
            self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)
            self._thread.start()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Run `work` in the next transaction; the future is done when that transaction is on disk."""
        if self._thread is None:
            raise StoreError("the ledger is open for reading only, or closed")
        future: Future[T] = Future()
        self._queue.put((work, future))
        return future

    def write(self, work: Callable[[Connection], T]) -> T:
        """`submit` and wait (for threads and commands)."""
        return self.submit(work).result()

    async def awrite(self, work: Callable[[Connection], T]) -> T:
        """`submit` and wait (for the event loop)."""
        return await asyncio.wrap_future(self.submit(work))

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a reading connection: one consistent view, never waiting for the writer."""
        with self._reading() as connection:
            return work(connection)

    async def aread(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read, work)

    def close(self) -> None:
        """Commit what waits, stop the writer, release the lock."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._readers.shutdown()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._database.readers().connect() as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            raise _store_error(error) from error

    def _work(self) -> None:
        running = True
        while running:
            group: list[_Work] = []
            item = self._queue.get()
            while item is not None:
                group.append(item)
                if len(group) >= MAX_GROUP:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            running = item is not None
            if group:
                self._commit(group)

    def _commit(self, group: list[_Work]) -> None:
        """One transaction for the group; futures are resolved after it is durable, never before."""
        group = [(work, future) for work, future in group if future.set_running_or_notify_cancel()]
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            connection = self._connected()
            with connection.begin() as whole:
                for work, future in group:
                    scope = connection.begin_nested() if len(group) > 1 else whole
                    outcomes.append((future, *_tried(connection, work, scope)))
            self.commits += 1
        except Exception as error:  # noqa: BLE001  the writer must outlive whatever a store does to it
            failure = _store_error(error) if isinstance(error, SQLAlchemyError) else error
            outcomes = [(future, None, failure) for _, future in group]
            self._reconnect_if_lost(error)
        for future, result, problem in outcomes:
            if problem is None:
                future.set_result(result)
            else:
                future.set_exception(problem)

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._database.writer()
        return self._connection

    def _reconnect_if_lost(self, error: Exception) -> None:
        if isinstance(error, DBAPIError) and error.connection_invalidated and self._connection is not None:
            self._connection.close()
            self._connection = None  # opened (and locked) again by the next group


def _tried(
    connection: Connection, work: Callable[[Connection], Any], scope: Transaction
) -> tuple[Any, BaseException | None]:
    """The function's result or error; the scope, a savepoint or the whole transaction, is committed or rolled back."""
    try:
        result = work(connection)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        scope.rollback()
        return None, _store_error(error)
    except Exception as error:  # noqa: BLE001  handed to whoever waits for this function
        scope.rollback()
        return None, error
    scope.commit()
    return result, None


def _store_error(error: SQLAlchemyError) -> StoreError:
    cause = getattr(error, "orig", None) or error
    return StoreError(f"the ledger cannot be read or written: {str(cause).splitlines()[0]}")
