"""Signs of workarounds in what was recorded, after Koppel and others (JAMIA 2008): how often, in how many doses it could have been.

A sign is not proof, and every one has an innocent cause; so they are counted for wards and never told of a person. Pure: one ward's
doses in, sets of doses out. What a detector cannot see is in docs/quality.md, with those that no data of ours can show.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from server.usecases.quality_dose import ASKING, SERVER, Attempt, Dose

# Looking at name, dose and route on the screen and giving the drug takes longer than this. Local choice.
HUMAN = timedelta(seconds=3)
# From one patient's confirmation to the next one's, with a wristband and a drug to scan between. Local choice.
NEXT_PATIENT = timedelta(seconds=15)
# One person or one band is not at two carts within this time. Local choice.
TWO_PLACES = timedelta(seconds=30)
# A dose that was said to be given at a time, and whose scans came so much later.
LATER = timedelta(minutes=2)
IN_A_ROW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One ward's day with the minutes before it. `doses` are all of that time, those of the day from `since` on; `earlier` order -> its
    records of the last days as (when, status, version), oldest first."""

    since: datetime
    doses: Sequence[Dose]
    attempts: Sequence[Attempt] = ()
    earlier: Mapping[str, Sequence[tuple[datetime, str, int | None]]] = field(default_factory=dict)

    @property
    def given(self) -> tuple[Dose, ...]:
        return tuple(dose for dose in self.doses if dose.is_given and dose.at >= self.since and dose.cart != SERVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """`hits` among `of`, the doses in which it could have been."""

    hits: tuple[Dose, ...]
    of: tuple[Dose, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """`koppel` are the numbers of the workarounds that it can show."""

    code: str
    koppel: tuple[int, ...]
    find: Callable[[Material], Sign]


def _bedside(dose: Dose) -> bool:
    """Scanned, and confirmed when it was given."""
    return dose.last_scan_at is not None and not dose.keyed and dose.drug_scanned and abs(dose.recorded_at - dose.at) < LATER


def _haste(dose: Dose) -> bool:
    return dose.last_scan_at is not None and timedelta(0) <= dose.recorded_at - dose.last_scan_at < HUMAN


def hasty(material: Material) -> Sign:
    """1: confirmed sooner after the last scan than a person can look."""
    of = tuple(dose for dose in material.given if _bedside(dose) and not _is_asked(dose))
    return Sign(hits=tuple(dose for dose in of if _haste(dose)), of=of)


def alert_in_passing(material: Material) -> Sign:
    """14: a warning or a question answered sooner than it can be read."""
    of = tuple(dose for dose in material.given if _bedside(dose) and _is_asked(dose))
    return Sign(hits=tuple(dose for dose in of if _haste(dose)), of=of)


def _is_asked(dose: Dose) -> bool:
    return any(one.level in ASKING for one in dose.asked)


def not_reviewed(material: Material) -> Sign:
    """2: not given for the third time in a row or more, and nobody changed the order."""
    of = tuple(dose for dose in material.doses if dose.is_declined and dose.at >= material.since and dose.order is not None)
    hits = []
    for dose in of:
        before = [each for each in material.earlier.get(dose.order or "", ()) if each[0] < dose.at]
        last = before[-(IN_A_ROW - 1) :]
        if len(last) == IN_A_ROW - 1 and all(status == "not-done" and version == dose.order_version for _, status, version in last):
            hits.append(dose)
    return Sign(hits=tuple(hits), of=of)


def without_value(material: Material) -> Sign:
    """3: a drug with a hold value was given although the value was missing or too old."""
    of = tuple(dose for dose in material.given if any(one.rule == "H1" for one in dose.asked))
    return Sign(hits=tuple(dose for dose in of if any(one.rule == "H1" and one.unknown for one in dose.asked)), of=of)


def witness_elsewhere(material: Material) -> Sign:
    """4: who witnessed was confirming a dose at another cart at that moment."""
    of = tuple(dose for dose in material.given if dose.witness is not None)
    busy = _by_nurse(material.doses)
    hits = []
    for dose in of:
        others = busy.get(dose.witness or "", ())
        if any(other.cart != dose.cart and abs(other.recorded_at - dose.recorded_at) < TWO_PLACES for other in others):
            hits.append(dose)
    return Sign(hits=tuple(hits), of=of)


def old_order(material: Material) -> Sign:
    """5: given by an older version of the order than the one that held, at a cart with a line to the server."""
    of = tuple(dose for dose in material.given if dose.order is not None and dose.online)
    return Sign(hits=tuple(dose for dose in of if "D5" in dose.server_rules), of=of)


def band_elsewhere(material: Material) -> Sign:
    """9: the same patient's band was read at two carts within seconds: one of them hung elsewhere."""
    of = tuple(dose for dose in material.given if dose.band_at is not None)
    by_patient: dict[str, list[Dose]] = {}
    for dose in material.doses:
        if dose.band_at is not None and not dose.withdrawn:
            by_patient.setdefault(dose.patient, []).append(dose)
    hits = []
    for dose in of:
        assert dose.band_at is not None
        for other in by_patient.get(dose.patient, ()):
            if other.cart != dose.cart and other.band_at is not None and abs(other.band_at - dose.band_at) < TWO_PLACES:
                hits.append(dose)
                break
    return Sign(hits=tuple(hits), of=of)


def several_patients(material: Material) -> Sign:
    """10: two patients' doses were confirmed by one person sooner after each other than one can go from bed to bed and scan."""
    of = tuple(dose for dose in material.given if _bedside(dose))
    hits = []
    for mine in _by_nurse([dose for dose in material.doses if dose.is_given and dose.cart != SERVER]).values():
        for before, dose in itertools.pairwise(mine):
            apart = dose.recorded_at - before.recorded_at
            if before.patient != dose.patient and apart < NEXT_PATIENT and dose.at >= material.since and _bedside(dose):
                hits.append(dose)
    return Sign(hits=tuple(hits), of=of)


def pack_again(material: Material) -> Sign:
    """11: one pack, told by its serial number, was scanned for two doses."""
    of = tuple(dose for dose in material.given if dose.packs)
    first: dict[str, str] = {}
    again = set()
    for dose in sorted((dose for dose in material.doses if dose.is_given), key=lambda dose: (dose.recorded_at, dose.record_id)):
        for pack in dose.packs:
            if first.setdefault(pack, dose.record_id) != dose.record_id:
                again.add(dose.record_id)
    # A container of many doses is meant to be scanned again; its rule (G3, G4) knows it and then says nothing.
    known = {dose.record_id for dose in of if "G4" in dose.server_rules or any(one.rule == "G4" for one in dose.asked)}
    return Sign(hits=tuple(dose for dose in of if dose.record_id in again & known), of=of)


def one_pack_for_several(material: Material) -> Sign:
    """12: one unit was scanned twice for a dose of several."""
    of = tuple(dose for dose in material.given if dose.drug_scanned)
    return Sign(hits=tuple(dose for dose in of if dose.read_twice), of=of)


def scanned_after(material: Material) -> Sign:
    """13: the scans came after the time at which it was given."""
    of = tuple(dose for dose in material.given if dose.last_scan_at is not None)
    return Sign(hits=tuple(dose for dose in of if dose.scanned_after and dose.recorded_at - dose.at >= LATER), of=of)


def two_carts(material: Material) -> Sign:
    """15: one person confirmed doses at two carts within seconds."""
    of = tuple(dose for dose in material.given if _bedside(dose))
    hits = []
    for mine in _by_nurse([dose for dose in material.doses if dose.is_given and dose.cart != SERVER]).values():
        for before, dose in itertools.pairwise(mine):
            close = dose.recorded_at - before.recorded_at < TWO_PLACES
            if before.cart != dose.cart and close and dose.at >= material.since and _bedside(dose) and _bedside(before):
                hits.append(dose)
    return Sign(hits=tuple(hits), of=of)


# In the order shown. Workarounds 6 and 7 (no scan of the patient, of the drug) are the first figures of the page.
DETECTORS: tuple[Detector, ...] = (
    Detector(code="hasty", koppel=(1,), find=hasty),
    Detector(code="not-reviewed", koppel=(2,), find=not_reviewed),
    Detector(code="without-value", koppel=(3,), find=without_value),
    Detector(code="witness-elsewhere", koppel=(4,), find=witness_elsewhere),
    Detector(code="old-order", koppel=(5,), find=old_order),
    Detector(code="band-elsewhere", koppel=(9,), find=band_elsewhere),
    Detector(code="several-patients", koppel=(10,), find=several_patients),
    Detector(code="pack-again", koppel=(11,), find=pack_again),
    Detector(code="one-pack-for-several", koppel=(12,), find=one_pack_for_several),
    Detector(code="scanned-after", koppel=(13,), find=scanned_after),
    Detector(code="alert-in-passing", koppel=(14,), find=alert_in_passing),
    Detector(code="two-carts", koppel=(15,), find=two_carts),
)


def _by_nurse(doses: Iterable[Dose]) -> dict[str, list[Dose]]:
    """Nurse -> what she confirmed, in order."""
    found: dict[str, list[Dose]] = {}
    for dose in sorted(doses, key=lambda dose: (dose.recorded_at, dose.record_id)):
        found.setdefault(dose.nurse, []).append(dose)
    return found
