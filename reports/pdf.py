"""Pages of a title, sentences and a table, as PDF (searchable, fit for an inspector's file) and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    sentences: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default=())
    widths: Sequence[int] | None = None  # relative; None: equal


def write_pdf(pages: Sequence[Page], *, footer: str) -> bytes:
    """The document's bytes; each Page starts on a new sheet and its table repeats its head where it runs over."""
    from reports.pdf_document import document  # it brings 27 MiB of fonts and pictures: only who prints has them

    return document(pages, footer)


def made(at: datetime) -> str:
    """When a document was made, for its foot: the time of the place with its zone."""
    return f"Made {at:%Y-%m-%d %H:%M %Z}"


def write_csv(pages: Sequence[Page]) -> str:
    """The pages as one CSV text: the title, the sentences, then the table; an empty line between pages."""
    out = io.StringIO()
    writer = csv.writer(out)
    for number, page in enumerate(pages):
        if number:
            writer.writerow([])
        writer.writerow([page.title])
        for sentence in page.sentences:
            writer.writerow([sentence])
        if page.columns:
            writer.writerow(page.columns)
        writer.writerows(page.rows)
    return out.getvalue()
