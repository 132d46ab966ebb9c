"""The port every outlet fills: one note in, the vendor's reference out, or a failure that says what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Protocol

from domain.errors import RatiocastError

REPEAT_MARK = "(Repeat: an earlier sending of this message may have reached you.)"


@dataclass(frozen=True, slots=True)
class Button:
    """A choice offered with a note; `value` comes back from the vendor when it is pressed."""

    action: str  # approve | deny | acknowledge
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be told. `message_id` is the idempotency key; `recipient` is the outlet's own kind of address."""

    message_id: str
    center_id: str
    recipient: str
    severity: str  # approaching | soft | violation | critical | please_count | info
    title: str
    body: str
    room_id: str | None = None
    link: str | None = None
    buttons: tuple[Button, ...] = ()
    repeat: bool = False
    thread: str = ""  # the vendor's reference of the first note about the same incident to the same recipient
    renews: bool = True  # where there is a thread, its first note is to show what this one says

    @property
    def text(self) -> str:
        """The body, with the mark of a repeat where the outlet cannot tell a double itself."""
        return f"{self.body}\n{REPEAT_MARK}" if self.repeat else self.body


class DeliveryFailed(RatiocastError):
    """A note did not go out. Passing unless `permanent`; `gone`: this recipient must never be tried here again."""

    http_status = 502

    def __init__(
        self, sentence: str, *, permanent: bool = False, gone: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(sentence)
        self.permanent = permanent or gone
        self.gone = gone
        self.retry_after = retry_after  # seconds the vendor asks us to leave it alone


class Outlet(Protocol):
    """`idempotent`: the vendor recognises `message_id`, so a second sending reaches nobody twice."""

    name: str
    idempotent: bool
    min_interval: float  # seconds between two notes to one recipient

    def send(self, note: Note) -> str:
        """Deliver and return the vendor's reference ("" if it gives none). Blocking; raises DeliveryFailed."""
        ...


def retry_after(value: str | None) -> float | None:
    """Seconds from a Retry-After header: a number, or a date (counted from now is the caller's; None then)."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        try:
            parsedate_to_datetime(value)
        except ValueError:
            return None
        return 60.0  # a date: a minute is asked for often enough, and the next answer tells again


def refused(vendor: str, status: int, detail: str, wait: str | None = None) -> DeliveryFailed:
    """The failure an HTTP status means: 408, 425, 429 and 5xx pass, every other refusal stays."""
    passing = status in (408, 425, 429) or status >= 500
    return DeliveryFailed(
        f"{vendor} answered {status}: {detail[:200] or 'no text'}", permanent=not passing, retry_after=retry_after(wait)
    )
