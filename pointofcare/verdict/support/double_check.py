"""H2, H3, H5: a second person where the hospital asks for one, who may be one, and whose own calculation agrees.

Source: VA BCMA (three levels an item; the witness is not the nurse, no student, not read-only); Westbrook 2020 (only blind
checks help). Hazard: a high-alert drug given on one person's slip.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointofcare.people import StaffRole, Witness
from pointofcare.products import HighAlert
from pointofcare.quantity import Quantity
from pointofcare.verdict import infusing
from pointofcare.verdict.dosing import by_weight, in_ordered_kind
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import Moment, plain
from pointofcare.verdict.rule import Rule

DOUBLE_CHECK = Rule(
    id="H2",
    title="A high-alert drug has its double check",
    levels=(Level.REASON, Level.WITNESS),
    looks_at="the high-alert level of the products, the order's own wish; the highest wins",
    passes_when="no check is asked for, or a valid witness confirms",
    source="VA BCMA; ISMP high-alert list",
    hazard="high-alert drug given on one person's slip",
    remedies={"fetch-witness": ()},
    facts=("cause", "name"),
    origin="product",
)
WITNESS = Rule(
    id="H3",
    title="The witness may be one",
    levels=(Level.WITNESS,),
    looks_at="the witness: identity, role, licence, shift",
    passes_when="another person than the nurse, licensed, on shift, no student",
    source="VA BCMA",
    hazard="a double check by nobody",
    remedies={"fetch-other-witness": ()},
    facts=("cause", "witness"),
    origin="intent",
)
BLIND = Rule(
    id="H5",
    title="The blind second calculation is there and agrees",
    levels=(Level.WITNESS, Level.STOP),
    looks_at="the value that the second person worked out alone, the dose or the rate; whether the policy asks for one",
    passes_when="none is asked for or stated, or a valid witness worked out the same amount",
    source="Westbrook 2020; local choice",
    hazard="wrong calculated dose",
    remedies={"calculate-again": (), "calculate-alone": ()},
    facts=("blind", "dose"),
    origin="intent",
    origins={"dose": "order"},
)
MAY_WITNESS = frozenset({StaffRole.NURSE, StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST, StaffRole.PRESCRIBER, StaffRole.WITNESS_ONLY})


def witness_fault(moment: Moment) -> str:
    """Why the given witness is not valid; "" when valid, "none" when nobody was given (rule H3)."""
    nurse = moment.facts.nurse
    return fault_of(moment.facts.intent.witness, nurse=nurse.id if nurse is not None else None)


def fault_of(witness: Witness | None, *, nurse: str | None) -> str:
    """As `witness_fault`, for `nurse` None: not known who asks."""
    if witness is None:
        return "none"
    if not witness.id.strip() or nurse is None or plain(witness.id) == plain(nurse):
        return "same-person"
    if witness.role not in MAY_WITNESS:
        return "role"
    if witness.licensed is not True:
        return "unlicensed"
    return "" if witness.on_shift is True else "off-shift"


def check_double(moment: Moment) -> Iterator[Finding]:
    if not moment.delivering:
        return
    level = max((product.high_alert for product in moment.drugs), default=HighAlert.NO)
    asked = moment.order is not None and moment.order.needs_double_check
    names = " + ".join(product.name for product in moment.drugs if product.high_alert == level)
    if asked or level >= HighAlert.WITNESS_REQUIRED:
        required = "order" if level < HighAlert.WITNESS_REQUIRED else "required"
        if not names and moment.order is not None:
            names = moment.order.ingredient
        yield DOUBLE_CHECK.finding(Level.WITNESS, "fetch-witness", facts={"cause": required, "name": names})
    elif level == HighAlert.WITNESS_RECOMMENDED:
        yield DOUBLE_CHECK.finding(Level.REASON, "fetch-witness", facts={"cause": "recommended", "name": names})


def check_witness(moment: Moment) -> Iterator[Finding]:
    fault = witness_fault(moment)
    witness = moment.facts.intent.witness
    if witness is not None and fault:
        yield WITNESS.finding(Level.WITNESS, "fetch-other-witness", facts={"cause": fault, "witness": witness.id})


def check_blind(moment: Moment) -> Iterator[Finding]:
    blind, order = moment.facts.intent.blind_value, moment.order
    if order is None or not moment.delivering:
        return
    ordered = _calculated(moment)
    if moment.policy.blind_for_calculated and ordered is not None and (blind is None or witness_fault(moment)):
        # A witness alone does not answer this: what counts is that somebody worked it out without seeing it.
        facts = {"blind": str(blind) if blind is not None else "", "dose": str(ordered)}
        yield BLIND.finding(Level.WITNESS, "calculate-alone", facts=facts, unknown=True)
    if blind is None:
        return
    rate = _rate(moment)
    dose = rate if rate is not None and blind.converts_to(rate.unit) else order.dose
    agrees = (
        _agrees(blind, dose, moment) if dose is not rate or moment.facts.intent.rate is None else dose is not None and blind.same_as(dose)
    )
    if not agrees:
        yield BLIND.finding(Level.STOP, "calculate-again", facts={"blind": str(blind), "dose": str(dose) if dose else ""})


def _rate(moment: Moment) -> Quantity | None:
    stated, order = moment.facts.intent.rate, moment.order
    return stated if stated is not None else (order.rate if order is not None else None)


def _calculated(moment: Moment) -> Quantity | None:
    """What a second person works out alone: the rate of an infusion, a dose by weight; None: nothing has to be."""
    order = moment.order
    assert order is not None
    if infusing.is_infusion(moment):
        return _rate(moment)
    doses = [dose for dose in (order.dose, *(order.dose_range or ())) if dose is not None and by_weight(dose)]
    return doses[0] if doses else None


def _agrees(blind: Quantity, ordered: Quantity | None, moment: Moment) -> bool:
    """With what the nurse states or scanned, as far as that is what is ordered; a pump's rate or a bag with the order itself."""
    dosing = moment.dosing
    if dosing is None or dosing.problem or (ordered is not None and not ordered.converts_to(dosing.unit) and not by_weight(ordered)):
        return ordered is not None and not by_weight(ordered) and blind.same_as(ordered)
    value = in_ordered_kind(blind, moment)
    if value is None:
        return False
    first = dosing.stated if dosing.stated is not None else dosing.given
    if first is not None and dosing.low <= first <= dosing.high:
        return value == first
    return dosing.low <= value <= dosing.high
