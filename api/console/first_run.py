"""The guide of a service that knows no center yet: where centers come from, and what files alone can do."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi.responses import Response

from api.console.frame import Visit
from domain.errors import RatiocastError
from storage.reader import open_reader


async def first_run(visit: Visit, status: int = 200) -> Response:
    """With the names of centers whose past was imported from files: they are not live, and people look for them."""
    known = await asyncio.to_thread(_imported, visit.service.settings.data_dir)
    return visit.page(
        "first_run.html", status=status, degraded=list(visit.service.degraded.values()),
        imported=[name for center_id, name in known if visit.person.sees(center_id)],
    )  # fmt: skip


def _imported(data_dir: Path) -> list[tuple[str, str]]:
    try:
        with open_reader(data_dir) as reader:
            rows = reader.query("SELECT center_id, name FROM centers ORDER BY name, center_id")
    except RatiocastError:  # nothing published, or nothing that can be read
        return []
    return [(str(row.center_id), str(row.name)) for row in rows.itertuples(index=False)]
