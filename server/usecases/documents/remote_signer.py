"""A key that lies with a provider: only the digest of what is to be signed leaves, and only the signature comes back.

One request in the manner of the CSC API, as providers of remote signing in Vietnam offer it: POST `url` with the credential, the algorithms
and the digest in base64; the answer holds `signatures`, a list, in base64. Who speaks otherwise gets an adapter beside this one.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx
from pyhanko.keys import load_cert_from_pemder, load_certs_from_pemder
from pyhanko.sign.signers import Signer
from pyhanko_certvalidator.registry import SimpleCertificateStore

from pointofcare.errors import PointOfCareError
from server.usecases.documents.settings import SignerSettings

_DRY_RUN_BYTES = 512
# Object identifiers, as the CSC API names algorithms.
_HASHES = {"sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2", "sha512": "2.16.840.1.101.3.4.2.3"}
_KEYS = {"rsa": "1.2.840.113549.1.1.1", "ec": "1.2.840.10045.2.1"}


class RemoteSignerError(PointOfCareError):
    """The provider did not sign, or nobody knows whether it did: a signature that did not come is none."""

    code = "remote-signer"


class RemoteSigner(Signer):  # type: ignore[misc]
    """Asks the provider once a document and never again by itself: each signature may be charged, or asked of a person."""

    def __init__(self, settings: SignerSettings, *, credential: str, token: str) -> None:
        certs = SimpleCertificateStore()
        certs.register_multiple(list(load_certs_from_pemder([str(path) for path in settings.chain_files])))
        self._cert = load_cert_from_pemder(str(settings.cert_file))
        super().__init__(signing_cert=self._cert, cert_registry=certs)
        self._settings = settings
        self._credential = credential
        self._token = token

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        if dry_run:
            return bytes(_DRY_RUN_BYTES)
        digest = hashlib.new(digest_algorithm, data).digest()
        job = {
            "credentialID": self._credential,
            "hash": [base64.b64encode(digest).decode()],
            "hashAlgo": _HASHES[digest_algorithm],
            "signAlgo": _KEYS[self._cert.public_key.algorithm],
        }
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            async with httpx.AsyncClient(timeout=self._settings.timeout_s, follow_redirects=False, trust_env=False) as client:
                answer = await client.post(self._settings.url, json=job, headers=headers)
            answer.raise_for_status()
            body: Any = answer.json()
            signature = base64.b64decode(body["signatures"][0], validate=True)
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as exc:
            raise RemoteSignerError(
                f"the signing provider did not sign ({type(exc).__name__})", remedy="try again, or ask the provider"
            ) from exc
        self._check(signature, data, digest_algorithm)
        return signature

    def _check(self, signature: bytes, data: bytes, digest_algorithm: str) -> None:
        """A signature that the certificate does not bear out is never put into a document."""
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

        key = x509.load_der_x509_certificate(self._cert.dump()).public_key()
        algorithm = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[digest_algorithm]
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, data, padding.PKCS1v15(), algorithm)
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, data, ec.ECDSA(algorithm))
            else:
                raise RemoteSignerError("a key of this kind is not used for documents", remedy="use an RSA or an EC key")
        except InvalidSignature as exc:
            raise RemoteSignerError(
                "the provider's signature does not fit its certificate", remedy="correct cert_file or credential"
            ) from exc
