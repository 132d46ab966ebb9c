"""Settings of a center, keys, users, sessions."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.access import SESSION_COOKIE, client_place, may, principal_of, require_center
from api.center_settings import CenterSettings
from api.dependencies import CenterId, TheService, center_of
from api.errors import responses
from domain.errors import BadInput, Forbidden, NotFound, Unauthenticated
from domain.time import as_utc, format_instant
from evaluator import policy_to_json
from storage import audit
from storage.ledger import Connection, access
from storage.ledger.access import ROLES, Principal, User
from storage.ledger.centers import write_settings

router = APIRouter(prefix="/v1", tags=["settings"])
Reader = Annotated[Principal, Depends(may("settings.read"))]
Changer = Annotated[Principal, Depends(may("settings.change"))]
Keeper = Annotated[Principal, Depends(may("keys.manage"))]
Anybody = Annotated[Principal, Depends(principal_of)]
Id = Annotated[str, Path(max_length=64)]
Centers = Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(min_length=1, max_length=1000)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
UserName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._@+-]+$")]
Password = Annotated[str, Field(min_length=access.MIN_PASSWORD, max_length=200)]


class SignIn(BaseModel):
    user_id: str = Field(max_length=64)
    password: str = Field(max_length=200)


class NewKey(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Name
    role: str = Field(max_length=30)
    centers: Centers
    expires_at: AwareDatetime | None = None


class NewUser(BaseModel):
    model_config = ConfigDict(extra="forbid")
    user_id: UserName
    name: Name
    password: Password
    role: str = Field(max_length=30)
    centers: Centers
    contacts: dict[str, Annotated[str, Field(max_length=500)]] = Field(default={}, max_length=10)


@router.get("/centers/{center_id}/settings", responses=responses(404))
async def center_settings(
    center_id: CenterId, service: TheService, caller: Reader, response: Response
) -> dict[str, Any]:
    """What the center has chosen, and the policy in force; the version is the ETag."""
    require_center(caller, center_id)
    center = center_of(service, center_id)
    response.headers["ETag"] = f'"{center.settings_version}"'
    return {
        "center_id": center_id,
        "version": center.settings_version,
        "mode": center.mode,
        "settings": center.settings.model_dump(mode="json"),
        "policy": policy_to_json(center.policy),
    }


@router.put("/centers/{center_id}/settings", responses=responses(404, 409))
async def change_settings(
    center_id: CenterId,
    given: CenterSettings,
    service: TheService,
    caller: Changer,
    if_match: Annotated[str | None, Header(max_length=40, description="The version the change was made on.")] = None,
) -> dict[str, Any]:
    """Replace a center's settings. With If-Match, 409 if somebody else was faster."""
    require_center(caller, center_id)
    center_of(service, center_id)
    version, now = _version(if_match), service.clock.now()
    body = given.model_dump(mode="json")
    stored = await service.ledger.awrite(
        lambda c: write_settings(c, center_id, body, caller.actor, now, version=version)
    )
    await service.reload_settings(center_id)
    return {"center_id": center_id, "version": stored.version, "settings": stored.body}


@router.post("/sessions", status_code=201, responses=responses())
async def sign_in(given: SignIn, service: TheService, request: Request, response: Response) -> dict[str, Any]:
    """Sign in; the session is a cookie, the CSRF token goes into each change as X-CSRF-Token."""
    place, now = client_place(request), service.clock.now()
    service.failures.check(place)
    good = await service.ledger.aread(lambda c: access.check_password(c, given.user_id, given.password))
    if not good:
        service.failures.count(place)
        raise Unauthenticated("the name or the password is wrong")
    token, who = await service.ledger.awrite(lambda c: access.open_session(c, given.user_id, now))
    secure = request.url.scheme == "https" or service.settings.public_url.startswith("https://")
    response.set_cookie(
        SESSION_COOKIE, token, max_age=access.SESSION_HOURS * 3600, httponly=True, samesite="lax", secure=secure
    )
    return _who(who)


@router.get("/sessions/me", responses=responses())
async def me(caller: Anybody) -> dict[str, Any]:
    """Who this key or session is."""
    return _who(caller)


@router.delete("/sessions/me", status_code=204, responses=responses())
async def sign_out(service: TheService, caller: Anybody, request: Request, response: Response) -> None:  # noqa: ARG001
    """End this session."""
    token = request.cookies.get(SESSION_COOKIE, "")
    await service.ledger.awrite(lambda c: access.sign_out(c, token))
    response.delete_cookie(SESSION_COOKIE)


