"""Each outlet against a double that speaks the vendor's wire format."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors.outlets import Button, DeliveryFailed, Note
from connectors.outlets import slack as slack_outlet
from connectors.outlets import sms as sms_outlet
from connectors.outlets.email import EmailOutlet
from connectors.outlets.longtail import AppriseOutlet
from connectors.outlets.notion import NotionExport
from connectors.outlets.platform import InAppOutlet, TaskOutlet
from connectors.outlets.port import REPEAT_MARK, refused, retry_after
from connectors.outlets.sheets import ServiceAccount, SheetsExport
from connectors.outlets.slack import SlackOutlet
from connectors.outlets.sms import SmsOutlet
from connectors.outlets.teams import TeamsOutlet
from domain.errors import BadInput, BadSettings, PlatformRefused, PlatformUnavailable, Unauthenticated

_SPEC = importlib.util.spec_from_file_location("vendors", Path(__file__).parents[1] / "doubles" / "vendors.py")
assert _SPEC
assert _SPEC.loader
vendors = importlib.util.module_from_spec(_SPEC)
sys.modules["vendors"] = vendors
_SPEC.loader.exec_module(vendors)

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
SECRET = "shh"
BUTTONS = (Button("approve", "Approve 1", "pro_1:0"), Button("deny", "Deny", "pro_1:0"))


def note(recipient: str = "", **changes: Any) -> Note:
    base: dict[str, Any] = {
        "message_id": "msg_1", "center_id": "c1", "severity": "violation", "title": "Infants: one short",
        "body": "5 children need 2 adults, 1 counts.", "room_id": "r1", "link": "http://127.0.0.1:8080/incidents/i1",
    }  # fmt: skip
    return Note(recipient=recipient, **{**base, **changes})


def failure(outlet: Any, sent: Note) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        outlet.send(sent)
    return caught.value


def test_slack_takes_a_block_kit_message_with_buttons() -> None:
    with vendors.vendor(vendors.slack) as slack:
        SlackOutlet(slack.url).send(note(buttons=BUTTONS, severity="critical"))
        body = slack.received[0].json()
    assert body["text"].startswith("Infants: one short")
    kinds = [block["type"] for block in body["blocks"]]
    assert kinds == ["header", "section", "actions"]
    assert [e["value"] for e in body["blocks"][2]["elements"]] == ["pro_1:0", "pro_1:0"]
    assert [e["style"] for e in body["blocks"][2]["elements"]] == ["primary", "danger"]
    assert len({e["action_id"] for e in body["blocks"][2]["elements"]}) == 2


def test_a_slack_message_of_any_length_fits_slacks_limits() -> None:
    with vendors.vendor(vendors.slack) as slack:
        SlackOutlet(slack.url).send(note(title="x" * 900, body="<!channel> " * 900))
        blocks = slack.received[0].json()["blocks"]
    assert len(blocks[1]["text"]["text"]) <= 3000
    assert blocks[1]["text"]["type"] == "plain_text"


def test_a_repeat_says_so_where_the_vendor_cannot_tell() -> None:
    with vendors.vendor(vendors.slack) as slack:
        SlackOutlet().send(note(slack.url, repeat=True))
        assert REPEAT_MARK in slack.received[0].json()["text"]


@pytest.mark.parametrize(
    ("answer", "permanent", "wait"),
    [
        ((429, {"Retry-After": "7"}, b"rate_limited"), False, 7.0),
        ((500, {}, b"fatal_error"), False, None),
        ((404, {}, b"no_service"), True, None),
        ((410, {}, b"channel_is_archived"), True, None),
        ((403, {}, b"action_prohibited"), True, None),
    ],
)
def test_slack_failures_pass_or_stay(answer: Any, permanent: bool, wait: float | None) -> None:
    with vendors.vendor(vendors.slack) as slack:
        slack.failures.append(answer)
        error = failure(SlackOutlet(slack.url), note())
    assert (error.permanent, error.retry_after, error.gone) == (permanent, wait, False)


def bot(url: str, token: str = "xoxb-1", channel: str = "#alerts") -> SlackOutlet:  # noqa: S107
    return SlackOutlet(bot_token=token, channel=channel, api_url=f"{url}/api/")


def said(status: int, word: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A refusal of Slack's Web API."""
    return status, {"Content-Type": "application/json", **headers}, json.dumps({"ok": False, "error": word}).encode()


