"""One record as the quality figures see it: what was scanned, when, over which findings. Pure, and names nobody beyond the record.

What counts as a scan stands here and nowhere else: a symbol that was read and understood, before the dose was given. A number that was
typed is never one, and neither is a symbol that could not be understood.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pointofcare.administration.record import AdministrationRecord
from pointofcare.labels.scan import BandScan, DrugScan, TextScan
from pointofcare.verdict import reason
from server.store.quality import StoredAttempt, StoredDose
from server.usecases import facts
from server.usecases.facts import Site

GIVEN = frozenset({"give", "start"})
DECLINED = frozenset({"hold", "refuse", "not-given"})
# A finding at one of these wanted something of the nurse.
ASKING = ("WARN", "REASON", "WITNESS", "STOP")
DOWNTIME = frozenset({"network-down", "battery"})
# Charted so long after it was given, it was not charted at the bedside.
AFTERWARDS = timedelta(minutes=15)
# One hand does not show the same symbol twice as fast: it is one pack read twice.
SAME_SYMBOL = timedelta(seconds=1)
# Where records are made that are not from a bedside.
SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One finding that asked something, as it was answered."""

    rule: str
    level: str
    satisfied: bool
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """`at` is when it was given or declined, `recorded_at` when that was said. `first_scan_at` and `last_scan_at` are of the drug, keyed
    entries too, for they are work; of the band where nothing of a drug was shown. `packs` are "GTIN/serial" of what was scanned."""

    record_id: str
    cart: str
    patient: str
    nurse: str
    witness: str | None
    order: str | None
    order_version: int | None
    due: datetime | None
    action: str
    status: str
    reason: str
    product: str
    at: datetime
    recorded_at: datetime
    patient_scanned: bool
    drug_scanned: bool
    band_at: datetime | None
    keyed: tuple[str, ...]
    first_scan_at: datetime | None
    last_scan_at: datetime | None
    packs: tuple[str, ...]
    read_twice: bool
    scanned_after: bool
    asked: tuple[Asked, ...]
    server_rules: frozenset[str]
    withdrawn: bool = False
    online: bool = True

    @property
    def is_given(self) -> bool:
        return self.action in GIVEN and not self.withdrawn

    @property
    def is_declined(self) -> bool:
        return self.action in DECLINED and not self.withdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A dose that was stopped or given up. `outcome` stopped, abandoned or left-open."""

    record_id: str
    cart: str
    patient: str
    nurse: str
    at: datetime
    outcome: str
    asked: tuple[Asked, ...]


def of_stored(stored: StoredDose, *, site: Site, withdrawn: Collection[str] = ()) -> Dose | None:
    """None: the record's document cannot be read, or it is one that corrects another and so is no dose of its own."""
    record = stored.record
    if record is None or record.amends is not None:
        return None
    return of_record(record, site=site, server_rules=stored.server_rules, withdrawn=record.record_id in withdrawn)


def of_record(record: AdministrationRecord, *, site: Site, server_rules: frozenset[str] = frozenset(), withdrawn: bool = False) -> Dose:
    bands, drugs, packs = [], [], []
    seen: list[tuple[str, datetime]] = []
    read_twice = after = False
    looked_at = facts.scans_of(record, site)
    for evidence, scanned in zip(record.scans, looked_at, strict=True):
        if evidence.keyed:
            continue
        found = scanned.scan
        if isinstance(found, BandScan):
            bands.append(evidence.at)
        elif isinstance(found, DrugScan | TextScan):
            drugs.append(evidence.at)
            if isinstance(found, DrugScan) and found.serial:
                pack = f"{found.gtin}/{found.serial}"
                read_twice = read_twice or pack in packs
                packs.append(pack)
            else:
                read_twice = read_twice or any(text == evidence.text and abs(evidence.at - at) < SAME_SYMBOL for text, at in seen)
            seen.append((evidence.text, evidence.at))
        else:
            continue
        after = after or evidence.at > record.effective_at + SAME_SYMBOL
    times = sorted(one.at for one in looked_at if not facts.is_patient(one.scan)) or sorted(one.at for one in looked_at)
    before = [at for at in bands if at <= record.effective_at + SAME_SYMBOL]
    return Dose(
        record_id=record.record_id,
        cart=record.cart,
        patient=record.patient,
        nurse=record.nurse,
        witness=record.witness,
        order=record.order,
        order_version=record.order_version,
        due=record.due,
        action=record.action,
        status=record.status,
        reason=reason.code_of(record.status_reason or ""),
        product=record.product or "",
        at=record.effective_at,
        recorded_at=record.recorded_at,
        patient_scanned=bool(before),
        drug_scanned=any(at <= record.effective_at + SAME_SYMBOL for at in drugs),
        band_at=min(before, default=None),
        keyed=tuple(reason.code_of(one.reason or record.status_reason or "") or "unsaid" for one in record.scans if one.keyed),
        first_scan_at=times[0] if times else None,
        last_scan_at=times[-1] if times else None,
        packs=tuple(dict.fromkeys(packs)),
        read_twice=read_twice,
        scanned_after=after,
        asked=tuple(
            Asked(rule=one.rule, level=one.level, satisfied=one.satisfied, unknown=one.unknown)
            for one in record.findings
            if one.level in ASKING and not one.shadow
        ),
        server_rules=server_rules,
        withdrawn=withdrawn,
        online=record.online,
    )


def of_attempt(stored: StoredAttempt) -> Attempt:
    document: Mapping[str, Any] = stored.document
    asked = []
    for one in document.get("findings") or ():
        if isinstance(one, Mapping) and one.get("level") in ASKING and not one.get("shadow"):
            asked.append(
                Asked(
                    rule=str(one.get("rule")),
                    level=str(one.get("level")),
                    satisfied=bool(one.get("satisfied")),
                    unknown=bool(one.get("unknown")),
                )
            )
    return Attempt(
        record_id=stored.record_id,
        cart=stored.cart,
        patient=stored.patient or "",
        nurse=stored.nurse or "",
        at=stored.at,
        outcome=str(document.get("outcome") or "stopped"),
        asked=tuple(asked),
    )


def outside(dose: Dose, *, without_code: Collection[str]) -> str:
    """Why a dose that was given is not in the denominator of the scans, "" for one that is.

    `emergency`: a listed emergency drug without an order. `downtime`: there was no cart that worked, said with its coded reason, and
    charted afterwards without a scan: what was scanned all the same counts. `no-code`: the pharmacy has listed the product as one
    without a code on its unit; only the drug's side is not asked for, see `quality_count`."""
    if dose.order is None and dose.reason == "emergency":
        return "emergency"
    scanned = dose.patient_scanned or dose.drug_scanned or dose.keyed
    if dose.reason in DOWNTIME and dose.recorded_at - dose.at > AFTERWARDS and not scanned:
        return "downtime"
    if dose.product in without_code and not dose.drug_scanned:
        return "no-code"
    return ""
