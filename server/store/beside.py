"""What the EMR is told beside doses and measurements: a dose that was stopped at the bedside, and the carts themselves.

Values only, and the documents that the outbox keeps of them. Neither is a dose: nothing here counts as given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from server.store.plain import moment, to_moment


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedRule:
    """One finding that stood in the way, as the nurse saw it."""

    rule: str
    level: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A dose that the verdict stopped. `patient` and `mrn` "" where nobody was identified; `nurse` "" where nobody was signed in."""

    record_id: str
    facility: str
    ward: str
    cart: str
    patient: str
    mrn: str
    order: str | None
    nurse: str
    at: datetime
    recorded_at: datetime
    outcome: str
    action: str
    level: str
    rules: tuple[StoppedRule, ...]
    products: tuple[str, ...]
    engine: str
    policy: str
    online: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CartDevice:
    """A cart by its id, so that what it sent can be resolved in the EMR."""

    record_id: str
    facility: str
    cart: str
    patient: str = ""
    mrn: str = ""


def cart_device(facility: str, cart: str) -> CartDevice:
    """Always the same one for the same cart."""
    return CartDevice(record_id=str(uuid5(NAMESPACE_URL, f"pointofcare:{facility}/cart/{cart}")), facility=facility, cart=cart)


_WORDS = (
    "record_id", "facility", "ward", "cart", "patient", "mrn", "order", "nurse", "outcome", "action", "level", "engine", "policy", "online",
)  # fmt: skip
_RULE = ("rule", "level", "remedy")


def blocked_document(blocked: Blocked) -> dict[str, Any]:
    document: dict[str, Any] = {name: getattr(blocked, name) for name in _WORDS}
    document |= {"at": moment(blocked.at), "recorded_at": moment(blocked.recorded_at), "products": list(blocked.products)}
    return document | {"rules": [{name: getattr(each, name) for name in _RULE} for each in blocked.rules]}


def blocked_from(document: Mapping[str, Any]) -> Blocked:
    """Raises: KeyError, ValueError for a document that `blocked_document` did not write."""
    values: dict[str, Any] = {name: document[name] for name in _WORDS}
    values |= {"at": to_moment(document["at"]), "recorded_at": to_moment(document["recorded_at"]), "products": tuple(document["products"])}
    return Blocked(**values, rules=tuple(StoppedRule(**{name: each[name] for name in _RULE}) for each in document["rules"]))


def device_document(device: CartDevice) -> dict[str, Any]:
    return {"record_id": device.record_id, "facility": device.facility, "cart": device.cart, "patient": ""}


def device_from(document: Mapping[str, Any]) -> CartDevice:
    return CartDevice(record_id=document["record_id"], facility=document["facility"], cart=document["cart"])