def test_what_follows_on_a_message_of_the_bot_stands_in_its_thread_and_the_message_shows_how_things_stand() -> None:
    with vendors.vendor(vendors.slack_api) as slack:
        first = bot(slack.url).send(note(buttons=BUTTONS))
        worse = bot(slack.url).send(note(title="Infants: still short", buttons=BUTTONS, thread=first))
        bot(slack.url).send(note(title="Somebody could come", thread=first, renews=False))
        bot(slack.url).send(note(title="Infants: over", thread=first))
        messages = slack.pages
    assert first.startswith("C1:")
    assert worse != first
    assert [message.get("thread_ts") for message in messages] == [None, *[messages[0]["ts"]] * 3]
    assert [message.get("reply_broadcast") for message in messages] == [None, True, False, False]
    assert messages[0]["text"].startswith("Infants: over")
    assert [block["type"] for block in messages[0]["blocks"]] == ["header", "section"], "nothing is asked any more"
    assert messages[2]["text"].startswith("Somebody could come")


def test_a_thread_whose_first_message_was_deleted_goes_on_as_a_new_message() -> None:
    with vendors.vendor(vendors.slack_api) as slack:
        bot(slack.url).send(note(thread="C1:1700009999.000100"))
        (message,) = slack.pages
    assert "thread_ts" not in message


def test_a_first_message_that_may_not_be_changed_any_more_still_has_its_thread() -> None:
    with vendors.vendor(vendors.slack_api) as slack:
        first = bot(slack.url).send(note())
        slack.failures.append(
            (200, {"Content-Type": "application/json"}, b'{"ok": false, "error": "edit_window_closed"}')
        )
        bot(slack.url).send(note(title="Infants: over", thread=first))
        messages = slack.pages
    assert messages[0]["text"].startswith("Infants: one short")
    assert messages[1]["thread_ts"] == messages[0]["ts"]


def test_a_webhook_is_used_as_before_where_the_recipient_is_one_although_there_is_a_bot() -> None:
    with vendors.vendor(vendors.slack) as slack:
        assert bot("http://127.0.0.1:1").send(note(slack.url)) == ""
        assert len(slack.received) == 1


@pytest.mark.parametrize(
    ("answer", "permanent", "wait"),
    [
        (said(429, "ratelimited", **{"Retry-After": "7"}), False, 7.0),
        (said(200, "internal_error"), False, None),
        (said(200, "not_in_channel"), True, None),
        ((503, {"Content-Type": "text/html"}, b"<html>be back soon</html>"), False, None),
        ((200, {"Content-Type": "text/html"}, b"<html>a proxy in between</html>"), False, None),
    ],
)
def test_refusals_of_slacks_methods_pass_or_stay(answer: Any, permanent: bool, wait: float | None) -> None:
    with vendors.vendor(vendors.slack_api) as slack:
        slack.failures.append(answer)
        error = failure(bot(slack.url), note())
        assert slack.pages == []
    assert (error.permanent, error.retry_after) == (permanent, wait)


def test_a_bot_that_is_not_known_or_has_no_channel_is_a_permanent_failure() -> None:
    with vendors.vendor(vendors.slack_api) as slack:
        assert failure(bot(slack.url, token="xoxb-2"), note()).permanent
        assert failure(bot(slack.url, channel="#nowhere"), note()).permanent
        assert failure(bot(slack.url, channel=""), note()).permanent
    assert not failure(bot("http://127.0.0.1:1"), note()).permanent


