"""The round: the ward's patients by bed, what is due at each, what is new to the one who looks, and who comes next.

Makes lists of what a view holds, and decides nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cart_client.care import Due
from cart_client.looks import Mark
from cart_client.screen import View
from pointofcare.people import Patient

# What must be done, or asked, stands as a line of its own; the rest is counted.
_LISTED = frozenset({"overdue", "due", "unknown", "open"})
KINDS = ("open", "overdue", "due", "waiting", "unknown", "upcoming", "given", "not-given")
_ANSWERED = frozenset({"completed", "rejected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """One patient of the round. `listed` are the lines that ask for something now, `counts` how many there are of each kind."""

    patient: Patient
    listed: tuple[Due, ...]
    upcoming: tuple[Due, ...]
    counts: Counter[str]
    marks: tuple[Mark, ...]
    conflicts: int

    @property
    def new(self) -> Counter[str]:
        return Counter(mark.kind for mark in self.marks)


def kind(line: Due) -> str:
    """As what a line counts: a dose that nobody confirmed before all else, one that the pharmacy was asked for as waiting."""
    if line.open_record:
        return "open"
    if line.status in ("due", "overdue", "upcoming") and line.request is not None and line.request.status not in _ANSWERED:
        return "waiting"
    return line.status


def beds(view: View) -> tuple[Bed, ...]:
    """All patients by bed, with or without anything due."""
    lines: dict[str, list[Due]] = {}
    for line in view.dues:
        lines.setdefault(line.patient.id, []).append(line)
    marks: dict[str, list[Mark]] = {}
    for mark in view.marks:
        marks.setdefault(mark.patient, []).append(mark)
    conflicts = Counter(one.patient for one in view.conflicts)
    return tuple(_bed(patient, lines.get(patient.id, ()), marks.get(patient.id, ()), conflicts[patient.id]) for patient in view.beds)


def _bed(patient: Patient, lines: Iterable[Due], marks: Iterable[Mark], conflicts: int) -> Bed:
    own = [line for line in lines if line.status != "on-demand" or line.open_record]
    listed = tuple(line for line in own if kind(line) in _LISTED or kind(line) == "waiting")
    upcoming = tuple(line for line in own if kind(line) == "upcoming")
    return Bed(
        patient=patient,
        listed=listed,
        upcoming=upcoming,
        counts=Counter(kind(line) for line in own),
        marks=tuple(marks),
        conflicts=conflicts,
    )


def tally(found: Iterable[Bed]) -> Counter[str]:
    return sum((bed.counts for bed in found), Counter())


def neighbours(view: View) -> tuple[Patient | None, Patient | None]:
    """Who lies before and after whoever is on the screen; None at an end of the round."""
    here = view.looking.id if view.looking is not None else view.session.patient
    places = [patient.id for patient in view.beds]
    if here not in places:
        return None, None
    at = places.index(here)
    return (view.beds[at - 1] if at else None), (view.beds[at + 1] if at + 1 < len(places) else None)


def marks_of(view: View) -> tuple[Mark, ...]:
    """What is new of whoever is on the screen."""
    here = view.looking.id if view.looking is not None else view.session.patient
    return tuple(mark for mark in view.marks if mark.patient == here)
