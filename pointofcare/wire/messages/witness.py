"""A second look from another cart or phone: who asks, who is called, who answers, and what became of it.

Worth nothing later: nothing here is journalled or kept by a broker. A cart that asks says it again every few seconds until it is told
what became of it, and every message says which request, of which content, it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pointofcare.administration.record import FindingEvidence
from pointofcare.orders.order import Order
from pointofcare.quantity import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAtPack:
    """One thing that was scanned. `name` None: it is not in the formulary; `text` is what the label said."""

    text: str
    at: datetime
    product: str | None = None
    name: str | None = None
    lot: str | None = None
    expiry: str | None = None
    serial: str | None = None
    keyed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAtDose:
    """What the colleague sees: the patient, what was ordered and scanned, the amounts and the findings of the verdict.

    `blind`: the units in which she works the figure out alone; dose, rate and waste then do not travel. () where nothing is worked out."""

    patient: str
    mrn: str
    name: str
    action: str
    level: str
    findings: tuple[FindingEvidence, ...]
    packs: tuple[LookedAtPack, ...] = ()
    order: Order | None = None
    due: datetime | None = None
    dose: Quantity | None = None
    waste: Quantity | None = None
    returned: Quantity | None = None
    rate: Quantity | None = None
    drop_factor: int | None = None
    route: str | None = None
    site: str | None = None
    reason: str | None = None
    reason_text: str | None = None
    weight: Quantity | None = None
    weight_at: datetime | None = None
    blind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessAsked:
    """Asks the ward's other carts for a second person, again and again until it is told what came of it. `request` is a uuid of the
    asking cart, `digest` what it is about to the letter: nurse, patient, scans, amounts and verdict. `dose` None: it is withdrawn."""

    request: str
    digest: str
    nurse: str
    lasts_s: float
    dose: LookedAtDose | None = None


class CallState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessCalled:
    """A cart of the ward asks for a second person; `lasts_s` from now, unless it is said again. `closed`: nobody need look any more."""

    request: str
    digest: str
    state: CallState
    cart: str
    nurse: str
    lasts_s: float = 0.0
    dose: LookedAtDose | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessAnswered:
    """The second person, whose badge and PIN were proven at this cart, confirms or declines what `digest` names."""

    request: str
    digest: str
    witness: str
    confirms: bool
    at: datetime
    blind_value: Quantity | None = None
    reason: str | None = None
    reason_text: str | None = None


class WitnessState(StrEnum):
    """What became of a request. `refused`: this message counts for nothing, `why` says why not."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessTold:
    """To the cart that asked: where the request stands; to the one that answered: whether that answer counted. `reached` are the carts
    that were called, `proof` what the server signed of a confirmation: only that lets a dose go on."""

    request: str
    state: WitnessState
    why: str | None = None
    witness: str | None = None
    cart: str | None = None
    at: datetime | None = None
    reason: str | None = None
    reason_text: str | None = None
    reached: tuple[str, ...] = ()
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessProof:
    """What is signed (JWS, `typ` "witness"): this person confirmed this request of this cart, of this content, at that cart and then."""

    facility: str
    cart: str
    request: str
    digest: str
    witness: str
    witness_cart: str
    at: datetime
    blind_value: Quantity | None = None
