"""The hospital's own certificate authority for its machines: carts, bridges, the broker.

One root on P-256. A machine draws its own key and asks with a CSR; what the CSR says of names, uses or extensions is not taken over:
the certificate says what the claim permits and nothing else. The private key lies in a file that only the server's user may read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pointofcare.errors import ConfigError, MessageError, NotPermittedError

ROOT_LIFETIME = timedelta(days=3650)
SERVER_LIFETIME = timedelta(days=397)
CART_LIFETIME = timedelta(days=60)
# A revocation list past its nextUpdate locks every cart out, so it is written anew each day and lasts two weeks.
CRL_LIFETIME = timedelta(days=14)
# Clocks of carts may be behind.
_BACKDATED = timedelta(minutes=10)
MAX_CSR_BYTES = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the root certificate, as hex: what a cart is told beside its claim, so that it trusts no other root."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """`serial` as hex without a prefix."""

    pem: str
    serial: str
    name: str
    not_before: datetime
    not_after: datetime


def create(directory: Path, *, facility: str, at: datetime) -> Authority:
    """Draws a root into `directory` (`ca.key`, `ca.pem`). Raises: ConfigError when there is one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, facility), x509.NameAttribute(NameOID.COMMON_NAME, f"{facility} machines")]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _BACKDATED)
        .not_valid_after(at + ROOT_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / "ca.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise ConfigError(
            f"the authority cannot be written to {directory}: {exc.strerror}", remedy="keep the one that is there, or name another folder"
        ) from exc
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
        file.flush()
        os.fsync(file.fileno())
    made = Authority(key=key, certificate=certificate)
    (directory / "ca.pem").write_text(made.pem, encoding="ascii")
    return made


def load(directory: Path) -> Authority:
    """Raises: ConfigError when there is none, it is damaged, or others may read its key."""
    path = directory / "ca.key"
    try:
        mode = path.stat().st_mode
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        certificate = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
    except OSError as exc:
        raise ConfigError(f"no authority in {directory}: {exc.strerror}", remedy="make one with: pointofcare-server ca init") from exc
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ConfigError(f"{directory} holds no usable authority: {exc}", remedy="restore it from the backup") from exc
    if mode & 0o077:
        raise ConfigError(f"others may read {path}", problems=(("ca.key", f"run: chmod 600 {path}"),))
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ConfigError(f"the key and the certificate in {directory} do not belong together", remedy="restore both from the backup")
    return Authority(key=key, certificate=certificate)


