"""Which machines may come to the broker: a person claims one, the machine enrols once, renews itself, and a person revokes it.

What is signed is the authority's business (`server/security/enrolment`); here is who may, once, and what the audit says of it. A wrong
token, a used one, one that ran out and one of another machine are all the same refusal: nobody learns which it was.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.errors import ConflictError, MessageError, NotFoundError, NotPermittedError
from pointofcare.people import StaffRole
from pointofcare.wire import routes
from server.store import machines
from server.store.machines import StoredCertificate
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require, text

CLAIM_LASTS = timedelta(minutes=10)
# A cart has its new certificate in use within minutes. What it had before ends after this, so that a copy of it is soon worth nothing.
OVERLAP = timedelta(days=7)
LIST_KNEW = "on the revocation list that the broker has; a backup was restored"
BRIDGE = "-mcu"
# Accounts of the broker that are not a machine's.
RESERVED = frozenset({"server", "viewer", "admin", "root"})
_TOKEN_BYTES = 24
_LONGEST_TOKEN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """`token` is shown once, and stored nowhere."""

    machine: str
    token: str
    expires_at: datetime


def claim(tx: Transaction, actor: Actor, machine: str) -> Claimed:
    """Raises: NotPermittedError, MessageError (no name for a machine)."""
    require(tx, actor, StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR)
    name = machine.strip()
    if not routes.is_level(name) or name.lower() in RESERVED:
        raise MessageError(
            f"{name[:80]!r} is no name for a cart",
            problems=(("cart", "use 1 to 64 of A-Z a-z 0-9 _ -, and not the name of another account"),),
            remedy="use 1 to 64 of A-Z a-z 0-9 _ -, and not the name of another account",
        )
    token = "c" + secrets.token_urlsafe(_TOKEN_BYTES)  # one that begins with "-" a command line takes for an option
    expires_at = tx.at + CLAIM_LASTS
    machines.put_claim(tx, token_hash=_hash(token), machine=name, expires_at=expires_at)
    tx.audit("machine.claim", f"machine/{name}", {"expires_at": expires_at.isoformat()})
    return Claimed(machine=name, token=token, expires_at=expires_at)


def enrol(tx: Transaction, *, machine: str, token: str, key_hash: str, issue: Callable[[], StoredCertificate]) -> StoredCertificate:
    """The machine's certificate for its key; the same one when it asks again with the same key, because it may not have heard the answer.

    Raises: NotPermittedError (one answer to every wrong, used and old token)."""
    refused = NotPermittedError(
        "this claim does not hold", remedy="claim the cart anew at the fleet page: a claim holds once, ten minutes long"
    )
    if not 1 <= len(token) <= _LONGEST_TOKEN:
        raise refused
    token_hash = _hash(token)
    if machines.use_claim(tx, token_hash=token_hash, machine=machine, key_hash=key_hash):
        made = issue()
        if not machines.put(tx, made):
            raise refused  # the key has a certificate already: a machine draws a fresh one for each
        machines.note_serial(tx, token_hash=token_hash, serial=made.serial)
        tx.audit("machine.enrol", f"machine/{machine}", {"serial": made.serial, "not_after": made.not_after.isoformat()})
        return made
    used = machines.claim(tx, token_hash)
    if used is None or used.machine != machine or used.key_hash != key_hash or used.serial is None or tx.at >= used.expires_at:
        raise refused
    again = machines.get(tx, used.serial)
    if again is None or not again.in_force(tx.at):
        raise refused
    return again


def renew(tx: Transaction, *, serial: str, key_hash: str, issue: Callable[[], StoredCertificate]) -> StoredCertificate:
    """The successor of the certificate `serial`, whose holder has shown its key; the same one when it asks again with the same new key.

    Raises: NotPermittedError (revoked, unknown), ConflictError (somebody with another key renewed it before)."""
    old = machines.held(tx, serial)
    if old is None or not old.in_force(tx.at):
        raise NotPermittedError("this certificate does not hold any more", remedy="claim the cart anew at the fleet page")
    if old.replaced_by is not None:
        known = machines.get(tx, old.replaced_by)
        if known is not None and known.key_hash == key_hash and known.in_force(tx.at):
            return known
        # Two machines hold one key, or one lost its new one: a person has to look.
        raise ConflictError(
            "this certificate was renewed before, with another key", remedy="claim the cart anew; if it was not renewed by you, revoke it"
        )
    made = issue()
    if not machines.put(tx, made):
        raise ConflictError("this key has a certificate already", remedy="draw a fresh key for each renewal")
    detail = {"serial": made.serial, "renews": serial, "not_after": made.not_after.isoformat()}
    tx.audit("machine.renew", f"machine/{made.machine}", detail)
    return made


def revoke(tx: Transaction, actor: Actor, machine: str, *, reason: str) -> tuple[str, ...]:
    """Every certificate and waiting claim of the machine ends; the serials. Raises: NotPermittedError, NotFoundError, TextMissingError."""
    require(tx, actor, StaffRole.FLEET_MANAGER, StaffRole.ADMINISTRATOR)
    why = text(reason, "reason")
    ended = machines.end_claims(tx, machine)
    serials = machines.revoke(tx, machine, reason=why)
    if not serials and not ended:
        raise NotFoundError(f"cart {machine!r} has no certificate that holds", remedy="look at the list of machines", cart=machine)
    tx.audit("machine.revoke", f"machine/{machine}", {"serials": list(serials), "claims": ended, "reason": why})
    return serials


def standing(tx: Transaction) -> tuple[StoredCertificate, ...]:
    """The certificates with which a machine may come now."""
    return tuple(one for one in machines.unexpired(tx) if one.in_force(tx.at) and not _over(one, tx.at))


def listed_as_revoked(tx: Transaction) -> tuple[tuple[str, datetime], ...]:
    """(serial, when) for the revocation list."""
    return tuple((one.serial, one.revoked_at) for one in machines.unexpired(tx) if one.revoked_at is not None)


def listed_as_replaced(tx: Transaction) -> tuple[tuple[str, datetime], ...]:
    """(serial, when) for the revocation list: what was replaced long enough ago."""
    return tuple(
        (one.serial, one.replaced_at + OVERLAP)
        for one in machines.unexpired(tx)
        if one.revoked_at is None and one.replaced_at is not None and _over(one, tx.at)
    )


def forgotten(tx: Transaction, serials: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of what a list says is revoked: the serials that hold here, and those that nobody here ever saw. A restored backup makes both."""
    asked = tuple(serials)
    known = {one.serial: one for one in machines.of_serials(tx, asked)}
    holding = tuple(serial for serial, one in known.items() if one.in_force(tx.at))
    return holding, tuple(serial for serial in asked if serial not in known)


def revoke_again(tx: Transaction, serials: Iterable[str]) -> tuple[str, ...]:
    """What a revocation list of ours names is revoked, whatever this database still remembers."""
    ended = machines.revoke_serials(tx, tuple(serials), reason=LIST_KNEW)
    if ended:
        tx.audit("machine.revoke", "machine/list", {"serials": list(ended), "reason": LIST_KNEW})
    return ended


def _over(one: StoredCertificate, at: datetime) -> bool:
    return one.replaced_at is not None and at >= one.replaced_at + OVERLAP


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
