"""Settings of a center: mode, patience, quiet hours, routing, rules, retention; and who may come in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, TypeVar

import yaml
from fastapi import APIRouter, Depends, Form, Path
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.datastructures import FormData

import rulebook
from api.center_settings import CenterSettings
from api.console.frame import Visit, Visiting
from api.routes import settings as endpoints
from domain.errors import BadInput
from domain.time import parse_instant
from evaluator.policy import AUDIENCES, OUTLETS, SEVERITIES, Policy, policy_to_json
from rulebook.documents import read_document
from storage.ledger.access import ROLES
from storage.ledger.centers import write_settings

router = APIRouter(prefix="/settings")
T = TypeVar("T")
Reader = Annotated[Visit, Depends(Visiting("settings.read"))]
Changer = Annotated[Visit, Depends(Visiting("settings.change"))]
Keeper = Annotated[Visit, Depends(Visiting("keys.manage"))]
Id = Annotated[str, Path(max_length=64)]
Text = Annotated[str, Form(max_length=200)]
GRACE_WORDS = {
    "nobody": "children and no adult", "ratio": "too few adults", "group_size": "group too large",
    "soft": "short absence, until a note", "step_out": "short absence, until a violation", "headroom": "full room",
    "outlook": "warning", "count": "count in doubt", "please_count": "violation on a doubtful count",
}  # fmt: skip
_KINDS = (
    ("move_float", "move a free float"), ("move_spare", "move an adult another room can spare"),
    ("end_break_early", "end a break early"),
)  # fmt: skip


@router.get("")
async def settings_page(visit: Reader, saved: str = "") -> Response:
    center, policy = visit.center, visit.center.policy
    code = center.settings.rules_code or center.facts.center.state
    keys = users = []
    if visit.may("keys.manage"):
        keys = await endpoints.keys(visit.service, visit.person)
        users = await endpoints.users(visit.service, visit.person)
    stricter = center.settings.stricter_policy
    return visit.page(
        "settings/settings.html", center=center, policy=policy, saved=saved[:40], kinds=_KINDS, grace=GRACE_WORDS,
        severities=SEVERITIES, audiences=AUDIENCES, outlets=OUTLETS, routed=_routed(policy),
        contacts=_contacts(center.settings),
        code=code, codes=rulebook.codes(), options=read_document(code).get("options", {}),
        stricter=yaml.safe_dump(stricter, sort_keys=False, allow_unicode=True) if stricter else "",
        keys=keys, users=users, parse_instant=parse_instant, roles=ROLES, installation=visit.service.settings,
    )  # fmt: skip


@router.post("/mode")
async def change_mode(visit: Changer) -> Response:
    form = await visit.request.form()
    return await _change(visit, form, {"mode": _text(form, "mode") or None, "automatic_kinds": _texts(form, "kinds")})


@router.post("/patience")
async def change_patience(visit: Changer) -> Response:
    form, usual = await visit.request.form(), policy_to_json(Policy())
    given: dict[str, Any] = {
        "risk_threshold": _number(form, "risk_threshold") / 100,
        "grace_seconds": usual["grace_seconds"]
        | {cause: int(_number(form, f"grace_{cause}")) for cause in GRACE_WORDS},
        "tell_headroom": "tell_headroom" in form,
    }
    for name in ("clear_seconds", "critical_after_seconds", "count_patience_seconds"):
        given[name] = int(_number(form, name))
    given["risk_clear"] = round(given["risk_threshold"] * 0.6, 4)
    return await _change(visit, form, {"policy": dict(visit.center.settings.policy) | given})


@router.post("/quiet")
async def change_quiet(visit: Changer) -> Response:
    form = await visit.request.form()
    given = {
        "quiet_from": _text(form, "quiet_from") or None, "quiet_to": _text(form, "quiet_to") or None,
        "quiet_severity": _text(form, "quiet_severity"),
    }  # fmt: skip
    return await _change(visit, form, {"policy": dict(visit.center.settings.policy) | given})


@router.post("/routing")
async def change_routing(visit: Changer) -> Response:
    """Who is told first of what; ladders and repeats stay as they are."""
    form = await visit.request.form()
    routes = policy_to_json(visit.center.policy)["routes"]
    for severity in SEVERITIES:
        chosen = [text.split("/") for text in _texts(form, f"route_{severity}")]
        targets = [{"audience": audience, "outlet": outlet} for audience, outlet in chosen]
        routes[severity] = routes.get(severity, {"ladder": [], "repeat_seconds": None}) | {"targets": targets}
    contacts = {audience: _contact_lines(_text(form, f"contacts_{audience}")) for audience in AUDIENCES}
    return await _change(
        visit, form,
        {"policy": dict(visit.center.settings.policy) | {"routes": routes},
         "contacts": {audience: lines for audience, lines in contacts.items() if lines}},
    )  # fmt: skip


@router.post("/rules")
async def change_rules(visit: Changer) -> Response:
    """The jurisdiction's options and a stricter policy; both are tried before they are kept."""
    form = await visit.request.form()
    code = _text(form, "code")
    known = read_document(code).get("options", {})
    options = {name: choice for name in known if (choice := _text(form, f"option_{name}"))}
    policy = _yaml(_text(form, "stricter"))
    rulebook.load(code, visit.center.facts.day_of(visit.now), options, policy)
    own = code != visit.center.facts.center.state
    return await _change(
        visit, form, {"rules_code": code if own else None, "rule_options": options, "stricter_policy": policy}
    )