def issue_cart(authority: Authority, csr_pem: str, *, cart: str, at: datetime, lifetime: timedelta = CART_LIFETIME) -> Issued:
    """A client certificate with the common name `cart` for the key of the CSR. Raises: MessageError, NotPermittedError."""
    request = read_csr(csr_pem)
    names = [attribute.value for attribute in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [cart]:
        raise NotPermittedError("the request names another machine than the claim", remedy="claim this machine anew", claimed=cart)
    key = request.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return _issue(authority, key, cart, at, lifetime, ExtendedKeyUsageOID.CLIENT_AUTH)


def issue_client(authority: Authority, *, name: str, at: datetime, lifetime: timedelta = SERVER_LIFETIME) -> tuple[Issued, str]:
    """A client certificate for a program of the server's own, such as the gateway, with its fresh private key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    issued = _issue(authority, key.public_key(), name, at, lifetime, ExtendedKeyUsageOID.CLIENT_AUTH)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return issued, private.decode("ascii")


def issue_server(authority: Authority, *, hosts: Sequence[str], at: datetime, lifetime: timedelta = SERVER_LIFETIME) -> tuple[Issued, str]:
    """A server certificate for these host names and addresses, with its fresh private key as PEM."""
    if not hosts:
        raise ConfigError("a server certificate needs a host", remedy="name the host that carts connect to")
    key = ec.generate_private_key(ec.SECP256R1())
    issued = _issue(authority, key.public_key(), hosts[0], at, lifetime, ExtendedKeyUsageOID.SERVER_AUTH, hosts=hosts)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return issued, private.decode("ascii")


def crl(
    authority: Authority,
    revoked: Iterable[tuple[str, datetime]],
    *,
    at: datetime,
    lifetime: timedelta = CRL_LIFETIME,
    replaced: Iterable[tuple[str, datetime]] = (),
) -> str:
    """The revocation list as PEM, of (serial, when). What was only `replaced` says so, for its machine has a newer certificate."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(at - _BACKDATED)
        .next_update(at + lifetime)
        .add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    superseded = x509.CRLReason(x509.ReasonFlags.superseded)
    for serial, when in revoked:
        builder = builder.add_revoked_certificate(_entry(serial, when).build())
    for serial, when in replaced:
        builder = builder.add_revoked_certificate(_entry(serial, when).add_extension(superseded, critical=False).build())
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode("ascii")


def _entry(serial: str, when: datetime) -> x509.RevokedCertificateBuilder:
    return x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(when)


def revoked_by_list(authority: Authority, pem: bytes) -> tuple[tuple[str, datetime], ...]:
    """(serial, when) of what a list that this authority signed says is revoked, and not merely replaced; () for any other bytes."""
    try:
        found = x509.load_pem_x509_crl(pem)
        if not found.is_signature_valid(authority.key.public_key()):
            return ()
        return tuple((format(entry.serial_number, "x"), entry.revocation_date_utc) for entry in found if not _is_superseded(entry))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return ()


def _is_superseded(entry: x509.RevokedCertificate) -> bool:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return False
    return reason is x509.ReasonFlags.superseded


def read_csr(pem: str) -> x509.CertificateSigningRequest:
    """A CSR on P-256 whose owner has shown that the key is theirs. Raises: MessageError."""
    if len(pem) > MAX_CSR_BYTES:
        raise MessageError("the certificate request is too long", remedy=f"send at most {MAX_CSR_BYTES} bytes of PEM")
    try:
        request = x509.load_pem_x509_csr(pem.encode("ascii"))
        sound = request.is_signature_valid
        key = request.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as exc:
        raise MessageError("this is not a certificate request", remedy="send a PKCS#10 request as PEM", why=str(exc)) from exc
    if not sound:
        raise MessageError("the certificate request is not signed by its own key", remedy="make the request anew")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise MessageError("the key of the request is not on the curve P-256", remedy="draw a P-256 key")
    return request


def owner_of(authority: Authority, certificate_pem: str, *, at: datetime) -> Issued:
    """Who holds this certificate of ours, in time. Whether it was revoked is for the store to say. Raises: NotPermittedError."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode("ascii"))
        certificate.verify_directly_issued_by(authority.certificate)
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound, UnsupportedAlgorithm) as exc:
        raise NotPermittedError("this certificate is not one of ours", remedy="claim the machine anew", why=type(exc).__name__) from exc
    if not certificate.not_valid_before_utc <= at < certificate.not_valid_after_utc:
        raise NotPermittedError("this certificate has run out", remedy="claim the machine anew")
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
        raise NotPermittedError("this certificate is not a machine's", remedy="claim the machine anew")
    return _described(certificate)


def broker_names(certificate_pem: str) -> tuple[str, str]:
    """The common name (Mosquitto's user name), and the subject as NATS writes it."""
    subject = x509.load_pem_x509_certificate(certificate_pem.encode("ascii")).subject
    name = str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    serials = [str(one.value) for one in subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)]
    return name, ",".join([*(f"SERIALNUMBER={serial}" for serial in serials), f"CN={name}"])


def key_hash(csr_pem: str) -> str:
    """SHA-256 of the public key of a request, as hex. Raises: MessageError."""
    key = read_csr(csr_pem).public_key()
    found = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(found).hexdigest()


def signed_by(certificate_pem: str, signature: bytes, content: bytes) -> bool:
    """Was `content` signed (ECDSA, SHA-256) with the key of this certificate?"""
    key = x509.load_pem_x509_certificate(certificate_pem.encode("ascii")).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, content, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _issue(
    authority: Authority,
    key: ec.EllipticCurvePublicKey,
    name: str,
    at: datetime,
    lifetime: timedelta,
    usage: x509.ObjectIdentifier,
    *,
    hosts: Sequence[str] = (),
) -> Issued:
    end = min(at + lifetime, authority.certificate.not_valid_after_utc)
    serial = x509.random_serial_number()
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if usage == ExtendedKeyUsageOID.CLIENT_AUTH:
        # Tells two certificates of one machine apart at a broker that knows its users by their subjects and no revocation list.
        subject.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, f"{serial:x}"))
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(at - _BACKDATED)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
    return _described(builder.sign(authority.key, hashes.SHA256()))


def _described(certificate: x509.Certificate) -> Issued:
    return Issued(
        pem=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        serial=f"{certificate.serial_number:x}",
        name=str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