def test_an_outlet_nobody_answers_at_is_a_passing_failure() -> None:
    for outlet in (SlackOutlet("http://127.0.0.1:1/x"), TeamsOutlet("http://127.0.0.1:1/x")):
        assert not failure(outlet, note()).permanent
    assert not failure(SmsOutlet("AC1", "token", "+1", base_url="http://127.0.0.1:1"), note("+1555")).permanent
    assert not failure(EmailOutlet("smtp://127.0.0.1:1", "a@b.c"), note("x@y.z")).permanent


def test_an_outlet_without_an_address_is_a_permanent_failure() -> None:
    assert failure(SlackOutlet(), note()).permanent
    assert failure(TeamsOutlet(), note()).permanent


def signed_by_slack(body: bytes, at: datetime, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}


def test_a_press_of_a_button_is_read_from_a_signed_request() -> None:
    payload = {
        "type": "block_actions", "user": {"id": "U1"}, "response_url": "https://hooks.slack.com/actions/x",
        "actions": [{"action_id": "approve:pro_1:0", "value": "pro_1:0", "type": "button"}],
    }  # fmt: skip
    body = urlencode({"payload": json.dumps(payload)}).encode()
    slack_outlet.verify_request("shh", signed_by_slack(body, NOW), body, NOW + timedelta(minutes=4))
    pressed = slack_outlet.parse_pressed(body)
    assert (pressed.action, pressed.value, pressed.slack_user_id) == ("approve", "pro_1:0", "U1")


@pytest.mark.parametrize("kind", ["stale", "forged", "changed", "unsigned", "no secret", "odd stamp", "no text"])
def test_a_request_slack_did_not_sign_now_is_refused(kind: str) -> None:
    body, secret, now = b"payload=x", "shh", NOW
    headers = signed_by_slack(body, NOW, "other" if kind == "forged" else "shh")
    if kind == "stale":
        now += timedelta(minutes=6)
    elif kind == "changed":
        body = b"payload=y"
    elif kind == "unsigned":
        headers = {}
    elif kind == "no secret":
        secret, headers = "", signed_by_slack(body, NOW, "")
    elif kind == "odd stamp":
        headers["x-slack-request-timestamp"] = "soon"
    elif kind == "no text":
        body = b"\xff\xfe"
    with pytest.raises(Unauthenticated):
        slack_outlet.verify_request(secret, headers, body, now)


@pytest.mark.parametrize(
    "body", [b"", b"payload=", b"payload={}", b"x=1", b"payload=[1]", b"\xff", b"payload=" + b"[" * 9999]
)
def test_any_other_payload_is_bad_input(body: bytes) -> None:
    with pytest.raises(BadInput):
        slack_outlet.parse_pressed(body)


def test_the_outcome_is_told_through_the_response_url_of_slack_alone() -> None:
    with vendors.vendor(vendors.slack) as slack:
        slack_outlet.respond(slack.url, "Done")
        assert slack.received[0].json()["text"] == "Done"
    with pytest.raises(DeliveryFailed, match="not one of Slack's"):
        slack_outlet.respond("https://evil.example/x", "Done")


def test_a_text_message_is_form_encoded_and_says_how_to_answer() -> None:
    with vendors.vendor(vendors.twilio) as twilio:
        outlet = SmsOutlet("AC1", "token", "+15550100", base_url=twilio.url)
        assert outlet.send(note("+15550101", buttons=BUTTONS)).startswith("SM")
        form = twilio.received[0].form()
    assert (form["To"], form["From"]) == ("+15550101", "+15550100")
    assert form["Body"].endswith("Reply 1 to approve, 2 to deny.")