@router.get("/keys", responses=responses())
async def keys(service: TheService, caller: Keeper) -> list[dict[str, Any]]:
    """Keys of the centers the caller sees; never their secrets."""
    found = await service.ledger.aread(access.list_keys)
    return [
        {
            "key_id": key.key_id, "name": key.name, "role": key.role, "centers": list(key.centers),
            "created_at": format_instant(key.created_at),
            "expires_at": format_instant(key.expires_at) if key.expires_at else None,
            "revoked_at": format_instant(key.revoked_at) if key.revoked_at else None,
        }
        for key in found if _within(caller, key.centers)
    ]  # fmt: skip


@router.post("/keys", status_code=201, responses=responses(400))
async def create_key(given: NewKey, service: TheService, caller: Keeper) -> dict[str, Any]:
    """A new key. Its text is shown this once."""
    _must_cover(caller, given.centers)
    now, ends = service.clock.now(), as_utc(given.expires_at) if given.expires_at else None

    def write(connection: Connection) -> tuple[str, str]:
        made = access.create_key(connection, given.name, given.role, given.centers, now, ends)
        _audited(connection, given.centers, "key.created", f"key:{made[0]}", caller, service, {"role": given.role})
        return made

    key_id, token = await service.ledger.awrite(write)
    return {"key_id": key_id, "key": token}


@router.delete("/keys/{key_id}", status_code=204, responses=responses(404))
async def revoke_key(key_id: Id, service: TheService, caller: Keeper) -> None:
    """End a key at once."""
    found = next((k for k in await service.ledger.aread(access.list_keys) if k.key_id == key_id), None)
    if found is None or not _within(caller, found.centers):
        raise NotFound(f"there is no key {key_id}")

    def write(connection: Connection) -> None:
        access.revoke_key(connection, key_id, service.clock.now())
        _audited(connection, found.centers, "key.revoked", f"key:{key_id}", caller, service, None)

    await service.ledger.awrite(write)


@router.get("/users", responses=responses())
async def users(service: TheService, caller: Keeper) -> list[dict[str, Any]]:
    """People who may sign in to the centers the caller sees."""
    return [
        {
            "user_id": user.user_id, "name": user.name, "role": user.role, "centers": list(user.centers),
            "contacts": user.contacts, "disabled_at": format_instant(user.disabled_at) if user.disabled_at else None,
        }
        for user in await service.ledger.aread(access.list_users) if _within(caller, user.centers)
    ]  # fmt: skip


@router.post("/users", status_code=201, responses=responses(400))
async def create_user(given: NewUser, service: TheService, caller: Keeper) -> dict[str, str]:
    _must_cover(caller, given.centers)
    if given.role not in ROLES:
        raise BadInput(f"'{given.role}' is not a role; the roles are {', '.join(ROLES)}")
    user = User(given.user_id, given.name, given.role, given.centers, given.contacts)
    hashed = await asyncio.to_thread(access.hash_password, given.password)

    def write(connection: Connection) -> None:
        access.create_user(connection, user, hashed, service.clock.now())
        _audited(
            connection, given.centers, "user.created", f"user:{given.user_id}", caller, service, {"role": given.role}
        )

    await service.ledger.awrite(write)
    return {"user_id": given.user_id}


@router.delete("/users/{user_id}", status_code=204, responses=responses(404))
async def disable_user(user_id: Id, service: TheService, caller: Keeper) -> None:
    """This person may not sign in any more; what they did stays on record."""
    user = await service.ledger.aread(lambda c: access.find_user(c, user_id))
    if user is None or not _within(caller, user.centers):
        raise NotFound(f"there is no user {user_id}")

    def write(connection: Connection) -> None:
        access.change_user(connection, user_id, disabled_at=service.clock.now())
        _audited(connection, user.centers, "user.disabled", f"user:{user_id}", caller, service, None)

    await service.ledger.awrite(write)


def _who(who: Principal) -> dict[str, Any]:
    return {
        "actor": who.actor, "name": who.name, "role": who.role, "centers": list(who.centers), "csrf_token": who.csrf,
    }  # fmt: skip


def _within(caller: Principal, centers: tuple[str, ...]) -> bool:
    return "*" in caller.centers or (bool(centers) and all(caller.sees(center) for center in centers if center != "*")
                                     and "*" not in centers)  # fmt: skip


def _must_cover(caller: Principal, centers: tuple[str, ...]) -> None:
    if not _within(caller, centers):
        raise Forbidden("a key or user may only be given centers of your own")


def _version(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    text = if_match.strip().strip('"')
    if not (text.isascii() and text.isdigit()):
        raise BadInput("If-Match must be the version as GET shows it")
    return int(text)


def _audited(
    connection: Connection, centers: tuple[str, ...], action: str, subject: str, caller: Principal,
    service: TheService, after: Any,
) -> None:  # fmt: skip
    """One entry in the chain of each center concerned ("" for all of them)."""
    for center_id in sorted(set(centers)):
        chain = "" if center_id == "*" else center_id
        entry = audit.Entry(chain, action, subject, caller.actor, service.clock.now(), None, after)
        audit.append(connection, entry)
