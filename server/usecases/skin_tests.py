"""The skin tests of patients, from what carts noted at bedsides, as the verdict wants them (rule D16).

Asked for only where the policy lists a drug to be tested: nobody else pays for it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

from pointofcare.administration import skin_reading
from pointofcare.people import Patient, SkinTest
from pointofcare.verdict.policy import Policy
from pointofcare.wire.messages import NoteKind
from server.store import bedside_notes
from server.store.transaction import Transaction

# A positive result of the year before last is on paper, and belongs among the allergies.
BACK = timedelta(days=400)


def with_tests(tx: Transaction, patients: tuple[Patient, ...], policy: Policy | None) -> tuple[Patient, ...]:
    """`patients` with their skin tests: () for one who had none, so that "none" is told from "not asked"."""
    if policy is None or not policy.skin_tested or not patients:
        return patients
    found: dict[str, list[SkinTest]] = defaultdict(list)
    ids = [patient.id for patient in patients]
    for note in bedside_notes.of_kind(tx, ids, kind=NoteKind.SKIN_TEST.value, since=tx.at - BACK):
        read = skin_reading.read(note.details, read_at=note.at, read_by=note.nurse)
        if read is not None and note.patient is not None:
            found[note.patient].append(read)
    return tuple(replace(patient, skin_tests=tuple(found[patient.id])) for patient in patients)
