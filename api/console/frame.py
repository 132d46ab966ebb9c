"""What every page stands in: who looks, at which center, and the frame of links around the content.

A page route takes `Annotated[Visit, Depends(Visiting("live.read"))]`; the permission is checked as for the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from api.access import SESSION_COOKIE, allowed, may, require_center
from api.center import LiveCenter
from api.console.links import InspectorVisits
from api.dependencies import service_of
from api.service import Service
from domain.errors import Forbidden, NotFound
from domain.time import as_utc
from storage.ledger.access import Principal, principal_of_key

T = TypeVar("T", bound=Response)
CENTER_COOKIE = "ratiocast_center"
LINK_COOKIE = "ratiocast_inspector"  # a visit begun with an inspector's link; pages may be read with it, nothing more
SAFETY = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LINKS = (
    ("/centers", "Centers", "live.read"),
    ("/", "Now", "live.read"),
    ("/my-day", "My day", "headcounts.give"),
    ("/week", "Week", "plans.read"),
    ("/call-out", "Call-out", "plans.change"),
    ("/roll-call", "Roll call", "headcounts.give"),
    ("/incidents", "Incidents", "incidents.read"),
    ("/reports", "Reports", "reports.read"),
    ("/inspector", "Inspector", "audit.read"),
    ("/families", "Families", "plans.change"),
    ("/learn", "Learn", "rules.read"),
    ("/settings", "Settings", "settings.read"),
)  # fmt: skip

templates = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)


def _in_code(text: str) -> Markup:
    """A sentence for people, with its commands (between backticks) in the type of code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup().join(Markup("<code>{}</code>").format(part) if n % 2 else part for n, part in enumerate(parts))


templates.filters["in_code"] = _in_code


class NoCenter(NotFound):
    """There is no center to show a page of; the answer is the guide to the first run."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page. `centers` are those the person may see; `chosen` is None only where there are none."""

    request: Request
    service: Service
    person: Principal
    centers: tuple[LiveCenter, ...]
    chosen: LiveCenter | None
    now: datetime

    @property
    def center(self) -> LiveCenter:
        if self.chosen is None:
            raise NoCenter("no center is known yet; the front page says how to begin")
        return self.chosen

    @property
    def in_place(self) -> bool:
        """Whether htmx asked, so that a part of the page is wanted instead of all of it."""
        return self.request.headers.get("hx-request") == "true"

    def may(self, permission: str) -> bool:
        return allowed(self.person, permission)

    def local(self, instant: datetime) -> datetime:
        return as_utc(instant).astimezone(self.center.facts.tz)

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """The whole page; remembers the center for the next one."""
        answer = HTMLResponse(templates.get_template(template).render(**self.frame(), **values), status, SAFETY)
        return self._remembering(answer)

    def part(self, template: str, **values: Any) -> HTMLResponse:
        """A part of a page, for htmx."""
        return HTMLResponse(templates.get_template(template).render(visit=self, **values), 200, SAFETY)

    def back_to(self, path: str) -> Response:
        """After a change: the page anew."""
        return self._remembering(RedirectResponse(path, 303))

    def _wanted(self, href: str) -> bool:
        """One center needs no overview, and who plans the day needs no page of their own turns in the menu."""
        if href == "/centers":
            return len(self.centers) > 1
        return href != "/my-day" or not self.may("plans.change")

    def _remembering(self, answer: T) -> T:
        if self.chosen is not None:
            answer.set_cookie(CENTER_COOKIE, self.chosen.center_id, max_age=31_536_000, httponly=True, samesite="lax")
        return answer

    def frame(self) -> dict[str, Any]:
        here = self.request.url.path
        return {
            "visit": self,
            "person": self.person,
            "csrf": self.person.csrf,
            "links": [
                {"href": href, "text": text, "here": href == here or (href != "/" and here.startswith(href))}
                for href, text, permission in _LINKS
                if self.may(permission) and self._wanted(href)
            ],
        }


class Visiting:
    """A dependency: the visit, if the person's role has the permission and the center asked for is theirs."""

    def __init__(self, permission: str) -> None:
        self.permission = permission  # read by the test that every route names one
        self._caller = may(permission)

    async def __call__(self, request: Request) -> Visit:
        person = await self._by_link(request) or await self._caller(request)
        service = service_of(request)
        centers = tuple(
            sorted(
                (center for center in service.live.centers.values() if person.sees(center.center_id)),
                key=lambda center: (center.facts.center.name, center.center_id),
            )
        )
        visit = Visit(request, service, person, centers, _chosen(request, person, centers), service.clock.now())
        request.state.visit = visit  # an error's page keeps the menu
        return visit

    async def _by_link(self, request: Request) -> Principal | None:
        """Somebody who came by an inspector's link. Forbidden once it has expired."""
        cookie = request.cookies.get(LINK_COOKIE, "")
        signed_in = SESSION_COOKIE in request.cookies or "authorization" in request.headers
        if not cookie or signed_in or request.method not in ("GET", "HEAD"):
            return None
        service = service_of(request)
        now = service.clock.now()
        visits: InspectorVisits = request.app.state.inspector_visits
        key = visits.key(cookie, now)
        person = await service.ledger.aread(lambda c: principal_of_key(c, key, now))
        if person is None or person.role != "inspector":
            raise Forbidden("the visit or its link has expired; open the link again or ask the director for a new one")
        if not allowed(person, self.permission):
            raise Forbidden("an inspector's link does not open this page")
        return person


def anonymous_page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page for somebody who is not signed in, or whose visit could not be established."""
    frame: dict[str, Any] = {"person": None, "csrf": None, "links": []}
    return HTMLResponse(templates.get_template(template).render(**frame, **values), status, SAFETY)


def _chosen(request: Request, person: Principal, centers: Sequence[LiveCenter]) -> LiveCenter | None:
    by_id = {center.center_id: center for center in centers}
    asked = request.query_params.get("center")
    if asked:
        require_center(person, asked)
        if asked not in by_id:
            raise NotFound(f"there is no center {asked[:64]}")
        return by_id[asked]
    return by_id.get(request.cookies.get(CENTER_COOKIE, ""), centers[0] if centers else None)


def over_https(service: Service, request: Request) -> bool:
    """Whether people reach the service by https, so that a cookie may be bound to it."""
    return request.url.scheme == "https" or service.settings.public_url.startswith("https://")


def download(content: bytes, kind: str, name: str) -> Response:
    """A file to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
