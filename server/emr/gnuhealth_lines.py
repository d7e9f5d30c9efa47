"""One administration as one line of GNU Health's medication log, and a measurement as one patient rounding.

Pure. That log has a dose, a unit, a time, a person and remarks, and nothing else: no status, no identifier, no second person. So the
record's id stands at the beginning of the remarks, what was not given has the dose 0, what is no dose at all has none, and everything
else is words for whoever reads it there. Only what was given has a dose above 0, so that the doses of the log may be added up, less
the lines that say that they do not count. What has no honest line is refused, never bent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import EmrRejectedError, QuantityError
from pointofcare.quantity import Quantity
from pointofcare.texts import Catalogue, clinical, quantity
from pointofcare.verdict.facts import Action
from server.emr.fhir_mapping import MappingContext, answered
from server.emr.port import StartMissingError
from server.store.observations import Measurement

# Orders that came from GNU Health bear this before their number there.
ORDER_PREFIX = "gnuhealth-"
LINE, ROUNDING = "gnuhealth-line", "gnuhealth-rounding"
BEGINS = b'["gnuhealth-'
# Into which of the units of one kind an amount may be written, where GNU Health lacks its own.
_KINDS = (("mg", "ug", "g", "kg"), ("mL", "L"), ("mmol",))
# The units of GNU Health that are UCUM's. What it calls "unit" is whatever the hospital says.
UNITS: Mapping[str, str] = {"mg": "mg", "ug": "ug", "g": "g", "kg": "kg", "mL": "mL", "L": "L", "mmol": "mmol"}
# Where a patient rounding has a field for it, in that unit; temperature alone may have a fraction.
MEASURED: Mapping[str, tuple[str, str]] = {
    "heart-rate": ("bpm", "/min"),
    "systolic": ("systolic", "mm[Hg]"),
    "diastolic": ("diastolic", "mm[Hg]"),
    "respiratory-rate": ("respiratory_rate", "/min"),
    "spo2": ("osat", "%"),
    "temperature": ("temperature", "Cel"),
    "pain": ("pain_level", "{score}"),
}
_MOST_WORDS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """`language` is that of the remarks. `units`: codes of GNU Health's dose units, to the UCUM units that they mean here."""

    language: str = "vi"
    units: Mapping[str, str] = field(default_factory=lambda: UNITS)


def marker(record_id: str) -> str:
    """How a line names its record. Raises: EmrRejectedError for an id that would not be found again."""
    if not record_id or len(record_id) > 64 or not all(one.isascii() and (one.isalnum() or one in ".-") for one in record_id):
        raise EmrRejectedError(f"record id {record_id!r} cannot mark a line", record_id=record_id)
    return f"[BCMA {record_id}]"


def to_payload(record: AdministrationRecord | Measurement, context: MappingContext, wording: Wording) -> bytes:
    """The one spelling that is stored and sent. Raises: EmrRejectedError, StartMissingError."""
    if isinstance(record, Measurement):
        made: list[object] = [ROUNDING, _rounding(record, wording)]
    else:
        made = [LINE, _line(record, context, wording)]
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def problems(payload: bytes) -> tuple[str, ...]:
    """What finished bytes lack. () for good ones."""
    try:
        kind, found = json.loads(payload)
    except (ValueError, TypeError, RecursionError) as exc:
        return (f"it cannot be read: {type(exc).__name__}",)
    needed = {LINE: ("record", "medication", "mrn", "at", "remarks"), ROUNDING: ("record", "mrn", "at", "remarks")}.get(str(kind))
    if needed is None or not isinstance(found, dict):
        return ("it is neither a line nor a rounding",)
    missing = [f"{name} is missing" for name in needed if not found.get(name)]
    if not missing and not str(found["remarks"]).startswith(marker(str(found["record"]))):
        missing.append("the remarks do not begin with the record's id")
    return tuple(missing)


def medication_of(order: str | None) -> int:
    """The number of the inpatient medication that an order here came from. Raises: EmrRejectedError: it came from elsewhere."""
    number = (order or "").removeprefix(ORDER_PREFIX)
    if order is None or not order.startswith(ORDER_PREFIX) or not (number.isascii() and number.isdigit()):
        raise EmrRejectedError(
            "GNU Health has no order that this belongs to" if order is None else f"order {order} did not come from GNU Health",
            remedy="enter it in GNU Health by hand: its log has no line without an order",
        )
    return int(number)


