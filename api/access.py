"""Who may do what: the one place where roles, centers, sessions and CSRF are checked.

A route names a permission: `Annotated[Principal, Depends(may("incidents.act"))]`; what belongs to a center is then
passed through `require_center`.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, cast

from fastapi import Request

from domain.errors import Forbidden, NotFound, TooManyFailures, Unauthenticated
from storage.ledger.access import Principal, principal_of_key, principal_of_session

SESSION_COOKIE = "ratiocast_session"
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf_token"

_LEADS = frozenset({"director", "assistant_director"})
_ROOM_STAFF = _LEADS | {"lead_teacher", "float"}
_READERS = _ROOM_STAFF | {"analyst", "inspector", "service"}

PERMISSIONS: dict[str, frozenset[str]] = {
    "live.read": _READERS,
    "incidents.read": _READERS,
    "incidents.act": _ROOM_STAFF,  # acknowledge, snooze
    "incidents.review": _LEADS,
    "feedback.give": _ROOM_STAFF,
    "proposals.read": _ROOM_STAFF | {"analyst"},
    "proposals.decide": _LEADS,
    "headcounts.give": _ROOM_STAFF | {"service"},
    "plans.read": _ROOM_STAFF | {"analyst", "service"},
    "plans.change": _LEADS,
    "forecasts.read": _LEADS | {"lead_teacher", "analyst", "service"},
    "reports.read": _LEADS | {"analyst", "inspector"},
    "audit.read": _LEADS | {"analyst", "inspector"},
    "rules.read": _READERS,
    "settings.read": _LEADS | {"analyst"},
    "settings.change": frozenset({"director"}),
    "keys.manage": frozenset({"director"}),
}

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def may(permission: str) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency: the caller, if their role has the permission; Unauthenticated, Forbidden or TooManyFailures."""
    roles = PERMISSIONS[permission]

    async def caller(request: Request) -> Principal:
        principal = await principal_of(request)
        if principal.role not in roles:
            raise Forbidden(f"the role {principal.role.replace('_', ' ')} may not do this ({permission})")
        return principal

    caller.permission = permission  # type: ignore[attr-defined]  # read by the test that every route names one
    return caller


def allowed(principal: Principal, permission: str) -> bool:
    """For pages: whether to show a control at all."""
    return principal.role in PERMISSIONS[permission]


async def principal_of(request: Request) -> Principal:
    """Who is asking, by key or by session. Unauthenticated if neither is good; CSRF is checked for sessions."""
    found = await find_principal(request)
    if found is None:
        raise Unauthenticated("give a key (Authorization: Bearer rk_...) or sign in")
    return found


async def find_principal(request: Request) -> Principal | None:
    """As `principal_of`, but None for somebody who gave nothing at all (a page shows its sign-in then)."""
    service = cast(Any, request.app.state).service
    now = service.clock.now()
    failures: Failures = service.failures
    place = client_place(request)
    header = request.headers.get("authorization", "")
    cookie = request.cookies.get(SESSION_COOKIE, "")
    if header:
        failures.check(place)
        scheme, _, token = header.partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else ""
        principal: Principal | None = await service.ledger.aread(lambda c: principal_of_key(c, key, now))
        if principal is None:
            failures.count(place)
            raise Unauthenticated("this key is unknown, expired or revoked")
        return principal
    if cookie:
        principal = await service.ledger.aread(lambda c: principal_of_session(c, cookie, now))
        if principal is not None and request.method not in _SAFE:
            await _check_csrf(request, principal)
        return principal
    return None


def require_center(principal: Principal, center_id: str) -> None:
    """Forbidden unless the caller may see this center."""
    if not principal.sees(center_id):
        raise Forbidden(f"this key is not for the center {center_id}")


def require_found(principal: Principal, center_id: str, what: str) -> None:
    """NotFound for a thing of a center the caller may not see: its existence is not told either."""
    if not principal.sees(center_id):
        raise NotFound(f"there is no {what}")


def client_place(request: Request) -> str:
    return request.client.host if request.client else "?"


class Failures:
    """Bad keys and passwords per address: after `limit` within `window_seconds` the next are refused unread."""

    def __init__(
        self, limit: int = 20, window_seconds: float = 60.0, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._window, self._elapsed = limit, window_seconds, elapsed
        self._seen: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, place: str) -> None:
        """TooManyFailures if this address has failed too often lately."""
        recent = [at for at in self._seen.get(place, ()) if at > self._elapsed() - self._window]
        if len(recent) >= self._limit:
            raise TooManyFailures("too many failures from this address; wait a minute")

    def count(self, place: str) -> None:
        since = self._elapsed() - self._window
        self._seen[place] = [*(at for at in self._seen.get(place, ()) if at > since), self._elapsed()][-self._limit :]
        self._seen.move_to_end(place)
        while len(self._seen) > 10_000:
            self._seen.popitem(last=False)


async def _check_csrf(request: Request, principal: Principal) -> None:
    given = request.headers.get(CSRF_HEADER, "")
    if not given and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        given = str((await request.form()).get(CSRF_FIELD, ""))
    if not hmac.compare_digest(given.encode(), (principal.csrf or "").encode()):
        raise Forbidden("the page is out of date (its CSRF token does not match); load it again")
