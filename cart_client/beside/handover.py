"""What the next shift must know, by bed: doses without a final state, what was not given and why, what runs and how much is left, what
comes in the next four hours, effects that nobody told, emergencies and questions that are open.

Lists what is on the cart's chart and in its journal, and leaves nothing out because it looks settled elsewhere. Must never close,
change or sum up a dose: a handover is read, the doses stay open until somebody charts them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cart_client import care
from cart_client.beside import anaphylaxis, notes
from cart_client.beside.anaphylaxis import Emergency
from cart_client.beside.asked import GiveOver, TakeOver
from cart_client.care import Due, Infusion, Owed
from cart_client.visit import Visit, say
from pointofcare.administration.record import AdministrationRecord
from pointofcare.people import Patient
from pointofcare.verdict.facts import HistoryEntry
from pointofcare.wire.messages import BedsideNoted, NoteKind
from pointofcare.wire.tables import DoseRequest

# A shift and what came before it (local choice).
BACK, AHEAD = timedelta(hours=12), timedelta(hours=4)
_NOT_DONE = "not-done"
_LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """One patient. `open` are doses of the last twelve hours without a final state, `unconfirmed` those that were verified and never
    confirmed, `not_given` what was held, refused or not given, `asked` doses that the pharmacy was asked for and has not sent."""

    patient: Patient
    open: tuple[Due, ...] = ()
    unconfirmed: tuple[AdministrationRecord, ...] = ()
    not_given: tuple[HistoryEntry, ...] = ()
    asked: tuple[DoseRequest, ...] = ()
    running: tuple[Infusion, ...] = ()
    coming: tuple[Due, ...] = ()
    owed: tuple[Owed, ...] = ()
    emergencies: tuple[Emergency, ...] = ()
    questions: tuple[BedsideNoted, ...] = ()

    @property
    def is_quiet(self) -> bool:
        told = (self.open, self.unconfirmed, self.not_given, self.asked, self.running, self.coming, self.owed)
        return not any((*told, self.emergencies, self.questions))


def beds(ward: care.Ward, noted: Iterable[BedsideNoted], now: datetime) -> tuple[Bed, ...]:
    """Every patient of the ward, in the order of beds."""
    told = tuple(noted)
    lines: dict[str, list[Due]] = {}
    for line in care.due_list(ward, now, back=BACK, ahead=AHEAD):
        lines.setdefault(line.patient.id, []).append(line)
    entries: dict[str, list[HistoryEntry]] = {}
    for entry in ward.entries:
        if entry.status == _NOT_DONE and now - BACK <= entry.at <= now:
            entries.setdefault(entry.patient, []).append(entry)
    orders = {order.id: order.patient for order in ward.body.orders}
    requests = [each for each in (*ward.own_requests, *ward.body.requests) if each.status in ("requested", "accepted")]
    found = []
    for patient in sorted(ward.patients, key=lambda each: (each.bed or "~", each.id)):
        own = lines.get(patient.id, [])
        goes_on = care.of_patient(ward, patient.id, now)
        found.append(
            Bed(
                patient=patient,
                open=tuple(each for each in own if each.status in ("overdue", "due", "unknown")),
                unconfirmed=tuple(record for record in ward.opened if record.patient == patient.id),
                not_given=tuple(sorted(entries.get(patient.id, ()), key=lambda each: each.at)),
                asked=tuple(each for each in requests if orders.get(each.order) == patient.id),
                running=goes_on.infusions,
                coming=tuple(each for each in own if each.status == "upcoming"),
                owed=goes_on.owed,
                emergencies=tuple(each for each in anaphylaxis.emergencies(told) if each.patient == patient.id),
                questions=tuple(
                    note
                    for note in told
                    if note.kind == NoteKind.DRUGS_SHOWN and note.patient == patient.id and note.details.get("answer") == "question"
                ),
            )
        )
    return tuple(found)


def waiting(noted: Iterable[BedsideNoted]) -> BedsideNoted | None:
    """The newest handover of this cart that nobody has taken over."""
    told = tuple(noted)
    taken = {note.of for note in told if note.kind == NoteKind.HANDOVER_TAKEN}
    open_ones = [note for note in told if note.kind == NoteKind.HANDOVER and note.record_id not in taken]
    return max(open_ones, key=lambda note: note.at, default=None)


def give(visit: Visit, command: GiveOver, now: datetime) -> None:
    """What was on the list when it was given over is counted into the note. Raises: JournalError."""
    if notes.signer(visit, command) is None or notes.again(visit, command.form):
        return
    ward = visit.dues.ward(now)
    if ward is None:
        say(visit, "beside-no-chart")
        return
    listed = beds(ward, visit.dues.notes(now), now)
    open_doses = [
        {"patient": bed.patient.id, "order": line.order.id, "due": line.due.isoformat() if line.due is not None else None}
        for bed in listed
        for line in bed.open
    ]
    details: dict[str, object] = {
        "words": command.words.strip()[:_LONGEST],
        "chart_version": visit.here.place().chart_version,
        "open": open_doses[:300],
        "unconfirmed": [record.record_id for bed in listed for record in bed.unconfirmed][:300],
        "not_given": sum(len(bed.not_given) for bed in listed),
        "running": sum(len(bed.running) for bed in listed),
        "coming": sum(len(bed.coming) for bed in listed),
        "owed": sum(len(bed.owed) for bed in listed),
    }
    notes.write(visit, command, NoteKind.HANDOVER, now, patient=None, details=details)


def take(visit: Visit, command: TakeOver, now: datetime) -> None:
    """By whoever signed in with badge and PIN since: nobody takes over from herself. Raises: JournalError."""
    nurse = notes.signer(visit, command)
    if nurse is None or notes.again(visit, command.form):
        return
    given = waiting(visit.dues.notes(now))
    if given is None or given.record_id != command.handover:
        say(visit, "out-of-date")
    elif given.nurse == nurse.id:
        say(visit, "beside-same-nurse")
    else:
        badge = visit.signed.badge if visit.signed is not None else None
        details: dict[str, object] = {"from": given.nurse, "badge": badge or "", "given_at": given.at.isoformat()}
        notes.write(visit, command, NoteKind.HANDOVER_TAKEN, now, patient=None, of=given.record_id, details=details)
