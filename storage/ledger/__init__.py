"""The ledger: what must never be lost. Events, incidents, messages, proposals, feedback, keys and the audit chain.

`open_ledger(url)` opens it, `read_ledger(url, work, otherwise)` reads beside a running service; the modules hold one
function per change or question, each taking the connection and never committing.
"""

from sqlalchemy import Connection

from storage.ledger.ledger import Ledger, open_ledger, read_ledger

__all__ = ["Connection", "Ledger", "open_ledger", "read_ledger"]
