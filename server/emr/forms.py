"""In which form a record goes to the EMR: FHIR R4 or HL7 version 2. One entry a form, each pure.

The bytes are built once and stored; which form they have is seen from their beginning, so that a site that changes its EMR never sends
the words of the old one to the new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pointofcare.administration.record import AdministrationRecord
from server.emr import fhir_beside, fhir_chain, fhir_mapping, fhir_observation, hl7_ras, validation
from server.emr.fhir_mapping import MappingContext
from server.emr.hl7_ras import Receiver
from server.store.beside import Blocked, CartDevice
from server.store.observations import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`build` raises EmrError or QuantityError for what it cannot say; `problems` are those of finished bytes; `begins` is how those
    bytes always begin. `warm` loads what the first one would wait for. `beside` builds what is told beside the doses (a dose that was
    stopped, a cart); None: this EMR has no words for it."""

    name: str
    begins: bytes
    build: Callable[[AdministrationRecord | Measurement, MappingContext], bytes]
    problems: Callable[[bytes], tuple[str, ...]]
    warm: Callable[[], None] = lambda: None
    beside: Callable[[Blocked | CartDevice, MappingContext], bytes] | None = None


def _fhir(record: AdministrationRecord | Measurement, context: MappingContext) -> bytes:
    if isinstance(record, Measurement):
        bundle = fhir_observation.to_bundle(record, context)
    else:
        bundle = fhir_chain.to_bundle(record, context)
    return fhir_mapping.to_bytes(fhir_mapping.labelled(bundle, context))


def _fhir_beside(told: Blocked | CartDevice, context: MappingContext) -> bytes:
    bundle = fhir_beside.blocked(told, context) if isinstance(told, Blocked) else fhir_beside.device(told, context)
    return fhir_mapping.to_bytes(fhir_mapping.labelled(bundle, context))


def _hl7(receiver: Receiver, record: AdministrationRecord | Measurement, context: MappingContext) -> bytes:
    if isinstance(record, Measurement):
        return hl7_ras.measured_to_message(record, receiver)
    return hl7_ras.to_message(record, context, receiver)


FHIR = Form(
    name="FHIR R4",
    begins=b"{",
    build=_fhir,
    problems=validation.to_send,
    warm=validation.warm,
    beside=_fhir_beside,
)


def hl7v2(receiver: Receiver) -> Form:
    return Form(name="HL7 v2", begins=b"MSH|", build=partial(_hl7, receiver), problems=hl7_ras.problems)
