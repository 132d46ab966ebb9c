"""Command: purge. What centers have kept long enough, counted or deleted for good."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from cli.output import print_json, print_table
from connectors.clock import open_clock
from storage.ledger import Connection, open_ledger
from storage.ledger.centers import known_centers, read_settings, require_center
from storage.settings import load_settings


def purge(
    center: Annotated[str, typer.Option("--center", help="Center id; all of them if not given.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only; works while a service runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Delete what each center's settings no longer keep. A running service does this every night by itself."""
    from api.center_settings import CenterSettings
    from api.retention import purge_center

    settings = load_settings()
    now = open_clock(settings).now()

    def one(center_id: str, connection: Connection) -> dict[str, int]:
        stored = read_settings(connection, center_id)
        chosen = CenterSettings.model_validate(stored.body) if stored else CenterSettings()
        return purge_center(connection, center_id, chosen, now, names=settings.store_names, dry_run=dry_run)

    totals: dict[str, dict[str, int]] = {}
    with open_ledger(settings.ledger_location, write=not dry_run) as ledger:
        if center:
            ledger.read(partial(require_center, center_id=center))
        run = ledger.read if dry_run else ledger.write
        for center_id in [center] if center else ledger.read(known_centers):
            total = totals.setdefault(center_id, {})
            while any((gone := run(partial(one, center_id))).values()):
                for what, count in gone.items():
                    total[what] = total.get(what, 0) + count
                if dry_run:
                    break
    if as_json:
        print_json(totals)
        return
    rows = [(center_id, what, count) for center_id, total in totals.items() for what, count in total.items() if count]
    print_table("To be purged" if dry_run else "Purged", ["center", "what", "rows"], rows)
