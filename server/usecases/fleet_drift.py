"""What carts are to run with against what they run with: told exactly, and mended only by a person who says why.

Nothing here is done by itself: a cart that runs with something else stays so until somebody adopts it or applies the wanted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pointofcare.errors import ConflictError, MessageError, NotFoundError
from pointofcare.people import StaffRole
from pointofcare.wire import routes, settings
from pointofcare.wire.settings import SETTINGS, Kind
from server.store import cart_config, commands, fleet_care
from server.store.cart_config import CartConfig
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require, text

_MAY = (StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR)
LONGEST_REASON = 500
MOST_CARTS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`wanted` and `runs` as they are, None: not told. `why` is the code with which the cart refused it, "" where it did not."""

    name: str
    wanted: object
    runs: object
    why: str


def differences(config: CartConfig) -> tuple[Difference, ...]:
    """By name; () also where nothing can be compared."""
    return tuple(
        Difference(name=name, wanted=wanted, runs=runs, why=str(config.refused.get(name) or ""))
        for name, (wanted, runs) in cart_config.differing(config).items()
    )


def read(fields: Mapping[str, str]) -> dict[str, object]:
    """The document that a form describes: settings that are left as usual are not in it. Raises: MessageError."""
    document: dict[str, object] = {}
    problems = []
    for name, setting in SETTINGS.items():
        told = fields.get(name, "").strip()
        if not told:
            continue
        value: object = told
        if setting.kind is Kind.TRUTH:
            value = {"true": True, "false": False}.get(told, told)
        elif setting.kind is Kind.WHOLE and told.isascii() and told.isdigit() and len(told) < 10:
            value = int(told)
        fault = settings.fault(name, value)
        if fault is not None:
            problems.append((name, fault))
        document[name] = value
    if problems:
        raise MessageError("these are no settings of a cart", problems=tuple(problems))
    return document


def want(tx: Transaction, actor: Actor, cart: str, document: Mapping[str, object], *, reason: str) -> int:
    """The cart is to run with this. Raises: NotPermittedError, NotFoundError, TextMissingError, MessageError."""
    require(tx, actor, *_MAY)
    why = text(reason, "reason", longest=LONGEST_REASON)
    _known(tx, cart)
    _sound(document)
    before = cart_config.one(tx, cart)
    version = cart_config.want(tx, cart, document, by=actor.id)
    tx.audit(
        "cart-config.want", f"cart/{cart}", {"version": version, "before": dict(before.desired), "after": dict(document), "reason": why}
    )
    return version


def adopt(tx: Transaction, actor: Actor, cart: str, *, reported_hash: str, reason: str) -> int:
    """What the cart runs with is what it is to run with. `reported_hash` is of what the person looked at.

    Raises: NotPermittedError, NotFoundError, ConflictError (it runs with something else by now), TextMissingError, MessageError."""
    require(tx, actor, *_MAY)
    why = text(reason, "reason", longest=LONGEST_REASON)
    config = cart_config.one(tx, cart)
    if config.reported is None:
        raise NotFoundError(f"cart {cart!r} has not told what it runs with", cart=cart)
    if config.reported_hash != reported_hash:
        raise ConflictError("the cart runs with something else by now", remedy="look at the difference again", cart=cart)
    known, refused = settings.sifted({name: value for name, value in config.reported.items() if name in SETTINGS})
    if refused:
        raise MessageError("the cart tells a value that nobody can want", problems=tuple(refused.items()))
    document: dict[str, object] = {name: value for name, value in known.items() if value != SETTINGS[name].default}
    version = cart_config.want(tx, cart, document, by=actor.id, anew=True)
    detail = {"version": version, "before": dict(config.desired), "after": document, "reason": why}
    tx.audit("cart-config.adopt", f"cart/{cart}", detail)
    return version


def apply_again(tx: Transaction, actor: Actor, cart: str, *, reason: str) -> int:
    """The cart is told once more what it is to run with. Raises: NotPermittedError, NotFoundError, TextMissingError."""
    require(tx, actor, *_MAY)
    why = text(reason, "reason", longest=LONGEST_REASON)
    config = cart_config.one(tx, cart)
    if not config.desired_version:
        raise NotFoundError(f"nothing is wanted of cart {cart!r}", cart=cart)
    version = cart_config.want(tx, cart, config.desired, by=actor.id, anew=True)
    tx.audit("cart-config.again", f"cart/{cart}", {"version": version, "reason": why})
    return version


def keep_group(tx: Transaction, actor: Actor, ward: str, document: Mapping[str, object], *, reason: str) -> None:
    """What the carts of a ward are to run with; no cart is told. Raises: NotPermittedError, TextMissingError, MessageError."""
    require(tx, actor, *_MAY)
    why = text(reason, "reason", longest=LONGEST_REASON)
    _sound(document)
    if not routes.is_level(ward):
        raise NotFoundError("there is no such ward", ward=ward[:64])
    cart_config.put_group(tx, ward, document, reason=why)
    tx.audit("cart-config.group", f"ward/{ward}", {"after": dict(document), "reason": why})


def apply_group(tx: Transaction, actor: Actor, ward: str, *, version: int, reason: str) -> int:
    """Every cart that is in the ward now is to run with the ward's document; how many were told something new. `version` is the one that
    the person looked at. Raises: NotPermittedError, NotFoundError, ConflictError, TextMissingError."""
    require(tx, actor, *_MAY)
    why = text(reason, "reason", longest=LONGEST_REASON)
    group = cart_config.groups(tx).get(ward)
    if group is None:
        raise NotFoundError("nothing is kept for this ward", ward=ward[:64])
    if group.version != version:
        raise ConflictError("somebody changed it meanwhile", remedy="look at it again", ward=ward)
    carts = sorted(commands.of_ward(tx, ward)[:MOST_CARTS])
    configs = cart_config.of_carts(tx, carts)
    told = 0
    for cart in carts:
        before = configs.get(cart)
        if before is not None and before.desired_version and before.desired == group.document:
            continue
        now = cart_config.want(tx, cart, group.document, by=actor.id)
        detail = {"version": now, "ward": ward, "after": dict(group.document), "reason": why}
        tx.audit("cart-config.want", f"cart/{cart}", detail)
        told += 1
    return told


def _known(tx: Transaction, cart: str) -> None:
    if not fleet_care.known(tx, (cart,)):
        raise NotFoundError(f"cart {cart!r} is not known", cart=cart)


def _sound(document: Mapping[str, object]) -> None:
    refused = settings.sifted(document)[1]
    if refused:
        raise MessageError("these are no settings of a cart", problems=tuple(refused.items()))
