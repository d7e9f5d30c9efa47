"""Dose leases: one cart at a time may give a patient's due doses, for five minutes, with a number that only rises.

A lease that ran out without being given back, or was given back while something of it is not here yet, leaves a doubt. Whoever gets
the next lease is told of it, until the first cart has told what it did or a person has said why it is settled. Nothing here may
end a doubt because time went by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pointofcare.errors import NotFoundError
from pointofcare.people import StaffRole
from pointofcare.verdict.facts import Lease
from pointofcare.wire.messages import TableKind
from server.store import fleet, identities, leases, patients, reach, versions
from server.store.leases import Doubt, StoredLease
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require, text

LASTS = timedelta(minutes=5)
RESOLVERS = (StaffRole.CHARGE_NURSE, StaffRole.PHARMACIST)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAnswer:
    """`holder`, `until` and `fence` are of the lease that runs now, whoever has it. `doubts` are of other carts and `chart_version` is
    the newest of the cart's ward, both as they are now that it is granted; without a lease they say nothing."""

    state: Lease
    holder: str | None
    until: datetime | None
    fence: int
    doubts: tuple[Doubt, ...] = ()
    chart_version: int | None = None


def acquire(tx: Transaction, *, patient: str, cart: str, nurse: str | None = None) -> LeaseAnswer:
    """This cart gets the lease unless another cart's still runs. The fence rises with every grant, for the holder too: what it sent
    about an earlier one may be under way."""
    patient = identities.held(tx, patient)
    lease = _settled(tx, leases.locked(tx, patient))
    if lease.cart not in (None, cart):
        return _other(lease)
    if nurse is not None and (others := leases.carts_of(tx, nurse, besides=cart)):
        # A badge and PIN in two places: two doses in hand, or somebody else's hand. A person looks; no dose waits for that.
        tx.audit("staff.two-carts", f"staff/{nurse}", {"carts": [cart, *others]})
    return _held(tx, StoredLease(patient=patient, cart=cart, until=None, fence=lease.fence + 1, nurse=nurse))


def renew(tx: Transaction, *, patient: str, cart: str) -> LeaseAnswer:
    """Prolongs a lease that still runs; one that ran out, or another's, must be acquired."""
    patient = identities.current(tx, patient)
    lease = _settled(tx, leases.locked(tx, patient))
    if lease.cart is None:
        return _none(lease)
    return _held(tx, lease) if lease.cart == cart else _other(lease)


def release(tx: Transaction, *, patient: str, cart: str, fence: int | None, unsettled: tuple[str, ...] | None = None) -> LeaseAnswer:
    """Gives back one's own lease. Another's, or another one than `fence` names, is left alone: this message came late. `unsettled`
    are records and open doses that have no receipt; None, from a cart that does not say, is a doubt until it does."""
    patient = identities.current(tx, patient)
    lease = _settled(tx, leases.locked(tx, patient))
    if lease.cart == cart and fence in (None, lease.fence):
        missing = None if unsettled is None else _missing(tx, unsettled)
        if missing != ():
            _doubt(tx, lease, since=tx.at, waits=missing)
        free = StoredLease(patient=patient, cart=None, until=None, fence=lease.fence)
        leases.write(tx, free)
        return _none(free)
    if lease.cart is None:
        return _none(lease)
    return _other(lease) if lease.cart != cart else LeaseAnswer(state=Lease.HELD, holder=cart, until=lease.until, fence=lease.fence)


def notice(tx: Transaction) -> tuple[Doubt, ...]:
    """Turns every lease that ran out into a doubt; all doubts that there are, for whoever asks the carts about them."""
    for lease in leases.ran_out(tx):
        _settled(tx, leases.locked(tx, lease.patient))
    return leases.doubts(tx)


def told(tx: Transaction, *, patient: str, cart: str, token: str | None, unsettled: tuple[str, ...] | None) -> bool:
    """The cart says what of this patient it has that is not here. It must name the doubt's own token: an answer from before the
    lease ran out, or before it was granted anew, ends nothing. Returns whether the doubt ended."""
    leases.locked(tx, patient)
    doubt = next((each for each in leases.doubts(tx, patient) if each.cart == cart), None)
    if doubt is None or unsettled is None or token != doubt.token:
        return False
    missing = _missing(tx, unsettled)
    if missing:
        if missing != doubt.waits:
            leases.put_doubt(tx, replace(doubt, waits=missing))
        return False
    leases.end_doubt(tx, patient, cart)
    tx.audit("lease.doubt-ended", f"patient/{patient}", {"cart": cart, "why": "told"})
    return True


