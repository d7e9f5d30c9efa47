"""Insurance cards, stays as claims know them, finding somebody by a card, and how long a record must be kept.

Nothing of a card but its number, dates and first place of care is stored, and nothing of it is written to a log or the audit. A card never
decides who somebody is: who is found by it is compared by a person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from pointofcare.errors import ConflictError, LabelError, NotFoundError, UnreadableError
from pointofcare.labels import cccd
from pointofcare.people import StaffRole
from pointofcare.vietnam import codes, retention
from pointofcare.vietnam import insurance as cards
from pointofcare.vietnam.fault import CodeError
from pointofcare.vietnam.insurance import Card, Form
from pointofcare.vietnam.retention import Kept
from server.store import identities, insurance, patients, stays
from server.store.identities import Known
from server.store.insurance import Held
from server.store.stays import Stay
from server.store.transaction import Actor, Transaction
from server.usecases import changes
from server.usecases.permission import require

ENTER = (StaffRole.NURSE, StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST)
CORRECT = (StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST)
# Which kinds of records a patient's may be, as far as the program can tell; the others a person decides.
OF_A_DEATH = ("death",)
OF_A_STAY = ("inpatient", "mental-or-accident", "transplant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Who has a card: those whom the person reaches, and how many others there are. `read` is what the code itself said."""

    card: Card
    known: tuple[Known, ...]
    elsewhere: int


def read(text: str) -> Card:
    """What was scanned or typed: an identity card's code, an insurance card's code, or a number of either.

    Raises: CodeError, LabelError (an identity card's code that cannot be read)."""
    plain = text.strip()
    if "|" in plain and not cards.looks_like_code(plain):
        found = cccd.parse(plain)
        return Card(number=found.number, form=Form.NATIONAL_ID, name=found.name, birth_date=found.birth_date, sex=found.sex)
    return cards.parse(plain)


def find(tx: Transaction, text: str) -> Found:
    """Raises: CodeError, LabelError."""
    card = read(text)
    holders = insurance.holders(tx, card)
    known = identities.known(tx, holders)
    return Found(card=card, known=known, elsewhere=len(holders) - len(known))


def add_card(
    tx: Transaction, actor: Actor, patient: str, text: str, *, begins: date | None, ends: date | None, first: str, way: str
) -> bool:
    """A card of the patient counts from now on instead of the older ones; False: this very card with these dates counts already.

    Raises: NotPermittedError, NotFoundError, UnreadableError (`field`, `says`), ConflictError (another patient has it)."""
    require(tx, actor, *ENTER)
    patients.hold(tx, patient)
    patient = identities.current(tx, patient)
    found = patients.get(tx, patient)
    try:
        card = read(text)
        first_facility = cards.facility(first) if first.strip() else card.facility
    except CodeError as exc:
        field = "first" if exc.reason == "facility" else "card"
        raise UnreadableError("the card is not readable", remedy="compare it with the card", field=field, says=exc.reason) from None
    except LabelError as exc:
        raise UnreadableError(
            "the card is not readable", remedy="scan it again", field="card", says=str(exc.fields.get("reason"))
        ) from None
    card = replace(card, valid_from=begins or card.valid_from, valid_to=ends or card.valid_to, facility=first_facility)
    if card.valid_from is not None and card.valid_to is not None and card.valid_to < card.valid_from:
        raise UnreadableError("the card ends before it begins", remedy="correct the dates", field="ends", says="validity")
    if card.birth_date is not None and found.birth_date is not None and card.birth_date != found.birth_date:
        raise ConflictError("the card names another birth date", remedy="look whose card it is", field="card", says="other-person")
    identities.alone(tx, f"insurance/{card.number}")
    others = [one for one in insurance.holders(tx, card) if one != patient]
    if others:
        raise ConflictError("another patient has this card", remedy="look whose card it is", field="card", says="taken")
    for held in insurance.of_patient(tx, patient):
        if held.ended_at is None and _same(held, card):
            return False
    insurance.end(tx, patient)
    insurance.add(tx, patient, card, way=way)
    tx.audit(
        "patient.insurance",
        f"patient/{patient}",
        {"form": card.form.value, "way": way, "until": card.valid_to and card.valid_to.isoformat()},
    )
    return True


