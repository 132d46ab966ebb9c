"""How a long step tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    def __call__(self, step: str, done: int, total: int | None = None) -> None:
        """`done` of `total` (None: not known) units of a named step."""
        ...


def silent(step: str, done: int, total: int | None = None) -> None:
    """For callers that show nothing."""
