"""Machines and the authority together: enrol, renew, what is revoked, and the names by which a broker knows each.

The authority signs only inside the transaction that uses the claim, so that no certificate is given that the store does not hold.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from devices.brokers.account import Account, AccountKind
from pointofcare.errors import MessageError, NotFoundError, NotPermittedError
from server.security import authority as authorities
from server.security.authority import Authority, Issued
from server.store.machines import StoredCertificate
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import machines

LIST = Actor(id="revocation-list", name="Revocation list")
# Below this a person must look: the list should have been written anew days ago.
CRL_ALERT = timedelta(days=7)
CRL_EVERY = timedelta(days=1)
SERVER_NAME = "server"


def authority_of(directory: Path) -> Authority:
    """Raises: NotFoundError where this server has none; ConfigError for one that is damaged."""
    if not (directory / "ca.key").exists():
        raise NotFoundError("this server gives no certificates", remedy="make its authority with: pointofcare-server ca init")
    return authorities.load(directory)


def enrol(authority: Authority, *, cart: str, token: str, csr: str) -> StoredCertificate:
    """The certificate of a machine that was claimed. Raises: MessageError (csr), NotPermittedError (one answer to every bad claim)."""
    key_hash = _key_hash(csr)
    with transaction(_machine(cart)) as tx:

        def issue() -> StoredCertificate:
            return _stored(_issued(authority, csr, cart, tx.at), key_hash, tx.at)

        return machines.enrol(tx, machine=cart, token=token, key_hash=key_hash, issue=issue)


def renew(authority: Authority, *, certificate: str, csr: str, signature: str) -> StoredCertificate:
    """The successor of `certificate`. `signature` is base64 of an ECDSA signature over the CSR's text by the certificate's key: so the
    holder of the old key asks, and the CSR itself proves the new one.

    Raises: MessageError (fields certificate, csr, signature), NotPermittedError, ConflictError (renewed before with another key)."""
    key_hash = _key_hash(csr)
    try:
        signed = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise MessageError("the signature is not base64", problems=(("signature", "send base64 of an ECDSA signature"),)) from exc
    with transaction(Actor(id="machine")) as tx:
        owner = authorities.owner_of(authority, certificate, at=tx.at)
        if not authorities.signed_by(certificate, signed, csr.encode("utf-8")):
            raise NotPermittedError("the request is not signed with the key of this certificate", remedy="sign it with the key in use")
        tx.actor = _machine(owner.name)

        def issue() -> StoredCertificate:
            return _stored(_issued(authority, csr, owner.name, tx.at), key_hash, tx.at, renews=owner.serial)

        return machines.renew(tx, serial=owner.serial, key_hash=key_hash, issue=issue)


def crl(authority: Authority, tx: Transaction, *, also: Iterable[tuple[str, datetime]] = ()) -> str:
    """The revocation list of now, as PEM."""
    revoked = (*machines.listed_as_revoked(tx), *also)
    return authorities.crl(authority, revoked, at=tx.at, replaced=machines.listed_as_replaced(tx))


def take_over(authority: Authority, last: bytes) -> tuple[tuple[str, datetime], ...]:
    """What the `last` list that was given out says is revoked and a restored backup has forgotten: what holds here is revoked again. The
    answer is (serial, when) of what nobody here ever saw, and what may not have run out yet."""
    listed = dict(authorities.revoked_by_list(authority, last))
    if not listed:
        return ()
    with reading() as tx:
        holding, unseen = machines.forgotten(tx, listed)
        at = tx.at
    if holding:
        with transaction(LIST) as tx:
            machines.revoke_again(tx, holding)
    return tuple((serial, listed[serial]) for serial in unseen if at - listed[serial] < authorities.CART_LIFETIME)


def accounts(tx: Transaction, *, server_certificate: str = "") -> tuple[Account, ...]:
    """Who may come to the broker: each machine with a certificate that holds, and the server with its own (PEM)."""
    subjects: dict[str, list[str]] = {}
    for one in machines.standing(tx):
        subjects.setdefault(one.machine, []).append(authorities.broker_names(one.pem)[1])
    found = [
        Account(name=name, kind=AccountKind.CART, cart=name.removesuffix(machines.BRIDGE), subjects=tuple(names))
        for name, names in sorted(subjects.items())
    ]
    if server_certificate:
        name, subject = authorities.broker_names(server_certificate)
        found.insert(0, Account(name=name, kind=AccountKind.SERVER, subjects=(subject,)))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListState:
    """How long the broker's revocation list still holds. Past its end a broker lets nobody in, good certificates neither."""

    made_at: datetime
    ends_at: datetime

    def alert(self, at: datetime) -> bool:
        return self.ends_at - at < CRL_ALERT


def list_state(pem: bytes) -> ListState | None:
    """None: this is no revocation list."""
    try:
        found = x509.load_pem_x509_crl(pem)
    except ValueError:
        return None
    ends_at = found.next_update_utc
    return None if ends_at is None else ListState(made_at=found.last_update_utc, ends_at=ends_at)


def _machine(name: str) -> Actor:
    return Actor(id=f"machine/{name[:64]}")


def _key_hash(csr: str) -> str:
    try:
        return authorities.key_hash(csr)
    except MessageError as exc:
        raise MessageError(exc.message, problems=(("csr", exc.remedy),), remedy=exc.remedy) from exc


def _issued(authority: Authority, csr: str, name: str, at: datetime) -> Issued:
    return authorities.issue_cart(authority, csr, cart=name, at=at)


def _stored(issued: Issued, key_hash: str, at: datetime, *, renews: str | None = None) -> StoredCertificate:
    return StoredCertificate(
        serial=issued.serial,
        machine=issued.name,
        pem=issued.pem,
        key_hash=key_hash,
        issued_at=at,
        not_before=issued.not_before,
        not_after=issued.not_after,
        renews=renews,
    )
