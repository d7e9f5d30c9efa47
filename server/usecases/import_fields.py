"""Cells of an import, from text to value. Each function reads one form of the documented columns, or raises `FieldError`.

Nothing here guesses: a number without a unit, a moment without an offset or an unknown word is a fault, not a default.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import TypeVar

from pointofcare.errors import QuantityError
from pointofcare.orders.order import DayOfWeek
from pointofcare.people import OBSERVATION_CODES, Allergy, AllergyKind, Observation
from pointofcare.products import HoldRule, Ingredient, MaxDaily
from pointofcare.quantity import Quantity
from server.usecases import passwords
from server.usecases.import_rows import FieldError

_Word = TypeVar("_Word", bound=Enum)

MAX_TEXT = 500
MOST_PARTS = 50
DECEIVING = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
SEVERITIES = ("mild", "moderate", "severe")
HOLD_LEVELS = ("REASON", "WITNESS", "STOP")


def text(value: str) -> str:
    """Raises: FieldError when it is longer than 500 characters or holds control characters, or signs that turn the order
    of what a person reads."""
    if len(value) > MAX_TEXT:
        raise FieldError("too-long", most=MAX_TEXT)
    if any(ord(sign) < 32 or ord(sign) == 127 or sign in DECEIVING for sign in value):
        raise FieldError("control-character")
    return value


def identifier(value: str) -> str:
    """An id as it may stand in an address and a message topic: letters, digits, `.`, `_`, `-`, at most 64 of them."""
    if len(value) > 64 or not value or not all(sign.isascii() and (sign.isalnum() or sign in "._-") for sign in value):
        raise FieldError("not-an-identifier")
    return value


def parts(value: str) -> tuple[str, ...]:
    found = tuple(part for part in (piece.strip() for piece in value.split("|")) if part)
    if len(found) > MOST_PARTS:
        raise FieldError("too-long", most=MOST_PARTS)
    return found


def texts(value: str) -> tuple[str, ...]:
    return tuple(text(part) for part in parts(value))


def yes_no(value: str) -> bool:
    try:
        return {"yes": True, "no": False}[value.lower()]
    except KeyError:
        raise FieldError("not-yes-or-no") from None


def amount(value: str) -> Quantity:
    try:
        return Quantity.parse(value)
    except QuantityError as exc:
        raise FieldError("not-an-amount") from exc


def positive(value: str) -> Quantity:
    found = amount(value)
    if found.value <= 0:
        raise FieldError("not-above-zero")
    return found


def mass(value: str) -> Quantity:
    found = positive(value)
    if not found.converts_to("kg"):
        raise FieldError("not-a-mass")
    return found


def duration(value: str) -> timedelta:
    found = positive(value)
    if not found.converts_to("s"):
        raise FieldError("not-a-duration")
    seconds = found.to("s").value
    if seconds > 366 * 86400:
        raise FieldError("not-a-duration")
    return timedelta(seconds=float(seconds))


def day(value: str) -> date:
    try:
        if len(value) != 10:
            raise ValueError(value)
        return date.fromisoformat(value)
    except ValueError:
        raise FieldError("not-a-date") from None


def moment(value: str) -> datetime:
    """Aware, in UTC. Raises: FieldError when it is no ISO moment or names no offset."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise FieldError("not-a-moment") from None
    if found.tzinfo is None or len(value) < 16:
        raise FieldError("no-offset")
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise FieldError("not-a-moment") from None


def clock(value: str) -> time:
    try:
        if len(value) != 5:
            raise ValueError(value)
        return time.fromisoformat(value)
    except ValueError:
        raise FieldError("not-a-time") from None


def clocks(value: str) -> tuple[time, ...]:
    found = tuple(sorted(clock(part) for part in parts(value)))
    if len(set(found)) != len(found):
        raise FieldError("time-twice")
    return found


def days_of_week(value: str) -> tuple[DayOfWeek, ...]:
    """`mon|wed|fri`, in the order of the week. Raises: FieldError, for a day that stands twice too."""
    found = [word(DayOfWeek)(part.lower()) for part in parts(value)]
    if len(set(found)) != len(found):
        raise FieldError("time-twice")
    return tuple(day for day in DayOfWeek if day in found)


def word(words: type[_Word]) -> Callable[[str], _Word]:
    """A reader of one of the words of an enumeration."""

    def read(value: str) -> _Word:
        for member in words:
            if str(member.value) == value:
                return member
        raise FieldError("not-a-word", allowed=", ".join(str(member.value) for member in words))

    return read


