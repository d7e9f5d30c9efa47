"""What of HL7 version 2 is taken in, message by message and field by field: rows for the documentation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Supported:
    """One row of docs/emr-support.md: fields of a message that comes in, and what they do here."""

    resource: str
    element: str
    how: str


_ORDERS = "RDE^O11, RDE^O01, OMP^O09, ORM^O01"
# What comes in over HL7 version 2, for the documentation.
SUPPORTED: tuple[Supported, ...] = tuple(
    Supported(resource=resource.replace("^", "\\^"), element=element, how=how)
    for resource, element, how in (
        ("any", "MSH-3, MSH-4", "who may send, by the profiles"),
        ("any", "MSH-10", "known again within a sender: the same answer, nothing twice"),
        ("any", "MSH-15, MSH-16", "accept acknowledgement (CA, CE, CR), application acknowledgement, or none"),
        ("any", "MSH-18", "character set; wrong letters are an error"),
        ("any", "PID-3 (or PID-2, PID-4), PID-5, PID-7, PID-8, PID-30", "the patient; another birth date or name waits for a person"),
        ("any", "PID-3 of a national type", "number of the identity card"),
        ("any", "AL1", "added to the known allergies; a code of the profile says that there is none"),
        ("any", "OBX", "weight, vital signs and laboratory values, with their own unit and moment (OBX-14)"),
        ("any", "DG1, GT1, IN1, NK1, ROL and others", "kept with the message, not read"),
        ("ADT^A01", "EVN-2, PV1-3", "admitted; who comes again gets a new band and none of the old orders"),
        ("ADT^A02", "EVN-2, PV1-3", "moved"),
        ("ADT^A03", "EVN-2", "discharged: orders and bands end"),
        ("ADT^A08", "EVN-2, PID, PV1", "updated; somebody unknown who lies in a bed is admitted"),
        ("ADT^A11", "EVN-2", "was not admitted after all: orders and bands end"),
        ("ADT^A13", "EVN-2, PV1-3", "was not discharged after all: what the discharge had ended is looked at by a pharmacist"),
        ("ADT^A40", "PID, MRG-1", "a person confirms the merge; a new number alone is taken"),
        (_ORDERS, "ORC-1: NW, XO, RO", "written; RO ends the order that ORC-8 names"),
        (_ORDERS, "ORC-1: CA, DC, OC, OD, RP", "stopped for good, whatever the clocks say"),
        (_ORDERS, "ORC-1: HD, RL", "held; released"),
        (_ORDERS, "ORC-2 or ORC-3", "the order's number"),
        (_ORDERS, "ORC-5", "status; the harder one of ORC-1 and ORC-5 counts"),
        (_ORDERS, "ORC-9, MSH-7", "an older version changes nothing"),
        (_ORDERS, "ORC-7, RXE-1", "timing of older versions"),
        (
            _ORDERS,
            "TQ1-2 to TQ1-14",
            "dose of a step, pattern, times, duration, bounds, priority, condition, steps; TQ1-5 and a count are for a person",
        ),
        (_ORDERS, "RXE-2, RXO-1", "the drug: GTIN, code of the profile, product of the pharmacy, or its ingredients"),
        (_ORDERS, "RXE-3 to RXE-5, RXO-2 to RXO-4", "dose or range"),
        (_ORDERS, "RXE-6, RXO-5", "dose form"),
        (_ORDERS, "RXE-7, RXE-27, RXO-7, RXO-20, NTE", "instructions, indication, notes"),
        (_ORDERS, "RXE-19", "most in 24 hours, of a drug as needed"),
        (_ORDERS, "RXE-22 to RXE-24, RXO-21 to RXO-23", "rate of an infusion"),
        (_ORDERS, "RXE-25, RXE-26, RXO-18, RXO-19", "strength: must be that of the product"),
        (_ORDERS, "RXR-1, RXC", "route; what is mixed in"),
        (_ORDERS, "TQ2, Z segments that the profile does not name", "not given by scan until clarified"),
        ("ORU^R01", "OBX", "weight, vital signs and laboratory values"),
    )
)
