"""What a virtual cart says and hears on MQTT, byte for byte: plain JSON after docs/mqtt.md.

Never with the product's own classes: a stranger who reads the document must come to the same bytes. Only the shape of a topic is
looked up, because topics stand in one place.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pointofcare.wire import routes


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """The beginnings of a cart's own topics, and the filters of all that it may hear."""

    up: str
    down: str
    filters: tuple[str, ...]


def topics(facility: str, cart: str) -> Topics:
    """Raises: MessageError for a name that cannot stand in a topic."""
    filters = routes.cart_reads(facility=facility, cart=cart)
    return Topics(up=routes.cart_writes(facility=facility, cart=cart).removesuffix("#"), down=filters[0].removesuffix("#"), filters=filters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An envelope as it came. `body` is as the sender wrote it."""

    type: str
    id: str
    sid: str
    sent_at: str
    ttl_s: float | None
    body: Mapping[str, Any] = field(default_factory=dict)


def say(
    kind: str, body: Mapping[str, object], *, sender: str, sid: str, at: datetime, ttl_s: float | None = None, message: str = ""
) -> bytes:
    """A payload. `message` is its id where a resend must have the same."""
    envelope = {
        "v": f"{routes.MAJOR}.0",
        "type": kind,
        "id": message or str(uuid.uuid4()),
        "sent_at": moment(at),
        "from": sender,
        "sid": sid,
        "ttl_s": ttl_s,
        "body": body,
    }
    return json.dumps(envelope, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def hear(payload: bytes) -> Heard | None:
    """None: this is no message of ours. Nothing is raised for any bytes."""
    try:
        found = json.loads(payload)
        ttl = found.get("ttl_s")
        if not isinstance(found["body"], dict) or int(str(found["v"]).split(".")[0]) != routes.MAJOR:
            return None
        return Heard(
            type=str(found["type"]),
            id=str(found["id"]),
            sid=str(found["sid"]),
            sent_at=str(found["sent_at"]),
            ttl_s=float(ttl) if isinstance(ttl, int | float) and not isinstance(ttl, bool) else None,
            body=found["body"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def moment(at: datetime) -> str:
    """A time as the wire writes it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_of(text: object) -> datetime | None:
    """A time as the wire writes it; None where it is none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def wall(now_s: float, offset_s: float) -> datetime:
    """What a clock that is `offset_s` ahead says at the Unix time `now_s`."""
    return datetime.fromtimestamp(now_s, UTC) + timedelta(seconds=offset_s)