@router.post("/map")
async def change_map(visit: Changer) -> Response:
    """Seconds on foot between rooms, and who may float."""
    form, rooms = await visit.request.form(), visit.center.facts.rooms
    walks = {
        start: {end: int(_number(form, name)) for end in rooms if _text(form, name := f"walk/{start}/{end}")}
        for start in rooms
    }
    floats = None if "as_platform" in form else _texts(form, "floats")
    return await _change(
        visit, form, {"floats": floats, "walk_seconds": {start: row for start, row in walks.items() if row}}
    )


@router.post("/retention")
async def change_retention(visit: Changer) -> Response:
    form = await visit.request.form()
    days = {name: int(_number(form, name)) for name in ("retention_days", "record_keeping_days")}
    return await _change(visit, form, {**days, "legal_hold": "legal_hold" in form})


@router.post("/keys")
async def add_key(visit: Keeper, name: Text, role: Text, days: Annotated[int, Form(ge=0, le=3650)] = 0) -> Response:
    """A key for this center. Shown this once."""
    ends = visit.now + timedelta(days=days) if days else None
    given = _valid(endpoints.NewKey, name=name, role=role, centers=(visit.center.center_id,), expires_at=ends)
    made = await endpoints.create_key(given, visit.service, visit.person)
    return visit.page("settings/key.html", made=made, name=name)


@router.post("/keys/{key_id}/revoke")
async def end_key(key_id: Id, visit: Keeper) -> Response:
    await endpoints.revoke_key(key_id, visit.service, visit.person)
    return visit.back_to("/settings?saved=keys#people")


@router.post("/users")
async def add_user(visit: Keeper, user_id: Text, name: Text, password: Text, role: Text) -> Response:
    given = _valid(
        endpoints.NewUser, user_id=user_id, name=name, password=password, role=role, centers=(visit.center.center_id,)
    )
    await endpoints.create_user(given, visit.service, visit.person)
    return visit.back_to("/settings?saved=people#people")


@router.post("/users/{user_id}/disable")
async def end_user(user_id: Id, visit: Keeper) -> Response:
    if visit.person.actor == f"user:{user_id}":
        raise BadInput("you cannot lock yourself out; ask another director")
    await endpoints.disable_user(user_id, visit.service, visit.person)
    return visit.back_to("/settings?saved=people#people")


async def _change(visit: Visit, form: FormData, changes: Mapping[str, Any]) -> Response:
    """Keep the change if the settings are still those the page showed."""
    center = visit.center
    body = center.settings.model_dump(mode="json") | dict(changes)
    given = _valid(CenterSettings, **body).model_dump(mode="json")
    version = int(_number(form, "version"))
    await visit.service.ledger.awrite(
        lambda c: write_settings(c, center.center_id, given, visit.person.actor, visit.now, version=version)
    )
    await visit.service.reload_settings(center.center_id)
    return visit.back_to(f"/settings?saved={visit.request.url.path.rsplit('/', 1)[-1]}")


def _valid(kind: type[T], **values: Any) -> T:
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{where}: {str(first['msg']).removeprefix('Value error, ')}") from error


def _routed(policy: Policy) -> dict[str, set[str]]:
    return {
        severity: {f"{target.audience}/{target.outlet}" for target in policy.route(severity).targets}
        for severity in SEVERITIES
    }


def _contacts(settings: CenterSettings) -> dict[str, str]:
    return {
        audience: "\n".join(f"{each.outlet} {each.recipient}".strip() for each in settings.contacts.get(audience, ()))
        for audience in AUDIENCES
    }


def _contact_lines(text: str) -> list[dict[str, str]]:
    """`sms +15550100` or `slack`, one a line."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    return [{"outlet": parts[0], "recipient": parts[1].strip() if len(parts) > 1 else ""} for parts in lines]


def _yaml(text: str) -> dict[str, Any] | None:
    if not text.strip():
        return None
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput(f"the stricter policy is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(found, dict):
        raise BadInput("the stricter policy must be a mapping with a name and bands; docs/rules.md shows one")
    return found


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _texts(form: FormData, name: str) -> list[str]:
    return [value for value in form.getlist(name) if isinstance(value, str)]


def _number(form: FormData, name: str) -> float:
    try:
        return float(_text(form, name))
    except ValueError as error:
        raise BadInput(f"{name.replace('_', ' ')} must be a number") from error
