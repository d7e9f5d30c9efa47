"""An infusion order as IHE PCD-03 writes it (RGV^O15), and what a pump's answer to it (RRG^O16, ACK) means.

Whatever is not clearly a yes to this very order is no yes. Must never say that something runs: an answer says what the pump has.
Source: IHE PCD TF-2 (PCD-03, RXG-5 volume, RXG-15/16 rate, RXG-17/18 strength, RXG-23/24 its volume), IHE table of PIV error codes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal

from devices.hl7v2 import segments
from devices.hl7v2.segments import Message, components, escaped
from devices.ports import PumpAnswer, PumpOrder, PumpOutcome
from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity

PROFILE = "IHE_PCD_003^IHE PCD^1.3.6.1.4.1.19376.1.6.1.3.1^ISO"
MDS, VMD = "69985^MDC_DEV_PUMP_INFUS_MDS^MDC", "69986^MDC_DEV_PUMP_INFUS_VMD^MDC"
# Units that pumps know by their MDC code; every other goes as UCUM.
MDC: Mapping[str, tuple[str, str]] = {
    "mL": ("263762", "MDC_DIM_MILLI_L"),
    "mL/h": ("265266", "MDC_DIM_MILLI_L_PER_HR"),
    "g": ("263872", "MDC_DIM_X_G"),
    "mg": ("263890", "MDC_DIM_MILLI_G"),
    "ug": ("263891", "MDC_DIM_MICRO_G"),
}
# The published table of errors; what is not in it keeps its number and the pump's words.
ERRORS: Mapping[str, str] = {
    "9001": "unknown-channel",
    "9002": "channel-busy",
    "9003": "parameter-missing",
    "9004": "parameter-invalid",
    "9005": "outside-range",
    "9006": "powered-off",
    "9007": "offline",
    "9008": "units-invalid",
    "9009": "library-units",
    "9010": "library-drug",
    "9011": "weight-differs",
    "9012": "patient-differs",
}
OTHER, SILENT, DIFFERS, UNCLEAR = "other", "silent", "differs", "unclear"
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)
_DOSE_RATE = re.compile(r"[^/]+(?:/kg)?/(?:min|h)")


def control_of(order: PumpOrder, *, pump: str, channel: str) -> str:
    """The same twenty signs for the same order and message to the same channel, also after a restart."""
    return hashlib.sha256("\x1f".join((order.order, order.message, pump, channel)).encode()).hexdigest()[:20]


def check(order: PumpOrder) -> None:
    """Raises: QuantityError for what could be read in two ways, or not at all."""
    if not order.order or not order.message or not order.patient or not order.drug[0]:
        raise QuantityError("a pump's order names the order, the patient and the drug", remedy="complete it")
    if (order.strength is None) != (order.strength_volume is None):
        raise QuantityError("a concentration is an amount in a volume", remedy="name both, or neither")
    for told in (order.volume, order.rate, order.strength, order.strength_volume):
        if told is not None and told.value <= 0:
            raise QuantityError(f"{told} is nothing that a pump can be set to", remedy="name an amount above zero")
    for volume in (order.volume, order.strength_volume):
        if volume is not None and volume.unit != "mL":
            raise QuantityError(f"{volume} is no volume in mL", remedy="name the volume in mL")
    if order.strength is not None and order.strength.unit not in ("g", "mg", "ug", "mmol", "meq", "[IU]", "U"):
        raise QuantityError(f"{order.strength} is no strength", remedy="name the amount of the drug")
    if order.rate.unit != "mL/h" and not _DOSE_RATE.fullmatch(order.rate.unit):
        raise QuantityError(f"{order.rate} is no rate of a pump", remedy="name it in mL/h, or as a dose a time")
    if order.rate.unit != "mL/h" and order.strength is None:
        raise QuantityError("a dose a time needs a concentration", remedy="name the strength and its volume")


def write(order: PumpOrder, *, pump: str, channel: str) -> bytes:
    """One RGV^O15 with the one order. Raises: QuantityError."""
    check(order)
    at, control = segments.stamp(order.at), control_of(order, pump=pump, channel=channel)
    rxg = [""] * 25
    rxg[0], rxg[1], rxg[4] = "RXG", "1", components(*order.drug)
    rxg[5], rxg[7] = order.volume.number, _unit(order.volume)
    rxg[15], rxg[16] = order.rate.number, _unit(order.rate)
    if order.strength is not None and order.strength_volume is not None:
        rxg[17], rxg[18] = order.strength.number, _unit(order.strength)
        rxg[23], rxg[24] = order.strength_volume.number, _unit(order.strength_volume)
    orc = ["ORC", "RE", f"{escaped(order.order)}^POINTOFCARE", *[""] * 6, at, *[""] * 9, escaped(order.nurse)]
    return segments.write(
        (
            ("MSH", "POINTOFCARE", "", "", "", at, "", "RGV^O15^RGV_O15", control, "P", segments.VERSION, "", "", "AL", "AL", "",
             "UNICODE UTF-8", "", "", PROFILE),
            ("PID", "", "", f"{escaped(order.patient)}^^^POINTOFCARE^PI", "", "^^^^^^U"),
            orc,
            rxg,
            ("RXR", f"{escaped(order.route)}^^HL70162"),
            ("OBX", "1", "", MDS, "1.0.0.0", *[""] * 6, "X", *[""] * 6, escaped(pump)),
            ("OBX", "2", "", VMD, "1.1.0.0", *[""] * 6, "X", *[""] * 6, escaped(channel)),
        )
    )  # fmt: skip


def read(message: Message, order: PumpOrder, *, control: str) -> PumpAnswer | None:
    """What `message` says of `order`, which went out as `control`; None where it says nothing yet, or is of something
    else. Raises: DeviceProtocolError."""
    said = message.first("MSA")
    if said is None or said.text(2) != control or not (message.kind == "RRG^O16" or message.kind.startswith("ACK^")):
        return None
    verdict = said.text(1)
    errors = tuple(message.all("ERR"))
    if verdict == "CA":
        return None  # it came; what the pump makes of it is still to come
    if verdict in ("AE", "AR", "CE", "CR"):
        code = next((one.text(5) for one in errors if one.text(5)), "")
        words = next((one.text(8) or one.text(5, 2) or one.text(3, 2) for one in errors), "") or said.text(3)
        code = code or next((one.text(3) for one in errors if one.text(3) in ERRORS), "")
        return PumpAnswer(outcome=PumpOutcome.REFUSED, why=ERRORS.get(code, OTHER), code=code[:20], words=words[:200])
    if verdict != "AA" or any(one.text(4) in ("", "E", "F") for one in errors):
        return PumpAnswer(outcome=PumpOutcome.UNKNOWN, why=UNCLEAR, code=verdict[:20])
    if differing := _differing(message, order):
        return PumpAnswer(outcome=PumpOutcome.UNKNOWN, why=DIFFERS, words=", ".join(differing)[:200])
    return PumpAnswer(outcome=PumpOutcome.ACCEPTED)


def _differing(message: Message, order: PumpOrder) -> list[str]:
    """The fields in which the pump repeats something else than it was told; what it does not repeat is not asked."""
    found = []
    patient, placed, given = message.first("PID"), message.first("ORC"), message.first("RXG")
    if patient is not None and patient.each(3) and order.patient not in patient.each(3):
        found.append("PID-3")
    if placed is not None and placed.text(2) not in ("", order.order):
        found.append("ORC-2")
    if given is None:
        return found
    if given.text(4) not in ("", order.drug[0]):
        found.append("RXG-4")
    for number, unit, told in ((5, 7, order.volume), (15, 16, order.rate), (17, 18, order.strength), (23, 24, order.strength_volume)):
        repeated = given.raw(number).strip()
        if not repeated:
            continue
        same = told is not None and _NUMBER.fullmatch(repeated) is not None and Decimal(repeated) == told.value
        if not same or (told is not None and given.text(unit) not in ("", told.unit, MDC.get(told.unit, ("",))[0])):
            found.append(f"RXG-{number}")
    return found


def _unit(told: Quantity) -> str:
    known = MDC.get(told.unit)
    return components(*known, "MDC") if known is not None else components(told.unit, "", "UCUM")