def _line(record: AdministrationRecord, context: MappingContext, wording: Wording) -> dict[str, Any]:
    known = {one.record_id: one for one in (*context.chain, record)}
    amended = None
    if record.amends is not None:
        amended = known.get(record.amends)
        if amended is None:
            raise StartMissingError("the corrected record has not arrived", amends=record.amends)
    elif record.status == "entered-in-error":
        raise EmrRejectedError("it withdraws a record that it does not name", remedy="find the record that was meant")
    if record.continues is not None and record.continues not in known:
        raise StartMissingError("what this record goes on with has not arrived", continues=record.continues)
    if record.action == Action.WASTE and record.continues is None and record.dose is None:
        raise EmrRejectedError(
            "waste that belongs to no dose has no line in GNU Health", remedy="enter it there by hand", record_id=record.record_id
        )
    order = record.order or (amended.order if amended else None) or (known[record.continues].order if record.continues else None)
    first, dose = _headline(record, wording.language)
    return {
        "record": record.record_id,
        "medication": medication_of(order),
        "mrn": record.mrn,
        "at": _moment(record.effective_at),
        "nurse": record.nurse,
        "amounts": None if dose is None else _amounts(dose, wording.units),
        "remarks": _words([f"{marker(record.record_id)} {first}", *_said(record, wording.language)]),
        **({"amends": _amends(amended or record, record, wording.language)} if record.amends else {}),
    }


def _headline(record: AdministrationRecord, language: str) -> tuple[str, Quantity | int | None]:
    """What happened in one sentence, and what counts as given: an amount, 0, or None for what is no dose."""

    def say(code: str, **values: object) -> str:
        return _texts().text(language, f"gnuhealth-{code}", values)

    dose = None if record.dose is None or "/" in record.dose.unit else record.dose
    amount = _read(language, dose) or say("no-amount")
    rate = _read(language, record.rate or record.dose) or say("no-amount")
    if record.status == "entered-in-error":
        return say("withdraw", marker=marker(record.amends or "")), 0
    if record.status == "not-done":
        code = {Action.REFUSE.value: "refuse", Action.HOLD.value: "hold"}.get(record.action, "not-given")
        return say(code), 0
    if record.action == Action.REMOVE:
        return say("remove"), None
    if record.action == Action.ASSESS:
        return say("assess", effect=record.effect or record.reason_text or record.status_reason or "?"), None
    if record.action == Action.WASTE:
        return say("waste", waste=_read(language, record.waste or dose) or say("no-amount")), None
    if record.status == "on-hold":
        return say("pause"), None
    if record.status == "in-progress":
        return say("rate" if record.action == Action.RATE else "start", rate=rate), None
    if record.action == Action.STOP:
        return say("stop" if record.status == "stopped" else "end", dose=amount), dose
    return say("partial" if record.status == "stopped" else "give", dose=amount), dose


