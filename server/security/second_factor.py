"""The second factor: time-based codes (RFC 6238) of an app on the person's own phone, and recovery codes for when it is lost.

The secret is sealed with a key derived from the site's secret and bound to its person. A code is taken once; one step of clock drift
is allowed. Whoever has neither code nor recovery code needs another person: an administrator, or the operator of the server.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError
from server.security.lockout import digest
from server.store import second_factors, sign_ins, staff
from server.store.transaction import Actor, Transaction

STEP_S = 30
DRIFT_STEPS = 1
RECOVERY_CODES = 10
# A secret that waits longer may have been seen by somebody who passed an open screen.
PENDING = timedelta(minutes=15)
_RECOVERY_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_NONCE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """`address` (otpauth://) goes into the QR code, `secret` is for typing; neither is ever shown again once a code was."""

    address: str
    secret: str


def begin(tx: Transaction, actor: Actor, *, issuer: str, name: str) -> Enrolment:
    """The secret that waits to be confirmed, drawn when there is none or it waits too long. Raises: ConflictError when one is confirmed."""
    found = second_factors.find(tx, actor.id)
    if found is not None and found.confirmed_at is not None:
        raise ConflictError("there is a second factor already", remedy="ask an administrator to reset it when the phone is lost")
    secret = _opened(found.sealed, actor.id) if found is not None and tx.at - found.drawn_at < PENDING else None
    if secret is None:
        secret = pyotp.random_base32(32)
        second_factors.draw(tx, actor.id, sealed(secret, actor.id))
    return Enrolment(address=pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer), secret=secret)


def confirm(tx: Transaction, actor: Actor, code: str) -> tuple[str, ...] | None:
    """The recovery codes, shown this once, when `code` is of the secret that waits; None when it is not."""
    found = second_factors.find(tx, actor.id)
    if found is None or found.confirmed_at is not None or tx.at - found.drawn_at >= PENDING:
        return None
    if not _code_holds(tx, actor.id, found.sealed, code):
        return None
    codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
    second_factors.confirm(tx, actor.id, _digests(actor.id, codes))
    tx.audit("staff.second-factor-enrol", f"staff/{actor.id}")
    return codes


def holds(tx: Transaction, staff_id: str, typed: str) -> bool:
    """Is `typed` a code of this person now, not used before, or an unused recovery code? It is used up with the answer."""
    found = second_factors.find(tx, staff_id)
    if found is None or found.confirmed_at is None:
        return False
    plain = "".join(typed.split()).replace("-", "").upper()
    if plain.isascii() and plain.isdigit() and len(plain) == 6:
        return _code_holds(tx, staff_id, found.sealed, plain)
    if len(plain) != 16 or not second_factors.take_recovery(tx, staff_id, digest(f"recovery:{staff_id}:{plain}")):
        return False
    tx.audit("staff.recovery-code", f"staff/{staff_id}", {"left": second_factors.recovery_left(tx, staff_id)})
    return True


def is_enrolled(tx: Transaction, staff_id: str) -> bool:
    found = second_factors.find(tx, staff_id)
    return found is not None and found.confirmed_at is not None


def new_recovery_codes(tx: Transaction, actor: Actor) -> tuple[str, ...]:
    """In place of those of before. Raises: ConflictError without a second factor."""
    if not is_enrolled(tx, actor.id):
        raise ConflictError("there is no second factor", remedy="set one up first")
    codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
    second_factors.put_recovery(tx, actor.id, _digests(actor.id, codes))
    tx.audit("staff.recovery-codes-new", f"staff/{actor.id}")
    return codes


def reset(tx: Transaction, actor: Actor, name: str) -> str:
    """Takes the second factor of somebody else away, and ends their sign-ins; the person's id.

    Raises: NotFoundError, NotPermittedError (one's own: that would be a way around it)."""
    member = staff.find(tx, name)
    if member is None:
        raise NotFoundError(f"nobody has the id, user name or email {name!r}", remedy="check the spelling", name=name)
    if member.id == actor.id:
        raise NotPermittedError("nobody resets the own second factor", remedy="ask another administrator")
    had = second_factors.remove(tx, member.id)
    sign_ins.end_all(tx, member.id)
    sign_ins.forget_browsers(tx, member.id)
    tx.audit("staff.second-factor-reset", f"staff/{member.id}", {"had": had})
    return member.id


def sealed(secret: str, staff_id: str) -> str:
    """AES-256-GCM, bound to its person: it opens for nobody else."""
    nonce = os.urandom(_NONCE)
    return base64.b64encode(nonce + AESGCM(_key()).encrypt(nonce, secret.encode(), staff_id.encode())).decode()


def _opened(text: str, staff_id: str) -> str | None:
    """None when it was sealed for somebody else or under another secret of the site: then no code holds."""
    raw = base64.b64decode(text)
    try:
        return AESGCM(_key()).decrypt(raw[:_NONCE], raw[_NONCE:], staff_id.encode()).decode()
    except InvalidTag:
        return None


def _key() -> bytes:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"pointofcare second factor")
    return derived.derive(str(current_app.config["SECRET_KEY"]).encode())


def _code_holds(tx: Transaction, staff_id: str, sealed_secret: str, typed: str) -> bool:
    secret = _opened(sealed_secret, staff_id)
    plain = "".join(typed.split())
    if secret is None or not (plain.isascii() and plain.isdigit() and len(plain) == 6):
        return False
    step = matching_step(secret, plain, tx.at)
    return step is not None and second_factors.take_step(tx, staff_id, step)


def matching_step(secret: str, code: str, at: datetime) -> int | None:
    """The time step whose code this is, the newest first."""
    now = int(at.timestamp()) // STEP_S
    totp = pyotp.TOTP(secret, interval=STEP_S)
    held = [step for step in range(now + DRIFT_STEPS, now - DRIFT_STEPS - 1, -1) if secrets.compare_digest(totp.generate_otp(step), code)]
    return held[0] if held else None


def _recovery_code() -> str:
    """80 random bits in four groups."""
    signs = "".join(secrets.choice(_RECOVERY_SIGNS) for _ in range(16))
    return "-".join(signs[start : start + 4] for start in range(0, 16, 4))


def _digests(staff_id: str, codes: Iterable[str]) -> list[str]:
    return [digest(f"recovery:{staff_id}:{code.replace('-', '')}") for code in codes]
