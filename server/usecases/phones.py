"""Which phones may be a cart: a person claims one, a browser pairs once, and a person ends it.

A wrong token, a used one and one that ran out are all the same refusal. Of one cart at most one phone is paired: a new one ends the one
before. Must never give two phones one cart, or store what a browser could be impersonated with.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.errors import MessageError, NotFoundError, NotPermittedError
from pointofcare.people import StaffRole
from pointofcare.wire import routes
from server.store import phones
from server.store.phones import StoredPairing
from server.store.transaction import Actor, Transaction
from server.usecases.machines import BRIDGE, RESERVED
from server.usecases.permission import require, text

CLAIM_LASTS = timedelta(minutes=10)
REPLACED = "another phone was paired"
_TOKEN_BYTES = 24
_COOKIE_BYTES = 32
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedPhone:
    """`token` is shown once, and stored nowhere."""

    cart: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """`cookie` goes to the browser, and is stored nowhere. `ended` are the numbers of this cart's pairings before."""

    cart: str
    number: int
    cookie: str
    expires_at: datetime
    ended: tuple[int, ...] = ()


def claim(tx: Transaction, actor: Actor, cart: str) -> ClaimedPhone:
    """Raises: NotPermittedError, MessageError (no name for a cart)."""
    require(tx, actor, StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR)
    name = cart.strip()
    if not routes.is_level(name) or name.lower() in RESERVED or name.endswith(BRIDGE):
        remedy = "use 1 to 64 of A-Z a-z 0-9 _ -, as the phone's cart is called in its configuration"
        raise MessageError(f"{name[:80]!r} is no name for a phone's cart", problems=(("cart", remedy),), remedy=remedy)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    expires_at = tx.at + CLAIM_LASTS
    phones.put_claim(tx, token_hash=hashed(token), cart=name, expires_at=expires_at)
    tx.audit("machine.phone-claim", f"machine/{name}", {"expires_at": expires_at.isoformat()})
    return ClaimedPhone(cart=name, token=token, expires_at=expires_at)


def pair(tx: Transaction, *, token: str, browser: str, place: str, lasts: timedelta) -> Paired:
    """Binds one browser. Raises: NotPermittedError (one answer to every wrong, used and old token)."""
    refused = NotPermittedError(
        "this pairing code does not hold", remedy="have a new one shown at the fleet page: it holds once, ten minutes"
    )
    if not 1 <= len(token) <= _LONGEST:
        raise refused
    used = phones.use_claim(tx, hashed(token))
    if used is None:
        raise refused
    ended = phones.end(tx, used.cart, reason=REPLACED)
    cookie = secrets.token_urlsafe(_COOKIE_BYTES)
    made = StoredPairing(
        cart=used.cart,
        number=phones.next_number(tx, used.cart),
        cookie_hash=hashed(cookie),
        claimed_by=used.made_by,
        paired_at=tx.at,
        expires_at=tx.at + lasts,
        browser=_plain(browser)[:_LONGEST],
        place=_plain(place)[:64],
        seen_at=tx.at,
    )
    if not phones.put(tx, made):
        raise refused
    detail = {"number": made.number, "expires_at": made.expires_at.isoformat(), "claimed_by": used.made_by, "ended": list(ended)}
    tx.audit("machine.phone-pair", f"machine/{used.cart}", detail)
    return Paired(cart=made.cart, number=made.number, cookie=cookie, expires_at=made.expires_at, ended=ended)


def revoke(tx: Transaction, actor: Actor, cart: str, *, reason: str) -> tuple[int, ...]:
    """The pairing and waiting claims of this cart end; their numbers. Raises: NotPermittedError, NotFoundError, TextMissingError."""
    require(tx, actor, StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR)
    why = text(reason, "reason")
    claims = phones.end_claims(tx, cart)
    ended = phones.end(tx, cart, reason=why)
    if not ended and not claims:
        raise NotFoundError(f"no phone is paired as {cart!r}", remedy="look at the list of phones", cart=cart)
    tx.audit("machine.phone-revoke", f"machine/{cart}", {"numbers": list(ended), "claims": claims, "reason": why})
    return ended


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in value).strip()
