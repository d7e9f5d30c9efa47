"""An anaphylaxis at the bedside: a clock, steps with their times, drugs given without an order, a summary at the end.

Steps and their order follow Circular 51/2017/TT-BYT, annex III. Each tap is on the disk before the screen shows it, so the emergency
is made anew from the journal after a restart; nothing of it is kept in memory alone. It proposes no dose and computes none: the nurse
says what she gave, and that is recorded as a fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cart_client.beside import notes
from cart_client.beside.asked import BeginAnaphylaxis, EndAnaphylaxis, GiveInEmergency, TakeStep
from cart_client.inbox import GiveAmount
from cart_client.visit import Visit, ask, facts, packed, recorded, say, unread
from pointofcare.administration import late
from pointofcare.administration import session as workflow
from pointofcare.errors import QuantityError
from pointofcare.people import Observation
from pointofcare.products import Product
from pointofcare.quantity import Quantity
from pointofcare.verdict import lists
from pointofcare.verdict.facts import Action, HistoryEntry, Intent
from pointofcare.verdict.moment import plain
from pointofcare.verdict.policy import Policy
from pointofcare.wire.messages import BedsideNoted, NoteKind

SOURCE = "TT 51/2017/TT-BYT, phụ lục III"
# In the order of the circular. Adrenaline and vital signs have buttons of their own between them.
STEPS = (
    "stopped-trigger",
    "called-help",
    "laid-flat",
    "oxygen",
    "iv-line",
    "fluids",
    "doctor-called",
    "doctor-here",
    "airway",
    "cpr",
    "family-told",
)
OUTCOMES = ("recovered", "watched-here", "transferred", "died")
ROUTES = ("IM", "IV", "SC", "INH", "PO")
# Whoever works at an emergency is not signed out between two taps (local choice).
KEPT_SIGNED_IN = timedelta(minutes=20)
_LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """From its notes. `last_at` is when the newest of them was made."""

    id: str
    patient: str
    nurse: str
    began_at: datetime
    last_at: datetime
    suspected: str = ""
    steps: tuple[BedsideNoted, ...] = ()
    ended: BedsideNoted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the time line: a step, a drug that was given, or values that were measured."""

    at: datetime
    kind: str
    nurse: str | None
    step: str = ""
    words: str = ""
    given: HistoryEntry | None = None
    values: tuple[Observation, ...] = ()


def emergencies(noted: Iterable[BedsideNoted]) -> tuple[Emergency, ...]:
    """Those of this cart, oldest first."""
    found: dict[str, Emergency] = {}
    for note in sorted(noted, key=lambda each: each.at):
        if note.kind == NoteKind.ANAPHYLAXIS_BEGAN and note.patient is not None:
            found[note.record_id] = Emergency(
                id=note.record_id,
                patient=note.patient,
                nurse=note.nurse,
                began_at=note.at,
                last_at=note.at,
                suspected=str(note.details.get("suspected") or ""),
            )
        elif note.of in found:
            one = found[note.of]
            if note.kind == NoteKind.ANAPHYLAXIS_STEP:
                found[note.of] = replace(one, steps=(*one.steps, note), last_at=note.at)
            elif note.kind == NoteKind.ANAPHYLAXIS_ENDED:
                found[note.of] = replace(one, ended=note, last_at=note.at)
    return tuple(found.values())


def running(noted: Iterable[BedsideNoted], event: str) -> Emergency | None:
    return next((one for one in emergencies(noted) if one.id == event and one.ended is None), None)


def timeline(one: Emergency, entries: Iterable[HistoryEntry], values: Iterable[Observation], now: datetime) -> tuple[Line, ...]:
    """Oldest first: what was tapped, every drug that the patient got without an order, and every value measured, from the beginning to
    the end."""
    until = one.ended.at if one.ended is not None else now
    lines = [
        Line(at=step.at, kind="step", nurse=step.nurse, step=str(step.details.get("step")), words=str(step.details.get("words") or ""))
        for step in one.steps
    ]
    lines += [
        Line(at=entry.at, kind="drug", nurse=entry.nurse, given=entry)
        for entry in entries
        if entry.patient == one.patient and not entry.order and entry.status == "completed" and one.began_at <= entry.at <= until
    ]
    together: dict[datetime, list[Observation]] = {}
    for value in values:
        if one.began_at <= value.at <= until:
            together.setdefault(value.at, []).append(value)
    lines += [Line(at=at, kind="values", nurse=None, values=tuple(found)) for at, found in together.items()]
    return tuple(sorted(lines, key=lambda line: line.at))


def listed(products: Iterable[Product], policy: Policy) -> tuple[Product, ...]:
    """What the policy lists for emergencies, in all its ingredients, adrenaline first."""
    found = [
        product
        for product in products
        if product.ingredients
        and all(any(lists.names(line, plain(part.name), part.classes) for line in policy.emergency) for part in product.ingredients)
    ]
    return tuple(sorted(found, key=lambda product: (not is_adrenaline(product), product.name)))


def is_adrenaline(product: Product) -> bool:
    return any(plain(part.name) in ("adrenaline", "adrenalin", "epinephrine") for part in product.ingredients)


def keeps_signed_in(visit: Visit, now: datetime) -> bool:
    nurse = visit.session.nurse
    if nurse is None:
        return False
    return any(one.ended is None and now - one.last_at < KEPT_SIGNED_IN for one in emergencies(visit.dues.notes(now)))


