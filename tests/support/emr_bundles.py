"""What goes to an EMR, in every shape that this system has: more than a hundred good bundles, and single faults to put into one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from pointofcare.administration.record import AdministrationRecord, FindingEvidence, ScanEvidence
from pointofcare.quantity import Quantity
from server.emr import fhir_beside
from server.emr.fhir_mapping import MappingContext, to_bytes
from server.emr.fhir_observation import CODES
from server.emr.forms import FHIR
from server.store import beside
from server.store.observations import Measurement
from tests.support.emr import AT, CASES, CONTEXT, SECOND_PERSON, TOO_EARLY, an_administration, context_for

ROUTES = ("PO", "IV", "IM", "SC", "SL", "ID", "INH", "NASAL", "NG", "PR", "TOP", "TD", "OPH", "OTIC", "VAG", "epidural")
DOSES = (
    "1 mg",
    "0.5 mg",
    "0.0625 mg",
    "62.5 ug",
    "4 [IU]",
    "100 mmol",
    "2.5 mL",
    "1 {tablet}",
    "10 mmol/h",
    "80 mL/h",
    "5 ug/min",
    "1000 mL",
    "12 g",
)
LITERALS = {"patient": "Patient/17", "order": "MedicationRequest/9", "encounter": "Encounter/4", "N1": "Practitioner/2"}
OWN_SYSTEMS = {"patient": "https://emr.example/mrn", "order": "https://emr.example/order", "staff": "urn:oid:1.2.3"}


def _finding(rule: str, level: str, *, satisfied: bool = True, unknown: bool = False, **facts: object) -> FindingEvidence:
    return FindingEvidence(rule=rule, level=level, satisfied=satisfied, unknown=unknown, facts=facts, remedy="ask-prescriber", params={})


def an_infusion() -> dict[str, AdministrationRecord]:
    start = an_administration(
        9000, action="start", status="in-progress", dose=Quantity.parse("500 mL"), rate=Quantity.parse("83 mL/h"), route="IV", bag="BAG1"
    )

    def act(step: int, action: str, status: str, **changes: object) -> AdministrationRecord:
        at = AT + timedelta(minutes=10 * step)
        plain = {"dose": None, "continues": start.record_id, "effective_at": at, "recorded_at": at, "gtin": None, "product": None}
        return an_administration(9000 + step, action=action, status=status, **{**plain, **changes})

    return {
        "infusion-start": start,
        "infusion-rate": act(1, "rate", "in-progress", rate=Quantity.parse("120 mL/h")),
        "infusion-by-drops": act(2, "rate", "in-progress", rate=Quantity.parse("60 mL/h"), drop_factor=20),
        "infusion-pause": act(3, "hold", "on-hold", status_reason="procedure"),
        "infusion-again": act(4, "start", "in-progress", rate=Quantity.parse("60 mL/h")),
        "infusion-new-bag": act(5, "start", "in-progress", bag="BAG2", rate=Quantity.parse("60 mL/h")),
        "infusion-stop": act(6, "stop", "stopped", status_reason="infiltrated", dose=Quantity.parse("320 mL")),
        "infusion-end": act(6, "stop", "completed", dose=Quantity.parse("500 mL")),
    }


def good() -> Iterator[tuple[str, bytes]]:
    """(name, the bytes that are sent), each of another shape."""
    for name, record in CASES.items():
        yield name, FHIR.build(record, replace(context_for(record), chain=(CASES["given"],) if record.amends else ()))
    for name, record, context in _records():
        yield name, FHIR.build(record, context)
    for name, measured in _measured():
        yield name, FHIR.build(measured, CONTEXT)
    for name, told in _blocked():
        yield name, to_bytes(fhir_beside.blocked(told, CONTEXT))
    yield "cart", to_bytes(fhir_beside.device(beside.cart_device("bv1", "c01"), CONTEXT))
    yield "cart-of-odd-name", to_bytes(fhir_beside.device(beside.cart_device("bv1", "xe số 3 (tầng 2)"), CONTEXT))


def _records() -> Iterator[tuple[str, AdministrationRecord, MappingContext]]:
    for route in ROUTES:
        yield f"route-{route}", an_administration(100, route=route), CONTEXT
    for dose in DOSES:
        yield f"dose-{dose}", an_administration(101, dose=Quantity.parse(dose)), CONTEXT
    for rule, level in (
        ("D10", "WARN"),
        ("D11", "REASON"),
        ("D12", "REASON"),
        ("Q3", "REASON"),
        ("T1", "WITNESS"),
        ("N2", "STOP"),
        ("D9", "STOP"),
    ):
        finding = _finding(rule, level, substance="penicillin", cause="allergy")
        yield (
            f"override-{rule}-{level}",
            an_administration(102, findings=(finding,), level=level, reason_text="đã hỏi", witness="N2"),
            CONTEXT,
        )
    shapes: dict[str, AdministrationRecord] = {
        "two-findings": an_administration(103, findings=(TOO_EARLY, SECOND_PERSON), witness="N2"),
        "open-finding": an_administration(104, findings=(_finding("P4", "STOP", satisfied=False),)),
        "unknown-finding": an_administration(105, findings=(_finding("D10", "REASON", unknown=True),)),
        "offline": an_administration(106, online=False, clock_offset_s=None),
        "clock-ahead": an_administration(107, clock_offset_s=-12.3456),
        "nothing-scanned": an_administration(108, scans=(), product=None, gtin=None, lot=None, expiry=None, serial=None),
        "gtin-alone": an_administration(109, product=None, product_name=None),
        "product-alone": an_administration(110, gtin=None),
        "no-lot": an_administration(111, lot=None, expiry=None, serial=None),
        "lot-with-signs": an_administration(112, lot='A&B|C+"<'),
        "vietnamese": an_administration(
            113, product_name="Thuốc tiêm Kali clorid 10 %", reason_text="Người bệnh đồng ý", status_reason="other"
        ),
        "control-signs": an_administration(114, product_name="a\x1db\tc\nd", reason_text="x\x00y", status_reason="other"),
        "keyed": an_administration(
            115,
            scans=(
                ScanEvidence(identifier="", text="24-000123", at=AT, keyed=True, kind="patient", second_identifier="1970", reason="torn"),
            ),
        ),
        "no-order": an_administration(116, order=None, order_version=None, due=None),
        "no-due": an_administration(117, due=None),
        "with-site": an_administration(118, route="IM", site="cơ delta trái"),
        "witnessed": an_administration(119, witness="N2"),
        "witnessed-afar": an_administration(120, witness="N2", witness_cart="c02", witnessed_at=AT, witness_request="r1"),
        "waste-and-return": an_administration(
            121, waste=Quantity.parse("2.5 mg"), returned=Quantity.parse("1 mg"), witness="N2", reason_text="rest of the ampoule"
        ),
        "waste-without-reason": an_administration(122, waste=Quantity.parse("2.5 mg"), witness="N2"),
        "prn": an_administration(123, prn_reason="pain", status_reason="asked"),
        "refused-with-words": an_administration(
            124, action="refuse", status="not-done", status_reason="refused", reason_text="buồn nôn", dose=None
        ),
        "held-on-parameter": an_administration(125, action="hold", status="not-done", status_reason="held-by-parameter", dose=None),
        "not-given-with-dose": an_administration(126, action="not-given", status="not-done", status_reason="absent"),
        "late": an_administration(127, recorded_at=AT + timedelta(hours=9), online=False),
        "other-zone-moment": an_administration(128, effective_at=AT.astimezone().replace(microsecond=1000)),
        "many-digits": an_administration(129, dose=Quantity(value=Decimal("0.000125"), unit="mg")),
        "no-dose-known": an_administration(130, dose=None),
        "from-a-prn-with-witness": an_administration(131, prn_reason="đau", witness="N2", findings=(SECOND_PERSON,)),
        "expired-emergency": an_administration(
            132, order=None, findings=(_finding("D1", "REASON"),), status_reason="emergency", level="REASON"
        ),
    }
    for name, record in shapes.items():
        yield name, record, CONTEXT
    infusion = an_infusion()
    acts = tuple(infusion.values())[:6]
    for name, record in infusion.items():
        chain = acts[: acts.index(record)] if record in acts else acts
        yield name, record, replace(CONTEXT, chain=chain)
    start, rate = acts[0], acts[1]
    undo = an_administration(9050, action="undo", status="entered-in-error", amends=rate.record_id, dose=None, status_reason="wrong-rate")
    yield "infusion-act-withdrawn", undo, replace(CONTEXT, chain=(start, rate))
    gone = an_administration(
        9051, action="undo", status="entered-in-error", amends=start.record_id, dose=None, status_reason="wrong-patient"
    )
    yield "infusion-withdrawn", gone, replace(CONTEXT, chain=(start, rate))
    better = replace(rate, record_id=an_administration(9052).record_id, amends=rate.record_id, rate=Quantity.parse("100 mL/h"))
    yield "infusion-act-corrected", better, replace(CONTEXT, chain=(start, rate))
    wasted = an_administration(
        9053, action="waste", continues=CASES["given"].record_id, dose=None, waste=Quantity.parse("1 mg"), witness="N2"
    )
    yield "waste-charted-later", wasted, replace(CONTEXT, chain=(CASES["given"],))
    patch = an_administration(9060, route="TD")
    off = an_administration(9061, action="remove", continues=patch.record_id, dose=None, site="lưng")
    yield "patch-on", patch, CONTEXT
    yield "patch-off", off, replace(CONTEXT, chain=(patch,))
    undone = an_administration(9062, action="undo", status="entered-in-error", amends=off.record_id, dose=None, status_reason="mistake")
    yield "patch-off-withdrawn", undone, replace(CONTEXT, chain=(patch, off))
    prn = an_administration(9070, prn_reason="pain")
    for effect in ("relieved", "partly", "none"):
        told = an_administration(9071, action="assess", continues=prn.record_id, dose=None, effect=effect)
        yield f"effect-{effect}", told, replace(CONTEXT, chain=(prn,))
    yield "emr-references", CASES["given-overridden"], replace(CONTEXT, literals=LITERALS)
    yield "emr-systems", CASES["given-overridden"], replace(CONTEXT, systems=OWN_SYSTEMS)
    yield "training", CASES["with-waste"], replace(CONTEXT, is_training=True)
    yield "order-line", an_administration(140, product=None, gtin=None), replace(CONTEXT, order_text="Kali clorid 10 mmol trong 500 mL")


def _measured() -> Iterator[tuple[str, Measurement]]:
    units = {name: unit for name, (_loinc, _display, unit, _category) in CODES.items()}
    for number, (code, unit) in enumerate([*units.items(), ("blood-loss", "mL")]):
        value = Quantity(value=Decimal("5.5") if code == "glucose" else Decimal(5), unit=unit)
        yield (
            f"measured-{code}",
            Measurement(
                record_id=an_administration(9200 + number).record_id,
                facility="bv1",
                ward="W3",
                cart="" if code == "pain" else "c01",
                patient="P1",
                mrn="24-000123",
                code=code,
                value=value,
                at=AT,
                nurse="N1",
                recorded_at=AT + timedelta(minutes=1),
            ),
        )


def a_blocked(**changes: object) -> beside.Blocked:
    values: dict[str, object] = {
        "record_id": an_administration(9300).record_id,
        "facility": "bv1",
        "ward": "W3",
        "cart": "c01",
        "patient": "P1",
        "mrn": "24-000123",
        "order": "O1",
        "nurse": "N1",
        "at": AT,
        "recorded_at": AT + timedelta(seconds=2),
        "outcome": "stopped",
        "action": "give",
        "level": "STOP",
        "rules": (beside.StoppedRule(rule="P4", level="STOP", remedy="scan-band-of"),),
        "products": ("AMOX500",),
        "engine": "1.0.0",
        "policy": "default-7",
        "online": True,
    }
    return beside.Blocked(**{**values, **changes})  # type: ignore[arg-type]


def _blocked() -> Iterator[tuple[str, beside.Blocked]]:
    two = (beside.StoppedRule(rule="D1", level="STOP", remedy="ask-prescriber"), beside.StoppedRule(rule="T1", level="REASON", remedy=""))
    yield "stopped", a_blocked()
    yield "stopped-nobody-known", a_blocked(patient="", mrn="", order=None)
    yield "stopped-nobody-signed-in", a_blocked(nurse="")
    yield "stopped-by-two", a_blocked(rules=two, products=())
    yield "stopped-without-rules", a_blocked(rules=(), level="WITNESS")
    yield "stopped-offline", a_blocked(online=False, order=None, products=("A", "B"))


Fault = Callable[[dict], object]


def entry(bundle: dict, kind: str) -> dict:
    """The first resource of this type."""
    found: dict = next(one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == kind)
    return found


def changed(payload: bytes, fault: Fault) -> bytes:
    bundle = json.loads(payload)
    fault(bundle)
    return json.dumps(bundle).encode()
