"""Text messages through Twilio's Messages API, and the replies that come back.

Sources: https://www.twilio.com/docs/messaging/api/message-resource (form-encoded POST, `.json`),
https://www.twilio.com/docs/api/errors/21610 (the recipient said STOP),
https://www.twilio.com/docs/usage/security#validating-requests (X-Twilio-Signature).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from html import escape

import httpx

from connectors.outlets.port import DeliveryFailed, Note, refused
from domain.errors import Unauthenticated

API = "https://api.twilio.com"
STOPPED = 21610
_LONGEST = 1500  # Twilio refuses above 1,600
# Numbers that will never work: invalid, not a mobile, not routable, blocked region.
_DEAD_NUMBERS = {21211, 21214, 21217, 21408, 21612, 21614}


class SmsOutlet:
    """`recipient` is a telephone number in E.164 form."""

    name = "sms"
    idempotent = False
    min_interval = 1.0  # one segment per second and long-code number

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        sender: str,
        *,
        base_url: str = API,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/2010-04-01/Accounts/{account_sid}/Messages.json"
        self._sender = sender
        self._http = httpx.Client(timeout=10, auth=(account_sid, auth_token), transport=transport)

    def send(self, note: Note) -> str:
        form = {"To": note.recipient, "From": self._sender, "Body": sms_text(note)}
        try:
            response = self._http.post(self._url, data=form)
        except httpx.HTTPError as error:
            raise DeliveryFailed(f"Twilio does not answer: {error}") from error
        answer = _json(response)
        if response.status_code in (200, 201):
            return str(answer.get("sid", ""))
        code, text = answer.get("code"), str(answer.get("message", response.text))
        if code == STOPPED:
            raise DeliveryFailed(f"the recipient has stopped text messages (21610): {text}", gone=True)
        if code in _DEAD_NUMBERS:
            raise DeliveryFailed(f"Twilio cannot reach this number ({code}): {text}", gone=True)
        raise refused("Twilio", response.status_code, f"{code}: {text}", response.headers.get("retry-after"))


def sms_text(note: Note) -> str:
    """Title and body, with how to answer where an answer is wanted ("1" approves, "2" denies)."""
    lines = [note.title, note.text]
    choices = {button.action for button in note.buttons}
    if {"approve", "deny"} <= choices:
        lines.append("Reply 1 to approve, 2 to deny.")
    elif "acknowledge" in choices:
        lines.append("Reply 1 to acknowledge.")
    return "\n".join(lines)[:_LONGEST]


def verify_inbound(auth_token: str, url: str, form: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> None:
    """Unauthenticated unless Twilio signed this form for this URL (the one it was told to call)."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    expected = base64.b64encode(hmac.new(auth_token.encode(), text.encode("utf-8", "replace"), hashlib.sha1).digest())
    given = headers.get("x-twilio-signature", "").encode("utf-8", "replace")
    if not auth_token or not hmac.compare_digest(expected, given):
        raise Unauthenticated("the request is not signed by Twilio for this address")


def reply_twiml(text: str) -> str:
    """The answer to an inbound message as TwiML."""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response><Message>{escape(text)}</Message></Response>'


def _json(response: httpx.Response) -> dict[str, object]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
