"""Matrix symbols for print: their squares, and the proof that a reader will say what was meant.

Must never hand out a symbol that was not read back: what is printed at a bedside identifies a patient or a drug.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import zxingcpp

from pointofcare.errors import DeviceProtocolError

# Empty squares around the symbol, that readers need: ISO/IEC 16022 and 18004.
_QUIET = {"gs1-datamatrix": 1, "datamatrix": 1, "qr": 4}
_IDENTIFIERS = {"gs1-datamatrix": ("]d2",), "datamatrix": ("]d1",), "qr": ("]Q1",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """`kind` gs1-datamatrix, datamatrix or qr. `text` is what it says; of GS1 the element string with brackets, "(01)...(17)..."."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """`rows` without the quiet zone, True is black. `quiet` is how many squares must stay empty around them."""

    code: Code
    rows: tuple[tuple[bool, ...], ...]
    quiet: int

    @property
    def side(self) -> int:
        """Squares across, the quiet zone included: all of ours are square."""
        return len(self.rows) + 2 * self.quiet


def drawn(code: Code) -> Drawn:
    """Raises: DeviceProtocolError: it cannot be written, or does not read back."""
    try:
        symbol = _written(code)
    except (ValueError, RuntimeError) as exc:
        raise _unprintable("a label's code cannot be written") from exc
    picture: Any = memoryview(symbol.to_image(scale=1, add_quiet_zones=False)).tolist()
    found = zxingcpp.read_barcode(symbol.to_image(scale=4, add_quiet_zones=True))
    if found is None or not says(code, found.symbology_identifier, bytes(found.bytes)):
        raise _unprintable("a label's code does not read back")
    return Drawn(code=code, rows=tuple(tuple(value < 128 for value in row) for row in picture), quiet=_QUIET[code.kind])


def says(code: Code, identifier: str, content: bytes) -> bool:
    """Is this what a reader gives for the code?"""
    if identifier not in _IDENTIFIERS[code.kind]:
        return False
    if code.kind == "gs1-datamatrix":
        return content.replace(b"\x1d", b"") == code.text.replace("(", "").replace(")", "").encode()
    return content == code.text.encode()


def _written(code: Code) -> Any:
    if code.kind == "gs1-datamatrix":
        return zxingcpp.create_barcode(code.text, zxingcpp.BarcodeFormat.DataMatrix, gs1=True, force_square=True)
    content: Any = code.text if code.text.isascii() else code.text.encode()
    if code.kind == "datamatrix":
        return zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.DataMatrix, force_square=True)
    return zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.QRCode, ec_level="M")


def _unprintable(message: str) -> DeviceProtocolError:
    return DeviceProtocolError(message, remedy="print again; tell the administrator if it stays so")
