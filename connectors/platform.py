"""The client of the childcare platform's REST API (contract: docs/pipeline.md); a port other platforms can fill."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from connectors import platform_json as contract
from connectors.platform_json import PresentStaff, Row
from connectors.port import RefusedEvent
from domain.errors import (
    BadInput,
    Conflict,
    NotFound,
    PlatformMalformed,
    PlatformRefused,
    PlatformUnavailable,
)
from domain.events import Event, event_from_json
from domain.people import Availability, Booking, Child, Segment, Shift, StaffMember
from domain.places import Center, Closure, Room
from domain.time import format_instant

Parsed = TypeVar("Parsed")
_log = logging.getLogger(__name__)
PAGE_LIMIT = 1000
MOST_EMPTY_PAGES = 20  # in a row
LONGEST_RETRY_AFTER = timedelta(minutes=2)

__all__ = ["PlatformClient", "PresentStaff"]


class PlatformClient:
    """Reads with the read-only token, follows cursors to the end, waits and retries what may pass.

    Every method raises PlatformUnavailable (no answer, 429 or 5xx to the end), PlatformRefused (401, 403; the sentence
    names the missing right) or PlatformMalformed (not the contract). Instants given must be aware. Thread-safe.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        write_token: str = "",
        attempts: int = 6,
        retry_seconds: float = 60.0,
        timeout_seconds: float = 30.0,
        page_limit: int = PAGE_LIMIT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise BadInput(f"'{url}' is not the address of a platform; give one such as https://api.example.com")
        try:
            httpx.URL(url)
        except httpx.InvalidURL as error:
            raise BadInput(f"'{url}' is not the address of a platform: {error}") from error
        if not f"{token}{write_token}".isascii():
            raise BadInput("the platform token holds a character that no token has; copy it as the platform shows it")
        self._url = url.rstrip("/")
        self._token, self._write_token = token, write_token
        self._attempts, self._retry_seconds, self._page_limit = attempts, retry_seconds, page_limit
        self._http = httpx.Client(timeout=timeout_seconds, transport=transport)

    def __enter__(self) -> PlatformClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # Reads ------------------------------------------------------------------------------------------------------------

    def centers(self) -> list[Center]:
        """The centers the token may read."""
        return self._all("centers", "/api/v1/centers", {}, contract.center)

    def rooms(self, center_id: str) -> list[Room]:
        return self._all("rooms", "/api/v1/rooms", {"center_id": center_id}, contract.room)

    def children(self, center_id: str) -> list[Child]:
        return self._all("children", "/api/v1/children", {"center_id": center_id}, contract.child)

    def staff(self, center_id: str) -> list[StaffMember]:
        return self._all("staff", "/api/v1/staff", {"center_id": center_id}, contract.staff_member)

    def availability(self, center_id: str, start: datetime, end: datetime) -> list[Availability]:
        query = _window(center_id, start, end)
        return self._all(
            "availability", "/api/v1/staff/availability", query, lambda row: contract.availability(row, center_id)
        )

    def shifts(self, center_id: str, start: datetime, end: datetime) -> list[Shift]:
        """Shifts that overlap [start, end)."""
        return self._all("shifts", "/api/v1/schedules", _window(center_id, start, end), contract.shift)

    def bookings(self, center_id: str, start: datetime, end: datetime) -> list[Booking]:
        """Bookings that overlap [start, end); before and after school are two rows of one day."""
        query = _window(center_id, start, end)
        return self._all("bookings", "/api/v1/bookings", query, lambda row: contract.booking(row, center_id))

    def closures(self, center_id: str, start: datetime, end: datetime) -> list[Closure]:
        rows = self._list("closures", "/api/v1/closures", _window(center_id, start, end))
        return [contract.parsed("closures", row, lambda row: contract.closure(row, center_id)) for row in rows]

    def room_children(self, room_id: str) -> list[Child]:
        """Children checked in to the room right now."""
        rows = self._list("children", f"/api/v1/rooms/{_part(room_id)}/children", {})
        return [contract.parsed("children", row, contract.child) for row in rows]

    def room_staff(self, room_id: str) -> list[PresentStaff]:
        """Adults clocked in to the room right now, those on break included."""
        rows = self._list("staff", f"/api/v1/rooms/{_part(room_id)}/staff", {})
        return [contract.parsed("staff", row, contract.present_staff) for row in rows]

    def events(
        self, center_id: str, after_sequence: int = 0, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[Event]:
        """The event log by sequence, read page by page as it is consumed."""
        for page in self.event_pages(center_id, after_sequence, start, end):
            yield from page

    def event_pages(
        self,
        center_id: str,
        after_sequence: int = 0,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        refused: list[RefusedEvent] | None = None,
    ) -> Iterator[list[Event]]:
        """The event log, one list per page that holds an event. Where `refused` is given, an event that is wrong is
        added to it instead of ending the read.
        """
        query = _window(center_id, start, end) | {"after_sequence": after_sequence}
        for page in self._pages("attendance events", "/api/v1/attendance/checkins", query):
            if events := [event for row in page if (event := _event(row, refused)) is not None]:
                yield events

    # Writes -----------------------------------------------------------------------------------------------------------

    def create_task(self, body: Mapping[str, Any], idempotency_key: str) -> str:
        """A task for a room lead; the same key gives the same task. Returns the task's id."""
        return self._created("create tasks", "/api/v1/tasks", body, idempotency_key, "task_id")

    def notify(self, body: Mapping[str, Any], idempotency_key: str) -> str:
        """An in-app notification to roles or people. Returns its id."""
        return self._created("send notifications", "/api/v1/notifications", body, idempotency_key, "notification_id")

    def create_draft(self, body: Mapping[str, Any], idempotency_key: str) -> str:
        """A draft message to the families of a room; a person sends it. Returns the draft's id."""
        return self._created("draft messages", "/api/v1/messages/drafts", body, idempotency_key, "draft_id")

    def patch_shift(
        self,
        shift_id: str,
        version: str,
        segments: Sequence[Segment],
        reason: str,
        idempotency_key: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Shift:
        """Change an approved shift, with the write token; Conflict if it is no longer at `version`."""
        if not self._write_token:
            raise PlatformRefused(
                "no write token is set, so no shift can be changed on the platform; set RATIOCAST_PLATFORM_WRITE_TOKEN"
            )
        body: dict[str, Any] = {"segments": [contract.segment_json(part) for part in segments], "reason": reason}
        body |= {name: format_instant(at) for name, at in (("start", start), ("end", end)) if at is not None}
        answer = self._send(
            "change shifts",
            "PATCH",
            f"/api/v1/schedules/{_part(shift_id)}",
            json=body,
            headers={"Idempotency-Key": idempotency_key, "If-Match": version},
            token=self._write_token,
        )
        return contract.parsed("shifts", answer, contract.shift)

    # Below the methods ------------------------------------------------------------------------------------------------

    def _all(self, what: str, path: str, query: dict[str, Any], parse: Callable[[Row], Parsed]) -> list[Parsed]:
        return [contract.parsed(what, row, parse) for page in self._pages(what, path, query) for row in page]

    def _pages(self, what: str, path: str, query: dict[str, Any]) -> Iterator[list[Any]]:
        """Every page until `next_cursor` is null; an empty page that names a cursor is not the end."""
        seen: set[str] = set()
        empty = 0
        cursor: str | None = None
        while True:
            page = {"limit": self._page_limit} | query | ({"cursor": cursor} if cursor else {})
            answer = self._send(f"read {what}", "GET", path, params=page)
            if not isinstance(answer, dict) or not isinstance(answer.get("data"), list) or "next_cursor" not in answer:
                raise PlatformMalformed(f"the platform's page of {what} at {path} lacks 'data' or 'next_cursor'")
            yield answer["data"]
            cursor = answer["next_cursor"]
            if cursor is None:
                return
            empty = 0 if answer["data"] else empty + 1
            again = cursor in seen and not 0 < empty <= MOST_EMPTY_PAGES  # an empty page may repeat its cursor
            if not isinstance(cursor, str) or again:
                raise PlatformMalformed(
                    f"the platform's pages of {what} at {path} go round in a circle: {cursor!r:.50}"
                )
            seen.add(cursor)

    def _list(self, what: str, path: str, query: dict[str, Any]) -> list[Any]:
        answer = self._send(f"read {what}", "GET", path, params=query)
        if not isinstance(answer, list):
            raise PlatformMalformed(f"the platform's answer for {what} at {path} is not a list")
        return answer

    def _created(self, right: str, path: str, body: Mapping[str, Any], idempotency_key: str, id_field: str) -> str:
        answer = self._send(right, "POST", path, json=dict(body), headers={"Idempotency-Key": idempotency_key})
        if not isinstance(answer, dict) or not isinstance(answer.get(id_field), str):
            raise PlatformMalformed(f"the platform's answer to POST {path} lacks '{id_field}'")
        return str(answer[id_field])

    def _send(
        self,
        right: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Any:
        """The JSON of one request's answer; what may pass is tried again within bounds."""
        sent = {"Authorization": f"Bearer {token or self._token}", "Accept": "application/json"} | dict(headers or {})
        try:
            for attempt in stamina.retry_context(on=_wait, attempts=self._attempts, timeout=self._retry_seconds):
                with attempt:
                    response = self._http.request(method, self._url + path, params=params, json=json, headers=sent)
                    if response.status_code == 429 or response.status_code >= 500:
                        response.raise_for_status()
                    _require_whole(response)
        except httpx.HTTPStatusError as error:
            raise PlatformUnavailable(
                f"the platform at {self._url} answered {error.response.status_code} to {method} {path} "
                f"{self._attempts} times; try again later, nothing read so far is lost"
            ) from error
        except _CutShort as error:
            raise PlatformMalformed(
                f"the platform at {self._url} answered {method} {path} with JSON that breaks off or is none, "
                f"{self._attempts} times ({error}); try again later, nothing read so far is lost"
            ) from error
        except httpx.RequestError as error:
            raise PlatformUnavailable(
                f"the platform at {self._url} cannot be reached for {method} {path} ({type(error).__name__}: {error}); "
                "check the address and the network, then try again: nothing read so far is lost"
            ) from error
        return self._json(right, method, path, response)

    def _json(self, right: str, method: str, path: str, response: httpx.Response) -> Any:
        status = response.status_code
        if status in (401, 403):
            which = "is not accepted" if status == 401 else f"lacks the right to {right}"
            raise PlatformRefused(
                f"the platform answered {status} to {method} {path}: the token {which}; ask the platform's "
                f"administrator for a token that may {right}, and set RATIOCAST_PLATFORM_TOKEN"
            )
        if status == 404:
            raise NotFound(f"the platform knows nothing at {path}; check the address and the id")
        if status in (409, 412):
            raise Conflict(f"the platform's record at {path} changed meanwhile; read it again and decide anew")
        if status >= 300:
            raise PlatformMalformed(f"the platform answered {status} to {method} {path}: {response.text[:200]}")
        try:
            return response.json()
        except ValueError as error:
            kind = response.headers.get("content-type", "no content type")
            raise PlatformMalformed(
                f"the platform answered {status} to {method} {path} with {kind} instead of JSON; check that "
                f"{self._url} is the address of the API and not of a web page or a sign-in proxy"
            ) from error


def _event(row: object, refused: list[RefusedEvent] | None) -> Event | None:
    try:
        return contract.parsed("attendance events", row, event_from_json)
    except PlatformMalformed as error:
        if refused is None:
            raise
        refused.append(contract.refused_event(row, str(error)))
        return None


class _CutShort(Exception):
    """An answer that says it is JSON and is not whole."""


def _require_whole(response: httpx.Response) -> None:
    """Raise if a JSON answer breaks off: that may pass, unlike a web page in place of the API."""
    if response.is_success and "json" in response.headers.get("content-type", ""):
        try:
            response.json()
        except ValueError as error:
            raise _CutShort(str(error)) from error


def _tell_retry(details: RetryDetails) -> None:
    _log.warning("the platform did not do its part (%s); trying again in %.0f s", details.caused_by, details.wait_for)


set_on_retry_hooks([_tell_retry])  # the library's own says only that it tries again


def _window(center_id: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
    bounds = (("from", start), ("to", end))
    return {"center_id": center_id} | {name: format_instant(at) for name, at in bounds if at is not None}


def _part(identifier: str) -> str:
    """An id as one part of a path, whatever characters it holds."""
    return quote(identifier, safe="")


def _wait(error: Exception) -> bool | timedelta:
    """Whether to try again: dropped connections and 5xx with back-off, 429 after the time the platform asks for."""
    if isinstance(error, httpx.HTTPStatusError):
        seconds = error.response.headers.get("retry-after", "")
        return min(timedelta(seconds=int(seconds)), LONGEST_RETRY_AFTER) if seconds.isdigit() else True
    return isinstance(error, httpx.RequestError | _CutShort)
