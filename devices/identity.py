"""Who a machine of the cart is at the broker, the cart program or its bridge: its key, its certificate, the root it
trusts, and how it gets and renews them.

The key is drawn here and never leaves. Files (folder 0700, each replaced as a whole, so that a power cut leaves the one before):

- `ca.pem` the root, `server.json` where to renew;
- `cart.pem` key and certificate in use, one file, so that they always belong together;
- `pending.key` the key of a request under way: asked for again with it after a power cut, which gives the same certificate;
- `next.pem` a renewed certificate that has not worked yet; `cart.pem` stays usable until it has.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pointofcare.errors import ConfigError, DeviceProtocolError, DeviceUnavailableError, NotPermittedError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TIMEOUT_S = 15.0
_LARGEST_ANSWER = 65_536
_RENEW_AT = 2 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The files of one machine. Nothing is read until it is asked for."""

    directory: Path
    cart: str

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def in_use(self) -> Path:
        return self.directory / "cart.pem"

    @property
    def renewed(self) -> Path:
        return self.directory / "next.pem"

    @property
    def pending(self) -> Path:
        return self.directory / "pending.key"

    @property
    def server_file(self) -> Path:
        return self.directory / "server.json"

    @property
    def complete(self) -> bool:
        return self.in_use.is_file() and self.ca_file.is_file()

    def certificate(self) -> x509.Certificate:
        """The one in use. Raises: ConfigError."""
        return _parts(self.in_use)[1]

    def expires_at(self) -> datetime:
        """Raises: ConfigError."""
        return self.certificate().not_valid_after_utc

    def renewal_due(self, now: datetime) -> bool:
        """Two thirds of the certificate's life are over. Raises: ConfigError."""
        found = self.certificate()
        return now >= found.not_valid_before_utc + (found.not_valid_after_utc - found.not_valid_before_utc) * _RENEW_AT

    def promote(self) -> None:
        """The renewed certificate has worked: it is the one in use from now on."""
        self.renewed.replace(self.in_use)
        _sync(self.directory)

    def drop_renewed(self) -> None:
        """A renewed certificate that cannot be used; the key stays for the next try only if it never got one."""
        self.renewed.unlink(missing_ok=True)
        _sync(self.directory)


def enrol(identity: Identity, *, server: str, token: str, ca_sha256: str, web_ca: Path | None = None) -> datetime:
    """Gets the first certificate; when it ends. May be called again after a power cut, with the same token, within its ten minutes.

    The root is fetched first and compared with `ca_sha256`, and only then is the token sent, over TLS that this root (or `web_ca`)
    vouches for. Raises: ConfigError (address, fingerprint), NotPermittedError (the claim does not hold), DeviceUnavailableError (nobody
    answers), DeviceProtocolError (the answer is not for us)."""
    wanted = ca_sha256.replace(":", "").strip().lower()
    if len(wanted) != 64 or any(sign not in "0123456789abcdef" for sign in wanted):
        raise ConfigError("the fingerprint is not a SHA-256", problems=(("--ca-sha256", "64 hexadecimal digits, as the claim shows them"),))
    _check_address(server)
    identity.directory.mkdir(parents=True, exist_ok=True)
    identity.directory.chmod(0o700)
    told = str(_call(server, "GET", "/api/v1/enrolment/authority", None, _blind(server)).get("ca", ""))
    try:
        root = x509.load_pem_x509_certificate(told.encode("ascii"))
    except ValueError as exc:
        raise DeviceProtocolError("the server showed no root certificate", remedy="check the address of the server") from exc
    if hashlib.sha256(root.public_bytes(serialization.Encoding.DER)).hexdigest() != wanted:
        raise ConfigError(
            "this is not the server that the claim names: its root has another fingerprint",
            problems=(("--ca-sha256", "another root: check the address; if it is right, somebody sits in between"),),
        )
    pem = root.public_bytes(serialization.Encoding.PEM)
    key = _pending_key(identity)
    asked = {"cart": identity.cart, "token": token, "csr": _request(key, identity.cart)}
    answer = _call(server, "POST", "/api/v1/enrolment", asked, _verified(server, pem.decode("ascii"), web_ca))
    made = _checked(answer, root, key, identity.cart)
    kept = {"server": server, "web_ca": str(web_ca.resolve()) if web_ca is not None else None}
    _write(identity.ca_file, pem)
    _write(identity.server_file, json.dumps(kept).encode("utf-8"))
    _write(identity.in_use, _bundle(key, made))
    identity.renewed.unlink(missing_ok=True)
    identity.pending.unlink(missing_ok=True)
    _sync(identity.directory)
    return made.not_valid_after_utc


def renew(identity: Identity) -> datetime:
    """Gets the next certificate into `next.pem`; when it ends. The one in use is not touched. Raises: as `enrol`."""
    root = _root(identity)
    old_key, old = _parts(identity.in_use)
    try:
        kept = json.loads(identity.server_file.read_text(encoding="utf-8"))
        server, web_ca = str(kept["server"]), kept.get("web_ca")
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ConfigError(f"{identity.server_file} does not say where to renew: {exc}", remedy="claim the cart anew") from exc
    key = _pending_key(identity)
    csr = _request(key, identity.cart)
    signature = base64.b64encode(old_key.sign(csr.encode("utf-8"), ec.ECDSA(hashes.SHA256()))).decode("ascii")
    asked = {"certificate": _pem(old), "csr": csr, "signature": signature}
    tls = _verified(server, _pem(root), Path(web_ca) if web_ca else None)
    made = _checked(_call(server, "POST", "/api/v1/enrolment/renewal", asked, tls), root, key, identity.cart)
    _write(identity.renewed, _bundle(key, made))
    identity.pending.unlink(missing_ok=True)
    _sync(identity.directory)
    return made.not_valid_after_utc


