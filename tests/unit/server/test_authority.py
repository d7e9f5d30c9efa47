"""The hospital's own authority: what it signs, and what it refuses to sign."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pointofcare.errors import ConfigError, MessageError, NotPermittedError
from server.security import authority as machines
from server.security.authority import Authority

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Authority:
    return machines.create(tmp_path / "ca", facility="h1", at=NOW)


def request(name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None, *, wants_ca: bool = False) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
    if wants_ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signed = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def test_a_cart_gets_a_certificate_for_its_own_name_and_for_nothing_else(root: Authority) -> None:
    issued = machines.issue_cart(root, request("C1", wants_ca=True), cart="C1", at=NOW)
    certificate = x509.load_pem_x509_certificate(issued.pem.encode())
    certificate.verify_directly_issued_by(root.certificate)
    assert issued.name == "C1"
    assert issued.not_after == NOW + timedelta(days=60)
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_a_request_for_another_machine_than_the_claim_is_refused(root: Authority) -> None:
    with pytest.raises(NotPermittedError):
        machines.issue_cart(root, request("C2"), cart="C1", at=NOW)


def test_weak_foreign_and_broken_requests_are_refused(root: Authority) -> None:
    good = request("C1")
    lines = good.splitlines()
    tampered = "\n".join([*lines[:2], lines[2][::-1], *lines[3:]])
    for bad in (
        request("C1", rsa.generate_private_key(65537, 2048)),
        request("C1", ec.generate_private_key(ec.SECP384R1())),
        tampered,
        "",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        good * 40,
        "Ω",
    ):
        with pytest.raises(MessageError):
            machines.issue_cart(root, bad, cart="C1", at=NOW)


def test_whose_certificate_it_is_is_said_only_of_ours_and_in_time(root: Authority, tmp_path: Path) -> None:
    issued = machines.issue_cart(root, request("C1"), cart="C1", at=NOW)
    assert machines.owner_of(root, issued.pem, at=NOW).serial == issued.serial
    with pytest.raises(NotPermittedError):
        machines.owner_of(root, issued.pem, at=issued.not_after)
    other = machines.create(tmp_path / "other", facility="h1", at=NOW)
    with pytest.raises(NotPermittedError):
        machines.owner_of(other, issued.pem, at=NOW)
    server, _ = machines.issue_server(root, hosts=("broker.h1.example", "127.0.0.1"), at=NOW)
    with pytest.raises(NotPermittedError):
        machines.owner_of(root, server.pem, at=NOW)
    with pytest.raises(NotPermittedError):
        machines.owner_of(root, "rubbish", at=NOW)


def test_possession_of_the_old_key_is_shown_by_a_signature(root: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issued = machines.issue_cart(root, request("C1", key), cart="C1", at=NOW)
    signature = key.sign(b"the new request", ec.ECDSA(hashes.SHA256()))
    assert machines.signed_by(issued.pem, signature, b"the new request")
    assert not machines.signed_by(issued.pem, signature, b"another request")
    assert not machines.signed_by(issued.pem, b"", b"the new request")


def test_a_server_certificate_names_its_hosts(root: Authority) -> None:
    issued, private = machines.issue_server(root, hosts=("broker.h1.example", "127.0.0.1"), at=NOW)
    names = x509.load_pem_x509_certificate(issued.pem.encode()).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.h1.example"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert "PRIVATE KEY" in private
    with pytest.raises(ConfigError):
        machines.issue_server(root, hosts=(), at=NOW)


def test_the_revocation_list_names_the_revoked_and_lasts_two_weeks(root: Authority) -> None:
    issued = machines.issue_cart(root, request("C1"), cart="C1", at=NOW)
    found = x509.load_pem_x509_crl(machines.crl(root, [(issued.serial, NOW)], at=NOW).encode())
    assert found.is_signature_valid(root.key.public_key())
    assert found.get_revoked_certificate_by_serial_number(int(issued.serial, 16)) is not None
    assert found.next_update_utc == NOW + timedelta(days=14)


def test_the_root_is_kept_private_and_never_overwritten(root: Authority, tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    assert (directory / "ca.key").stat().st_mode & 0o077 == 0
    assert machines.load(directory).fingerprint == root.fingerprint
    with pytest.raises(ConfigError):
        machines.create(directory, facility="h1", at=NOW)
    (directory / "ca.key").chmod(0o640)
    with pytest.raises(ConfigError, match="others may read"):
        machines.load(directory)
    other = machines.create(tmp_path / "other", facility="h1", at=NOW)
    (directory / "ca.key").chmod(0o600)
    (directory / "ca.pem").write_text(other.pem, encoding="ascii")
    with pytest.raises(ConfigError, match="do not belong together"):
        machines.load(directory)
    with pytest.raises(ConfigError, match="no authority"):
        machines.load(tmp_path / "nowhere")
