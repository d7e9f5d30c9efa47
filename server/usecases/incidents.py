"""Reports of incidents and near misses: told from any page or at a cart, kept once, looked at by who reviews them.

A report is never refused for what it says: a kind that nobody knows is kept, a patient whom the reporter does not reach is named and no
facts are attached. Whoever asks for no name is not in the report; the audit's row of it says who it was. Must never end in a dose, an
order or a patient's chart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pointofcare.administration.incident import HARM, KINDS, LONGEST, REACHED
from pointofcare.errors import ConflictError, NotFoundError, UnreadableError
from pointofcare.people import StaffRole
from pointofcare.wire import values
from pointofcare.wire.messages import BedsideNoted, DiscrepancyNote
from server.store import bedside_notes, discrepancies, identities, incidents, observations, patients, reach
from server.store.incidents import CLOSED, LOOKING, Report
from server.store.transaction import Actor, Transaction
from server.usecases.administrations import Recorded
from server.usecases.permission import require, text

REVIEWERS = (StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST)
_MOST_FACTS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What somebody reports from a page. `form` is drawn with the page, so that a double tap is one report; `page` is what was on the
    screen; ids are "" where the page is about none."""

    form: str
    kind: str
    reached: str
    words: str
    anonymous: bool
    page: str
    patient: str = ""
    order: str = ""
    record: str = ""
    cart: str = ""


def report(tx: Transaction, actor: Actor, told: Told) -> bool:
    """Anybody who is signed in. False: this very report is here already. Raises: UnreadableError for a kind that is not one,
    TextMissingError where there are too many words, ConflictError: this form was sent already, and said something else."""
    if told.kind not in KINDS or told.reached not in REACHED:
        raise UnreadableError("choose what it was", remedy="choose one of the kinds", field="kind")
    # Not of who sends it: from a digest of few people the one who wanted no name could be found.
    mark = _mark(asdict(told))
    words = text(told.words, "words", longest=LONGEST) if told.words.strip() else ""
    facts: dict[str, Any] = {"page": told.page}
    patient, ward = told.patient or None, ""
    if patient is None and told.record:
        found = incidents.of_record(tx, told.record)
        patient = found[0] or None if found is not None else None
    if patient is not None:
        patient = identities.held(tx, patient)
        held = observations.subject(tx, patient)
        home = patients.ward_of(tx, patient) or "" if held is not None else ""
        if held is not None and reach.sees(tx, home, patient):
            ward = home
        else:
            facts["patient_not_reached"] = True
    if told.record and "patient_not_reached" not in facts:
        found = incidents.of_record(tx, told.record)
        if found is not None and found[0] in ("", patient):
            facts["verdict"] = found[1]
    if told.cart:
        seen = incidents.of_cart(tx, told.cart)
        if seen is not None:
            facts["cart"] = seen[1]
            ward = ward or seen[0]
    if not ward and tx.actor.wards is not None and len(tx.actor.wards) == 1:
        ward = next(iter(tx.actor.wards))
    row = {
        "id": told.form,
        "source": "web",
        "kind": told.kind,
        "reached": told.reached,
        "words": words,
        "ward": ward,
        "patient": patient,
        "about_order": told.order or None,
        "about_record": told.record or None,
        "cart": told.cart,
        "cart_epoch": "",
        "cart_seq": 0,
        "reporter": "" if told.anonymous else actor.id,
        "at": tx.at,
        "facts": facts,
        "digest": mark,
    }
    if not incidents.add(tx, row):
        if incidents.digest(tx, told.form) != mark:
            raise ConflictError("this form was sent before, and said something else", remedy="look at it once more, and send it again")
        return False
    detail = {"kind": told.kind, "source": "web", "anonymous": told.anonymous, "ward": ward}
    tx.audit("incident.report", f"incident/{told.form}", detail)
    return True


def record(tx: Transaction, note: BedsideNoted, *, sender: str | None) -> Recorded:
    """A report of a cart, once, with how the server saw the cart. What it says is not judged."""
    plain = values.to_plain(note)
    told: Mapping[str, Any] = bedside_notes.clean(note.details)
    mark = _mark(plain)
    patient = identities.held(tx, note.patient) if note.patient is not None else None
    given = told.get("facts")
    facts: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}
    if len(json.dumps(facts)) > _MOST_FACTS:
        facts = {"too_long": True}
    seen = incidents.of_cart(tx, sender or note.cart)
    if seen is not None:
        facts["server_saw"] = seen[1]
    row = {
        "id": note.record_id,
        "source": "cart",
        "kind": _said(told, "kind")[:64] or "other",
        "reached": reached if (reached := _said(told, "reached")) in REACHED else "unknown",
        "words": _said(told, "words")[:LONGEST],
        "ward": note.ward,
        "patient": patient,
        "about_order": _said(told, "order") or None,
        "about_record": _said(told, "record") or note.of,
        "cart": note.cart,
        "cart_epoch": note.epoch,
        "cart_seq": note.seq,
        "reporter": "" if told.get("anonymous") is True else note.nurse,
        "at": note.at,
        "facts": facts,
        "digest": mark,
    }
    is_new = incidents.add(tx, row)
    if is_new:
        detail = {"kind": row["kind"], "source": "cart", "anonymous": told.get("anonymous") is True, "ward": note.ward}
        tx.audit("incident.report", f"incident/{note.record_id}", {**detail, "cart": note.cart, "nurse": note.nurse})
    elif incidents.digest(tx, note.record_id) != mark:  # the first stays; who and what is in no list of work
        tx.audit("record.other-story", f"record/{note.record_id}", {"sender": sender or note.cart, "differ": ["incident"]})
    notes = tuple(DiscrepancyNote(code=one.code, facts=dict(one.detail)) for one in discrepancies.of_record(tx, note.record_id))
    return Recorded(record_id=note.record_id, duplicate=not is_new, discrepancies=notes)


def move(tx: Transaction, actor: Actor, report: str, *, revision: int, state: str, words: str, harm: str = "") -> Report:
    """A reviewer looks at it, closes it with an outcome and a harm category, or opens it again with a reason.

    Raises: NotPermittedError, NotFoundError (or in another ward), UnreadableError, TextMissingError, ConflictError (moved meanwhile)."""
    require(tx, actor, *REVIEWERS)
    found = incidents.get(tx, report)
    if found is None:
        raise NotFoundError("this report is not known", remedy="look at the list of reports", report=report)
    if state not in (LOOKING, CLOSED):
        raise UnreadableError("that is no state of a report", remedy="choose one of those on the page", field="state")
    if state == CLOSED and harm not in HARM:
        raise UnreadableError("choose the harm category", remedy="A to I, after NCC MERP", field="harm")
    needs_words = state == CLOSED or found.state == CLOSED
    why = text(words, "outcome" if state == CLOSED else "reason") if needs_words or words.strip() else ""
    closing = {"harm": harm, "outcome": why} if state == CLOSED else {"harm": "", "outcome": ""}
    if not incidents.move(tx, report, revision=revision, state=state, words=why, **closing):
        raise ConflictError("somebody else has changed this report", remedy="load the page again", report=report)
    tx.audit("incident.move", f"incident/{report}", {"before": found.state, "after": state, "harm": closing["harm"], "text": why})
    after = incidents.get(tx, report)
    assert after is not None
    return after


def _mark(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def _said(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value[:LONGEST] if isinstance(value, str) else ""
