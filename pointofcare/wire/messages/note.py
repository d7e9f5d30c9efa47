"""What was said or done at a bedside and is neither a dose nor a value: the drugs shown to a patient, a handover, a step of an
emergency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class NoteKind(StrEnum):
    """`drugs-shown`: the day's drugs were shown to the patient, and what was answered. `handover`, `handover-taken`: a shift is given
    over, and taken. `anaphylaxis-began`, `-step`, `-ended`: an emergency, step by step. `skin-test`: a skin test was read, with its
    result (see `administration.skin_reading`). `incident`: an incident or near miss was reported (see `administration.incident`); it is no
    part of the patient's record."""

    DRUGS_SHOWN = "drugs-shown"
    HANDOVER = "handover"
    HANDOVER_TAKEN = "handover-taken"
    ANAPHYLAXIS_BEGAN = "anaphylaxis-began"
    ANAPHYLAXIS_STEP = "anaphylaxis-step"
    ANAPHYLAXIS_ENDED = "anaphylaxis-ended"
    SKIN_TEST = "skin-test"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True, kw_only=True)
class BedsideNoted:
    """A fact like an administration, with the same receipt; `kind` is one of `NoteKind`, or a newer cart's. `patient` None: it is about
    the ward. `of` names the note that it belongs to: a step its emergency's beginning, a taking over the handover. `at` is when it
    happened, `recorded_at` when the cart journalled it. Never a dose, and never a reason to give one."""

    record_id: str
    facility: str
    ward: str
    cart: str
    kind: str
    patient: str | None
    of: str | None
    at: datetime
    recorded_at: datetime
    nurse: str
    online: bool
    seq: int
    epoch: str
    details: Mapping[str, object] = field(default_factory=dict)
