"""A small authority with certificates for documents and time stamps; the servers of a signing provider and of a time-stamping authority."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PASSPHRASE = "a passphrase of the tests"


class Authority:
    """Draws its keys once; `root` is what a validator trusts."""

    def __init__(self, folder: Path, *, name: str = "Test root") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = self._certificate(name, self._key.public_key(), is_root=True)
        self.root = folder / "root.pem"
        self.root.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, stamps: bool = False) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return key, self._certificate(name, key.public_key(), stamps=stamps)

    def pkcs12(self, name: str) -> tuple[Path, Path]:
        """The file, and the file of its passphrase."""
        key, cert = self.issue(name)
        path, secret = self.folder / "hospital.p12", self.folder / "passphrase"
        encryption = serialization.BestAvailableEncryption(PASSPHRASE.encode())
        path.write_bytes(pkcs12.serialize_key_and_certificates(b"hospital", key, cert, [self.certificate], encryption))
        secret.write_text(PASSPHRASE + "\n", encoding="utf-8")
        return path, secret

    def pem(self, name: str) -> tuple[Path, Path, rsa.RSAPrivateKey]:
        key, cert = self.issue(name)
        key_file, cert_file = self.folder / "person.key", self.folder / "person.pem"
        cert_file.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return key_file, cert_file, key

    def _certificate(self, name: str, public: rsa.RSAPublicKey, *, is_root: bool = False, stamps: bool = False) -> x509.Certificate:
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name if is_root else self.certificate_name)])
        if is_root:
            self.certificate_name = name
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not is_root,
                    content_commitment=not is_root,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=is_root,
                    crl_sign=is_root,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
        )
        if stamps:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return made.sign(self._key, hashes.SHA256())


@contextmanager
def provider(key: rsa.RSAPrivateKey, *, heard: list[dict[str, Any]], status: int = 200) -> Iterator[str]:
    """A signing provider that holds `key`; what it is asked goes to `heard`."""

    def answer(body: bytes) -> bytes:
        job = json.loads(body)
        heard.append(job)
        digest = base64.b64decode(job["hash"][0])
        signature = key.sign(digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))
        return json.dumps({"signatures": [base64.b64encode(signature).decode()]}).encode()

    with _server(answer, "application/json", status) as address:
        yield f"{address}/signatures/signHash"


@contextmanager
def time_stamps(authority: Authority) -> Iterator[str]:
    """A time-stamping authority (RFC 3161)."""
    from asn1crypto import keys, tsp
    from asn1crypto import x509 as asn1_x509
    from pyhanko.sign.timestamps import DummyTimeStamper

    key, cert = authority.issue("Test time stamps", stamps=True)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    stamper = DummyTimeStamper(asn1_x509.Certificate.load(cert.public_bytes(serialization.Encoding.DER)), keys.PrivateKeyInfo.load(der))

    def answer(body: bytes) -> bytes:
        return bytes(stamper.request_tsa_response(tsp.TimeStampReq.load(body)).dump())

    with _server(answer, "application/timestamp-reply", 200) as address:
        yield address


@contextmanager
def _server(answer: Callable[[bytes], bytes], kind: str, status: int) -> Iterator[str]:
    class Asked(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            said = answer(body) if status == 200 else b"{}"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