def test_a_recipient_who_stopped_text_messages_is_gone_for_good() -> None:
    with vendors.vendor(vendors.twilio) as twilio:
        outlet = SmsOutlet("AC1", "token", "+15550100", base_url=twilio.url)
        stopped, dead = failure(outlet, note("+15550009")), failure(outlet, note("+15550008"))
        twilio.failures.append((429, {"Retry-After": "3"}, b'{"code": 20429, "message": "Too Many Requests"}'))
        busy = failure(outlet, note("+15550101"))
        denied = failure(SmsOutlet("AC1", "wrong", "+1", base_url=twilio.url), note("+15550101"))
    assert (stopped.gone, stopped.permanent) == (True, True)
    assert dead.gone
    assert (busy.permanent, busy.retry_after) == (False, 3.0)
    assert (denied.permanent, denied.gone) == (True, False)


def test_a_reply_is_twilios_only_with_its_signature() -> None:
    url, form = "https://c.example/v1/sms/replies", [("From", "+15550101"), ("Body", "1"), ("To", "+15550100")]
    text = url + "Body1From+15550101To+15550100"
    good = base64.b64encode(hmac.new(b"token", text.encode(), hashlib.sha1).digest()).decode()
    sms_outlet.verify_inbound("token", url, form, {"x-twilio-signature": good})
    for token, where, sent, signature in (
        ("token", url, form, "AAAA"), ("other", url, form, good), ("token", url + "?a", form, good),
        ("token", url, [*form[:1], ("Body", "2"), form[2]], good), ("", url, form, good), ("token", url, form, ""),
    ):  # fmt: skip
        with pytest.raises(Unauthenticated):
            sms_outlet.verify_inbound(token, where, sent, {"x-twilio-signature": signature})


