"""The kinds of task and who may answer each in which way: one table. Statuses are FHIR Task's. Must never touch the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pointofcare.people import StaffRole
from server.store.recalls import LIFT
from server.store.tasks import ACCEPTED, COMPLETED, REJECTED, REQUESTED

UNKNOWN_BARCODE: Final = "unknown-barcode"
LABEL_TROUBLE: Final = "label-trouble"
DOSE_REQUEST: Final = "dose-request"
QUARANTINE: Final = "quarantine"
RECALL_LIFT: Final = LIFT
RE_TIMING: Final = "re-timing"
CONTROLLED_BALANCE: Final = "controlled-balance"
CONTROLLED_COUNT: Final = "controlled-count"
ACKNOWLEDGEMENT: Final = "acknowledgement"
RECORD_GAP: Final = "record-gap"
RECORDS_LOST: Final = "records-lost"
ALLERGY_STOP: Final = "allergy-stop"
CO_SIGNATURE: Final = "co-signature"
PATIENT_QUESTION: Final = "patient-question"
SEVERE_REACTION: Final = "severe-reaction"
SKIN_POSITIVE: Final = "skin-positive"
DRAWER_FINDING: Final = "drawer-finding"

_PHARMACIST = frozenset({StaffRole.PHARMACIST})
_CHARGE = frozenset({StaffRole.CHARGE_NURSE})
_PRESCRIBER = frozenset({StaffRole.PRESCRIBER})
_NURSE = frozenset({StaffRole.NURSE})
_FLEET = frozenset({StaffRole.FLEET_MANAGER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One button. `status` is the task's afterwards, `asked_in` the statuses in which it may be given."""

    code: str
    status: str
    roles: frozenset[StaffRole]
    needs_text: bool = False
    asked_in: frozenset[str] = frozenset({REQUESTED, ACCEPTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`rule` is of the rule catalogue, "" where no rule asks for it. `seen_by` may read it; `not_by_doer`: nobody answers for what they
    did themselves."""

    code: str
    rule: str
    seen_by: frozenset[StaffRole]
    answers: tuple[Answer, ...]
    not_by_doer: bool = False


_ANY_SUPERVISOR = _PHARMACIST | _CHARGE
_FIRST = frozenset({REQUESTED})
_SECOND = frozenset({ACCEPTED})

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.code: kind
        for kind in (
            Kind(
                code=DOSE_REQUEST,
                rule="S5",
                seen_by=_PHARMACIST | _CHARGE,
                answers=(
                    Answer(code="accept", status=ACCEPTED, roles=_PHARMACIST, asked_in=_FIRST),
                    Answer(code="send", status=COMPLETED, roles=_PHARMACIST),
                    Answer(code="refuse", status=REJECTED, roles=_PHARMACIST, needs_text=True),
                ),
            ),
            Kind(
                code=ACKNOWLEDGEMENT,
                rule="D1",
                seen_by=_PRESCRIBER | _CHARGE | _PHARMACIST,
                answers=(
                    Answer(code="acknowledge", status=COMPLETED, roles=_PRESCRIBER),
                    Answer(code="dispute", status=REJECTED, roles=_PRESCRIBER, needs_text=True),
                ),
                not_by_doer=True,
            ),
            Kind(
                code=PATIENT_QUESTION,
                rule="",
                seen_by=_NURSE | _CHARGE | _PHARMACIST | _PRESCRIBER,
                answers=(Answer(code="told", status=COMPLETED, roles=_NURSE | _CHARGE | _PHARMACIST | _PRESCRIBER, needs_text=True),),
            ),
            Kind(
                code=SEVERE_REACTION,
                rule="",
                seen_by=_PRESCRIBER | _CHARGE | _PHARMACIST,
                answers=(Answer(code="followed-up", status=COMPLETED, roles=_PRESCRIBER | _PHARMACIST, needs_text=True),),
            ),
            Kind(
                code=SKIN_POSITIVE,
                rule="D16",
                seen_by=_PRESCRIBER | _CHARGE | _PHARMACIST,
                answers=(Answer(code="followed-up", status=COMPLETED, roles=_PRESCRIBER | _PHARMACIST, needs_text=True),),
            ),
            Kind(
                code=ALLERGY_STOP,
                rule="D10",
                seen_by=_PRESCRIBER | _PHARMACIST | _CHARGE,
                answers=(
                    Answer(code="confirm-allergy", status=COMPLETED, roles=_PRESCRIBER, needs_text=True),
                    Answer(code="lift-allergy", status=COMPLETED, roles=_PRESCRIBER, needs_text=True),
                ),
            ),
            Kind(
                code=CO_SIGNATURE,
                rule="",
                seen_by=_PRESCRIBER | _PHARMACIST | _CHARGE,
                answers=(
                    Answer(code="co-sign", status=COMPLETED, roles=_PRESCRIBER),
                    Answer(code="dispute-order", status=REJECTED, roles=_PRESCRIBER, needs_text=True),
                ),
                not_by_doer=True,
            ),
            Kind(
                code=RE_TIMING,
                rule="T4",
                seen_by=_PHARMACIST | _PRESCRIBER | _CHARGE,
                answers=(
                    Answer(code="propose", status=ACCEPTED, roles=_PHARMACIST, needs_text=True, asked_in=_FIRST),
                    Answer(code="keep", status=REJECTED, roles=_PHARMACIST, needs_text=True, asked_in=_FIRST),
                    Answer(code="re-timed", status=COMPLETED, roles=_PRESCRIBER, asked_in=_SECOND),
                    Answer(code="not-re-timed", status=REJECTED, roles=_PRESCRIBER, needs_text=True, asked_in=_SECOND),
                ),
            ),
            Kind(
                code=CONTROLLED_COUNT,
                rule="C3",
                seen_by=_ANY_SUPERVISOR,
                answers=(Answer(code="explain", status=COMPLETED, roles=_ANY_SUPERVISOR, needs_text=True),),
                not_by_doer=True,
            ),
            Kind(
                code=CONTROLLED_BALANCE,
                rule="C1",
                seen_by=_ANY_SUPERVISOR,
                answers=(Answer(code="explain", status=COMPLETED, roles=_ANY_SUPERVISOR, needs_text=True),),
                not_by_doer=True,
            ),
            Kind(
                code=DRAWER_FINDING,
                rule="",
                seen_by=_ANY_SUPERVISOR | _FLEET,
                answers=(Answer(code="explain", status=COMPLETED, roles=_ANY_SUPERVISOR | _FLEET, needs_text=True),),
                not_by_doer=True,
            ),
            Kind(
                code=QUARANTINE,
                rule="G2",
                seen_by=_ANY_SUPERVISOR,
                answers=(
                    Answer(code="quarantined", status=COMPLETED, roles=_ANY_SUPERVISOR, needs_text=True),
                    Answer(code="none-found", status=COMPLETED, roles=_ANY_SUPERVISOR),
                ),
            ),
            Kind(
                code=RECALL_LIFT,
                rule="G2",
                seen_by=_ANY_SUPERVISOR,
                answers=(
                    Answer(code="lift-recall", status=COMPLETED, roles=_ANY_SUPERVISOR),
                    Answer(code="keep-recall", status=REJECTED, roles=_ANY_SUPERVISOR, needs_text=True),
                ),
                not_by_doer=True,
            ),
            Kind(
                code=RECORDS_LOST,
                rule="",
                seen_by=_ANY_SUPERVISOR,
                answers=(Answer(code="explain", status=COMPLETED, roles=_ANY_SUPERVISOR, needs_text=True),),
            ),
            Kind(
                code=RECORD_GAP,
                rule="",
                seen_by=_ANY_SUPERVISOR,
                answers=(Answer(code="explain", status=COMPLETED, roles=_ANY_SUPERVISOR, needs_text=True),),
            ),
            Kind(
                code=UNKNOWN_BARCODE,
                rule="G5",
                seen_by=_PHARMACIST,
                answers=(
                    Answer(code="link", status=COMPLETED, roles=_PHARMACIST),
                    Answer(code="propose-link", status=ACCEPTED, roles=_PHARMACIST, asked_in=_FIRST),
                    Answer(code="decline-link", status=REQUESTED, roles=_PHARMACIST, needs_text=True, asked_in=_SECOND),
                    Answer(code="not-ours", status=REJECTED, roles=_PHARMACIST, needs_text=True),
                ),
            ),
            Kind(
                code=LABEL_TROUBLE,
                rule="G5",
                seen_by=_PHARMACIST,
                answers=(
                    Answer(code="label-mended", status=COMPLETED, roles=_PHARMACIST, needs_text=True),
                    Answer(code="label-fine", status=REJECTED, roles=_PHARMACIST, needs_text=True),
                ),
            ),
        )
    }
)


def seen_by(roles: Iterable[StaffRole]) -> tuple[str, ...]:
    """The kinds that a person with these roles may read, in the order shown."""
    held = frozenset(roles)
    return tuple(code for code, kind in KINDS.items() if held & kind.seen_by)


def answered_by(roles: Iterable[StaffRole]) -> tuple[str, ...]:
    """The kinds that are this person's own work."""
    held = frozenset(roles)
    return tuple(code for code, kind in KINDS.items() if any(held & answer.roles for answer in kind.answers))


def answers(kind: str, status: str, roles: Iterable[StaffRole]) -> tuple[Answer, ...]:
    """What a person with these roles may answer now."""
    held = frozenset(roles)
    found = KINDS.get(kind)
    return tuple(one for one in found.answers if status in one.asked_in and held & one.roles) if found is not None else ()
