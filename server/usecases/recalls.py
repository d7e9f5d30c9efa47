"""G2: a pharmacist recalls lots. From the next table on every cart stops them; each ward that has or had the product is asked to put
them aside; who already got them is listed.

A pack's serial number never narrows what the carts stop: they stop the whole lot, which is the safe side. It narrows the list.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pointofcare.errors import ConflictError, NotFoundError, UnreadableError
from pointofcare.people import StaffRole
from server.store import patients, products, recalls, stock, tasks
from server.store.recalls import Recall
from server.store.tasks import NewTask
from server.store.transaction import Actor, Transaction
from server.usecases import pharmacy
from server.usecases.permission import require, text
from server.usecases.task_kinds import QUARANTINE

# Local choice: how soon each ward has looked for the lots.
PUT_ASIDE_WITHIN = timedelta(hours=4)
_LONGEST_LOT = 20  # GS1 AI 10 and 21
_MOST = 200


def recall(tx: Transaction, actor: Actor, *, gtin: str, lots: tuple[str, ...], serials: tuple[str, ...] = (), reason: str) -> Recall:
    """Raises: NotPermittedError, NotFoundError (the product), UnreadableError (no lot, or one that no label can hold), ConflictError
    (all of it is recalled already), TextMissingError."""
    require(tx, actor, StaffRole.PHARMACIST)
    why = text(reason, "reason")
    wanted, packs = _codes(lots, "lot"), _codes(serials, "serial number")
    if not wanted:
        raise UnreadableError("no lot was named", remedy="write the lots as they stand on the pack")
    held = products.known(tx, gtins=(gtin,)).get(gtin)
    if held is None:
        raise NotFoundError(
            f"no product has the GTIN {gtin!r}", remedy="a pack that is not in the formulary is stopped anyway; check the GTIN", gtin=gtin
        )
    recalls.hold_product(tx, held)
    product = products.get(tx, held)
    fresh = tuple(lot for lot in wanted if lot not in product.recalled_lots)
    if not fresh:
        raise ConflictError("these lots are recalled already", remedy="look at the list of recalls", gtin=gtin, lots=list(wanted))
    pharmacy.receive_product(tx, replace(product, recalled_lots=(*product.recalled_lots, *fresh)), action="recalled", why=why)
    number = recalls.add(tx, product=product.id, gtin=gtin, lots=wanted, serials=packs, reason=why)
    told = {"before": {"lots": list(product.recalled_lots)}, "after": {"lots": [*product.recalled_lots, *fresh]}}
    detail: dict[str, object] = {"product": product.id, "lots": list(wanted), "serials": list(packs), "reason": why, **told}
    tx.audit("recall.enter", f"recall/{number}", detail)
    for ward in _wards(tx, product.id):
        detail = {"recall": number, "name": product.name, "gtin": gtin, "lots": list(wanted), "serials": list(packs), "reason": why}
        tasks.put(
            tx,
            NewTask(kind=QUARANTINE, key=f"{number}@{ward}", ward=ward, product=product.id, detail=detail, due_by=tx.at + PUT_ASIDE_WITHIN),
        )
    found = recalls.get(tx, number)
    assert found is not None
    return found


def _wards(tx: Transaction, product: str) -> tuple[str, ...]:
    """Wards that have or had it; every ward when that is not known of any."""
    known = {*recalls.wards_of(tx, product), *stock.wards_with(tx, product)}
    return tuple(sorted(known or {ward.id for ward in patients.wards(tx)}))


def _codes(found: tuple[str, ...], name: str) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(code.strip() for code in found if code.strip()))
    if len(codes) > _MOST:
        raise UnreadableError(f"more than {_MOST} of them", remedy="enter several recalls")
    for code in codes:
        if len(code) > _LONGEST_LOT or not code.isascii() or not code.isprintable():
            raise UnreadableError(f"{code[:40]!r} is not a {name}", remedy=f"at most {_LONGEST_LOT} signs, as printed on the pack")
    return codes
