"""Labels drawn by chance, each with the bytes that a reader must give for it: for the decoders' tests and benchmark.

The expected bytes are built here from GS1's rules, not taken from the library that draws the barcode.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from PIL import Image

from simulation import labels

GS = b"\x1d"
_FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương")
_MIDDLE = ("Văn", "Thị", "Hữu", "Đức", "Ngọc", "Minh", "Thị Thu", "Quốc", "Thế", "Gia")
_GIVEN = ("Nghĩa", "Hương", "Tuấn", "Phượng", "Khôi", "Ánh", "Lợi", "Quỳnh", "Hậu", "Thắng", "Mỹ Duyên", "Ẩn")
_DRUGS = ("Amoxicillin 500 mg", "Paracetamol 500 mg", "Metformin 850 mg", "Furosemide 20 mg/2 ml", "Ceftriaxone 1 g", "Kali clorid 10 %")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    kind: str
    image: Image.Image
    identifier: str
    content: bytes


def draw(kind: str, seed: int) -> Sample:
    """A label of one of `KINDS`. Raises: KeyError."""
    return KINDS[kind](random.Random(f"{kind} {seed}"))


def digits(rng: random.Random, count: int, *, prefix: str = "") -> str:
    """`count` digits that begin with `prefix` and end with the GS1 check digit."""
    body = prefix + "".join(rng.choice(string.digits) for _ in range(count - 1 - len(prefix)))
    weighted = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return body + str(-weighted % 10)


def name(rng: random.Random) -> str:
    return f"{rng.choice(_FAMILY)} {rng.choice(_MIDDLE)} {rng.choice(_GIVEN)}"


def cccd(rng: random.Random) -> str:
    """The text in the QR code of an identity card, with its Vietnamese letters."""
    number = "".join(rng.choice(string.digits) for _ in range(12))
    born, issued = _day(rng, 1935, 2015), _day(rng, 2021, 2026)
    place = f"Tổ {rng.randrange(1, 20)}, Phường Bãi Cháy, Hạ Long, Quảng Ninh"
    return f"{number}||{name(rng)}|{born:%d%m%Y}|{rng.choice(('Nam', 'Nữ'))}|{place}|{issued:%d%m%Y}"


def _day(rng: random.Random, first: int, last: int) -> date:
    return date(first, 1, 1) + timedelta(days=rng.randrange((last - first) * 365))


def _lot(rng: random.Random) -> str:
    return "".join(rng.choice(string.ascii_uppercase + string.digits) for _ in range(rng.randrange(4, 11)))


def _wristband(rng: random.Random) -> Sample:
    gsrn, srin = digits(rng, 18, prefix="893"), f"{rng.randrange(1, 40):02d}"
    image = labels.wristband(name(rng), _day(rng, 1935, 2020), f"BN{rng.randrange(10**6):06d}", gsrn, srin)
    return Sample(kind="wristband", image=image, identifier="]d2", content=b"8018" + gsrn.encode() + GS + b"8019" + srin.encode())


def _drug_pack(rng: random.Random) -> Sample:
    gtin, lot, expiry = digits(rng, 14, prefix="0893"), _lot(rng), _day(rng, 2027, 2031)
    serial = f"{rng.randrange(10**9):09d}" if rng.random() < 0.5 else None
    content = f"01{gtin}17{expiry:%y%m%d}10{lot}".encode() + (GS + b"21" + serial.encode() if serial else b"")
    return Sample(
        kind="drug-pack", image=labels.drug_pack(rng.choice(_DRUGS), gtin, lot, expiry, serial), identifier="]d2", content=content
    )


def _unit_dose(rng: random.Random) -> Sample:
    gtin = digits(rng, 13, prefix="893")
    return Sample(kind="unit-dose", image=labels.unit_dose(rng.choice(_DRUGS), gtin), identifier="]E0", content=gtin.encode())


def _mrn_band(rng: random.Random) -> Sample:
    mrn = f"BN{rng.randrange(10**8):08d}"
    return Sample(kind="mrn-band", image=labels.mrn_band(name(rng), _day(rng, 1935, 2020), mrn), identifier="]C0", content=mrn.encode())


def _badge(rng: random.Random) -> Sample:
    number = f"DD{rng.randrange(10**5):05d}"
    image = labels.badge(name(rng), "Điều dưỡng", number)
    return Sample(kind="badge", image=image, identifier="]Q1", content=b"BADGE:" + number.encode())


def _bag(rng: random.Random) -> Sample:
    bag = f"BAG-{rng.randrange(10**6):06d}"
    image = labels.bag(bag, "Natri clorid 0,9 %", ("500 ml", name(rng)), code="code128")
    return Sample(kind="bag", image=image, identifier="]C0", content=bag.encode())


def _identity_card(rng: random.Random) -> Sample:
    text = cccd(rng)
    return Sample(kind="identity-card", image=labels.identity_card(name(rng), text), identifier="]Q1", content=text.encode())


def _carton(rng: random.Random) -> Sample:
    gtin, lot, expiry = digits(rng, 14, prefix="0893"), _lot(rng), _day(rng, 2027, 2031)
    image = labels.carton(rng.choice(_DRUGS), gtin, lot, expiry)
    return Sample(kind="carton", image=image, identifier="]C1", content=f"01{gtin}17{expiry:%y%m%d}10{lot}".encode())


KINDS: dict[str, Callable[[random.Random], Sample]] = {
    "wristband": _wristband,
    "drug-pack": _drug_pack,
    "carton": _carton,
    "unit-dose": _unit_dose,
    "mrn-band": _mrn_band,
    "bag": _bag,
    "badge": _badge,
    "identity-card": _identity_card,
}
