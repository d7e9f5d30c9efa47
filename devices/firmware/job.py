"""Whether a job is one for this cart: who signed it, for whom, until when, and whether it was here before.

What an order names besides is checked where it is used. Nothing of an order that is not wholly believed leaves this module.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from pointofcare import firmware
from pointofcare.errors import ConfigError, FirmwareError, MessageError, NotPermittedError
from pointofcare.firmware import Target
from pointofcare.wire import jobs
from pointofcare.wire.messages import JobAssigned, JobOrder

ALGORITHM = "Ed25519"
LONGEST = 16_384
_CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKeys:
    """The server's public keys, by which it signs what carts are told to do."""

    held: tuple[OKPKey, ...]


def load_keys(path: Path) -> ServerKeys:
    """From a JWK or a JWK Set. Raises: ConfigError."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        listed = plain["keys"] if isinstance(plain, dict) and "keys" in plain else [plain]
        held = tuple(OKPKey.import_key(each) for each in listed)
    except OSError as exc:
        raise ConfigError(f"the server's key {path} cannot be read: {exc.strerror}", remedy="pointofcare-server export-key") from exc
    except (ValueError, TypeError, KeyError, AttributeError, JoseError) as exc:
        raise ConfigError(f"{path} holds no key of the server", remedy="pointofcare-server export-key") from exc
    if not held or any(key.is_private or key.as_dict().get("crv") != ALGORITHM for key in held):
        raise ConfigError(f"{path} must hold public Ed25519 keys alone", remedy="pointofcare-server export-key")
    return ServerKeys(held=held)


def order_of(assigned: JobAssigned, keys: ServerKeys, *, facility: str, cart: str, kind: str = jobs.MCU_FIRMWARE) -> JobOrder:
    """The order in it, whenever it was for: see `in_time`. Raises: NotPermittedError with `why` for one that is not for this cart."""
    order = _signed(assigned.signed or "", keys)
    if (order.facility, order.cart) != (facility, cart):
        raise _no("for-another-cart", "it is for another cart")
    if order.job != assigned.job:
        raise _no("job-differs", "the signed job is another than the one named beside it")
    if not 1 <= order.attempt <= 1_000_000:
        raise _no("attempt-unreadable", "the attempt is no count")
    if order.kind != kind:
        raise _no("kind-unknown", f"jobs of {kind} alone are done here", order.attempt)
    target_of(order)
    return order


def in_time(order: JobOrder, *, now: datetime) -> None:
    """For an order that was not here before; one that was is told as it stands, at any time. Raises: NotPermittedError."""
    if order.issued_at > now + _CLOCK_TOLERANCE:
        raise _no("clock-doubtful", "it was issued in the future: this machine's clock is wrong, or the server's", order.attempt)
    if order.expires_at <= now:
        raise _no("expired", "its time is over", order.attempt)


def target_of(order: JobOrder) -> Target:
    """The release that it names. Raises: NotPermittedError."""
    wanted = order.target
    custom = {
        "version": wanted.version,
        "hardware": wanted.hardware,
        "security_counter": wanted.security_counter,
        "image_hash": wanted.image_hash,
    }
    try:
        return firmware.told(wanted.name, wanted.length, wanted.sha256, custom)
    except FirmwareError as exc:
        raise _no("target-unreadable", f"its target cannot be read: {exc.message}", order.attempt) from exc


def _signed(text: str, keys: ServerKeys) -> JobOrder:
    if not 0 < len(text) <= LONGEST or not text.isascii():
        raise _no("not-signed", "it is not signed")
    for key in keys.held:
        try:
            found = jws.deserialize_compact(text, key, algorithms=[ALGORITHM])
            header = found.headers()
        except (JoseError, ValueError, TypeError, AttributeError):
            continue
        if header.get("typ") != jobs.TYPE:
            raise _no("not-a-job", "what is signed is something else")
        if header.get("kid") not in (None, key.thumbprint()):
            continue
        try:
            return jobs.read_claims(found.payload or b"")
        except MessageError as exc:
            raise _no("order-unreadable", f"the signed order cannot be read: {exc.message}") from exc
    raise _no("signature-unknown", "no key of the server that this cart knows signed it")


def _no(why: str, message: str, attempt: int = 0) -> NotPermittedError:
    """`attempt` is 0 where no order was believed that says one."""
    return NotPermittedError(f"this job is not carried out: {message}", remedy="assign it anew on the server", why=why, attempt=attempt)