def test_the_example_signature_of_twilios_documentation_is_accepted() -> None:
    form = [("CallSid", "CA1234567890ABCDE"), ("Caller", "+14158675309"), ("Digits", "1234"), ("From", "+14158675309"),
            ("To", "+18005551212")]  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    sms_outlet.verify_inbound("12345", url, form, {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="})


def test_teams_takes_an_adaptive_card() -> None:
    with vendors.vendor(vendors.teams) as teams:
        assert TeamsOutlet(teams.url).send(note()) == "run-1"
        card = teams.received[0].json()["attachments"][0]["content"]
        teams.failures.append((429, {"Retry-After": "2"}, b""))
        assert failure(TeamsOutlet(teams.url), note()).retry_after == 2.0
    assert card["type"] == "AdaptiveCard"
    assert [block["text"] for block in card["body"]] == ["Infants: one short", "5 children need 2 adults, 1 counts."]


def test_mail_goes_out_and_refusals_pass_or_stay() -> None:
    with vendors.mail_server() as server:
        outlet = EmailOutlet(f"smtp://127.0.0.1:{server.port}", "alerts@center.example")
        server.refuse = {"full@x.example": "452 mailbox full", "none@x.example": "550 no such user"}
        assert outlet.send(note("ana@x.example", title="two\nlines")) == "<msg_1@center.example>"
        assert not failure(outlet, note("full@x.example")).permanent
        assert failure(outlet, note("none@x.example")).permanent
        assert failure(outlet, note("ana@x.example\r\nBcc: all@x.example")).permanent
        (sender, recipients, text) = server.mails[0]
    assert (sender, recipients) == ("alerts@center.example", ["ana@x.example"])
    assert "Subject: two lines" in text
    assert len(server.mails) == 1


@pytest.mark.parametrize(("url", "sender"), [("http://x", "a@b"), ("smtp://", "a@b"), ("smtp://x", "nobody")])
def test_a_mail_setting_that_makes_no_sense_is_refused(url: str, sender: str) -> None:
    with pytest.raises(BadSettings):
        EmailOutlet(url, sender)


def test_the_long_tail_goes_through_apprise() -> None:
    with vendors.vendor(vendors.anything) as service:
        AppriseOutlet().send(note(service.url.replace("http://", "json://")))
        assert service.received[0].json()["title"] == "Infants: one short"
        service.failures.append((500, {}, b""))
        assert not failure(AppriseOutlet(), note(service.url.replace("http://", "json://"))).permanent
    assert failure(AppriseOutlet(), note("nonsense")).permanent


class FakeClient:
    """Stands for the platform's client, whose own tests run against the platform double."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.calls = error, list[tuple[str, Any, str]]()

    def create_task(self, body: Any, idempotency_key: str) -> str:
        return self._call("task", body, idempotency_key)

    def notify(self, body: Any, idempotency_key: str) -> str:
        return self._call("notification", body, idempotency_key)

    def _call(self, kind: str, body: Any, key: str) -> str:
        if self.error:
            raise self.error
        self.calls.append((kind, body, key))
        return f"{kind}-1"


def test_the_platform_gets_tasks_and_notifications_with_the_message_as_idempotency_key() -> None:
    client = FakeClient()
    assert TaskOutlet(client).send(note("staff:s1", title="t" * 200)) == "task-1"
    assert InAppOutlet(client).send(note("staff:s1,s2", severity="critical")) == "notification-1"
    InAppOutlet(client).send(note("director"))
    (_, task, key), (_, told, _), (_, roles, _) = client.calls
    assert (task["assignee_id"], len(task["title"]), key) == ("s1", 120, "msg_1")
    assert (told["to_staff_ids"], told["severity"]) == (["s1", "s2"], "critical")
    assert roles["to_roles"] == ["Director"]
    assert not failure(TaskOutlet(FakeClient(PlatformUnavailable("503"))), note()).permanent
    assert failure(InAppOutlet(FakeClient(PlatformRefused("403"))), note()).permanent


def test_the_audit_log_goes_to_a_sheet_row_by_row_and_goes_on_where_it_ended() -> None:
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    with vendors.vendor(vendors.google) as google:
        account = ServiceAccount(
            {"client_email": "x@y", "token_uri": f"{google.url}/token", "private_key": pem}, lambda: NOW
        )
        sheet = SheetsExport("sheet", "Audit", account, base_url=google.url)
        assert sheet.last_number() == 0
        assert sheet.append([[1, "=1+1"], [2, "b"]]) == 2
        assert sheet.last_number() == 2
        assert google.rows == [[1, "=1+1"], [2, "b"]]
        tokens = [request for request in google.received if request.path == "/token"]
        google.failures.append((429, {"Retry-After": "9"}, b"{}"))
        with pytest.raises(DeliveryFailed) as busy:
            sheet.append([[3, "c"]])
    assert busy.value.retry_after == 9.0
    assert len(tokens) == 1
    header, claims, signature = tokens[0].form()["assertion"].split(".")
    signed = base64.urlsafe_b64decode(signature + "==")
    private.public_key().verify(signed, f"{header}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["aud"].endswith("/token")


@pytest.mark.parametrize("key", [{}, {"client_email": "x", "token_uri": "y", "private_key": "z"}])
def test_what_is_no_service_account_is_refused(key: dict[str, str]) -> None:
    with pytest.raises(BadSettings):
        ServiceAccount(key, lambda: NOW)


def test_the_audit_log_goes_to_a_notion_data_source() -> None:
    with vendors.vendor(vendors.notion) as notion:
        export = NotionExport("ds1", "secret", base_url=notion.url, pause=lambda _: None)
        assert export.last_number() == 0
        record = {"number": 4, "action": "incident.opened", "subject": "incident:i", "after": {"a": 1}, "hash": "ab"}
        assert export.append(record) == "page-1"
        assert export.last_number() == 4
        with pytest.raises(DeliveryFailed) as refusal:
            NotionExport("ds1", "wrong", base_url=notion.url).last_number()
    assert refusal.value.permanent
    assert notion.pages[0]["properties"]["after"]["rich_text"][0]["text"]["content"] == "{'a': 1}"


def test_retry_after_is_read_as_seconds_or_a_date() -> None:
    assert retry_after("3.5") == 3.5
    assert retry_after("Wed, 21 Oct 2026 07:28:00 GMT") == 60.0
    assert retry_after("soon") is None
    assert retry_after(None) is None
    assert refused("X", 503, "").permanent is False
