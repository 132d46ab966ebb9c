"""How `pdf.write_pdf` draws its pages: core fonts on Letter, a footer with the page's number."""

from __future__ import annotations

from collections.abc import Sequence

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from reports.pdf import Page


def document(pages: Sequence[Page], footer: str) -> bytes:
    sheets = _Document(footer)
    sheets.set_auto_page_break(auto=True, margin=16)
    for page in pages:
        sheets.add_page()
        sheets.set_font("helvetica", "B", 15)
        sheets.multi_cell(0, 8, _latin(page.title), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        sheets.set_font("helvetica", size=10)
        for sentence in page.sentences:
            sheets.multi_cell(0, 5.5, _latin(sentence), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        if page.rows:
            _table(sheets, page)
    return bytes(sheets.output())


class _Document(FPDF):
    def __init__(self, footer: str) -> None:
        super().__init__(orientation="portrait", format="Letter")
        self._footer = footer

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font("helvetica", size=8)
        self.cell(0, 6, _latin(f"{self._footer}   page {self.page_no()}"))


def _table(sheets: FPDF, page: Page) -> None:
    sheets.ln(2)
    sheets.set_font("helvetica", size=9)
    widths = tuple(page.widths) if page.widths else None
    head = FontFace(emphasis="BOLD")
    with sheets.table(col_widths=widths, line_height=5, headings_style=head, text_align="LEFT") as table:
        for line in [page.columns, *page.rows]:
            row = table.row()
            for cell in line:
                row.cell(_latin(str(cell)))


def _latin(text: str) -> str:
    """The core fonts know Latin-1; what lies beyond is spelled with its nearest sign."""
    plain = text.replace("–", "-").replace("—", "-").replace("…", "...").replace("≥", ">=").replace("≤", "<=")
    plain = plain.replace("“", '"').replace("”", '"').replace("’", "'").replace("→", "->")
    return plain.encode("latin-1", "replace").decode("latin-1")
