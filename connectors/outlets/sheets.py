"""The audit log in a Google Sheet: rows appended RAW, the entry's number in column A, so that a retry shows.

Sources: https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values/append,
https://developers.google.com/identity/protocols/oauth2/service-account#httprest (JWT bearer grant, RS256).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors.outlets.port import DeliveryFailed, refused
from domain.errors import BadSettings

API = "https://sheets.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/spreadsheets"


class SheetsExport:
    """Appends rows to one sheet of a spreadsheet. `token` gives a valid access token whenever it is asked."""

    def __init__(
        self,
        spreadsheet_id: str,
        sheet: str,
        token: Callable[[], str],
        *,
        base_url: str = API,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._values = f"{base_url.rstrip('/')}/v4/spreadsheets/{quote(spreadsheet_id, safe='')}/values"
        self._sheet, self._token = sheet, token
        self._http = httpx.Client(timeout=30, transport=transport)

    def last_number(self) -> int:
        """The greatest number in column A: from where to go on."""
        answer = self._call("GET", f"{self._values}/{quote(self._sheet + '!A:A', safe='')}")
        cells = [cell for row in answer.get("values", []) for cell in row[:1]]
        return max((int(cell) for cell in cells if str(cell).isdigit()), default=0)

    def append(self, rows: Sequence[Sequence[Any]]) -> int:
        """Add rows below the table, as they are (no formula can run); how many the sheet took."""
        url = f"{self._values}/{quote(self._sheet + '!A1', safe='')}:append"
        body = {"range": f"{self._sheet}!A1", "majorDimension": "ROWS", "values": [list(row) for row in rows]}
        query = {"valueInputOption": "RAW", "insertDataOption": "INSERT_ROWS"}
        answer = self._call("POST", url, params=query, json=body)
        return int(answer.get("updates", {}).get("updatedRows", 0))

    def _call(self, method: str, url: str, **rest: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, url, headers={"Authorization": f"Bearer {self._token()}"}, **rest)
        except httpx.HTTPError as error:
            raise DeliveryFailed(f"Google Sheets does not answer: {error}") from error
        if response.status_code != 200:
            raise refused("Google Sheets", response.status_code, response.text, response.headers.get("retry-after"))
        answer = response.json()
        return answer if isinstance(answer, dict) else {}


class ServiceAccount:
    """Access tokens for a service account, from the JSON key Google gives; renewed a minute before they end."""

    def __init__(
        self, key: Mapping[str, Any], now: Callable[[], datetime], transport: httpx.BaseTransport | None = None
    ) -> None:
        try:
            self._email, self._token_uri = str(key["client_email"]), str(key["token_uri"])
            loaded = serialization.load_pem_private_key(str(key["private_key"]).encode(), password=None)
        except (KeyError, ValueError, TypeError) as error:
            raise BadSettings("this is not the JSON key of a Google service account") from error
        if not isinstance(loaded, rsa.RSAPrivateKey):
            raise BadSettings("the private key of a Google service account must be an RSA key")
        self._key, self._now = loaded, now
        self._http = httpx.Client(timeout=30, transport=transport)
        self._token, self._ends = "", 0.0

    def __call__(self) -> str:
        moment = self._now().timestamp()
        if moment >= self._ends - 60:
            grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self._assertion(moment)}
            try:
                response = self._http.post(self._token_uri, data=grant)
            except httpx.HTTPError as error:
                raise DeliveryFailed(f"Google's token service does not answer: {error}") from error
            if response.status_code != 200:
                raise refused("Google's token service", response.status_code, response.text)
            answer = response.json()
            self._token, self._ends = str(answer["access_token"]), moment + float(answer.get("expires_in", 3600))
        return self._token

    def _assertion(self, moment: float) -> str:
        claims = {
            "iss": self._email,
            "scope": SCOPE,
            "aud": self._token_uri,
            "iat": int(moment),
            "exp": int(moment) + 3600,
        }
        signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64url(signature)}"


def _part(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
