"""Commands: serve, audit verify | export | push | head, keys create | list | revoke, users create, shadow report."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.audit_push import audit_push
from cli.output import print_json, print_table, require_place_for, writing
from cli.retention import purge
from connectors.clock import open_clock
from domain.errors import BadInput, RatiocastError
from domain.time import format_instant, parse_instant
from storage import audit
from storage.ledger import Connection, Ledger, access, open_ledger
from storage.ledger.centers import require_center
from storage.settings import Settings, load_settings
from storage.signing import signing_key

Center = Annotated[str, typer.Option("--center", help="Center id; all of them if not given.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(name="serve")(serve)
    app.command(name="purge")(purge)
    groups: tuple[tuple[str, str, dict[str, Callable[..., None]]], ...] = (
        ("audit", "The audit log: verify it, export it, print its signed head.",
         {"verify": audit_verify, "export": audit_export, "push": audit_push, "head": audit_head}),
        ("keys", "API keys.", {"create": keys_create, "list": keys_list, "revoke": keys_revoke}),
        ("users", "People who sign in.", {"create": users_create, "list": users_list}),
        ("shadow", "What shadow mode has shown.", {"report": shadow_report}),
    )  # fmt: skip
    for name, help_text, commands in groups:
        group = typer.Typer(help=help_text, no_args_is_help=True)
        for command, function in commands.items():
            group.command(name=command)(function)
        app.add_typer(group, name=name)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Run the service: intake, live loop, outlets, API and console."""
    from api.serving import serve as run

    run(load_settings(**{name: value for name, value in {"host": host, "port": port}.items() if value is not None}))


def audit_verify(
    center: Center = "",
    head: Annotated[Path | None, typer.Option(help="A signed head kept elsewhere (JSON).")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that no entry of the audit log was changed, dropped or added. Exit code 1 if one was."""
    kept = _read_head(head) if head else None

    def check(connection: Connection) -> list[dict[str, Any]]:
        if center:
            require_center(connection, center)
        wanted = [center] if center else audit.centers(connection)
        if kept is not None:
            wanted = [kept["center_id"]]
        results = []
        for center_id in wanted:
            records = (entry.record() for entry in audit.entries(connection, center_id))
            count, faults = audit.verify(records, kept)
            results.append({"center_id": center_id, "entries": count, "holds": not faults, "faults": faults})
        return results

    with _reading() as ledger:
        results = ledger.read(check)
    if as_json:
        print_json(results)
    else:
        rows = [(r["center_id"] or "(installation)", r["entries"], "yes" if r["holds"] else "NO") for r in results]
        print_table("Audit chains", ["center", "entries", "holds"], rows)
        for fault in (fault for result in results for fault in result["faults"][:20]):
            typer.echo(fault, err=True)
    if not all(result["holds"] for result in results):
        raise typer.Exit(1)


def audit_export(
    center: Annotated[str, typer.Option("--center", help="Center id.")],
    form: Annotated[str, typer.Option("--format", help="jsonl or csv.")] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if not given.")] = None,
    after: Annotated[int, typer.Option(help="Only entries behind this number.")] = 0,
) -> None:
    """Write a center's audit log, for `docs/verify_audit.py` or any other reader."""
    if form not in ("jsonl", "csv"):
        raise BadInput(f"'{form}' is not a format of the audit log; use jsonl or csv")
    require_place_for(out)
    with _reading() as ledger:
        ledger.read(partial(require_center, center_id=center))
        records = ledger.read(lambda c: [entry.record() for entry in audit.entries(c, center, after=after)])
    if out is None:
        _write(records, form, sys.stdout)
        return
    with writing(out), out.open("w", newline="", encoding="utf-8") as file:
        _write(records, form, file)
    typer.echo(f"{len(records)} entries written to {out}", err=True)


def audit_head(center: Annotated[str, typer.Option("--center", help="Center id.")]) -> None:
    """Print the signed head of a center's chain: keep it outside this installation."""
    settings = load_settings()
    with _reading(settings) as ledger:
        ledger.read(partial(require_center, center_id=center))
        key, now = signing_key(settings.data_dir), open_clock(settings).now()
        print_json(ledger.read(lambda c: audit.signed_head(c, center, now, key)))


def keys_create(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    role: Annotated[str, typer.Option(help=", ".join(access.ROLES))],
    center: Annotated[list[str], typer.Option(help="Center id (repeat it), or * for all.")],
    expires: Annotated[str, typer.Option(help="When it ends, such as 2026-12-31T00:00:00Z.")] = "",
) -> None:
    """Make an API key and print it; it cannot be shown again. With a service running, use POST /v1/keys."""
    settings = load_settings()
    now, ends = open_clock(settings).now(), parse_instant(expires) if expires else None

    def make(connection: Connection) -> tuple[str, str]:
        made = access.create_key(connection, name, role, center, now, ends)
        audit.append(
            connection, audit.Entry("", "key.created", f"key:{made[0]}", "command line", now, None, {"role": role})
        )
        return made

    with open_ledger(settings.ledger_location) as ledger:
        _, token = ledger.write(make)
    typer.echo(token)


def keys_list(as_json: AsJson = False) -> None:
    """Keys, never their secrets."""
    with _reading() as ledger:
        found = ledger.read(access.list_keys)
    rows = [
        {
            "key_id": key.key_id, "name": key.name, "role": key.role, "centers": " ".join(key.centers),
            "expires": format_instant(key.expires_at) if key.expires_at else "",
            "revoked": format_instant(key.revoked_at) if key.revoked_at else "",
        }
        for key in found
    ]  # fmt: skip
    if as_json:
        print_json(rows)
    else:
        columns = ["key_id", "name", "role", "centers", "expires", "revoked"]
        print_table("Keys", columns, [[row[column] for column in columns] for row in rows])


def keys_revoke(key_id: str) -> None:
    """End a key. With a service running, use DELETE /v1/keys/{key_id}."""
    settings = load_settings()
    now = open_clock(settings).now()

    def revoke(connection: Connection) -> None:
        access.revoke_key(connection, key_id, now)
        audit.append(connection, audit.Entry("", "key.revoked", f"key:{key_id}", "command line", now))

    with open_ledger(settings.ledger_location) as ledger:
        ledger.write(revoke)
    typer.echo(f"the key {key_id} is revoked", err=True)


def users_create(
    user_id: Annotated[str, typer.Argument(help="Name to sign in with.")],
    role: Annotated[str, typer.Option(help=", ".join(access.ROLES))],
    center: Annotated[list[str], typer.Option(help="Center id (repeat it), or * for all.")],
    name: Annotated[str, typer.Option(help="Full name.")] = "",
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, help="Asked for if not given.")] = "",
) -> None:
    """Add somebody who signs in to the console. With a service running, use POST /v1/users."""
    settings = load_settings()
    now, hashed = open_clock(settings).now(), access.hash_password(password)
    user = access.User(user_id, name or user_id, role, tuple(center))

    def make(connection: Connection) -> None:
        access.create_user(connection, user, hashed, now)
        entry = audit.Entry("", "user.created", f"user:{user_id}", "command line", now, None, {"role": role})
        audit.append(connection, entry)

    with open_ledger(settings.ledger_location) as ledger:
        ledger.write(make)
    typer.echo(f"{user_id} may sign in", err=True)


