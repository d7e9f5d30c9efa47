"""Signs a PDF by PAdES (B-B; B-T with a time stamp, B-LT with what a validator needs): with keys that lie here or with a provider.

Must never hand on a document that is not signed where the hospital set a signer: a signer that does not answer is a failure.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointofcare.errors import ConfigError, PointOfCareError
from server.usecases.documents.settings import Settings, SignerSettings

_SECRET_BYTES = 4096


class SigningError(PointOfCareError):
    """The document was not signed, and so was not issued."""

    code = "signing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """`level` is the PAdES baseline level that was asked for and reached."""

    signer: str
    name: str
    serial: str
    level: str


def names(settings: Settings, staff: str) -> tuple[str, ...]:
    """Whom the certificates name, in the order in which they sign. Raises: ConfigError, SigningError."""
    return tuple(_name(_signer(each, staff).signing_cert) for each in settings.signers)


def sign(pdf: bytes, settings: Settings, *, staff: str, place: str) -> tuple[bytes, tuple[Signature, ...]]:
    """The signed file with who signed, the file as it is where nobody is set to. `staff` is who issues it: a provider may hold a key of
    theirs. Raises: ConfigError, SigningError."""
    done: list[Signature] = []
    for each in settings.signers:
        pdf, signature = _signed(pdf, each, settings, staff=staff, place=place)
        done.append(signature)
    return pdf, tuple(done)


def _signed(pdf: bytes, each: SignerSettings, settings: Settings, *, staff: str, place: str) -> tuple[bytes, Signature]:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers, timestamps

    signer = _signer(each, staff)
    stamper = timestamps.HTTPTimeStamper(settings.timestamps, timeout=each.timeout_s) if settings.timestamps else None
    context = _context(settings) if settings.with_validation else None
    about = signers.PdfSignatureMetadata(
        field_name=f"Signature_{each.id}",
        subfilter=fields.SigSeedSubFilter.PADES,
        md_algorithm="sha256",
        reason=settings.reason,
        location=place or None,
        embed_validation_info=context is not None,
        validation_context=context,
    )
    try:
        out = signers.PdfSigner(about, signer=signer, timestamper=stamper).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)))
    except PointOfCareError:
        raise
    except Exception as exc:  # pyHanko and what it asks over the network have no class in common
        raise SigningError(
            f"the signer {each.id} did not sign: {exc}", remedy="look at the signer, then issue it again", signer=each.id
        ) from exc
    level = "B-LT" if context is not None else "B-T" if stamper is not None else "B-B"
    cert = signer.signing_cert
    return out.getvalue(), Signature(signer=each.id, name=_name(cert), serial=f"{cert.serial_number:x}", level=level)


def _signer(each: SignerSettings, staff: str) -> Any:
    from pyhanko.sign import signers

    chain = [str(path) for path in each.chain_files] or None
    passphrase = secret(each.passphrase_file)
    found: Any = None
    try:
        if each.kind == "remote":
            from server.usecases.documents.remote_signer import RemoteSigner

            return RemoteSigner(each, credential=each.credential.replace("{staff}", staff), token=(secret(each.token_file) or b"").decode())
        if each.kind == "pkcs12":
            found = signers.SimpleSigner.load_pkcs12(str(each.file), ca_chain_files=chain, passphrase=passphrase)
        else:
            found = signers.SimpleSigner.load(str(each.key_file), str(each.cert_file), ca_chain_files=chain, key_passphrase=passphrase)
    except PointOfCareError:
        raise
    except Exception as exc:
        raise ConfigError(f"the key of signer {each.id} cannot be opened: {exc}", remedy="correct its files in documents.toml") from exc
    if found is None:  # pyHanko logs the cause and answers None
        raise ConfigError(f"the key of signer {each.id} cannot be opened", remedy="correct its files and its passphrase in documents.toml")
    return found


def _context(settings: Settings) -> Any:
    from pyhanko_certvalidator import ValidationContext

    return ValidationContext(trust_roots=list(certificates(settings.trust_files)), allow_fetching=True, revocation_mode="soft-fail")


def certificates(paths: Sequence[Path]) -> Sequence[Any]:
    """Raises: ConfigError."""
    from pyhanko.keys import load_certs_from_pemder

    try:
        return tuple(load_certs_from_pemder([str(path) for path in paths]))
    except (OSError, ValueError) as exc:
        raise ConfigError(f"a certificate cannot be read: {exc}", remedy="correct documents.toml") from exc


def secret(path: Path | None) -> bytes | None:
    """The first line of a file. Raises: ConfigError."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return file.read(_SECRET_BYTES).split(b"\n")[0].rstrip(b"\r")
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}", remedy="correct documents.toml") from exc


def _name(cert: Any) -> str:
    native = cert.subject.native
    found = native.get("common_name") or native.get("organization_name") or cert.subject.human_friendly
    return str(found)