def _said(record: AdministrationRecord, language: str) -> Iterator[str]:
    """Everything that the log has no field for, a line each."""

    def say(code: str, **values: object) -> str:
        return _texts().text(language, f"gnuhealth-{code}", values)

    words = clinical()
    if record.amends and record.status != "entered-in-error":
        yield say("correct", marker=marker(record.amends))
    if record.continues:
        yield say("continues", marker=marker(record.continues))
    reasons = [words.text(language, f"reason-{record.status_reason}") if record.status_reason else "", record.reason_text or ""]
    if any(reasons):
        yield say("because", reason=" - ".join(one.removeprefix("reason-") for one in reasons if one))
    if record.prn_reason:
        yield say("prn", reason=record.prn_reason)
    if record.product or record.gtin:
        parts = [record.product_name or record.product or "", f"GTIN {record.gtin}" if record.gtin else ""]
        parts += [f"LOT {record.lot}" if record.lot else "", f"EXP {record.expiry.isoformat()}" if record.expiry else ""]
        yield say("product", product=", ".join(one for one in [*parts, f"SN {record.serial}" if record.serial else ""] if one))
    elif record.status not in ("not-done", "entered-in-error") and record.action in (Action.GIVE, Action.START):
        yield say("not-scanned")
    if record.route:
        yield say("route", route=record.route)
    if record.site:
        yield say("site", site=record.site)
    if record.rate is not None and record.status not in ("in-progress", "on-hold"):
        yield say("set-rate", rate=_read(language, record.rate))
    if record.bag:
        yield say("bag", bag=record.bag)
    yield say("by", nurse=record.nurse)
    if record.witness:
        yield say("witness", witness=record.witness)
    if record.waste is not None and record.action != Action.WASTE:
        yield say("wasted", waste=_read(language, record.waste))
    if record.returned is not None:
        yield say("returned", returned=_read(language, record.returned))
    spite = [f"{one.rule} {one.level}" for one in answered(record)]
    if spite:
        yield say("in-spite-of", findings=", ".join(spite))
    yield say("at", at=_moment(record.effective_at), recorded=_moment(record.recorded_at))
    if record.due is not None:
        yield say("due", at=_moment(record.due))
    yield say("source", cart=record.cart, version="?" if record.order_version is None else str(record.order_version))
    if not record.online:
        yield say("offline")


def _amends(amended: AdministrationRecord, record: AdministrationRecord, language: str) -> dict[str, Any]:
    """The line that this one corrects, and what is added to it."""
    order = amended.order or record.order
    mark = _texts().text(language, "gnuhealth-corrected", {"marker": marker(record.record_id)})
    return {"record": record.amends, "medication": medication_of(order), "mark": mark}


def _amounts(dose: Quantity | int, units: Mapping[str, str]) -> list[list[str]]:
    """The same amount in every unit that GNU Health may have, as pairs of a number and the unit's code there; best first.

    Raises: EmrRejectedError for an amount that no number there can hold."""
    if isinstance(dose, int):
        return [[str(dose), ""]]
    codes: dict[str, list[str]] = {}
    for code, ucum in units.items():
        codes.setdefault(ucum, []).append(code)
    kind: tuple[str, ...] = next((one for one in _KINDS if dose.unit in one), (dose.unit,))
    found = []
    for ucum in sorted(kind, key=lambda one: one != dose.unit):
        try:
            said = dose if ucum == dose.unit else dose.to(ucum)
        except QuantityError:
            continue
        value = Decimal(said.number)
        if Decimal(repr(float(value))) == value:  # a number there is binary
            found += [[said.number, code] for code in codes.get(ucum, ())]
    return found


def _rounding(measured: Measurement, wording: Wording) -> dict[str, Any]:
    if not measured.mrn:
        raise EmrRejectedError("the patient is not known", remedy="say whose value it is", record_id=measured.record_id)
    language = wording.language
    fields: dict[str, object] = {}
    name, unit = MEASURED.get(measured.code, ("", ""))
    value = measured.value.value
    if name and measured.value.unit == unit and (name == "temperature" or value == value.to_integral_value()):
        fields[name] = str(value) if name == "temperature" else int(value)
        if name == "pain_level":
            fields["pain"] = value > 0
    what = clinical().text(language, f"observation-{measured.code}")
    source = _texts().text(language, "gnuhealth-by", {"nurse": measured.nurse})
    return {
        "record": measured.record_id,
        "mrn": measured.mrn,
        "at": _moment(measured.at),
        "nurse": measured.nurse,
        "fields": fields,
        "remarks": _words([f"{marker(measured.record_id)} {what}: {_read(language, measured.value)}", source]),
    }


def _read(language: str, amount: Quantity | None) -> str:
    return "" if amount is None else quantity.display(language, amount)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _words(lines: list[str]) -> str:
    """A line each, whatever stood in them: nothing that was typed at a bedside begins a line that looks like another record's."""
    plain = ("".join(sign if sign.isprintable() else " " for sign in line).strip() for line in lines)
    return "\n".join(plain)[:_MOST_WORDS]


@cache
def _texts() -> Catalogue:
    return Catalogue("server.emr.texts")
