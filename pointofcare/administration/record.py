"""What was done: one administration, as a fact.

Drawn once at the bedside with its `record_id`, which is the journal's key, the server's unique key and the EMR's identifier.
Never changed afterwards: a correction is a new record that names the older one in `amends`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pointofcare.quantity import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanEvidence:
    """One scan as the reader gave it: symbology identifier, content as text with GS kept, "" identifier when keyed.

    A keyed one says what it was typed as (`kind` patient or drug), its second identifier and its reason."""

    identifier: str
    text: str
    at: datetime
    keyed: bool = False
    kind: str | None = None
    second_identifier: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingEvidence:
    """A finding as the nurse saw it, and how it was answered. `facts` and `params` are plain JSON values."""

    rule: str
    level: str
    satisfied: bool
    unknown: bool
    facts: Mapping[str, object]
    remedy: str
    params: Mapping[str, object]
    shadow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministrationRecord:
    """One action on one dose.

    `status` is a FHIR MedicationAdministration code (`completed`, `not-done`, `in-progress`, `stopped`, `on-hold`,
    `entered-in-error`); `status_reason` the coded reason where one was needed. `effective_at` is when it happened,
    `recorded_at` when the cart journalled it. `level` is the verdict before reasons and witness answered it;
    Times are the server's as the cart knew it; `clock_wall_at` is what its own wall clock showed, `clock_offset_s` how far that was ahead
    (None: not known), `clock_age_s` how long before that was measured. `amends` names the record that this one corrects, `continues` the
    one that it goes on with: the change of rate or the end of an infusion its start, a removal the patch that was put on, an effect the
    dose as needed.
    `rate` is what was set at `drop_factor` drops per mL (None: a pump). `blind_value` is what the witness worked out alone.
    `witness_cart` and `witnessed_at` say where and when the witness signed, `witness_request` which request that answered, where it was at
    another cart than this one; None from a cart that does not say.
    `drawer` is the cart's drawer that was to open for it, `drawer_evidence` what was known of that: opened, unlocked (whether it was opened
    is not known), or refused, unavailable, outcome-unknown: the lock gave no evidence, and the key was needed or nobody knows. None: it
    came from no drawer, or the cart does not say.
    `order` is None where an emergency drug was given without one: a prescriber must acknowledge it.
    """

    record_id: str
    facility: str
    ward: str
    cart: str
    patient: str
    mrn: str
    order: str | None
    order_version: int | None
    due: datetime | None
    action: str
    status: str
    status_reason: str | None
    reason_text: str | None
    product: str | None
    product_name: str | None
    gtin: str | None
    lot: str | None
    expiry: date | None
    serial: str | None
    dose: Quantity | None
    route: str | None
    site: str | None
    waste: Quantity | None
    prn_reason: str | None
    effective_at: datetime
    recorded_at: datetime
    nurse: str
    witness: str | None
    level: str
    findings: tuple[FindingEvidence, ...]
    engine: str
    policy: str
    scans: tuple[ScanEvidence, ...]
    chart_version: int
    online: bool
    clock_offset_s: float | None
    lease_fence: int | None = None
    amends: str | None = None
    continues: str | None = None
    bag: str | None = None
    rate: Quantity | None = None
    drop_factor: int | None = None
    returned: Quantity | None = None
    blind_value: Quantity | None = None
    effect: str | None = None
    clock_age_s: float | None = None
    clock_wall_at: datetime | None = None
    witness_cart: str | None = None
    witnessed_at: datetime | None = None
    witness_request: str | None = None
    drawer: int | None = None
    drawer_evidence: str | None = None
