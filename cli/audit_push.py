"""Command: audit push. A center's audit log appended to a Google Sheet or a Notion data source, from where it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.clock import open_clock
from connectors.outlets import notion, sheets
from domain.errors import BadInput
from storage import audit
from storage.ledger import open_ledger
from storage.settings import load_settings

_BATCH = 500


def audit_push(
    center: Annotated[str, typer.Option("--center", help="Center id.")],
    sheet: Annotated[str, typer.Option(help="Id of the Google spreadsheet.")] = "",
    tab: Annotated[str, typer.Option(help="Name of the sheet in it.")] = "Audit",
    service_account: Annotated[Path | None, typer.Option(help="JSON key of the Google service account.")] = None,
    data_source: Annotated[str, typer.Option(help="Id of the Notion data source.")] = "",
    token_file: Annotated[Path | None, typer.Option(help="File with the Notion token.")] = None,
    url: Annotated[str, typer.Option(help="Base URL of the vendor's API, if it is not the usual one.")] = "",
) -> None:
    """Append what is not there yet. The entry's number stands in column A (or "Number"), so a retry shows."""
    if bool(sheet) == bool(data_source):
        raise BadInput("name either --sheet with --service-account, or --data-source with --token-file")
    if sheet:
        account = sheets.ServiceAccount(_json_of(service_account), open_clock(load_settings()).now)
        target = sheets.SheetsExport(sheet, tab, account, base_url=url or sheets.API)
        records = _records(center, target.last_number())
        for start in range(0, len(records), _BATCH):
            target.append([_row(record) for record in records[start : start + _BATCH]])
    else:
        pages = notion.NotionExport(data_source, _text_of(token_file).strip(), base_url=url or notion.API)
        records = _records(center, pages.last_number())
        for record in records:
            pages.append(record)
    typer.echo(f"{len(records)} entries appended", err=True)


def _records(center_id: str, after: int) -> list[dict[str, Any]]:
    with open_ledger(load_settings().ledger_location, write=False) as ledger:
        return ledger.read(lambda c: [entry.record() for entry in audit.entries(c, center_id, after=after)])


def _row(record: dict[str, Any]) -> list[Any]:
    """Cells are texts and numbers only; the number comes first."""
    cells = [record[name] for name in audit.EXPORT_COLUMNS]
    return [cell if isinstance(cell, int | str) else json.dumps(cell, ensure_ascii=False) for cell in cells]


def _json_of(path: Path | None) -> dict[str, Any]:
    try:
        found = json.loads(_text_of(path))
    except ValueError as error:
        raise BadInput(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path} is not the JSON key of a Google service account")
    return found


def _text_of(path: Path | None) -> str:
    if path is None:
        raise BadInput("the file with the vendor's key is missing: give --service-account or --token-file")
    try:
        return path.read_text()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
