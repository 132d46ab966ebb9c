"""The audit log in a Notion data source: one page per entry.

Sources: https://developers.notion.com/reference/post-page (parent `data_source_id`, version 2025-09-03),
https://developers.notion.com/reference/query-a-data-source, https://developers.notion.com/reference/request-limits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from connectors.outlets.port import DeliveryFailed, refused

API = "https://api.notion.com"
VERSION = "2025-09-03"
_LONGEST_TEXT = 2000  # of one rich text object
_PAUSE_SECONDS = 0.34  # three requests per second on average


class NotionExport:
    """Needs a data source with the title property "Entry" and the number property "Number"; the rest are texts."""

    def __init__(
        self,
        data_source_id: str,
        token: str,
        *,
        base_url: str = API,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source, self._pause = data_source_id, pause
        headers = {"Authorization": f"Bearer {token}", "Notion-Version": VERSION}
        self._http = httpx.Client(base_url=base_url, timeout=30, headers=headers, transport=transport)

    def last_number(self) -> int:
        """The greatest number there: from where to go on."""
        body = {"page_size": 1, "sorts": [{"property": "Number", "direction": "descending"}]}
        results = self._call(f"/v1/data_sources/{self._source}/query", body).get("results", [])
        number = results[0]["properties"]["Number"]["number"] if results else 0
        return int(number or 0)

    def append(self, record: Mapping[str, Any]) -> str:
        """One entry as a page; the page's id."""
        properties: dict[str, Any] = {
            "Entry": {"title": [{"text": {"content": f"{record['action']} {record['subject']}"[:_LONGEST_TEXT]}}]},
            "Number": {"number": record["number"]},
        }
        for name, value in record.items():
            if name != "number":
                properties[name] = {"rich_text": [{"text": {"content": str(value)[:_LONGEST_TEXT]}}]}
        parent = {"type": "data_source_id", "data_source_id": self._source}
        answer = self._call("/v1/pages", {"parent": parent, "properties": properties})
        self._pause(_PAUSE_SECONDS)
        return str(answer.get("id", ""))

    def _call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = self._http.post(path, json=body)
        except httpx.HTTPError as error:
            raise DeliveryFailed(f"Notion does not answer: {error}") from error
        if response.status_code != 200:
            raise refused("Notion", response.status_code, response.text, response.headers.get("retry-after"))
        answer = response.json()
        return answer if isinstance(answer, dict) else {}
