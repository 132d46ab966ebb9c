"""Sign in and out. A session is a cookie; the CSRF token stands in every form."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.access import SESSION_COOKIE, client_place, principal_of
from api.console.frame import anonymous_page, over_https
from api.dependencies import TheService
from domain.errors import TooManyFailures
from storage.ledger import access

router = APIRouter()


@router.get("/sign-in")
async def sign_in_page(
    service: TheService, next_page: Annotated[str, Query(alias="next", max_length=500)] = "/"
) -> Response:
    return await _form(service, _local(next_page))


@router.post("/sign-in")
async def sign_in(
    service: TheService,
    request: Request,
    user: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    next_page: Annotated[str, Form(alias="next", max_length=500)] = "/",
) -> Response:
    place, now = client_place(request), service.clock.now()
    try:
        service.failures.check(place)
    except TooManyFailures as error:
        return await _form(service, _local(next_page), problem=f"{error}.", status=429)
    if not await service.ledger.aread(lambda c: access.check_password(c, user, password)):
        service.failures.count(place)
        return await _form(service, _local(next_page), problem="The name or the password is wrong.", status=401)
    token, _ = await service.ledger.awrite(lambda c: access.open_session(c, user, now))
    answer = RedirectResponse(_local(next_page), 303)
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=access.SESSION_HOURS * 3600,
        httponly=True,
        samesite="lax",
        secure=over_https(service, request),
    )
    return answer


@router.post("/sign-out")
async def sign_out(service: TheService, request: Request) -> Response:
    await principal_of(request)  # checks the CSRF token
    token = request.cookies.get(SESSION_COOKIE, "")
    await service.ledger.awrite(lambda c: access.sign_out(c, token))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


async def _form(service: TheService, next_page: str, *, problem: str = "", status: int = 200) -> Response:
    nobody = not await service.ledger.aread(access.list_users)
    return anonymous_page("sign_in.html", status=status, next_page=next_page, problem=problem, nobody=nobody)


def _local(path: str) -> str:
    """A path of this site; anything else is the front page."""
    safe = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if safe else "/"