def begin(visit: Visit, command: BeginAnaphylaxis, now: datetime) -> None:
    """One tap. Without a wristband it is begun all the same: who it is about is chosen from the ward's beds. Raises: JournalError."""
    if notes.signer(visit, command) is None or notes.again(visit, command.form):
        return
    if visit.chart.patient(command.patient, now) is None:
        say(visit, "out-of-date")
        return
    if any(one.patient == command.patient and one.ended is None for one in emergencies(visit.dues.notes(now))):
        return  # it runs already
    by_band = visit.session.patient == command.patient
    details: dict[str, object] = {"suspected": command.suspected.strip()[:_LONGEST], "by_band": by_band, "source": SOURCE}
    notes.write(visit, command, NoteKind.ANAPHYLAXIS_BEGAN, now, patient=command.patient, details=details)


def _running(visit: Visit, event: str, now: datetime) -> Emergency | None:
    one = running(visit.dues.notes(now), event)
    if one is None:
        say(visit, "out-of-date")
    return one


def step(visit: Visit, command: TakeStep, now: datetime) -> None:
    """Raises: JournalError."""
    if notes.signer(visit, command) is None or notes.again(visit, command.form):
        return
    one = _running(visit, command.event, now)
    if one is None:
        return
    if command.step not in STEPS:
        say(visit, "out-of-date")
        return
    details: dict[str, object] = {"step": command.step, "words": command.words.strip()[:_LONGEST]}
    notes.write(visit, command, NoteKind.ANAPHYLAXIS_STEP, now, patient=one.patient, of=one.id, details=details)


def give(visit: Visit, command: GiveInEmergency, now: datetime) -> None:
    """A drug that was given just now: an administration without an order, which a prescriber acknowledges. The verdict goes with it as
    evidence and keeps nobody from recording. Raises: JournalError."""
    if notes.signer(visit, command) is None or notes.again(visit, command.form):
        return
    one = _running(visit, command.event, now)
    if one is None:
        return
    amount = _amount(command.dose)
    product = next((each for each in visit.chart.products(now) if each.id == command.product), None)
    patient = visit.chart.patient(one.patient, now)
    if amount is None:
        unread(visit, _fault(command.dose), "amount-unreadable", "dose", text=command.dose[:40])
    elif product is None or patient is None:
        say(visit, "beside-product-missing")
    elif command.route not in ROUTES:
        say(visit, "route-missing")
    else:
        intent = Intent(
            action=Action.GIVE,
            dose=amount,
            route=command.route,
            site=command.site.strip() or None,
            reason="emergency",
            reason_text=late.IN_ANAPHYLAXIS,
        )
        is_open = visit.session.patient == one.patient
        bare = replace(workflow.without_drugs(visit.session) if is_open else workflow.Session(nurse=visit.session.nurse), intent=intent)
        kept = visit.judged
        verdict = ask(visit, facts(visit, now, bare))
        about = packed(visit, verdict)
        visit.judged = kept  # what the main screen shows was made from other facts
        record = late.fact(
            record_id=command.form,
            intent=intent,
            verdict=verdict,
            patient=patient,
            nurse=command.nurse,
            place=visit.here.place(),
            now=now,
            product=product,
            scans=bare.evidence,
        )
        visit.journal.append(record, message_id=visit.new_id(), facts=about)
        recorded(visit, record.record_id, record.patient)


def _amount(text: str) -> Quantity | None:
    try:
        return GiveAmount(moment=0, dose=text).quantities()[0]
    except QuantityError:
        return None


def _fault(text: str) -> QuantityError:
    """Why `text` is no amount."""
    try:
        GiveAmount(moment=0, dose=text).quantities()
    except QuantityError as exc:
        return exc
    return QuantityError("an amount is missing", remedy="write a number and a unit")


def end(visit: Visit, command: EndAnaphylaxis, now: datetime) -> None:
    """The summary: every step with its time, every drug by its record, how long it took. Raises: JournalError."""
    if notes.signer(visit, command) is None or notes.again(visit, command.form):
        return
    one = _running(visit, command.event, now)
    if one is None:
        return
    if command.outcome not in OUTCOMES:
        say(visit, "beside-outcome-missing")
        return
    ward = visit.dues.ward(now)
    who = next((each for each in ward.patients if each.id == one.patient), None) if ward is not None else None
    lines = timeline(one, ward.entries if ward is not None else (), who.observations if who is not None else (), now)
    names = {product.id: product.name for product in visit.chart.products(now)}
    summary = [
        {
            "at": line.at.isoformat(),
            "kind": line.kind,
            **({"step": line.step} if line.step else {}),
            **({"words": line.words} if line.words else {}),
            **(_drug(line.given, names) if line.given is not None else {}),
            **({"values": {value.code: str(value.value) for value in line.values}} if line.values else {}),
        }
        for line in lines
    ]
    details: dict[str, object] = {
        "outcome": command.outcome,
        "words": command.words.strip()[:_LONGEST],
        "minutes": int((now - one.began_at).total_seconds() // 60),
        "lines": summary[:300],
    }
    notes.write(visit, command, NoteKind.ANAPHYLAXIS_ENDED, now, patient=one.patient, of=one.id, details=details)


def _drug(given: HistoryEntry, names: Mapping[str, str]) -> dict[str, object]:
    """By its record; named as the formulary names it now."""
    product = given.product or ""
    dose = str(given.dose) if given.dose is not None else ""
    return {"record_id": given.record_id or "", "product": product, "name": names.get(product, product), "dose": dose}
