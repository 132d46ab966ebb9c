"""E-mail by SMTP (RFC 5321): 4yz answers pass, 5yz stay."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from connectors.outlets.port import DeliveryFailed, Note
from domain.errors import BadSettings


class EmailOutlet:
    """`recipient` is an address. `url` is smtp://[user:password@]host:port (STARTTLS if offered) or smtps://..."""

    name = "email"
    idempotent = False
    min_interval = 0.0

    def __init__(self, url: str, sender: str, timeout: float = 10) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise BadSettings("the setting 'smtp_url' must look like smtp://user:password@mail.example.com:587")
        if "@" not in sender:
            raise BadSettings("the setting 'email_from' must be an e-mail address")
        self._parts, self._sender, self._timeout = parts, sender, timeout

    def send(self, note: Note) -> str:
        mail = EmailMessage()
        try:
            mail["From"], mail["To"] = self._sender, note.recipient
            mail["Subject"] = " ".join(note.title.split())
        except ValueError as error:
            raise DeliveryFailed(f"'{note.recipient[:60]}' is not an e-mail address", permanent=True) from error
        mail["Message-ID"] = f"<{note.message_id}@{self._sender.rsplit('@', 1)[1]}>"
        mail.set_content(note.text if not note.link else f"{note.text}\n\n{note.link}\n")
        self._deliver(mail)
        return str(mail["Message-ID"])

    def _deliver(self, mail: EmailMessage) -> None:
        try:
            with self._connect() as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise _refused(code, text) from error
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryFailed(f"the mail server does not answer: {error}") from error

    def _connect(self) -> smtplib.SMTP:
        host, secure = self._parts.hostname or "", self._parts.scheme == "smtps"
        port = self._parts.port or (465 if secure else 587)
        make = smtplib.SMTP_SSL if secure else smtplib.SMTP
        server = make(host, port, timeout=self._timeout)
        server.ehlo()
        if not secure and server.has_extn("starttls"):
            server.starttls()
            server.ehlo()
        if self._parts.username:
            server.login(unquote(self._parts.username), unquote(self._parts.password or ""))
        return server


def _refused(code: int, text: bytes | str) -> DeliveryFailed:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return DeliveryFailed(f"the mail server answered {code}: {words}", permanent=500 <= code < 600)
