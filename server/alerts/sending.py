"""One notice of alerts as an e-mail or a call of the hospital's webhook. It names carts, never a patient.

A call is signed: the header `X-Alert-Signature` is "t=SECONDS,v1=HEX" with the HMAC-SHA-256 of "SECONDS.BODY" under the shared secret, so
that nobody else's call is taken for ours and none is taken twice later. Any answer below 300 is a yes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from functools import cache
from zoneinfo import ZoneInfo

import httpx

from pointofcare.errors import PointOfCareError
from pointofcare.texts import Catalogue
from server.alert_settings import AlertsConfig
from server.store.cart_alerts import Alert
from server.usecases.alert_rules import RESOLVED

TIMEOUT_S = 10.0
SIGNATURE = "X-Alert-Signature"


class NoticeNotSentError(PointOfCareError):
    """The notice did not go out, or nobody knows whether it did."""

    code = "notice-not-sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is to be said: each alert with what became of it, and how many more there are. `id` is the notice's, the same in each try."""

    id: int
    facility: str
    made_at: datetime
    lines: tuple[tuple[Alert, str], ...]
    more: int = 0


@cache
def _texts() -> Catalogue:
    return Catalogue("server.alerts.texts")


def subject(letter: Letter, language: str) -> str:
    raised = sum(became != RESOLVED for _, became in letter.lines)
    code = "mail-subject-raised" if raised else "mail-subject-resolved"
    return _texts().text(language, code, {"n": (raised or len(letter.lines)) + letter.more, "facility": letter.facility})


def body(letter: Letter, language: str, zone: ZoneInfo, address: str = "") -> str:
    """Plain text. `address`: where the list of alerts is."""
    texts = _texts()
    found = []
    for alert, became in letter.lines:
        at = alert.resolved_at if became == RESOLVED and alert.resolved_at is not None else alert.since
        named = alert.details.get("rule") or texts.text(language, f"alert-{alert.code}")
        told = {
            "cart": alert.cart,
            "what": str(named),
            "at": _moment(at, zone, language),
            "value": _plain(alert.details.get("value"), language),
        }
        found.append("- " + texts.text(language, f"mail-{became}-{alert.severity}", told))
    if letter.more:
        found.append("- " + texts.text(language, "mail-more", {"n": letter.more}))
    closing = [texts.text(language, "mail-where", {"address": address})] if address else []
    return "\n".join([texts.text(language, "mail-intro", {"facility": letter.facility}), "", *found, "", *closing]).rstrip() + "\n"


def _moment(at: datetime, zone: ZoneInfo, language: str) -> str:
    form = "%Y-%m-%d %H:%M" if language == "en" else "%d/%m/%Y %H:%M"
    return at.astimezone(zone).strftime(form)


def _plain(value: object, language: str) -> str:
    text = "–" if value is None else str(value).removesuffix(".0")
    return text if language == "en" else text.replace(".", ",")


def email(config: AlertsConfig, letter: Letter, *, language: str, zone: ZoneInfo, address: str = "") -> None:
    """Raises: NoticeNotSentError."""
    assert config.smtp_host is not None
    assert config.sender is not None
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject(letter, language), config.sender, ", ".join(config.recipients)
    message["Date"] = format_datetime(letter.made_at)
    # The same in each try: a mail server that took the first one knows the second for what it is.
    domain = config.sender.partition("@")[2]
    message["Message-ID"] = f"<alerts-{letter.facility}-{letter.id}-{letter.made_at:%Y%m%d%H%M%S}@{domain}>" if domain else make_msgid()
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body(letter, language, zone, address))
    try:
        with _smtp(config) as line:
            if config.smtp_username and config.smtp_password:
                line.login(config.smtp_username, config.smtp_password)
            refused = line.send_message(message)
    except (smtplib.SMTPException, OSError) as exc:
        raise NoticeNotSentError(f"e-mail: {type(exc).__name__}: {exc}", remedy="check [alerts] smtp_* and the mail server") from exc
    if refused:
        raise NoticeNotSentError(f"e-mail: refused for {', '.join(sorted(refused))}", remedy="check [alerts] recipients")


def _smtp(config: AlertsConfig) -> smtplib.SMTP:
    assert config.smtp_host is not None
    if config.smtp_security == "tls":
        return smtplib.SMTP_SSL(config.smtp_host, config.smtp_port, timeout=TIMEOUT_S, context=ssl.create_default_context())
    line = smtplib.SMTP(config.smtp_host, config.smtp_port, timeout=TIMEOUT_S)
    if config.smtp_security == "starttls":
        try:
            line.starttls(context=ssl.create_default_context())
        except BaseException:
            line.close()
            raise
    return line


def webhook(config: AlertsConfig, letter: Letter, *, now: datetime) -> None:
    """Raises: NoticeNotSentError."""
    assert config.webhook_url is not None
    assert config.webhook_secret is not None
    content = json.dumps(plain(letter), ensure_ascii=False, sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": f"{letter.facility}-{letter.id}",
        SIGNATURE: signature(config.webhook_secret, content, now),
    }
    try:
        answer = httpx.post(config.webhook_url, content=content, headers=headers, timeout=TIMEOUT_S, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise NoticeNotSentError(f"webhook: {type(exc).__name__}: {exc}", remedy="check [alerts] webhook_url") from exc
    if answer.status_code >= 300:
        raise NoticeNotSentError(f"webhook: it answered {answer.status_code}", remedy="look at what answers there")


def plain(letter: Letter) -> Mapping[str, object]:
    """The JSON of the webhook."""
    return {
        "v": 1,
        "id": letter.id,
        "facility": letter.facility,
        "at": letter.made_at.isoformat(),
        "more": letter.more,
        "alerts": [_alert(alert, became) for alert, became in letter.lines],
    }


def _alert(alert: Alert, became: str) -> Mapping[str, object]:
    return {
        "id": alert.id,
        "became": became,
        "cart": alert.cart,
        "code": alert.code,
        "severity": alert.severity,
        "source": alert.source,
        "since": alert.since.isoformat(),
        "resolved_at": alert.resolved_at.isoformat() if alert.resolved_at is not None else None,
        "details": dict(alert.details),
    }


def signature(secret: str, content: bytes, now: datetime) -> str:
    at = int(now.timestamp())
    made = hmac.new(secret.encode(), f"{at}.".encode() + content, hashlib.sha256).hexdigest()
    return f"t={at},v1={made}"


def verified(secret: str, content: bytes, header: str, now: datetime, *, within_s: int = 300) -> bool:
    """What a receiver checks: made with the secret, for this body, lately."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    at = parts.get("t", "")
    if not at.isascii() or not at.isdigit() or abs(now.timestamp() - int(at[:12])) > within_s:
        return False
    made = hmac.new(secret.encode(), f"{at}.".encode() + content, hashlib.sha256).hexdigest()
    return hmac.compare_digest(made, parts.get("v1", ""))
