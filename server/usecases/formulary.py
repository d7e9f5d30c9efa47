"""What pharmacists do with the formulary: write a product, change it, add another pack's barcode, take one away again.

A change names the version that was on the screen, so that of two people at once nobody's work is lost, and the reason. It reaches every
cart as a new signed formulary. Other packs of a product follow its changes; what was recalled of each stays recalled.
"""

from __future__ import annotations

from dataclasses import replace

from pointofcare.errors import ConflictError, NotFoundError, UnreadableError
from pointofcare.labels import gs1
from pointofcare.people import StaffRole
from pointofcare.products import Controlled, HighAlert, Product
from pointofcare.verdict import lists
from pointofcare.verdict.policy import Policy
from pointofcare.wire.messages import TableKind
from server.store import formulary, products, recalls, versions
from server.store.transaction import Actor, Transaction
from server.usecases import changes
from server.usecases.permission import require, text

_LONGEST_ID = 64


def create(tx: Transaction, actor: Actor, product: Product, *, why: str) -> int:
    """A product that was not there; its version, which goes on where one of this id was taken away.

    Raises: NotPermittedError, ConflictError (the id or the GTIN is taken), TextMissingError."""
    require(tx, actor, StaffRole.PHARMACIST)
    said = text(why, "reason")
    if products.find(tx, product.id) is not None:
        raise ConflictError(f"product {product.id} exists", remedy="change it, or choose another id", product=product.id, field="id")
    return _write(tx, None, _kept(tx, product), action="created", why=said)


def change(tx: Transaction, actor: Actor, product: Product, *, version: int, why: str) -> int:
    """`product` as it shall be, instead of `version`; its new version. Its other packs follow.

    Raises: NotPermittedError, NotFoundError, ConflictError (somebody changed it meanwhile, the GTIN is another's, it is a pack that
    follows another product, or nothing differs), TextMissingError."""
    require(tx, actor, StaffRole.PHARMACIST)
    said = text(why, "reason")
    held = _held_at(tx, product.id, version)
    if held.pack_of is not None:
        raise ConflictError(
            f"{product.id} is another pack of {held.pack_of}", remedy="change that product; its packs follow", product=held.pack_of
        )
    wanted = _kept(tx, replace(product, recalled_lots=held.product.recalled_lots))
    if wanted == held.product:
        raise ConflictError("nothing differs from what is there", remedy="change a field, or leave the page", product=product.id)
    return _write(tx, held.product, wanted, action="changed", why=said)


def remove(tx: Transaction, actor: Actor, product: str, *, version: int, why: str) -> None:
    """Takes a product with all its packs out of the formulary: from the next formulary on the carts stop it as unknown.

    Raises: as `change`."""
    require(tx, actor, StaffRole.PHARMACIST)
    said = text(why, "reason")
    held = _held_at(tx, product, version)
    for each in (*formulary.packs(tx, product), held):
        products.remove(tx, each.product, action="removed", why=said)
        told = changes.told(each.product, None)
        tx.audit("product.remove", f"product/{each.product.id}", {"gtin": each.product.gtin, "why": said, **told})
    versions.bump_everywhere(tx, TableKind.FORMULARY)


def add_pack(tx: Transaction, actor: Actor, product: str, barcode: str, *, version: int | None = None, why: str) -> Product:
    """The barcode is that of another pack of the product: a trade item of its own that says all that the product says, but for its
    recalls. One scan of it counts as one unit. `version` None: whichever holds.

    Raises: NotPermittedError, NotFoundError, UnreadableError (not a GTIN), ConflictError (it is known already, or the product was
    changed meanwhile)."""
    require(tx, actor, StaffRole.PHARMACIST)
    said = text(why, "reason")
    gtin = barcode.zfill(14)
    if not is_gtin(barcode):
        raise UnreadableError(
            f"{barcode[:40]!r} is not a GTIN",
            remedy="print a hospital label for it, or say that it is not ours",
            barcode=barcode[:40],
            field="gtin",
        )
    if not product:
        raise NotFoundError("no product was chosen", remedy="choose the product that this pack holds")
    base = _base(tx, product, version)
    known = products.known(tx, gtins=(gtin,)).get(gtin)
    if known is not None:
        raise ConflictError(
            f"the GTIN {gtin} belongs to {known}", remedy="look at the formulary again", gtin=gtin, product=known, field="gtin"
        )
    identifier = f"{base.id}.{gtin}" if len(base.id) + 15 <= _LONGEST_ID else f"gtin.{gtin}"
    pack = replace(base, id=identifier, gtin=gtin, recalled_lots=recalls.lots_of(tx, identifier))
    products.put(tx, pack, action="linked", why=said, pack_of=base.id)
    tx.audit("product.link", f"product/{identifier}", {"gtin": gtin, "pack_of": base.id, "why": said, **changes.told(None, pack)})
    versions.bump_everywhere(tx, TableKind.FORMULARY)
    return pack


