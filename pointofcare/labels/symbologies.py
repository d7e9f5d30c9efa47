"""Which kinds of codes a site may switch on beside those that are always read, by the names that a configuration writes.

Always read: GS1 DataMatrix and DataMatrix, GS1-128 and Code 128, QR, EAN-13, UPC-A. The others are what a half-seen code of these turns
into, or have no check character of their own: they cost a site that has none of them safety for nothing. Knows names alone, no library.
Must never take a name that it does not know for one that it does.
"""

from __future__ import annotations

from collections.abc import Iterable

from pointofcare.errors import ConfigError

EAN_8, CODE_39, ITF_14, PDF_417, HIBC = "ean-8", "code-39", "itf-14", "pdf417", "hibc"
ALWAYS = ("gs1-datamatrix", "gs1-128", "qr", "ean-13", "upc-a", "code-128")
SWITCHABLE = (EAN_8, CODE_39, ITF_14, PDF_417, HIBC)
# Refused by name, with why: somebody will look for them.
UNGATED = {
    "upc-e": "six digits and a parity: a half-seen EAN-13 turns into one, and nothing in the picture speaks against it",
    "itf": "without its fourteen digits it has no check digit, and a part of it is a code too",
    "codabar": "it has no check digit",
    "databar": "no gate against misreading exists here",
    "pharmacode": "it is only compared with a number known beforehand: pointofcare-cart read --pharmacode N",
}


def faults(names: Iterable[object]) -> tuple[str, ...]:
    """What is wrong with each of `names`, in words; () when all can be switched on."""
    return tuple(found for name in names if (found := _fault(name)))


def switched_on(names: Iterable[str]) -> frozenset[str]:
    """Those of `names` that are not read anyway. Raises: ConfigError naming every one that cannot be had."""
    names = tuple(names)
    if told := faults(names):
        raise ConfigError("; ".join(told), problems=tuple(("symbologies", one) for one in told), remedy=f"use some of: {_known()}")
    return frozenset(names) & frozenset(SWITCHABLE)


def _fault(name: object) -> str:
    if name in ALWAYS or name in SWITCHABLE:
        return ""
    if isinstance(name, str) and name in UNGATED:
        return f"{name}: never read, {UNGATED[name]}"
    return f"{name!r} is not known; use some of: {_known()}"


def _known() -> str:
    return f"{', '.join(SWITCHABLE)} (always on: {', '.join(ALWAYS)})"
