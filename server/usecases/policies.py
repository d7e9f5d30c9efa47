"""Changing the policy: one person drafts a file, another approves the very text, and it comes into force in one transaction with the
tables of every ward concerned.

Nobody approves what they wrote, nothing that was active is ever changed or deleted, and a file that has a fault is never stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError
from pointofcare.people import StaffRole
from pointofcare.policies import layers, reading, writing
from pointofcare.policies.document import PolicyFile
from pointofcare.policies.fault import Fault, PolicyFileError
from pointofcare.verdict.policy import Policy
from pointofcare.wire.messages import TableKind
from server.store import patients, policies, staff, versions
from server.store.policies import HOSPITAL, State, StoredFile
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require

ROLES = (StaffRole.PHARMACIST, StaffRole.ADMINISTRATOR)


def draft(tx: Transaction, actor: Actor, text: str, *, ward: str = HOSPITAL, by: str | None = None) -> StoredFile:
    """A new version of the hospital's file or a ward's. `by` is who answers for it where a program brings it.

    Raises: NotPermittedError, NotFoundError (the ward), PolicyFileError, ConflictError (the version was used before)."""
    require(tx, actor, *ROLES)
    answers = actor.id if by is None else _answering(tx, by)
    _known(tx, ward)
    file = examined(tx, text, ward=ward)
    number = policies.add_draft(tx, ward=ward, version=file.version, text=text, by=answers)
    tx.audit("policy.draft", _subject(ward, file.version), {"by": answers, "sha256": _digest(text)})
    return policies.get(tx, number)


def edit(tx: Transaction, actor: Actor, number: int, text: str, *, revision: int) -> StoredFile:
    """Another text for a draft; whoever approved the old one has not approved this one.

    Raises: NotPermittedError, NotFoundError, PolicyFileError, ConflictError."""
    require(tx, actor, *ROLES)
    found = _draft(tx, number, revision)
    file = examined(tx, text, ward=found.ward)
    policies.change_draft(tx, found, version=file.version, text=text, by=actor.id)
    tx.audit("policy.edit", _subject(found.ward, file.version), {"was": found.version, "sha256": _digest(text)})
    return policies.get(tx, number)


def approve(tx: Transaction, actor: Actor, number: int, *, revision: int) -> StoredFile:
    """Says yes to the text with this `revision`. Raises: NotPermittedError (also: it is one's own), NotFoundError,
    PolicyFileError, ConflictError."""
    require(tx, actor, *ROLES)
    found = _draft(tx, number, revision)
    if found.drafted_by == actor.id:
        raise NotPermittedError("nobody approves what they wrote", remedy="ask another pharmacist or administrator", actor=actor.id)
    examined(tx, found.text, ward=found.ward)
    policies.approve(tx, found, by=actor.id)
    tx.audit(
        "policy.approve",
        _subject(found.ward, found.version),
        {"drafted_by": found.drafted_by, "sha256": _digest(found.text), **_step(found, "approved")},
    )
    return policies.get(tx, number)


def activate(tx: Transaction, actor: Actor, number: int, *, revision: int) -> StoredFile:
    """It comes into force: the version before retires, and the policy table of every ward concerned rises.

    Raises: NotPermittedError (also: nobody else approved it), NotFoundError, ConflictError, PolicyFileError (a ward's file does not
    fit over it)."""
    require(tx, actor, *ROLES)
    versions.hold(tx, TableKind.POLICY)
    found = _draft(tx, number, revision)
    if found.approved_by is None or found.approved_by == found.drafted_by:
        raise NotPermittedError("nobody else has approved this text", remedy="ask another pharmacist or administrator to approve it")
    standing = policies.active(tx, found.ward)
    file = examined(tx, found.text, ward=found.ward)
    if standing is not None:
        policies.retire(tx, standing, by=actor.id)
    policies.activate(tx, found, by=actor.id)
    if found.ward == HOSPITAL:
        _hospital_in_force(tx, file)
        versions.bump_everywhere(tx, TableKind.POLICY)
    else:
        policies.put_in_force(tx, layers.layered(hospital_file(tx), file), found.ward)
        versions.bump_one(tx, found.ward, TableKind.POLICY)
    detail = {
        "before": {"in_force": standing.version if standing is not None else None},
        "after": {"in_force": found.version},
        "approved_by": found.approved_by,
        "sha256": _digest(found.text),
    }
    tx.audit("policy.activate", _subject(found.ward, found.version), detail)
    return policies.get(tx, number)


def withdraw(tx: Transaction, actor: Actor, number: int, *, revision: int) -> StoredFile:
    """A draft that will not be used. Raises: NotPermittedError, NotFoundError, ConflictError."""
    require(tx, actor, *ROLES)
    found = _draft(tx, number, revision)
    policies.retire(tx, found, by=actor.id)
    tx.audit("policy.withdraw", _subject(found.ward, found.version), _step(found, "withdrawn"))
    return policies.get(tx, number)


def _step(found: StoredFile, after: str) -> dict[str, object]:
    return {"before": {"state": found.state.value, "approved_by": found.approved_by}, "after": {"state": after}}


def again(tx: Transaction, actor: Actor, number: int) -> StoredFile:
    """The text of an earlier version as a new draft under a new name: the way back. Raises: as `draft`."""
    require(tx, actor, *ROLES)
    found = policies.get(tx, number)
    if found.state is State.DRAFT:
        raise ConflictError(f"policy {found.version} is a draft still", remedy="edit it", version=found.version)
    file = replace(reading.read(found.text), version=_free_name(tx, found))
    return draft(tx, actor, writing.write(file), ward=found.ward)


def examined(tx: Transaction, text: str, *, ward: str) -> PolicyFile:
    """The file of `text`, which holds over what is below it. Raises: PolicyFileError."""
    file, faults = examine(tx, text, ward=ward)
    if file is None or faults:
        raise PolicyFileError(faults)
    return file


def examine(tx: Transaction, text: str, *, ward: str) -> tuple[PolicyFile | None, tuple[Fault, ...]]:
    """The file, None when it does not read, and every fault of it, those of the wards' files over a hospital's included."""
    file, faults = reading.examined(text)
    if file is None:
        return None, faults
    if ward != HOSPITAL:
        return file, layers.faults(hospital_file(tx), file)
    found = list(layers.faults(file))
    for stored in policies.active_of_wards(tx):
        for fault in _over(file, stored)[1]:
            found.append(replace(fault, path=f"{stored.ward} {stored.version}: {fault.path}", line=None))
    return file, tuple(found)


def hospital_file(tx: Transaction) -> PolicyFile | None:
    """The hospital's active file; None where the default holds."""
    stored = policies.active(tx, HOSPITAL)
    return reading.read(stored.text) if stored is not None else None


def effective(tx: Transaction, stored: StoredFile) -> Policy:
    """What would hold in its ward (or the hospital) with this file. Raises: PolicyFileError."""
    file = reading.read(stored.text)
    return layers.layered(file) if stored.ward == HOSPITAL else layers.layered(hospital_file(tx), file)


def effective_by_ward(tx: Transaction, stored: StoredFile) -> Callable[[str], Policy]:
    """What would hold in each ward with this file. Raises: PolicyFileError."""
    file = reading.read(stored.text)
    of_wards = {each.ward: each for each in policies.active_of_wards(tx)}
    if stored.ward != HOSPITAL:
        mine, others = layers.layered(hospital_file(tx), file), policies.in_force(tx)
        standing = {ward: policies.in_force(tx, ward) for ward in of_wards} | {stored.ward: mine}
        return lambda ward: standing.get(ward, others)
    below = layers.layered(file)
    over = {ward: layers.layered(file, reading.read(each.text)) for ward, each in of_wards.items()}
    return lambda ward: over.get(ward, below)


def _hospital_in_force(tx: Transaction, file: PolicyFile) -> None:
    policies.put_in_force(tx, layers.layered(file))
    for stored in policies.active_of_wards(tx):
        policies.put_in_force(tx, layers.layered(file, reading.read(stored.text)), stored.ward)


def _over(hospital: PolicyFile, stored: StoredFile) -> tuple[PolicyFile | None, tuple[Fault, ...]]:
    ward, faults = reading.examined(stored.text)
    return ward, faults or layers.faults(hospital, ward)


def _draft(tx: Transaction, number: int, revision: int) -> StoredFile:
    found = policies.get(tx, number)
    if found.state is not State.DRAFT or found.revision != revision:
        raise ConflictError(f"policy {found.version} changed meanwhile", remedy="look at the page again", version=found.version)
    return found


def _known(tx: Transaction, ward: str) -> None:
    if ward != HOSPITAL and patients.ward(tx, ward) is None:
        raise NotFoundError(f"ward {ward!r} is not known", remedy="look at the list of wards", ward=ward)


def _answering(tx: Transaction, by: str) -> str:
    person = staff.find(tx, by)
    if person is None or not person.active or not set(ROLES) & set(person.roles):
        raise NotPermittedError(f"{by} may not draft a policy", remedy="name a pharmacist or an administrator of the staff", actor=by)
    return person.id


def _free_name(tx: Transaction, found: StoredFile) -> str:
    stem = found.version[:25]
    for number in range(2, 1000):
        name = f"{stem}-r{number}"
        if policies.named(tx, found.ward, name) is None:
            return name
    raise ConflictError(f"policy {found.version} was taken up too often", remedy="draft it under a new name", version=found.version)


def _subject(ward: str, version: str) -> str:
    return f"policy/{ward}/{version}" if ward else f"policy/{version}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
