"""Loopback doubles that speak the vendors' wire formats: they read and answer as the vendor does."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}


@dataclass
class Vendor:
    """What a double received, and the failures it is told to give first (status, headers, body)."""

    url: str = ""
    received: list[Request] = field(default_factory=list)
    failures: list[Answer] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    pages: list[dict[str, Any]] = field(default_factory=list)


def _json(status: int, body: Any, **headers: str) -> Answer:
    return status, {"Content-Type": "application/json", **headers}, json.dumps(body).encode()


def slack(vendor: Vendor, request: Request) -> Answer:
    """An incoming webhook: text "ok", or the error codes of Slack's documentation."""
    body = request.json()
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        return 400, {}, b"invalid_payload"
    if not body.get("text") and not body.get("blocks"):
        return 400, {}, b"no_text"
    for block in body.get("blocks") or []:
        if block["type"] == "header" and len(block["text"]["text"]) > 150:
            return 400, {}, b"invalid_blocks"
        if block["type"] == "actions" and not 1 <= len(block["elements"]) <= 25:
            return 400, {}, b"invalid_blocks"
    return 200, {}, b"ok"


def slack_api(vendor: Vendor, request: Request) -> Answer:
    """`chat.postMessage` and `chat.update` of the Web API: JSON, a bearer token, refusals as a word with status 200."""
    if request.headers.get("authorization") != "Bearer xoxb-1":
        return _json(200, {"ok": False, "error": "invalid_auth"})
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        return _json(200, {"ok": False, "error": "missing_post_type"})
    body, method = request.json(), request.path.rpartition("/")[2]
    channels = {"C1": "C1", "#alerts": "C1"}
    if body["channel"] not in (channels if method == "chat.postMessage" else channels.values()):
        return _json(200, {"ok": False, "error": "channel_not_found"})
    known = {message["ts"]: message for message in vendor.pages}
    if method == "chat.update":
        if body["ts"] not in known:
            return _json(200, {"ok": False, "error": "message_not_found"})
        known[body["ts"]].update(text=body["text"], blocks=body["blocks"])
        return _json(200, {"ok": True, "channel": body["channel"], "ts": body["ts"], "text": body["text"]})
    if method != "chat.postMessage":
        return _json(200, {"ok": False, "error": "unknown_method"})
    if body.get("thread_ts") and body["thread_ts"] not in known:
        return _json(200, {"ok": False, "error": "thread_not_found"})
    ts = f"17{len(vendor.pages):08d}.000100"
    vendor.pages.append({**body, "ts": ts})
    return _json(200, {"ok": True, "channel": channels[body["channel"]], "ts": ts, "message": {"type": "message"}})


def twilio(vendor: Vendor, request: Request) -> Answer:
    """POST .../Messages.json, form-encoded, basic authentication."""
    expected = "Basic " + base64.b64encode(b"AC1:token").decode()
    if request.headers.get("authorization") != expected:
        return _json(401, {"code": 20003, "message": "Authenticate", "more_info": "", "status": 401})
    if not request.path.endswith("/2010-04-01/Accounts/AC1/Messages.json"):
        return _json(404, {"code": 20404, "message": "not found", "more_info": "", "status": 404})
    form = request.form()
    if request.headers.get("content-type") != "application/x-www-form-urlencoded" or not {"To", "From", "Body"} <= set(
        form
    ):
        return _json(400, {"code": 21604, "message": "A 'To' phone number is required", "more_info": "", "status": 400})
    codes = {"+15550009": (21610, "Attempt to send to unsubscribed recipient"), "+15550008": (21211, "Invalid 'To'")}
    if form["To"] in codes:
        code, message = codes[form["To"]]
        return _json(400, {"code": code, "message": message, "more_info": "", "status": 400})
    return _json(201, {"sid": f"SM{len(vendor.received):032d}", "status": "queued", "to": form["To"]})


def teams(vendor: Vendor, request: Request) -> Answer:
    body = request.json()
    card = body["attachments"][0]
    if body["type"] != "message" or card["contentType"] != "application/vnd.microsoft.card.adaptive":
        return _json(400, {"error": {"code": "TriggerInputSchemaMismatch", "message": "no adaptive card"}})
    return 202, {"x-ms-workflow-run-id": "run-1"}, b""


