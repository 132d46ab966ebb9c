"""Pages of a title, sentences and a table, as PDF (searchable, fit for an inspector's file) and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    sentences: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default=())
    widths: Sequence[int] | None = None  # relative; None: equal


class _Document(FPDF):
    def __init__(self, footer: str) -> None:
        super().__init__(orientation="portrait", format="Letter")
        self._footer = footer

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font("helvetica", size=8)
        self.cell(0, 6, _latin(f"{self._footer}   page {self.page_no()}"))


def write_pdf(pages: Sequence[Page], *, footer: str) -> bytes:
    """The document's bytes; each Page starts on a new sheet and its table repeats its head where it runs over."""
    document = _Document(footer)
    document.set_auto_page_break(auto=True, margin=16)
    for page in pages:
        document.add_page()
        document.set_font("helvetica", "B", 15)
        document.multi_cell(0, 8, _latin(page.title), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        document.set_font("helvetica", size=10)
        for sentence in page.sentences:
            document.multi_cell(0, 5.5, _latin(sentence), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        if page.rows:
            _table(document, page)
    return bytes(document.output())


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


def _table(document: FPDF, page: Page) -> None:
    document.ln(2)
    document.set_font("helvetica", size=9)
    widths = tuple(page.widths) if page.widths else None
    head = FontFace(emphasis="BOLD")
    with document.table(col_widths=widths, line_height=5, headings_style=head, text_align="LEFT") as table:
        for line in [page.columns, *page.rows]:
            row = table.row()
            for cell in line:
                row.cell(_latin(str(cell)))


def _latin(text: str) -> str:
    """The core fonts know Latin-1; what lies beyond is spelled with its nearest sign."""
    plain = text.replace("–", "-").replace("—", "-").replace("…", "...").replace("≥", ">=").replace("≤", "<=")
    plain = plain.replace("“", '"').replace("”", '"').replace("’", "'").replace("→", "->")
    return plain.encode("latin-1", "replace").decode("latin-1")
