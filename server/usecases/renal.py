"""Renal function worked out from the newest creatinine: estimated GFR (CKD-EPI 2021) and creatinine clearance (Cockcroft-Gault).

Shown to pharmacists beside an order, with the age of what it was worked out from; no check and no verdict looks at it. Must never
guess: without an age, a sex, a weight or a value in a unit that compares there is no number. Adults only.

Sources: Inker et al., N Engl J Med 2021;385:1737 (CKD-EPI creatinine 2021, without race); Cockcroft and Gault, Nephron 1976;16:31.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from pointofcare.people import Patient
from pointofcare.quantity import Quantity

UMOL_PER_MG_DL = 88.42
ADULT = 18
# Bounds of what the formulas were made from; outside them a number would say more than is known.
LOWEST, HIGHEST = 0.1, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Renal:
    """`creatinine` and `at` are as measured; `egfr` is mL/min per 1.73 m², `clearance` mL/min. None: not known."""

    creatinine: Quantity
    at: datetime
    egfr: int | None = None
    clearance: int | None = None


def of_patient(patient: Patient, today: date) -> Renal | None:
    """None: no creatinine is on record."""
    found = max((one for one in patient.observations if one.code == "creatinine"), key=lambda one: one.at, default=None)
    if found is None:
        return None
    level = mg_dl(found.value)
    years = age(patient.birth_date, today)
    if level is None or years is None or years < ADULT or patient.sex not in ("male", "female"):
        return Renal(creatinine=found.value, at=found.at)
    is_female = patient.sex == "female"
    weight = patient.weight
    kg = float(weight.value.to("kg").value) if weight is not None and weight.value.converts_to("kg") else None
    cleared = round(clearance(level, years, kg, is_female=is_female)) if kg is not None and kg > 0 else None
    return Renal(creatinine=found.value, at=found.at, egfr=round(egfr(level, years, is_female=is_female)), clearance=cleared)


def mg_dl(value: Quantity) -> float | None:
    """Creatinine in mg/dL from either unit; None: it does not compare, or no person has that."""
    if value.converts_to("umol/L"):
        found = float(value.to("umol/L").value) / UMOL_PER_MG_DL
    elif value.converts_to("mg/dL"):
        found = float(value.to("mg/dL").value)
    else:
        return None
    return found if LOWEST <= found <= HIGHEST else None


def egfr(creatinine_mg_dl: float, years: int, *, is_female: bool) -> float:
    """mL/min per 1.73 m², CKD-EPI 2021."""
    kappa, alpha = (0.7, -0.241) if is_female else (0.9, -0.302)
    ratio = creatinine_mg_dl / kappa
    low, high = float(min(ratio, 1.0) ** alpha), float(max(ratio, 1.0) ** -1.200)
    return 142.0 * low * high * float(0.9938**years) * (1.012 if is_female else 1.0)


def clearance(creatinine_mg_dl: float, years: int, weight_kg: float, *, is_female: bool) -> float:
    """mL/min, Cockcroft-Gault with the weight as it is."""
    return (140 - years) * weight_kg / (72.0 * creatinine_mg_dl) * (0.85 if is_female else 1.0)


def age(born: date | None, today: date) -> int | None:
    """Whole years."""
    if born is None or born > today:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