def google(vendor: Vendor, request: Request) -> Answer:
    """The token service and Sheets' values, with column A as the table's edge."""
    if request.path == "/token":
        grant = request.form()
        if (
            grant.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer"
            or grant["assertion"].count(".") != 2
        ):
            return _json(400, {"error": "invalid_grant"})
        return _json(200, {"access_token": "ya29.test", "expires_in": 3600, "token_type": "Bearer"})
    if request.headers.get("authorization") != "Bearer ya29.test":
        return _json(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
    if request.method == "GET":
        return _json(
            200, {"range": "Audit!A1:A1000", "majorDimension": "ROWS", "values": [row[:1] for row in vendor.rows]}
        )
    if not unquote(request.path).endswith(":append") or request.query.get("valueInputOption") != ["RAW"]:
        return _json(400, {"error": {"code": 400, "status": "INVALID_ARGUMENT"}})
    rows = request.json()["values"]
    if any(isinstance(cell, (dict, list)) for row in rows for cell in row):
        return _json(400, {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "Invalid values"}})
    vendor.rows += rows
    return _json(200, {"spreadsheetId": "s", "updates": {"updatedRows": len(rows)}})


def notion(vendor: Vendor, request: Request) -> Answer:
    if request.headers.get("notion-version") != "2025-09-03" or request.headers.get("authorization") != "Bearer secret":
        return _json(401, {"object": "error", "status": 401, "code": "unauthorized", "message": ""})
    body = request.json()
    if request.path == "/v1/data_sources/ds1/query":
        newest = sorted(vendor.pages, key=lambda page: -page["properties"]["Number"]["number"])
        return _json(200, {"object": "list", "results": newest[: body["page_size"]], "has_more": False})
    if body["parent"] != {"type": "data_source_id", "data_source_id": "ds1"}:
        return _json(400, {"object": "error", "status": 400, "code": "validation_error", "message": "parent"})
    vendor.pages.append(body)
    return _json(200, {"object": "page", "id": f"page-{len(vendor.pages)}"})


def anything(vendor: Vendor, request: Request) -> Answer:
    return 200, {}, b""


@contextmanager
def vendor(speak: Callable[[Vendor, Request], Answer]) -> Iterator[Vendor]:
    """A double on a free port of the loopback interface."""
    double = Vendor()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, parts.path, parse_qs(parts.query), headers, body)
            double.received.append(request)
            status, extra, answer = double.failures.pop(0) if double.failures else speak(double, request)
            self.send_response(status)
            for name, value in {**extra, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    double.url = f"http://127.0.0.1:{server.server_port}"
    with _serving(server):
        yield double


@dataclass
class MailServer:
    port: int = 0
    mails: list[tuple[str, list[str], str]] = field(default_factory=list)  # sender, recipients, text
    refuse: dict[str, str] = field(default_factory=dict)  # recipient -> answer line


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """As much of RFC 5321 as a client needs."""
    double = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 double ESMTP")
            sender, recipients = "", list[str]()
            while line := self.rfile.readline().decode().strip():
                verb = line.upper()
                if verb.startswith(("EHLO", "HELO")):
                    self._say("250 double")
                elif verb.startswith("MAIL FROM:"):
                    sender = line[10:].split(">")[0].strip(" <")
                    self._say("250 OK")
                elif verb.startswith("RCPT TO:"):
                    address = line[8:].split(">")[0].strip(" <")
                    recipients += [address] if address not in double.refuse else []
                    self._say(double.refuse.get(address, "250 OK"))
                elif verb == "DATA":
                    self._say("354 go on")
                    text = b""
                    while not text.endswith(b"\r\n.\r\n"):
                        text += self.rfile.readline()
                    double.mails.append((sender, recipients, text.decode()))
                    self._say("250 queued")
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 OK")

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    double.port = server.server_address[1]
    with _serving(server):
        yield double


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
