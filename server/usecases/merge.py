"""Two records of one person become one: guarded, told in full beforehand, and taken back where that is safe.

Both histories stay: every dose, attempt, value, order and band keeps its id and its document, and belongs to the record that goes on.
What a cart still sends about the other record finds its way there. Must never lose an administration: the rows are counted before and
after, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pointofcare.errors import ConflictError, IllegalTransitionError, NotFoundError
from pointofcare.people import Allergy, AllergyKind, Patient, PatientStatus
from pointofcare.wire.messages import TableKind
from server.store import identities, merges, orders, patients, reach, versions
from server.store.identities import Identity
from server.store.merges import Merge
from server.store.transaction import Actor, Transaction
from server.usecases import orders as order_verbs
from server.usecases.patients import ADMIT
from server.usecases.permission import require, text

UNIT_LABELS = "unit_labels"
LEFT = frozenset({PatientStatus.DISCHARGED, PatientStatus.DECEASED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two records as the page shows it: with how many rows of each kind it has. `both` are ingredients that are ordered in each."""

    patient: Patient
    identity: Identity | None
    counts: dict[str, int]
    drugs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    kept: Side
    gone: Side
    differs: tuple[str, ...]
    both: tuple[str, ...]
    is_at_a_cart: bool


def compare(tx: Transaction, kept: str, gone: str) -> Comparison:
    """Both side by side. Raises: NotFoundError, OtherWardError, ConflictError (the same, or merged already)."""
    first, second = _side(tx, kept), _side(tx, gone)
    _check(tx, kept, gone)
    fields = ("name", "birth_date", "sex")
    differs = [name for name in fields if getattr(first.patient, name) != getattr(second.patient, name)]
    numbers = {side.identity.national_id for side in (first, second) if side.identity is not None and side.identity.national_id}
    if len(numbers) > 1:
        differs.append("national_id")
    return Comparison(
        kept=first,
        gone=second,
        differs=tuple(differs),
        both=tuple(sorted(set(first.drugs) & set(second.drugs))),
        is_at_a_cart=merges.is_at_a_cart(tx, (kept, gone)),
    )


def merge(tx: Transaction, actor: Actor, *, kept: str, gone: str, reason: str) -> Merge:
    """`gone` becomes part of `kept`. Raises: NotPermittedError, NotFoundError, OtherWardError, TextMissingError, ConflictError (the same,
    merged already, at a cart now, two cards of two people)."""
    require(tx, actor, *ADMIT)
    why = text(reason, "reason")
    _lock(tx, kept, gone)
    seen = compare(tx, kept, gone)
    if seen.is_at_a_cart:
        raise ConflictError(
            "a cart has one of them open, or has not told yet what it gave",
            remedy="close the patient at the cart, and wait until it is online",
            says="merge-cart",
        )
    if "national_id" in seen.differs:
        raise ConflictError("two identity cards are two people", remedy="correct the wrong number first", says="merge-two-cards")
    if {seen.kept.patient.status, seen.gone.patient.status} == {PatientStatus.DECEASED, PatientStatus.ADMITTED}:
        raise ConflictError(
            "one record says that the patient has died, the other that he is here",
            remedy="correct the wrong one first",
            says="merge-deceased",
        )
    before = _total(seen.kept.counts, seen.gone.counts)
    for side in (seen.kept, seen.gone):
        if side.patient.status in LEFT:
            _end_stay(tx, side.patient.id)
    moved: dict[str, Any] = merges.move(tx, gone, kept)
    moved["orders"] = _move_orders(tx, gone, kept, action="merged", reason=why)
    moved["allergies"] = _join_allergies(tx, seen.kept.patient, seen.gone.patient)
    moved["children"] = list(identities.unlink_children(tx, gone, kept))
    moved["earlier"] = list(merges.point(tx, gone, kept))
    moved["was"] = _place(seen.gone.patient)
    if seen.kept.patient.status is not PatientStatus.ADMITTED and seen.gone.patient.status is PatientStatus.ADMITTED:
        moved["kept_was"] = _place(seen.kept.patient)
        _take_place(tx, kept, seen.gone.patient)
    moved["national_id"] = _number_to(tx, seen)
    other = seen.gone.identity or Identity(patient=gone, method="document")
    identities.put(tx, replace(other, merged_into=kept))
    left = replace(seen.gone.patient, status=PatientStatus.DISCHARGED, ward=None, bed=None, transferred_at=tx.at)
    patients.put(tx, replace(left, allergies=seen.gone.patient.allergies))
    after = _total(merges.counts(tx, kept), merges.counts(tx, gone))
    if after != before:
        raise ConflictError("the records changed while they were merged", remedy="try again", before=before, after=after)
    moved["facts"] = merges.facts(tx, kept)
    made = merges.add(tx, kept=kept, gone=gone, reason=why, moved=moved)
    told = {name: len(rows) for name, rows in moved.items() if isinstance(rows, list)}
    tx.audit("patient.merge", f"patient/{kept}", {"patients": [kept, gone], "merge": made, "reason": why, "moved": told})
    versions.bump(tx, seen.kept.patient.ward, seen.gone.patient.ward)
    _tell_of_labels(tx, moved)
    return merges.get(tx, made)


