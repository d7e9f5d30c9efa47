"""Letting a screen on a ward's wall in, and ending it.

Nobody signs in at a wall. The screen draws a secret, keeps it in its own cookie and shows a code that only this server can make of it;
a charge nurse who stands before the screen types that code on her own page. From then on the secret opens one page of one ward, for
reading, until its time is over or somebody ends it. The secret is in no address, and the code alone opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from pointofcare.errors import NotFoundError, UnreadableError
from pointofcare.people import StaffRole
from server.store import patients, reach, walls
from server.store.transaction import Actor, Transaction
from server.store.walls import Screen
from server.usecases.permission import require

ALLOWED = (StaffRole.CHARGE_NURSE, StaffRole.ADMINISTRATOR)
# No I, O, 0, 1: they are read from four metres away.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 8
COMES_WITHIN = timedelta(minutes=10)
LASTS = timedelta(days=180)
SAW_EVERY = timedelta(minutes=1)


def draw() -> str:
    """What a screen keeps: 256 random bits."""
    return secrets.token_urlsafe(32)


def code(secret_key: str, held: str) -> str:
    """What the screen with the secret `held` shows. Nobody makes it without the server's key, and no secret follows from it."""
    made = hmac.new(secret_key.encode(), f"wall:{held}".encode(), hashlib.sha256).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in made[:CODE_LENGTH])


def typed(text: str) -> str:
    """A code as people type it. Raises: UnreadableError."""
    plain = "".join(sign for sign in text.upper() if sign.isalnum())
    if len(plain) != CODE_LENGTH or any(sign not in ALPHABET for sign in plain):
        raise UnreadableError("this is not the code of a screen", remedy="type the eight signs that the screen shows")
    return plain


def let_in(tx: Transaction, actor: Actor, *, ward: str, code: str, label: str, language: str) -> int:
    """Whoever shows this code within ten minutes is the wall screen of `ward`. Raises: NotPermittedError, UnreadableError, NotFoundError,
    OtherWardError."""
    require(tx, actor, *ALLOWED)
    plain = typed(code)
    if patients.ward(tx, ward) is None:
        raise NotFoundError(f"ward {ward!r} is not known", remedy="choose a ward of the list", ward=ward)
    reach.must_see(tx, ward)
    walls.forget_code(tx, digest(plain))
    name = " ".join(label.split())[:80]
    made = walls.add(tx, ward=ward, label=name, language=language[:8], code=digest(plain), until=tx.at + LASTS)
    tx.audit("wall.let-in", f"wall/{made}", {"ward": ward, "label": name})
    return made


def end(tx: Transaction, actor: Actor, screen: int) -> None:
    """Raises: NotPermittedError, NotFoundError (it has ended), OtherWardError."""
    require(tx, actor, *ALLOWED)
    found = walls.get(tx, screen)
    if found is not None:
        reach.must_see(tx, found.ward)
    if found is None or not walls.end(tx, screen):
        raise NotFoundError("this screen is not let in", remedy="look at the list again", screen=screen)
    tx.audit("wall.end", f"wall/{screen}", {"ward": found.ward, "label": found.label})


def known(tx: Transaction, held: str) -> Screen | None:
    """The screen that keeps `held`, if it is let in now."""
    found = walls.of_token(tx, digest(held))
    return found if found is not None and found.is_let_in(tx.at) else None


def expected(tx: Transaction, secret_key: str, held: str) -> Screen | None:
    """The screen for which somebody typed the code of `held`, and which has not come yet."""
    return walls.waiting(tx, digest(code(secret_key, held)), since=tx.at - COMES_WITHIN)


def come(tx: Transaction, screen: Screen, held: str, *, place: str) -> bool:
    done = walls.come(tx, screen.id, token=digest(held), place=place)
    if done:
        tx.audit("wall.came", f"wall/{screen.id}", {"ward": screen.ward, "place": place[:64]})
    return done


def digest(text: str) -> str:
    return hashlib.sha256(f"wall:{text}".encode()).hexdigest()