def one_of(*allowed: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in allowed:
            raise FieldError("not-a-word", allowed=", ".join(allowed))
        return value

    return read


def code(value: str) -> str:
    """One word without spaces: a form or a route."""
    if any(sign.isspace() for sign in value) or "|" in value:
        raise FieldError("not-one-word")
    return text(value)


def codes(value: str) -> tuple[str, ...]:
    return tuple(code(part) for part in parts(value))


def check_digit_ok(digits: str) -> bool:
    """GS1 mod-10 over any length."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def gtin(value: str) -> str:
    """14 digits with a right check digit; 8, 12 or 13 are filled up with zeros."""
    if not (value.isascii() and value.isdigit()) or len(value) not in (8, 12, 13, 14):
        raise FieldError("not-a-gtin")
    if not check_digit_ok(value):
        raise FieldError("check-digit")
    return value.zfill(14)


def gsrn(value: str) -> str:
    if not (value.isascii() and value.isdigit()) or len(value) != 18:
        raise FieldError("not-a-gsrn")
    if not check_digit_ok(value):
        raise FieldError("check-digit")
    return value


def srin(value: str) -> str:
    if not (value.isascii() and value.isdigit()) or not 1 <= len(value) <= 10:
        raise FieldError("not-a-srin")
    return value


def pin(value: str) -> str:
    if not (value.isascii() and value.isdigit()) or not 6 <= len(value) <= 12:
        raise FieldError("not-a-pin")
    if len(set(value)) == 1 or value in "0123456789012" or value in "9876543210987":
        raise FieldError("pin-too-easy")
    return value


def password(value: str, about: tuple[str, ...] = ()) -> str:
    """Long enough, and none that a list of common ones, a keyboard or what is known `about` the person gives away."""
    if len(value) < 12:
        raise FieldError("password-too-short", least=12)
    if len(value) > 200:
        raise FieldError("too-long", most=200)
    if passwords.is_easy(value, about):
        raise FieldError("password-too-easy")
    return value


def email(value: str) -> str:
    name, at, host = value.partition("@")
    if not name or not at or "." not in host or any(sign.isspace() for sign in value) or len(value) > 255:
        raise FieldError("not-an-email")
    return value.lower()


def drawers(value: str) -> tuple[tuple[str, int], ...]:
    """`cart:number` pairs, each cart once; a bare number, as the cart "", stands for every cart of the ward."""
    found = []
    for part in parts(value):
        cart, colon, drawer = part.rpartition(":")
        if colon and not cart.strip():
            raise FieldError("not-a-drawer")
        found.append((identifier(cart.strip()) if colon else "", number(1, 999)(drawer.strip())))
    if len({cart for cart, _ in found}) != len(found):
        raise FieldError("not-a-drawer")
    return tuple(found)


def number(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not (value.isascii() and value.isdigit()) or len(value) > 6 or not least <= int(value) <= most:
            raise FieldError("not-a-number", least=least, most=most)
        return int(value)

    return read


def allergies(value: str) -> tuple[Allergy, ...]:
    """`none` is a list that was asked for and is empty. Raises: FieldError."""
    if value.lower() == "none":
        return ()
    return tuple(_allergy(part) for part in parts(value))


def _allergy(value: str) -> Allergy:
    pieces = [piece.strip() for piece in value.split(":")]
    if len(pieces) > 4 or not pieces[0] or pieces[0].lower() == "none":
        raise FieldError("not-an-allergy")
    pieces += [""] * (4 - len(pieces))
    substance, kind, severity, tolerated = pieces
    if kind not in ("", "ingredient", "class") or severity not in ("", *SEVERITIES) or tolerated not in ("", "tolerated"):
        raise FieldError("not-an-allergy")
    return Allergy(
        substance=text(substance),
        kind=AllergyKind(kind or "ingredient"),
        severity=severity or None,
        tolerated_before=bool(tolerated),
    )


def observations(value: str) -> tuple[Observation, ...]:
    found = []
    for part in parts(value):
        name, _, rest = part.partition("=")
        size, _, at = rest.partition("@")
        if name.strip() not in OBSERVATION_CODES:
            raise FieldError("not-an-observation", allowed=", ".join(sorted(OBSERVATION_CODES)))
        found.append(Observation(code=name.strip(), value=amount(size.strip()), at=moment(at.strip())))
    return tuple(found)


def ingredients(value: str) -> tuple[Ingredient, ...]:
    found = []
    for part in parts(value):
        rest, _, classes = part.partition("@")
        name, _, size = rest.partition("=")
        if not name.strip():
            raise FieldError("not-an-ingredient")
        found.append(
            Ingredient(
                name=text(name.strip()),
                amount=positive(size.strip()) if size.strip() else None,
                classes=tuple(piece.strip() for piece in classes.split("+") if piece.strip()),
            )
        )
    if not found:
        raise FieldError("not-an-ingredient")
    return tuple(found)


def max_daily(value: str) -> tuple[MaxDaily, ...]:
    found = []
    for part in parts(value):
        pieces = [piece.strip() for piece in part.split(":")]
        if len(pieces) > 3 or not pieces[0]:
            raise FieldError("not-a-maximum")
        pieces += [""] * (3 - len(pieces))
        hard = positive(pieces[1]) if pieces[1] else None
        soft = positive(pieces[2]) if pieces[2] else None
        if hard is None and soft is None:
            raise FieldError("not-a-maximum")
        found.append(MaxDaily(ingredient=pieces[0], hard=hard, soft=soft))
    return tuple(found)


def hold_rules(value: str) -> tuple[HoldRule, ...]:
    found = []
    for part in parts(value):
        pieces = [piece.strip() for piece in part.split(":")]
        if len(pieces) > 5 or pieces[0] not in OBSERVATION_CODES:
            raise FieldError("not-a-hold-rule")
        pieces += [""] * (5 - len(pieces))
        level = pieces[4] or "REASON"
        if level not in HOLD_LEVELS or not (pieces[1] or pieces[2]):
            raise FieldError("not-a-hold-rule")
        found.append(
            HoldRule(
                code=pieces[0],
                below=amount(pieces[1]) if pieces[1] else None,
                above=amount(pieces[2]) if pieces[2] else None,
                max_age=duration(pieces[3]) if pieces[3] else None,
                level=level,
            )
        )
    return tuple(found)