def users_list() -> None:
    """People who may sign in."""
    with _reading() as ledger:
        found = ledger.read(access.list_users)
    rows = [(u.user_id, u.name, u.role, " ".join(u.centers), "no" if u.disabled_at else "yes") for u in found]
    print_table("Users", ["user", "name", "role", "centers", "may sign in"], rows)


def shadow_report(
    center: Annotated[str, typer.Option("--center", help="Center id.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back.")] = 28,
    log: Annotated[Path | None, typer.Option(help="Manual log (CSV: room_id,start,end[,note]).")] = None,
    as_json: AsJson = False,
) -> None:
    """Precision, recall, lead time and alerts per room-day against the director's own labels, and other thresholds."""
    from api.shadow import read_manual_log, report_of

    settings = load_settings()
    now = open_clock(settings).now()
    seen = read_manual_log(log) if log else []
    with _reading(settings) as ledger:
        ledger.read(partial(require_center, center_id=center))
        report = ledger.read(lambda c: report_of(c, center, now - timedelta(days=days), now, seen))
    if as_json:
        print_json(report.to_json())
        return
    print_table(f"Shadow report of {center}, {days} days", ["figure", "value"], report.rows())
    print_table("Had the warning threshold been another", list(report.THRESHOLD_COLUMNS), report.threshold_rows())


def _reading(settings: Settings | None = None) -> Ledger:
    return open_ledger((settings or load_settings()).ledger_location, write=False)


def _read_head(path: Path) -> dict[str, Any]:
    try:
        head: dict[str, Any] = json.loads(path.read_text())
        good = audit.head_is_signed(head)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as a signed head: {error}") from error
    if not good:
        raise RatiocastError(f"the head in {path} does not carry a good signature")
    return head


def _write(records: list[dict[str, Any]], form: str, file: Any) -> None:
    if form == "jsonl":
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        return
    writer = csv.DictWriter(file, fieldnames=audit.EXPORT_COLUMNS)
    writer.writeheader()
    for record in records:
        writer.writerow(
            {**record, **{name: json.dumps(record[name], ensure_ascii=False) for name in ("before", "after")}}
        )
