"""The training log: who was assessed in what, by whom, until when. Appended by charge nurses of the person's wards and by administrators.

A correction is another row; nobody enters what they passed themselves. Must never keep anybody from a patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError, UnreadableError
from pointofcare.people import StaffRole
from pointofcare.wire.messages import TableKind
from server.store import competences, staff_wards, versions, views_audit
from server.store.competences import COMPETENCES, PASSED, RESULTS, WITHDRAWN, Record, Standing
from server.store.transaction import Actor, Transaction
from server.store.views_audit import StaffLine
from server.usecases.permission import require, text

KEEPERS = (StaffRole.CHARGE_NURSE, StaffRole.ADMINISTRATOR)
_LONGEST_VALID = timedelta(days=3660)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a page says. `assessor` "": whoever enters it. `replaces` 0: nothing."""

    form: str
    staff: str
    competence: str
    result: str
    held_on: date
    valid_until: date | None
    assessor: str = ""
    note: str = ""
    replaces: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A person with what the work takes: code -> how it stands and the row that says so."""

    person: StaffLine
    wards: tuple[str, ...]
    cells: Mapping[str, tuple[Standing, Record | None]]

    @property
    def due(self) -> tuple[str, ...]:
        return tuple(code for code, (how, _record) in self.cells.items() if how in (Standing.MISSING, Standing.EXPIRED))

    @property
    def is_soon(self) -> bool:
        return any(how is Standing.SOON for how, _record in self.cells.values())


def people(tx: Transaction) -> tuple[StaffLine, ...]:
    """Whose log the person sees: those of the own wards, everybody for whoever is bound to none."""
    everybody = tuple(one for one in views_audit.staff(tx) if one.active)
    if tx.actor.wards is None:
        return everybody
    mine = {held.staff for ward in tx.actor.wards for held in staff_wards.of_ward(tx, ward) if held.kind != staff_wards.AT_CART}
    return tuple(one for one in everybody if one.id in mine)


def lines(tx: Transaction, today: date) -> tuple[Line, ...]:
    """Everybody whom the person sees and whose work takes anything."""
    found = people(tx)
    newest = competences.newest(competences.listed(tx, None if tx.actor.wards is None else [one.id for one in found]))
    homes = staff_wards.homes(tx)
    made = []
    for one in found:
        codes = competences.wanted(one.roles)
        held = {code: newest.get((one.id, code)) for code in codes}
        cells = {code: (competences.standing(record, today), record) for code, record in held.items()}
        if cells:
            made.append(Line(person=one, wards=homes.get(one.id, ()), cells=cells))
    return tuple(made)


def record(tx: Transaction, actor: Actor, told: Told, *, today: date) -> bool:
    """False: this very form is here already.

    Raises: NotPermittedError (the role, or about oneself), NotFoundError (a person whom the actor does not reach, a row that is none of
    theirs), UnreadableError (code, result or days), TextMissingError, ConflictError (corrected meanwhile)."""
    require(tx, actor, *KEEPERS)
    if told.staff not in {one.id for one in people(tx)}:
        raise NotFoundError(f"nobody has the id {told.staff!r}", remedy="choose somebody from the list", staff=told.staff)
    if told.staff == actor.id:
        raise NotPermittedError("nobody enters what they passed themselves", remedy="ask another charge nurse or an administrator")
    if told.competence not in COMPETENCES or told.result not in RESULTS:
        raise UnreadableError("choose what it was", remedy="choose from the lists", field="competence")
    if told.held_on > today:
        raise UnreadableError("this day is still to come", remedy="enter it when it was held", field="held_on")
    until = told.valid_until if told.result == PASSED else None
    if until is not None and not told.held_on <= until <= told.held_on + _LONGEST_VALID:
        raise UnreadableError("it cannot be valid until then", remedy="from its day on, ten years at most", field="valid_until")
    if competences.is_here(tx, told.form):
        return False
    words = text(told.note, "note", longest=1000) if told.note.strip() or told.replaces or told.result == WITHDRAWN else ""
    before = None
    if told.replaces:
        before = next((one for one in competences.listed(tx, [told.staff]) if one.id == told.replaces), None)
        if before is None or before.competence != told.competence:
            raise NotFoundError("this row is not known", remedy="look at the person's log again", row=told.replaces)
        if not before.counts:
            raise ConflictError("somebody corrected it meanwhile", remedy="look at the person's log again")
    row = {
        "form": told.form,
        "staff": told.staff,
        "competence": told.competence,
        "result": told.result,
        "held_on": told.held_on,
        "valid_until": until,
        "assessor": text(told.assessor, "assessor", longest=120) if told.assessor.strip() else actor.id,
        "note": words,
        "replaces": told.replaces or None,
    }
    if not competences.add(tx, row):
        raise ConflictError("somebody corrected it meanwhile", remedy="look at the person's log again")
    detail = {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items() if name not in ("form", "staff")}
    tx.audit("competence.record", f"staff/{told.staff}", detail)
    versions.bump_everywhere(tx, TableKind.STAFF_ROSTER)
    return True


def set_at_cart(tx: Transaction, actor: Actor, how: str) -> None:
    """Whether a cart says at the sign-in that something is missing. Raises: NotPermittedError, UnreadableError."""
    require(tx, actor, StaffRole.ADMINISTRATOR)
    if how not in competences.AT_CART:
        raise UnreadableError("choose what carts say", remedy="choose from the list", field="at_cart")
    before = competences.at_cart(tx)
    if before == how:
        return
    competences.set_at_cart(tx, how)
    tx.audit("competence.at-cart", "competences", {"before": before, "after": how})
    versions.bump_everywhere(tx, TableKind.STAFF_ROSTER)
