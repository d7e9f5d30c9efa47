"""Are the signatures of a file whole, and from whom somebody trusts? Must never call a file good of which one byte was changed or added."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`covers` whole-file where nothing was added behind the signature but what later signatures may add."""

    field: str
    name: str
    intact: bool
    trusted: bool
    covers: str
    timestamped: bool

    @property
    def good(self) -> bool:
        return self.intact and self.trusted


def signatures(pdf: bytes, roots: Sequence[Any]) -> tuple[Checked, ...]:
    """Empty for a file without any, and for one that is no PDF."""
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    try:
        found = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures
    except Exception:  # noqa: BLE001 - a file that somebody altered fails anywhere in its reader, and has no signature then
        return ()
    checked = []
    for one in found:
        context = ValidationContext(trust_roots=list(roots), allow_fetching=False, revocation_mode="soft-fail")
        try:
            status = validate_pdf_signature(one, context, context)
        except Exception:  # noqa: BLE001 - as above: what cannot be checked is broken
            checked.append(Checked(field=one.field_name, name="", intact=False, trusted=False, covers="nothing", timestamped=False))
            continue
        whole = status.coverage is SignatureCoverageLevel.ENTIRE_FILE
        later = status.coverage is SignatureCoverageLevel.ENTIRE_REVISION and status.docmdp_ok is True
        intact = bool(status.intact and status.valid and (whole or later) and _is_sealed(pdf, one))
        cert = status.signing_cert.subject.native
        checked.append(
            Checked(
                field=one.field_name,
                name=str(cert.get("common_name") or cert.get("organization_name") or ""),
                intact=intact,
                trusted=bool(status.trusted),
                covers="whole-file" if whole else "revision" if later else "less",
                timestamped=status.timestamp_validity is not None,
            )
        )
    return tuple(checked)


def _is_sealed(pdf: bytes, one: Any) -> bool:
    """Is the place of the signature itself, which no signature covers, filled as it was written: the signature, zeros, nothing else?"""
    from asn1crypto import parser  # type: ignore[import-untyped]

    content = bytes(one.pkcs7_content)
    _, begin, last, _ = (int(each) for each in one.byte_range)
    begin += int(one.byte_range[0])
    held = pdf[begin:last]
    *_, head, body, tail = parser.parse(content, strict=False)
    size = len(head) + len(body) + len(tail)
    return not content[size:].strip(b"\0") and held in (f"<{content.hex()}>".encode(), f"<{content.hex().upper()}>".encode())
