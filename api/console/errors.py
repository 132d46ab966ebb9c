"""Errors as pages for people: the same statuses and sentences the API gives, never a stack trace."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from api.console.first_run import first_run
from api.console.frame import SAFETY, NoCenter, Visit, anonymous_page, templates
from domain.errors import Unauthenticated

Handler = Callable[[Request, Exception], Awaitable[Response]]
_TITLES = {
    400: "That does not fit",
    403: "Not for your role",
    404: "Not here",
    405: "Not here",
    409: "Somebody was faster",
    422: "That does not fit",
    429: "Too many tries",
    502: "The childcare platform did not answer",
    503: "Not ready yet",
}


_UNSAID = ("Not Found", "Method Not Allowed")  # what the framework says of paths it does not know


def errors_as_pages(app: FastAPI) -> None:
    """Wrap every handler there is: a browser gets a page, other callers what they got before."""
    for kind, handler in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _for_people(handler))


def wants_page(request: Request) -> bool:
    path = request.url.path
    return not path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")


def _for_people(handler: Any) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        if isinstance(error, Unauthenticated) and wants_page(request):
            return _to_sign_in(request)
        if isinstance(error, NoCenter) and wants_page(request):
            return await first_run(request.state.visit, 404)
        found = handler(request, error)
        answer: Response = await found if hasattr(found, "__await__") else found
        if not wants_page(request):
            return answer
        return _page(request, answer)

    return handle


def _to_sign_in(request: Request) -> Response:
    where = f"/sign-in?next={quote(request.url.path if request.method == 'GET' else '/')}"
    if request.headers.get("hx-request") == "true":
        return Response(status_code=200, headers={"HX-Redirect": where})
    return RedirectResponse(where, 303)


def _page(request: Request, answer: Response) -> Response:
    status = answer.status_code
    title = _TITLES.get(status, "Something went wrong")
    detail = "There is no such page." if status in (404, 405) and _detail(answer) in _UNSAID else _detail(answer)
    if request.headers.get("hx-request") == "true":
        text = templates.get_template("problem.html").render(title=title, detail=detail)
        return Response(text, status, SAFETY, "text/html")
    return _framed(request, "error.html", status, title=title, detail=detail)


def _framed(request: Request, template: str, status: int, **values: Any) -> Response:
    """With the menu of whoever is here, as far as that was found out before the error."""
    visit: Visit | None = getattr(request.state, "visit", None)
    draw = visit.page if visit is not None else anonymous_page
    return draw(template, status=status, **values)


def _detail(answer: Response) -> str:
    try:
        detail = json.loads(bytes(answer.body)).get("detail")
    except (ValueError, AttributeError):
        detail = None
    return detail if isinstance(detail, str) else "The service could not do this."