def _pending_key(identity: Identity) -> ec.EllipticCurvePrivateKey:
    """The key of a request that a power cut broke off, or a fresh one, which is on the disk before anybody hears of it."""
    try:
        found = serialization.load_pem_private_key(identity.pending.read_bytes(), password=None)
        if isinstance(found, ec.EllipticCurvePrivateKey) and isinstance(found.curve, ec.SECP256R1):
            return found
    except (OSError, ValueError, TypeError):
        pass
    key = ec.generate_private_key(ec.SECP256R1())
    _write(identity.pending, _private(key))
    return key


def _request(key: ec.EllipticCurvePrivateKey, cart: str) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cart)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _checked(answer: dict[str, Any], root: x509.Certificate, key: ec.EllipticCurvePrivateKey, cart: str) -> x509.Certificate:
    """The certificate of an answer, if it is ours: of this root, for this key, in this name, in time. Raises: DeviceProtocolError."""
    try:
        made = x509.load_pem_x509_certificate(str(answer.get("certificate", "")).encode("ascii"))
        made.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature) as exc:
        raise DeviceProtocolError("the server's answer holds no certificate of its own root", remedy="tell whoever runs it") from exc
    names = [one.value for one in made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if made.public_key() != key.public_key() or names != [cart]:
        raise DeviceProtocolError("the server's certificate is for another machine", remedy="tell whoever runs it")
    if not made.not_valid_before_utc <= datetime.now(UTC) + timedelta(minutes=5) < made.not_valid_after_utc:
        raise DeviceProtocolError("the server's certificate is not valid now", remedy="set the clock of the cart")
    return made


def _check_address(server: str) -> None:
    parts = urlsplit(server)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not secure or not parts.hostname:
        raise ConfigError(
            f"{server!r} is no address to send a claim to", problems=(("--server", "write https://HOST; plain http on this machine only"),)
        )


def _blind(server: str) -> ssl.SSLContext | None:
    """For fetching the root alone, which its fingerprint proves; nothing secret goes over it."""
    if urlsplit(server).scheme == "http":
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _verified(server: str, root: str, web_ca: Path | None) -> ssl.SSLContext | None:
    _check_address(server)
    if urlsplit(server).scheme == "http":
        return None
    try:
        context = ssl.create_default_context(cafile=str(web_ca)) if web_ca is not None else ssl.create_default_context(cadata=root)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(f"{web_ca} cannot be used: {exc}", problems=(("--web-ca", str(exc)),)) from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _call(server: str, method: str, path: str, body: dict[str, str] | None, tls: ssl.SSLContext | None) -> dict[str, Any]:
    parts = urlsplit(server)
    host, port = parts.hostname or "", parts.port
    if tls is not None:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=tls)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        content = json.dumps(body).encode("utf-8") if body is not None else None
        connection.request(method, parts.path.rstrip("/") + path, body=content, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        status, raw = answer.status, answer.read(_LARGEST_ANSWER)
    except ssl.SSLCertVerificationError as exc:
        problem = (("--web-ca", "name the CA of the server's HTTPS certificate, when it is not this hospital's machine root"),)
        raise ConfigError(f"the server's HTTPS certificate is not trusted: {exc.verify_message}", problems=problem) from exc
    except (OSError, http.client.HTTPException) as exc:
        raise DeviceUnavailableError(f"{server} does not answer: {exc}", remedy="check the network and the address") from exc
    finally:
        connection.close()
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise DeviceProtocolError(f"{server} answered {status} and no JSON", remedy="check the address of the server")
    if status in (200, 201):
        return told
    text, remedy = str(told.get("detail", ""))[:300], str(told.get("remedy", ""))[:300]
    if status in (403, 409):
        raise NotPermittedError(text or "the server refuses", remedy=remedy)
    if status == 429 or status >= 500:
        raise DeviceUnavailableError(f"{server} cannot do it now: {text}", remedy=remedy or "try again in some minutes")
    raise DeviceProtocolError(f"{server} answered {status}: {text}", remedy=remedy)


def _parts(path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    try:
        content = path.read_bytes()
        key = serialization.load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except (OSError, ValueError, TypeError) as exc:
        raise ConfigError(f"{path} holds no key and certificate: {exc}", remedy="claim the cart anew: pointofcare-cart enrol") from exc
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ConfigError(f"key and certificate in {path} do not belong together", remedy="claim the cart anew: pointofcare-cart enrol")
    return key, certificate


def _root(identity: Identity) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(identity.ca_file.read_bytes())
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{identity.ca_file} holds no root: {exc}", remedy="claim the cart anew: pointofcare-cart enrol") from exc


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _bundle(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> bytes:
    return _private(key) + _pem(certificate).encode("ascii")


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
