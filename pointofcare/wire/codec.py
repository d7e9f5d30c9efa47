"""Messages to bytes and back: the one place where a payload is written or read.

Whatever arrives, the answer is a `Message` or a `MessageError`; nothing else may come out of here. No clock and no id is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pointofcare.errors import MessageError
from pointofcare.wire import blanks, fields, routes, schemas, values
from pointofcare.wire.blanks import Form
from pointofcare.wire.messages import AdministrationRecorded, Message
from pointofcare.wire.routes import Route

MAX_PAYLOAD_BYTES = 900_000  # brokers close the connection at 1 MB

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_ENVELOPE = frozenset({"v", "type", "id", "sent_at", "from", "sid", "ttl_s", "body"})
_OF_A_RECORD: Mapping[str, fields.WireField[Any]] = {
    "id": fields.Text(),
    "sent_at": fields.Moment(),
    "body.seq": fields.Whole(),
    "body.facts": fields.Text(),
    "body.record.effective_at": fields.Moment(),
    "body.record.recorded_at": fields.Moment(),
    "body.record.clock_wall_at": fields.Moment(),
    "body.record.clock_offset_s": fields.Real(),
    "body.record.clock_age_s": fields.Real(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """The envelope without its body; `from` is a Python keyword, so it is `sender` in `Message`."""

    v: str
    type: str
    id: str
    sent_at: datetime
    sid: str
    ttl_s: float | None


def encode(message: Message, prepared: Form | None = None) -> bytes:
    """Canonical JSON of a message. `prepared` makes it faster, never different: the form of a message that may be this one but for its
    blanks. Raises: MessageError for values that the wire cannot carry, or too many of them."""
    pieces = blanks.filled(prepared, message) if prepared is not None and _ID.fullmatch(message.id) else None
    payload = b"".join(pieces) if pieces is not None else values.written(_plain(message))
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MessageError(
            f"{message.type} of {len(payload)} bytes is too big",
            problems=(("body", f"send at most {MAX_PAYLOAD_BYTES} bytes"),),
            remedy="send less at once",
            size_bytes=len(payload),
        )
    return payload


def prepare(message: Message) -> Form | None:
    """The form of a record's message, for `encode`: its blanks are the ids, times and numbers that are known only when it is recorded,
    and the facts. None for any other message. Raises: MessageError as `encode` does."""
    return blanks.form(message, _plain(message), _OF_A_RECORD) if isinstance(message.body, AdministrationRecorded) else None


def _plain(message: Message) -> dict[str, Any]:
    header = _Header(v=message.v, type=message.type, id=message.id, sent_at=message.sent_at, sid=message.sid, ttl_s=message.ttl_s)
    _check(header, message.sender)
    return {**values.to_plain(header), "from": message.sender, "body": values.to_plain(message.body)}


def decode(route: Route, payload: bytes) -> Message:
    """The message of a payload that came on `route`. Raises: MessageError, and nothing else, for any bytes."""
    plain = values.parsed(payload, limit_bytes=MAX_PAYLOAD_BYTES)
    if not isinstance(plain, dict):
        raise MessageError("the payload is not an object", problems=(("", "send a JSON object"),), remedy="send a JSON object")
    _check_version(plain.get("v"))
    if plain.get("type") != route.type:
        raise _fault("type", f"must be {route.type} on the topic {route.template}", plain.get("type"))
    header = values.from_plain(_Header, plain)
    sender = plain.get("from")
    if not isinstance(sender, str):
        raise _fault("from", "must be the sender's id", sender)
    _check(header, sender)
    if not isinstance(plain.get("body"), dict):
        raise _fault("body", "must be an object", None)
    body = values.from_plain(route.message, plain["body"])
    return Message(id=header.id, sent_at=header.sent_at, sender=sender, sid=header.sid, ttl_s=header.ttl_s, v=header.v, body=body)


def unread(route: Route, payload: bytes) -> tuple[tuple[str, object], ...]:
    """What a payload that was decoded says beyond its message, as (path, value): a newer release wrote it. Raises: MessageError."""
    plain = values.parsed(payload, limit_bytes=MAX_PAYLOAD_BYTES)
    if not isinstance(plain, dict):
        return ()
    around = ((key, item) for key, item in plain.items() if key not in _ENVELOPE and item is not None)
    return (*around, *schemas.beyond(route.message, plain.get("body"), "body"))


def _check_version(v: object) -> None:
    found = _VERSION.fullmatch(v) if isinstance(v, str) else None
    if found is None:
        raise _fault("v", f'must be a version such as "{routes.MAJOR}.0"', v)
    if int(found[1]) != routes.MAJOR:
        raise _fault("v", f"must be {routes.MAJOR}.x: update the older of the two programs", v)


def _check(header: _Header, sender: str) -> None:
    _check_version(header.v)
    for name, text in (("id", header.id), ("from", sender), ("sid", header.sid)):
        if not isinstance(text, str) or not _ID.fullmatch(text):
            raise _fault(name, "must be 1 to 64 of A-Z a-z 0-9 _ -", text)
    if header.ttl_s is not None and header.ttl_s < 0:
        raise _fault("ttl_s", "must be zero or more seconds", header.ttl_s)


def _fault(name: str, what: str, value: object) -> MessageError:
    shown = repr(value)[:80]
    return MessageError(f"{name} is {shown}: it {what}", problems=((name, what),), remedy=f"{name} {what}", field=name)
