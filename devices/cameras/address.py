"""A stream's address as it may be shown and written down: without the name and the secrets that it carries."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote, urlsplit, urlunsplit

# Cameras take passwords in the query too, each under a name of its own.
_SECRET = re.compile(r"(^|&)([^=&]*(?:pass|pwd|token|key|auth|secret|user|usr|login)[^=&]*)=[^&]*", re.IGNORECASE)


def shown(url: str) -> str:
    """`url` without user and password, and with what its query names as a secret left out."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        return url
    query = _SECRET.sub(r"\1\2=...", parts.query)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def basic(url: str) -> str | None:
    """The `Authorization` that the user and password in `url` make; None without any."""
    account, _, _ = urlsplit(url).netloc.rpartition("@")
    if not account:
        return None
    name, _, password = account.partition(":")
    return "Basic " + base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode("ascii")