def remove_pack(tx: Transaction, actor: Actor, pack: str, *, why: str) -> formulary.Held:
    """Withdraws a match: from the next formulary on the carts stop this barcode as unknown again. What was given by it stays on the
    record, and is listed with the pack's history.

    Raises: NotPermittedError, NotFoundError, ConflictError (it is a product of its own), TextMissingError."""
    require(tx, actor, StaffRole.PHARMACIST)
    said = text(why, "reason")
    products.hold(tx, pack)
    held = formulary.get(tx, pack)
    if held is None:
        raise NotFoundError(f"{pack} is not in the formulary", remedy="look at the product again", product=pack)
    if held.pack_of is None:
        raise ConflictError(f"{pack} is a product of its own", remedy="take the product out of the formulary instead", product=pack)
    products.remove(tx, held.product, action="unlinked", why=said)
    detail = {"gtin": held.product.gtin, "pack_of": held.pack_of, "why": said, "given": formulary.given_as(tx, pack)}
    tx.audit("product.unlink", f"product/{pack}", {**detail, **changes.told(held.product, None)})
    versions.bump_everywhere(tx, TableKind.FORMULARY)
    return held


def is_gtin(barcode: str) -> bool:
    """Can it stand in the formulary?"""
    return barcode.isascii() and barcode.isdigit() and 8 <= len(barcode) <= 14 and gs1.is_valid_key(barcode.zfill(14))


def needs_two(product: Product, policy: Policy) -> bool:
    """Does matching a barcode to it take a second pharmacist? So it is of a high-alert drug with a witness and of a controlled drug, as
    the formulary or the policy's lists say."""
    alerts = [line.level for line in policy.high_alert if lists.means(line, product)]
    schedules = [line.schedule for line in policy.controlled if lists.means(line, product)]
    return (
        max([product.high_alert, *alerts]) >= HighAlert.WITNESS_RECOMMENDED
        or product.controlled is not Controlled.NONE
        or any(each is not Controlled.NONE for each in schedules)
    )


def follow(tx: Transaction, base: Product, *, why: str) -> None:
    """The other packs of `base` say what it says now, but for their own GTIN and recalls."""
    for pack in formulary.packs(tx, base.id):
        now = replace(base, id=pack.product.id, gtin=pack.product.gtin, recalled_lots=pack.product.recalled_lots)
        if now != pack.product:
            products.put(tx, now, action="followed", why=why)
            tx.audit("product.follow", f"product/{now.id}", {"pack_of": base.id, "why": why, **changes.told(pack.product, now)})


def _write(tx: Transaction, before: Product | None, product: Product, *, action: str, why: str) -> int:
    holder = products.known(tx, gtins=(product.gtin,)).get(product.gtin)
    if holder is not None and holder != product.id:
        raise ConflictError(
            f"the GTIN {product.gtin} belongs to {holder}", remedy="correct the id or the GTIN", gtin=product.gtin, field="gtin"
        )
    version = products.put(tx, product, action=action, why=why)
    detail = {"gtin": product.gtin, "version": version, "why": why, **changes.told(before, product)}
    tx.audit(f"product.{'create' if before is None else 'change'}", f"product/{product.id}", detail)
    follow(tx, product, why=why)
    versions.bump_everywhere(tx, TableKind.FORMULARY)
    return version


def _kept(tx: Transaction, product: Product) -> Product:
    """What was recalled stays recalled, whatever the form says."""
    lots = tuple(lot for lot in recalls.lots_of(tx, product.id) if lot not in product.recalled_lots)
    return replace(product, recalled_lots=(*product.recalled_lots, *lots)) if lots else product


def _held_at(tx: Transaction, product: str, version: int) -> formulary.Held:
    """The product as it was on the screen, locked. Raises: NotFoundError, ConflictError."""
    now = products.hold(tx, product)
    held = formulary.get(tx, product)
    if now is None or held is None:
        raise NotFoundError(f"product {product!r} is not in the formulary any more", remedy="look at its history", product=product)
    if held.version != version:
        raise ConflictError(
            f"{product} was changed meanwhile: it is at version {held.version}, the page showed {version}",
            remedy="look at what is there now and make your change again",
            product=product,
            version=held.version,
        )
    return held


def _base(tx: Transaction, product: str, version: int | None) -> Product:
    products.hold(tx, product)
    held = formulary.get(tx, product)
    if held is None:
        raise NotFoundError(f"product {product!r} is not in the formulary", remedy="choose another product", product=product)
    if version is not None:
        _held_at(tx, product, version)
    if held.pack_of is not None:
        return products.get(tx, held.pack_of)
    return held.product
