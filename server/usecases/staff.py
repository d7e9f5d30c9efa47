"""Adding people and changing what they may do. Plain passwords never come this far: only their hashes."""

from __future__ import annotations

from uuid import uuid4

from pointofcare.errors import ConflictError
from pointofcare.people import StaffRole
from pointofcare.wire.messages import TableKind
from server.store import sign_ins, staff, versions
from server.store.staff import StaffMember
from server.store.transaction import Actor, Transaction
from server.usecases import changes
from server.usecases.permission import require


def receive(tx: Transaction, member: StaffMember) -> None:
    """A person, new or changed: the caller has checked who may import or add."""
    before = staff.of_id(tx, member.id)
    staff.put(tx, member)
    # A sign-in of before must not come back when the account is opened again, nor outlive the password that it came with.
    is_closed = before is not None and before.active and not member.active
    if is_closed or (member.password_hash is not None and before is not None and member.id != tx.actor.id):
        sign_ins.end_all(tx, member.id)
    # The hashes are not read back, so that a new one shows as changed, and none as unchanged.
    tx.audit("staff.receive", f"staff/{member.id}", changes.told(before, member, unsaid=changes.OF_A_PERSON))
    versions.bump_everywhere(tx, TableKind.STAFF_ROSTER)


def add(tx: Transaction, member: StaffMember) -> None:
    """A new person. The caller has checked who may. Raises: ConflictError when the id or user name is taken."""
    for name in (member.id, member.username or member.id):
        if staff.find(tx, name) is not None:
            raise ConflictError(f"{name} is taken", remedy="choose another name, or set that person's password", name=name)
    receive(tx, member)


def put(tx: Transaction, actor: Actor, member: StaffMember) -> None:
    """As `receive`, by an administrator. Raises: NotPermittedError."""
    require(tx, actor, StaffRole.ADMINISTRATOR)
    receive(tx, member)


def set_own_password(tx: Transaction, actor: Actor, password_hash: str) -> None:
    """The person who acts has named the password of before. Ends all sessions of the person. Raises: NotFoundError."""
    staff.set_password(tx, actor.id, password_hash, uniquifier=uuid4().hex, must_change=False)
    sign_ins.end_all(tx, actor.id)
    tx.audit("staff.change-own-password", f"staff/{actor.id}")


def set_password(tx: Transaction, name: str, password_hash: str, *, temporary: bool = False) -> None:
    """Ends all sessions of the person, who must change it at the next sign-in where it is `temporary`. The caller has checked who may.

    Raises: NotFoundError."""
    found = staff.set_password(tx, name, password_hash, uniquifier=uuid4().hex, must_change=temporary)
    sign_ins.end_all(tx, found)
    tx.audit("staff.set-password", f"staff/{found}", {"temporary": temporary})