def arrived(tx: Transaction, doubts: tuple[Doubt, ...], record_id: str) -> None:
    """What `doubts` waited for is stored in this transaction."""
    for doubt in leases.arrived(tx, doubts, record_id):
        tx.audit("lease.doubt-ended", f"patient/{doubt.patient}", {"cart": doubt.cart, "why": "arrived", "record": record_id})


def resolve(tx: Transaction, actor: Actor, *, patient: str, cart: str, reason: str) -> None:
    """A person knows what became of it. Raises: NotPermittedError, TextMissingError, NotFoundError (it has ended)."""
    require(tx, actor, *RESOLVERS)
    why = text(reason, "reason")
    reach.must_see(tx, patients.ward_of(tx, patient), patient)
    leases.locked(tx, patient)
    if not leases.end_doubt(tx, patient, cart):
        raise NotFoundError(f"cart {cart!r} is not in doubt any more", remedy="look at the list again", cart=cart, patient=patient)
    tx.audit("lease.doubt-resolved", f"patient/{patient}", {"cart": cart, "reason": why})


def _settled(tx: Transaction, lease: StoredLease) -> StoredLease:
    """The row without a lease that ran out, which leaves its doubt."""
    if lease.cart is None or (lease.until is not None and tx.at < lease.until):
        return lease
    _doubt(tx, lease, since=lease.until or tx.at, waits=None)
    free = StoredLease(patient=lease.patient, cart=None, until=None, fence=lease.fence)
    leases.write(tx, free)
    return free


def _doubt(tx: Transaction, lease: StoredLease, *, since: datetime, waits: tuple[str, ...] | None) -> None:
    assert lease.cart is not None
    before = next((each for each in leases.doubts(tx, lease.patient) if each.cart == lease.cart), None)
    if before is not None and waits is not None:  # the newer lease says nothing about what an earlier one left
        waits = None if before.waits is None else tuple(dict.fromkeys((*before.waits, *waits)))
    since = min(since, before.since) if before is not None else since
    doubt = Doubt(patient=lease.patient, cart=lease.cart, nurse=lease.nurse, since=since, fence=lease.fence, waits=waits)
    leases.put_doubt(tx, doubt)
    tx.audit("lease.doubt", f"patient/{lease.patient}", {"cart": lease.cart, "nurse": lease.nurse, "waits": waits and list(waits)})


def _missing(tx: Transaction, record_ids: tuple[str, ...]) -> tuple[str, ...]:
    here = leases.here(tx, record_ids)
    return tuple(each for each in dict.fromkeys(record_ids) if each not in here)


def _held(tx: Transaction, lease: StoredLease) -> LeaseAnswer:
    """The doubts and the chart's version are read after the row is locked: what was reported before another cart's lease ended is in."""
    until = tx.at + LASTS
    leases.write(tx, replace(lease, until=until))
    others = tuple(each for each in leases.doubts(tx, lease.patient) if each.cart != lease.cart)
    return LeaseAnswer(
        state=Lease.HELD,
        holder=lease.cart,
        until=until,
        fence=lease.fence,
        doubts=others,
        chart_version=_chart_version(tx, lease.cart),
    )


def _chart_version(tx: Transaction, cart: str | None) -> int | None:
    ward = fleet.ward_of(tx, cart) if cart is not None else ""
    return versions.of_ward(tx, ward)[TableKind.PATIENT_CHART] if ward else None


def _none(lease: StoredLease) -> LeaseAnswer:
    return LeaseAnswer(state=Lease.NONE, holder=None, until=None, fence=lease.fence)


def _other(lease: StoredLease) -> LeaseAnswer:
    return LeaseAnswer(state=Lease.OTHER_CART, holder=lease.cart, until=lease.until, fence=lease.fence)
