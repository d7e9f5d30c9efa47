"""What the server's configuration says of how alerts of the fleet are sent: the section [alerts]. Nothing here opens what it names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

SHORTEST_SECRET = 32
_ADDRESS = re.compile(r"[^@\s<>,;\"\\]{1,64}@[A-Za-z0-9.-]{1,190}", re.ASCII)
SECURITY = ("starttls", "tls", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsConfig:
    """E-mail needs `smtp_host`, `sender` and `recipients`; the webhook `webhook_url` and `webhook_secret`, with which each call is signed.
    `smtp_security` is "starttls", "tls" or, on loopback only, "none". `group_s`: what happens within it is sent as one."""

    smtp_host: str | None = None
    smtp_port: int = 587
    smtp_security: str = "starttls"
    smtp_username: str | None = None
    smtp_password: str | None = field(default=None, repr=False)
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    webhook_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    group_s: int = 60

    @property
    def channels(self) -> tuple[str, ...]:
        """Those that can be used here, beside the pages."""
        email = ("email",) if self.smtp_host and self.sender and self.recipients else ()
        return (*email, "webhook") if self.webhook_url and self.webhook_secret else email


class Reader(Protocol):
    """What takes settings out of the file and the environment."""

    problems: list[tuple[str, str]]

    def text(self, section: str, name: str, default: str | None = None) -> str | None: ...
    def number(self, section: str, name: str, default: int, *, least: int, most: int) -> int: ...
    def take(self, section: str, name: str) -> object: ...


def alerts(reader: Reader) -> AlertsConfig:
    """The section [alerts]; its faults are added to the reader's."""
    where = "alerts"
    listed = reader.take(where, "recipients")
    words = listed.split(",") if isinstance(listed, str) else listed if isinstance(listed, list | tuple) else ()
    found = AlertsConfig(
        smtp_host=reader.text(where, "smtp_host"),
        smtp_port=reader.number(where, "smtp_port", 587, least=1, most=65535),
        smtp_security=reader.text(where, "smtp_security", "starttls") or "starttls",
        smtp_username=reader.text(where, "smtp_username"),
        smtp_password=reader.text(where, "smtp_password"),
        sender=reader.text(where, "sender"),
        recipients=tuple(str(one).strip() for one in words),
        webhook_url=reader.text(where, "webhook_url"),
        webhook_secret=reader.text(where, "webhook_secret"),
        group_s=reader.number(where, "group_s", 60, least=1, most=3600),
    )
    faults = reader.problems
    if listed is not None and not isinstance(listed, str | list | tuple):
        faults.append(("alerts.recipients", 'list addresses, such as ["it@hospital.example"]'))
    if found.smtp_security not in SECURITY:
        faults.append(("alerts.smtp_security", f"use one of {', '.join(SECURITY)}"))
    if found.smtp_security == "none" and found.smtp_host not in (None, "127.0.0.1", "localhost", "::1"):
        faults.append(("alerts.smtp_security", "mail in clear goes over loopback only: use starttls or tls"))
    if found.smtp_host and not (found.sender and found.recipients):
        faults.append(("alerts.recipients", "e-mail needs a sender and recipients"))
    for name, one in (("sender", found.sender or "x@y"), *(("recipients", each) for each in found.recipients)):
        if not _ADDRESS.fullmatch(one):
            faults.append((f"alerts.{name}", f"{one[:80]!r} is not an e-mail address"))
    if found.webhook_url:
        address = urlsplit(found.webhook_url)
        if address.scheme not in ("https", "http") or not address.hostname:
            faults.append(("alerts.webhook_url", "use an https address"))
        elif address.scheme == "http" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
            faults.append(("alerts.webhook_url", "http goes over loopback only: use https"))
        if len(found.webhook_secret or "") < SHORTEST_SECRET:
            faults.append(("alerts.webhook_secret", f"needs at least {SHORTEST_SECRET} characters"))
    return found