def undo(tx: Transaction, actor: Actor, merge_id: int, *, reason: str) -> None:
    """Both records as they were. Raises: NotPermittedError, NotFoundError, OtherWardError, TextMissingError, IllegalTransitionError
    (undone already), ConflictError (something came since, which nobody but a person can tell apart)."""
    require(tx, actor, *ADMIT)
    why = text(reason, "reason")
    found = merges.get(tx, merge_id)
    _lock(tx, found.kept, found.gone)
    found = merges.get(tx, merge_id)
    kept = patients.get(tx, found.kept)
    if ward := (found.moved.get("was") or {}).get("ward"):
        reach.must_see(tx, ward, found.gone)
    if found.undone_at is not None:
        raise IllegalTransitionError("merge", "undone", "undo")
    hinders = hindrances(tx, found)
    if hinders:
        raise ConflictError(
            f"since the merge there came: {', '.join(hinders)}",
            remedy="take the records apart by hand, see the guide",
            since=list(hinders),
            says="unmerge-late",
        )
    before = _total(merges.counts(tx, found.kept), merges.counts(tx, found.gone))
    merges.move_back(tx, found.moved, found.kept, found.gone)
    _move_orders(tx, found.kept, found.gone, action="unmerged", reason=why, only=tuple(found.moved.get("orders", ())))
    _part_allergies(tx, kept, found.moved.get("allergies") or {})
    for child in found.moved.get("children", ()):
        identity = identities.get(tx, child)
        if identity is not None:
            identities.put(tx, replace(identity, mother=found.gone))
    merges.point_back(tx, tuple(found.moved.get("earlier", ())), found.gone)
    if found.moved.get("national_id"):
        of_kept, of_gone = identities.get(tx, found.kept), identities.get(tx, found.gone)
        # One that was corrected since is the person's own.
        if of_kept is not None and of_gone is not None and of_kept.national_id == of_gone.national_id:
            identities.put(tx, replace(of_kept, national_id=None))
    identity = identities.get(tx, found.gone)
    if identity is not None:
        identities.put(tx, replace(identity, merged_into=None))
    was = found.moved.get("was") or {}
    gone = patients.find_any(tx, found.gone)
    if gone is None:
        raise NotFoundError(f"patient {found.gone!r} is not known", remedy="look for the patient again", patient=found.gone)
    patients.put(tx, replace(gone, **_placed(was)))
    if "kept_was" in found.moved and (now := patients.find_any(tx, found.kept)) is not None:
        patients.put(tx, replace(now, **_placed(found.moved["kept_was"])))
    after = _total(merges.counts(tx, found.kept), merges.counts(tx, found.gone))
    if after != before or not merges.undo(tx, merge_id, reason=why):
        raise ConflictError("the records changed while they were taken apart", remedy="try again", before=before, after=after)
    tx.audit("patient.unmerge", f"patient/{found.kept}", {"patients": [found.kept, found.gone], "merge": merge_id, "reason": why})
    versions.bump(tx, kept.ward, was.get("ward"))
    _tell_of_labels(tx, found.moved)


def _tell_of_labels(tx: Transaction, moved: Mapping[str, Any]) -> None:
    """Whose a printed unit label is stands in the formulary that carts get."""
    if moved.get(UNIT_LABELS):
        versions.bump_everywhere(tx, TableKind.FORMULARY)


def _end_stay(tx: Transaction, patient: str) -> None:
    """Whoever left without a word to us may have live orders and bands of that stay: they must not come alive with the other record."""
    order_verbs.end_with_stay(tx, patient, reason="discharged")
    patients.revoke_bands(tx, patient)


def _take_place(tx: Transaction, kept: str, gone: Patient) -> None:
    """The patient is in a bed, so the record that goes on must be: on no list of a ward nobody would give anything."""
    now = patients.find_any(tx, kept)
    assert now is not None
    patients.put(tx, replace(now, status=gone.status, ward=gone.ward, bed=gone.bed, transferred_at=gone.transferred_at))


def hindrances(tx: Transaction, found: Merge) -> tuple[str, ...]:
    """Why it can no longer be undone by itself; empty: it can."""
    later = [one for one in merges.of_patient(tx, found.kept) if one.id > found.id and one.undone_at is None]
    since = list(merges.written_since(tx, found.kept, found.at))
    # One that was under way while the records were merged carries an earlier moment.
    since += [name for name in merges.differing(tx, found) if name not in since]
    now = patients.find_any(tx, found.kept)
    if now is not None and now.status in LEFT and (found.moved.get("was") or {}).get("status") == PatientStatus.ADMITTED:
        since.append("stay")
    if merges.is_at_a_cart(tx, (found.kept, found.gone)):
        since.append("cart")
    after = (found.moved.get("allergies") or {}).get("after", [])
    # Older merges remember kind and substance alone.
    known = [one[: len(after[0])] for one in merges.allergies_of(tx, found.kept)] if after else merges.allergies_of(tx, found.kept)
    if known != after:
        since.append("allergies")
    return (*(("merges",) if later else ()), *since)


