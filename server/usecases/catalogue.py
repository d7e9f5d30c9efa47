"""The hospital's drug catalogue and the formulary: what a product would be by a line, and which product a line is.

A line never becomes a product by itself: it has no barcode, and what it says of a drug is proposed to a pharmacist, who writes it.
"""

from __future__ import annotations

from datetime import date

from pointofcare.errors import ConflictError, NotFoundError
from pointofcare.people import StaffRole
from pointofcare.products import Controlled
from pointofcare.vietnam import registration, routes, strength
from pointofcare.vietnam.fault import CodeError
from server.store import catalogue, formulary
from server.store.catalogue import Line
from server.store.folding import folded
from server.store.transaction import Actor, Transaction
from server.usecases.permission import require

# Words of DANG_BAO_CHE, the more particular first; what stands in none is left for the pharmacist to write.
_FORMS = (
    ("vien nang", "capsule"),
    ("vien dat", "suppository"),
    ("thuoc dat", "suppository"),
    ("vien", "tablet"),
    ("tiem", "injection"),
    ("truyen", "injection"),
    ("siro", "syrup"),
    ("hon dich", "suspension"),
    ("dung dich", "solution"),
    ("kem", "cream"),
    ("mo", "ointment"),
    ("khi dung", "inhaler"),
    ("hit", "inhaler"),
    ("mieng dan", "patch"),
)


def proposed(line: Line, day: date) -> dict[str, str]:
    """The cells of the form of a product, as far as the line says them. Nothing is filled in that it does not say."""
    cells = {"id": "", "name": line.name, "gtin": line.cell("GTIN")}
    words = f" {folded(line.cell('DANG_BAO_CHE'))} "
    cells["form"] = next((form for word, form in _FORMS if word in words), "")
    route = None
    try:
        route = routes.get(line.cell("MA_DUONG_DUNG"), day)
        cells["routes"] = route.route or ""
    except CodeError:
        cells["routes"] = ""
    names = strength.ingredients(line.cell("TEN_HOAT_CHAT"))
    injected = route is not None and route.code.startswith("2.")
    try:
        found = strength.parse(line.cell("HAM_LUONG"), names=len(names), unit=line.cell("DON_VI_TINH"), injected=injected)
        amounts = [str(amount) for amount in found.amounts]
        cells["volume"] = str(found.volume) if found.volume is not None else ""
    except CodeError:
        amounts = [""] * len(names)
    for place, (name, amount) in enumerate(zip(names, amounts, strict=True), start=1):
        cells |= {f"ingredient-{place}-name": name.lower(), f"ingredient-{place}-amount": amount, f"ingredient-{place}-classes": ""}
    cells["controlled"] = controlled(line, day).value
    return cells


def controlled(line: Line, day: date) -> Controlled:
    """As the registration number says; where it does not say, `NONE` is only what the form begins with."""
    try:
        return registration.parse(line.registration, day).controlled or Controlled.NONE
    except CodeError:
        return Controlled.NONE


def says_control(line: Line, day: date) -> str | None:
    """The word of the list that the registration number names; None: it does not say."""
    try:
        return registration.parse(line.registration, day).control
    except CodeError:
        return None


def link(tx: Transaction, actor: Actor, line: str, product: str | None, *, seen: str | None) -> None:
    """The line is that product, or (None) none of ours; `seen` is what stood on the screen.

    Raises: NotPermittedError, NotFoundError, ConflictError (somebody said something else meanwhile)."""
    require(tx, actor, StaffRole.PHARMACIST)
    before = catalogue.get(tx, line)
    if before is None:
        raise NotFoundError("this line is not in the catalogue", remedy="look for it again", line=line)
    if before.product != seen:
        raise ConflictError("somebody linked this line meanwhile", remedy="look at the line again", line=line)
    wanted = product
    if product is not None:
        held = formulary.get(tx, product)
        if held is None:
            raise NotFoundError(f"product {product!r} is not in the formulary", remedy="choose another product", product=product)
        wanted = held.pack_of or held.product.id
    catalogue.link(tx, line, wanted)
    tx.audit("catalogue.link", f"catalogue/{line}", {"before": before.product, "after": wanted})
