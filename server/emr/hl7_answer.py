"""The acknowledgement of a message: what became of it, and where and how it is to be mended.

The answer is in the sender's version and character set, and its MSA-2 is the message's MSH-10. Original mode (AA, AE, AR)
unless MSH-15 asks for the accept acknowledgement (CA, CE, CR). Must never say that something was taken which is not kept.
Source: HL7 2.5.1 chapter 2.9 and 2.15.5 (ERR), tables 0008, 0155 and 0357.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from server.emr import hl7_text
from server.emr.hl7_message import Header

OWN_APPLICATION = "POINTOFCARE"
# Table 0357.
SEGMENT_SEQUENCE, REQUIRED_MISSING, DATA_TYPE, NOT_IN_TABLE, VALUE_TOO_LONG = "100", "101", "102", "103", "104"
TYPE_UNSUPPORTED, EVENT_UNSUPPORTED, PROCESSING_UNSUPPORTED, VERSION_UNSUPPORTED = "200", "201", "202", "203"
UNKNOWN_KEY, DUPLICATE_KEY, RECORD_LOCKED, INTERNAL = "204", "205", "206", "207"
_WORDS_0357 = {
    "100": "Segment sequence error", "101": "Required field missing", "102": "Data type error", "103": "Table value not found",
    "104": "Value too long", "200": "Unsupported message type", "201": "Unsupported event code", "202": "Unsupported processing id",
    "203": "Unsupported version id", "204": "Unknown key identifier", "205": "Duplicate key identifier",
    "206": "Application record locked", "207": "Application internal error",
}  # fmt: skip
_ACCEPT = {"AA": "CA", "AE": "CE", "AR": "CR"}


class Outcome(StrEnum):
    TAKEN = "AA"
    FAILED = "AE"
    REFUSED = "AR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`where` is "PID-3" or "RXE-5"; `code` of table 0357; `words` and `remedy` are for the person at the other end."""

    where: str
    code: str
    words: str
    remedy: str = ""


def answer(
    header: Header | None,
    outcome: Outcome,
    *,
    words: str = "",
    faults: Sequence[Fault] = (),
    control: str,
    at: datetime,
    facility: str,
    codec: str = "utf-8",
) -> bytes | None:
    """The bytes to send, None where the sender wants no answer. `control` is this answer's own MSH-10; `header` None: the message had
    none, so MSA-2 is empty."""
    code = _code(header, outcome)
    if code is None:
        return None
    version = header.version if header and header.version else "2.5.1"
    control_of = _as_it_came(header, header.control) if header else ""
    kind = "ACK" if header is None or "^" not in header.type else f"ACK^{header.type.split('^')[1]}"
    if version >= "2.4" and "^" in kind:
        kind += "^ACK"
    segments = [
        hl7_text.segment(
            "MSH",
            {  # counted from MSH-2, for MSH-1 is the separator itself
                1: hl7_text.ENCODING,
                2: OWN_APPLICATION,
                3: hl7_text.escaped(facility),
                4: _as_it_came(header, header.application) if header else "",
                5: _as_it_came(header, header.facility) if header else "",
                6: hl7_text.moment(at),
                8: kind,
                9: control,
                10: header.processing if header and header.processing else "P",
                11: version,
                17: header.charset if header and header.charset else "UNICODE UTF-8",
            },
        ),
        hl7_text.segment("MSA", {1: code, 2: control_of, 3: hl7_text.escaped(words)[:80] if version < "2.7" else ""}),
        *(_error(fault, version) for fault in faults),
    ]
    text = "".join(f"{segment}\r" for segment in segments)
    return text.encode(codec, "xmlcharrefreplace")


def _code(header: Header | None, outcome: Outcome) -> str | None:
    """Table 0155 says when: AL always, ER for errors, SU for success, NE never."""
    if header is None or not (header.accept or header.application_answer):
        return outcome.value
    wanted = {"AL", "SU" if outcome is Outcome.TAKEN else "ER"}
    if header.accept in wanted:
        return _ACCEPT[outcome.value]
    return outcome.value if header.application_answer in wanted else None


def _as_it_came(header: Header, text: str) -> str:
    """A raw text of the message: with other separators than ours its signs must be escaped."""
    return text if header.separators == "|" + hl7_text.ENCODING else hl7_text.escaped(text)


def _error(fault: Fault, version: str) -> str:
    name, _, field = fault.where.partition("-")
    words = f"{fault.words} {fault.remedy}".strip()
    if version < "2.5":
        coded = f"{fault.code}&{hl7_text.escaped(_WORDS_0357[fault.code])}"
        return f"ERR|{name}^1^{field}^{coded}"
    return hl7_text.segment(
        "ERR",
        {
            2: f"{name}^1^{field}".rstrip("^"),
            3: hl7_text.composite(fault.code, _WORDS_0357[fault.code], "HL70357"),
            4: "E",
            7: hl7_text.escaped(fault.words)[:250],
            8: hl7_text.escaped(words)[:250],
        },
    )
