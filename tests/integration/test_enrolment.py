"""Claims, certificates, renewals and revocation in the store, on both databases."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask

from pointofcare.errors import ConflictError, MessageError, NotFoundError, NotPermittedError, PointOfCareError
from server.security import authority as authorities
from server.security import enrolment
from server.security.authority import Authority
from server.store import machines
from server.store.database import db
from server.store.machines import StoredCertificate
from server.store.tables import AuditRow, MachineCertificateRow, MachineClaimRow
from server.store.transaction import reading, transaction
from server.usecases import machines as verbs
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import NURSE
from tests.support.web import FLEET

Key = ec.EllipticCurvePrivateKey


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def root(tmp_path: Path) -> Authority:
    return authorities.create(tmp_path / "ca", facility="h1", at=datetime.now(UTC))


def a_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def request_of(key: Key, name: str = "cart-1") -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def signed(key: Key, text: str) -> str:
    return base64.b64encode(key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))).decode()


def a_token(machine: str = "cart-1", *, at: datetime | None = None) -> str:
    with transaction(FLEET, at=at) as tx:
        return verbs.claim(tx, FLEET, machine).token


def enrolled(root: Authority, key: Key, machine: str = "cart-1") -> StoredCertificate:
    return enrolment.enrol(root, cart=machine, token=a_token(machine), csr=request_of(key, machine))


def renewed(root: Authority, old: StoredCertificate, old_key: Key, new_key: Key) -> StoredCertificate:
    csr = request_of(new_key, old.machine)
    return enrolment.renew(root, certificate=old.pem, csr=csr, signature=signed(old_key, csr))


def test_a_claimed_cart_gets_one_certificate_and_the_audit_says_who_let_it_in(app: Flask, root: Authority) -> None:
    made = enrolled(root, a_key())
    assert made.machine == "cart-1"
    with reading() as tx:
        assert [one.serial for one in verbs.standing(tx)] == [made.serial]
        said = {(row.action, row.actor) for row in tx.session.query(AuditRow)}
    assert {("machine.claim", FLEET.id), ("machine.enrol", "machine/cart-1")} <= said


def test_the_token_is_stored_nowhere(app: Flask, root: Authority) -> None:
    token = a_token()
    with reading() as tx:
        held = [str(row.__dict__) for kind in (MachineClaimRow, AuditRow) for row in tx.session.query(kind)]
    assert held
    assert not any(token in text for text in held)


def test_no_command_line_takes_a_token_for_an_option(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_urlsafe", lambda size: "-" + "x" * size)
    assert not a_token().startswith("-")


def test_one_token_used_by_many_at_once_gives_one_certificate(app: Flask, root: Authority) -> None:
    token, outcomes = a_token(), list[object]()
    together = threading.Barrier(6)

    def use() -> None:
        csr = request_of(a_key())
        with app.app_context():
            together.wait()
            try:
                outcomes.append(enrolment.enrol(root, cart="cart-1", token=token, csr=csr).serial)
            except PointOfCareError as exc:
                outcomes.append(exc.code)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("not-permitted") == 5
    with reading() as tx:
        assert tx.session.query(MachineCertificateRow).count() == 1


def test_a_cart_that_did_not_hear_the_answer_asks_again_with_its_key_and_gets_the_same(app: Flask, root: Authority) -> None:
    token, key = a_token(), a_key()
    first = enrolment.enrol(root, cart="cart-1", token=token, csr=request_of(key))
    again = enrolment.enrol(root, cart="cart-1", token=token, csr=request_of(key))
    assert again.pem == first.pem
    with pytest.raises(NotPermittedError):
        enrolment.enrol(root, cart="cart-1", token=token, csr=request_of(a_key()))


def test_a_wrong_an_old_a_used_and_another_carts_token_are_one_and_the_same_refusal(app: Flask, root: Authority) -> None:
    old = a_token(at=datetime.now(UTC) - verbs.CLAIM_LASTS)
    used, others, twice = a_token("cart-5"), a_token("cart-2"), a_token("cart-4")
    a_token("cart-4")  # a newer claim ends the one before
    enrolment.enrol(root, cart="cart-5", token=used, csr=request_of(a_key(), "cart-5"))
    answers = set()
    bad = [("cart-1", "nonsense"), ("cart-1", ""), ("cart-1", "x" * 5000), ("cart-1", old), ("cart-5", used)]
    for cart, token in (*bad, ("cart-1", others), ("cart-4", twice), ("nobody", others)):
        with pytest.raises(NotPermittedError) as refused:
            enrolment.enrol(root, cart=cart, token=token, csr=request_of(a_key(), cart))
        answers.add(str(refused.value))
    assert len(answers) == 1


def test_only_who_answers_for_the_fleet_claims_and_revokes(app: Flask) -> None:
    for act in (lambda tx: verbs.claim(tx, NURSE, "cart-1"), lambda tx: verbs.revoke(tx, NURSE, "cart-1", reason="lost")):
        with pytest.raises(NotPermittedError), transaction(NURSE) as tx:
            act(tx)


def test_no_machine_takes_the_name_of_the_server_or_one_that_is_no_topic_level(app: Flask) -> None:
    for name in ("server", "SERVER", "viewer", "", "a/b", "+", "#", "a b", "é", "x" * 65, "a,CN=server"):
        with pytest.raises(MessageError), transaction(FLEET) as tx:
            verbs.claim(tx, FLEET, name)


def test_a_renewal_needs_the_old_key_and_happens_once(app: Flask, root: Authority) -> None:
    old_key, new_key = a_key(), a_key()
    old = enrolled(root, old_key)
    csr = request_of(new_key)
    for bad in (signed(new_key, csr), signed(old_key, csr + " ")):
        with pytest.raises(NotPermittedError):
            enrolment.renew(root, certificate=old.pem, csr=csr, signature=bad)
    with pytest.raises(MessageError):
        enrolment.renew(root, certificate=old.pem, csr=csr, signature="not base64!")
    other = request_of(new_key, "cart-2")
    with pytest.raises(NotPermittedError):
        enrolment.renew(root, certificate=old.pem, csr=other, signature=signed(old_key, other))
    new = renewed(root, old, old_key, new_key)
    assert renewed(root, old, old_key, new_key).serial == new.serial
    with pytest.raises(ConflictError):
        renewed(root, old, old_key, a_key())
    with pytest.raises(ConflictError):  # the key of one certificate is never another's
        renewed(root, new, new_key, old_key)
    with reading() as tx:
        assert {one.serial for one in verbs.standing(tx)} == {old.serial, new.serial}


def test_two_renewals_at_once_leave_one_successor(app: Flask, root: Authority) -> None:
    old_key = a_key()
    old = enrolled(root, old_key)
    together, outcomes = threading.Barrier(4), list[str]()

    def ask() -> None:
        with app.app_context():
            together.wait()
            try:
                renewed(root, old, old_key, a_key())
                outcomes.append("renewed")
            except ConflictError:
                outcomes.append("conflict")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 3 + ["renewed"]


def test_what_was_replaced_ends_after_the_overlap_and_goes_on_the_list(app: Flask, root: Authority) -> None:
    old_key, new_key = a_key(), a_key()
    old = enrolled(root, old_key)
    new = renewed(root, old, old_key, new_key)
    with reading(at=datetime.now(UTC) + verbs.OVERLAP) as tx:
        assert [one.serial for one in verbs.standing(tx)] == [new.serial]
        assert [serial for serial, _ in verbs.listed_as_replaced(tx)] == [old.serial]
        assert [account.subjects for account in enrolment.accounts(tx)] == [(authorities.broker_names(new.pem)[1],)]


def test_a_revoked_cart_is_on_the_list_and_no_account_and_renews_no_more(app: Flask, root: Authority) -> None:
    key, other_key = a_key(), a_key()
    lost, other = enrolled(root, key), enrolled(root, other_key, "cart-2")
    waiting = a_token("cart-1")
    with transaction(FLEET) as tx:
        assert verbs.revoke(tx, FLEET, "cart-1", reason="stolen from the corridor") == (lost.serial,)
    with pytest.raises(NotPermittedError):
        renewed(root, lost, key, a_key())
    with pytest.raises(NotPermittedError):  # a claim that waited went with it
        enrolment.enrol(root, cart="cart-1", token=waiting, csr=request_of(a_key()))
    with reading() as tx:
        listed = x509.load_pem_x509_crl(enrolment.crl(root, tx).encode())
        assert listed.get_revoked_certificate_by_serial_number(int(lost.serial, 16)) is not None
        assert listed.get_revoked_certificate_by_serial_number(int(other.serial, 16)) is None
        assert [account.name for account in enrolment.accounts(tx)] == ["cart-2"]
        assert machines.get(tx, lost.serial).reason == "stolen from the corridor"  # type: ignore[union-attr]
    with pytest.raises(NotFoundError), transaction(FLEET) as tx:
        verbs.revoke(tx, FLEET, "cart-1", reason="again")


def test_a_cart_that_was_found_again_enrols_anew_and_its_old_certificate_stays_dead(app: Flask, root: Authority) -> None:
    lost = enrolled(root, a_key())
    with transaction(FLEET) as tx:
        verbs.revoke(tx, FLEET, "cart-1", reason="lost")
    found = enrolled(root, a_key())
    with reading() as tx:
        assert [account.subjects for account in enrolment.accounts(tx)] == [(authorities.broker_names(found.pem)[1],)]
        assert [serial for serial, _ in verbs.listed_as_revoked(tx)] == [lost.serial]
        assert [one.serial for one in machines.listed(tx)] == [found.serial]


def test_an_expired_certificate_is_no_account_and_cannot_be_renewed(app: Flask, root: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    key = a_key()
    monkeypatch.setattr(authorities, "_BACKDATED", timedelta(days=90))
    monkeypatch.setattr(enrolment.authorities.issue_cart, "__kwdefaults__", {"lifetime": timedelta(seconds=-1)})
    made = enrolled(root, key)
    with reading() as tx:
        assert enrolment.accounts(tx) == ()
    with pytest.raises(NotPermittedError):
        renewed(root, made, key, a_key())


def test_the_end_of_the_revocation_list_is_told_a_week_before(root: Authority) -> None:
    now = datetime.now(UTC)
    state = enrolment.list_state(authorities.crl(root, (), at=now).encode())
    assert state is not None
    assert not state.alert(now + timedelta(days=6))
    assert state.alert(now + timedelta(days=7, hours=1))
    assert enrolment.list_state(b"nonsense") is None


def test_a_bridge_writes_below_its_cart(app: Flask, root: Authority) -> None:
    enrolled(root, a_key(), "cart-1-mcu")
    with reading() as tx:
        (account,) = enrolment.accounts(tx)
    assert account.writes("h1") == ("poc/1/h1/c/cart-1/up/#",)