def _side(tx: Transaction, patient: str) -> Side:
    found = patients.find_any(tx, patient)
    if found is None:
        raise NotFoundError(f"patient {patient!r} is not known", remedy="look for the patient again", patient=patient)
    if found.ward is not None:
        reach.must_see(tx, found.ward, patient)
    drugs = {view.order.ingredient for view in orders.of_anybody(tx, patient) if view.order.status in order_verbs.LIVE}
    return Side(patient=found, identity=identities.get(tx, patient), counts=merges.counts(tx, patient), drugs=tuple(sorted(drugs)))


def _check(tx: Transaction, kept: str, gone: str) -> None:
    if kept == gone:
        raise ConflictError("a record cannot be merged with itself", remedy="choose another one", says="merge-itself")
    for one in (kept, gone):
        if identities.current(tx, one) != one:
            raise ConflictError(
                f"record {one} is part of another one already", remedy="look at that record", patient=one, says="merged-already"
            )


def _lock(tx: Transaction, kept: str, gone: str) -> None:
    """Until this has ended nothing is written to either record, and no dose at all."""
    patients.hold(tx, kept, gone)
    merges.hold(tx)


def _total(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: number + other[name] for name, number in one.items()}


def _move_orders(tx: Transaction, before: str, after: str, *, action: str, reason: str, only: tuple[str, ...] | None = None) -> list[str]:
    """Each gets a new version that names the other record and says nothing else new, so that carts look at it again."""
    found = [view for view in orders.of_anybody(tx, before) if only is None or view.order.id in only]
    for view in found:
        unclear = view.order.clarification or view.clarification or ""
        changed = replace(view.order, patient=after, version=view.order.version + 1, clarification=unclear)
        order_verbs.carry(tx, view, changed, action=action, reason=reason)
    moved = [view.order.id for view in found]
    if moved:
        merges.orders_to(tx, moved, after)
    return moved


def _join_allergies(tx: Transaction, kept: Patient, gone: Patient) -> dict[str, Any]:
    """Every allergy of either; "none" of one and "not asked" of the other is none. The harder of two severities stays."""
    before = None if kept.allergies is None else [_plain(one) for one in kept.allergies]
    if gone.allergies is not None:
        listed = {(one.kind, one.substance): one for one in kept.allergies or ()}
        for one in gone.allergies:
            mine = listed.get((one.kind, one.substance))
            listed[one.kind, one.substance] = one if mine is None else _harder(mine, one)
        patients.replace_allergies(tx, kept.id, tuple(listed.values()))
    return {"before": before, "after": merges.allergies_of(tx, kept.id)}


_SEVERITY = ("", "mild", "moderate", "severe")


def _harder(one: Allergy, other: Allergy) -> Allergy:
    ranked = {severity: place for place, severity in enumerate(_SEVERITY)}
    severity = max(one.severity or "", other.severity or "", key=lambda each: ranked.get(each, 0))
    return replace(one, severity=severity or None, tolerated_before=one.tolerated_before and other.tolerated_before)


def _part_allergies(tx: Transaction, kept: Patient, joined: dict[str, Any]) -> None:
    before = joined.get("before")
    patients.replace_allergies(tx, kept.id, None if before is None else tuple(_read(one) for one in before))


def _plain(one: Allergy) -> dict[str, Any]:
    return {"substance": one.substance, "kind": one.kind.value, "severity": one.severity, "tolerated": one.tolerated_before}


def _read(one: dict[str, Any]) -> Allergy:
    return Allergy(
        substance=one["substance"], kind=AllergyKind(one["kind"]), severity=one["severity"], tolerated_before=bool(one["tolerated"])
    )


def _place(patient: Patient) -> dict[str, str | None]:
    return {"status": patient.status.value if patient.status is not None else None, "ward": patient.ward, "bed": patient.bed}


def _placed(place: dict[str, Any]) -> dict[str, Any]:
    """What `_place` said, as the patient's fields."""
    status = PatientStatus(place["status"]) if place.get("status") else None
    return {"status": status, "ward": place.get("ward"), "bed": place.get("bed")}


def _number_to(tx: Transaction, seen: Comparison) -> bool:
    """The card's number of the other record, where this one has none. True: it was put there."""
    gone, kept = seen.gone.identity, seen.kept.identity
    if gone is None or not gone.national_id or (kept is not None and kept.national_id):
        return False
    base = kept or Identity(patient=seen.kept.patient.id, method=gone.method)
    identities.put(tx, replace(base, national_id=gone.national_id))
    return True
