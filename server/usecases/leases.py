"""Dose leases: one cart at a time may give a patient's due doses, for five minutes, with a number that only rises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pointofcare.verdict.facts import Lease
from server.store import leases
from server.store.leases import StoredLease
from server.store.transaction import Transaction

LASTS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAnswer:
    """`holder`, `until` and `fence` are of the lease that runs now, whoever has it."""

    state: Lease
    holder: str | None
    until: datetime | None
    fence: int


def acquire(tx: Transaction, *, patient: str, cart: str) -> LeaseAnswer:
    """This cart gets the lease unless another cart's still runs. A takeover raises the fence; the holder asking again does not."""
    lease = leases.locked(tx, patient)
    if _runs(lease, tx.at):
        return _held(tx, lease) if lease.cart == cart else _other(lease)
    return _held(tx, StoredLease(patient=patient, cart=cart, until=None, fence=lease.fence + 1))


def renew(tx: Transaction, *, patient: str, cart: str) -> LeaseAnswer:
    """Prolongs a lease that still runs; one that ran out, or another's, must be acquired."""
    lease = leases.locked(tx, patient)
    if not _runs(lease, tx.at):
        return _none(lease)
    return _held(tx, lease) if lease.cart == cart else _other(lease)


def release(tx: Transaction, *, patient: str, cart: str, fence: int | None) -> LeaseAnswer:
    """Gives back one's own lease. Another's, or a newer one than `fence` names, is left alone: this message came late."""
    lease = leases.locked(tx, patient)
    if lease.cart == cart and (fence is None or fence == lease.fence):
        leases.write(tx, StoredLease(patient=patient, cart=None, until=None, fence=lease.fence))
        return _none(lease)
    if not _runs(lease, tx.at):
        return _none(lease)
    return _other(lease) if lease.cart != cart else LeaseAnswer(state=Lease.HELD, holder=cart, until=lease.until, fence=lease.fence)


def _held(tx: Transaction, lease: StoredLease) -> LeaseAnswer:
    until = tx.at + LASTS
    leases.write(tx, StoredLease(patient=lease.patient, cart=lease.cart, until=until, fence=lease.fence))
    return LeaseAnswer(state=Lease.HELD, holder=lease.cart, until=until, fence=lease.fence)


def _none(lease: StoredLease) -> LeaseAnswer:
    return LeaseAnswer(state=Lease.NONE, holder=None, until=None, fence=lease.fence)


def _other(lease: StoredLease) -> LeaseAnswer:
    return LeaseAnswer(state=Lease.OTHER_CART, holder=lease.cart, until=lease.until, fence=lease.fence)


def _runs(lease: StoredLease, now: datetime) -> bool:
    return lease.cart is not None and lease.until is not None and now < lease.until