def end_card(tx: Transaction, actor: Actor, patient: str, card: int) -> None:
    """The card does not count any more; its row stays. Raises: NotPermittedError, NotFoundError."""
    require(tx, actor, *ENTER)
    patients.get(tx, patient)
    if not insurance.end(tx, patient, card):
        raise NotFoundError("this card does not count already", remedy="look at the page again", card=card)
    tx.audit("patient.insurance-end", f"patient/{patient}", {"card": card})


def correct_stay(
    tx: Transaction,
    actor: Actor,
    patient: str,
    stay: int,
    *,
    claim: str,
    kind: str,
    prescription: str,
    admitted_at: datetime | None,
    left_at: datetime | None,
) -> Stay:
    """What the hospital's system says of the stay: its claim link (MA_LK), kind, national prescription code, from when to when.

    Raises: NotPermittedError, NotFoundError, UnreadableError (`field`, `says`), ConflictError (the claim link is another stay's)."""
    require(tx, actor, *CORRECT)
    patients.get(tx, patient)
    before = next((one for one in stays.of_patient(tx, patient) if one.id == stay), None)
    if before is None:
        raise NotFoundError("there is no such stay", remedy="look at the page again", stay=stay)
    day = tx.at.date()
    link = claim.strip()
    if len(link) > 100 or not link.isprintable() or any(sign.isspace() for sign in link):
        raise UnreadableError("the claim link is not usable", remedy="copy it again", field="claim", says="claim")
    wanted = replace(
        before,
        claim=link or None,
        kind=_code("kind", kind, day),
        prescription=_code("prescription", prescription, day),
        admitted_at=_moment(before.admitted_at, admitted_at),
        left_at=_moment(before.left_at, left_at) if before.left_at is not None else None,
    )
    if wanted.admitted_at is not None and wanted.admitted_at > tx.at:
        raise UnreadableError("the stay begins in the future", remedy="correct the time", field="admitted_at", says="future")
    if wanted.admitted_at is not None and wanted.left_at is not None and wanted.left_at < wanted.admitted_at:
        raise UnreadableError("the stay ends before it begins", remedy="correct the times", field="left_at", says="validity")
    if before.left_at is not None and left_at is None:
        raise UnreadableError("the stay has ended", remedy="write when", field="left_at", says="needed")
    if link:
        identities.alone(tx, f"claim/{link}")
        other = stays.of_claim(tx, link)
        if other is not None and other.id != stay:
            raise ConflictError("this claim link is another stay's", remedy="compare it", field="claim", says="claim-taken")
    stays.change(tx, wanted)
    tx.audit("patient.stay", f"patient/{patient}", {"stay": stay, **changes.told(before, wanted, unsaid=("patient",))})
    return wanted


def kept(status: str | None, listed: tuple[Stay, ...], today: date) -> tuple[Kept, ...]:
    """How long the record must be kept, by each kind that it may be; () while the patient is here or nothing is known."""
    closed = max((stay.left_at for stay in listed if stay.left_at is not None), default=None)
    if closed is None or any(stay.left_at is None for stay in listed):
        return ()
    kinds = OF_A_DEATH if status == "deceased" else OF_A_STAY
    return tuple(retention.kept(kind, closed.date(), today=today) for kind in kinds)


def _moment(before: datetime | None, wanted: datetime | None) -> datetime | None:
    """A form shows minutes: one that was not changed keeps its seconds."""
    if before is not None and wanted is not None and before.replace(second=0, microsecond=0) == wanted:
        return before
    return wanted


def _same(held: Held, card: Card) -> bool:
    return (held.number, held.valid_from, held.valid_to, held.first_facility) == (
        card.number,
        card.valid_from,
        card.valid_to,
        card.facility,
    )


def _code(field: str, text: str, day: date) -> str | None:
    if not text.strip():
        return None
    try:
        return codes.stay_kind(text, day) if field == "kind" else codes.prescription(text, day).code
    except CodeError as exc:
        raise UnreadableError("the code is not usable", remedy="compare it", field=field, says=f"{field}-{exc.reason}") from None
