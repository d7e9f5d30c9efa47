"""G2: a pharmacist recalls lots. From the next table on every cart stops them; each ward that has or had the product is asked to put
them aside; who already got them is listed.

A recall is lifted by two people: a pharmacist asks with a reason, another person agrees. What another recall or a file stops stays stopped.

A pack's serial number never narrows what the carts stop: they stop the whole lot, which is the safe side. It narrows the list.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from pointofcare.errors import ConflictError, NotFoundError, UnreadableError
from pointofcare.people import StaffRole
from server.store import formulary, patients, products, recalls, stock, tasks
from server.store.recalls import Recall
from server.store.tasks import COMPLETED, NewTask, Task
from server.store.transaction import Actor, Transaction
from server.usecases import pharmacy
from server.usecases.permission import require, text
from server.usecases.task_kinds import QUARANTINE, RECALL_LIFT

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


def ask_to_lift(tx: Transaction, actor: Actor, recall: int, *, reason: str) -> Task:
    """One pharmacist asks; nothing passes until another person agreed.

    Raises: NotPermittedError, NotFoundError, ConflictError (it is lifted, or somebody asked already), TextMissingError."""
    require(tx, actor, StaffRole.PHARMACIST)
    why = text(reason, "reason")
    found = recalls.get(tx, recall)
    if found is None:
        raise NotFoundError(f"recall {recall} does not exist", remedy="look at the list of recalls", recall=recall)
    key = str(recall)
    before = tasks.find(tx, RECALL_LIFT, key)
    if before is not None and before.status == COMPLETED:
        raise ConflictError(f"recall {recall} is lifted already", remedy="enter a new recall to stop the lots again", recall=recall)
    if before is not None and before.is_open:
        raise ConflictError(f"somebody asked already to lift recall {recall}", remedy="another person answers it", recall=recall)
    product = products.find(tx, found.product)
    detail: dict[str, object] = {
        "recall": recall,
        "name": product.name if product is not None else found.product,
        "gtin": found.gtin,
        "lots": list(found.lots),
        "nurse": actor.id,
        "reason_text": why,
    }
    raised = tasks.put(tx, NewTask(kind=RECALL_LIFT, key=key, product=found.product, detail=detail), reopen=True)
    if raised.outcome == "repeated":
        raise ConflictError(f"somebody asked already to lift recall {recall}", remedy="another person answers it", recall=recall)
    tx.audit("recall.ask-to-lift", f"recall/{recall}", {"product": found.product, "lots": list(found.lots), "reason": why})
    return tasks.get(tx, raised.id)


def lift(tx: Transaction, task: Task) -> dict[str, object]:
    """A second person agreed, in this transaction. What the audit says of it. Raises: NotFoundError."""
    number = int(task.key)
    found = recalls.get(tx, number)
    if found is None:
        raise NotFoundError(f"recall {number} does not exist", remedy="look at the list of recalls", recall=number)
    recalls.hold_product(tx, found.product)
    product = products.find(tx, found.product)
    free = () if product is None else _only_of(tx, found)
    if product is not None and free:
        left = tuple(lot for lot in product.recalled_lots if lot not in free)
        pharmacy.receive_product(tx, replace(product, recalled_lots=left), action="lifted", why=str(task.detail.get("reason_text") or ""))
    owed = [one.id for one in tasks.listed(tx, kinds=(QUARANTINE,), limit=500) if one.detail.get("recall") == number]
    tasks.cancel(tx, owed, why="lifted")
    told = {"product": found.product, "lots": list(found.lots), "free": list(free), "asked_by": task.detail.get("nurse")}
    tx.audit("recall.lift", f"recall/{number}", told)
    return {"recall": number, "free": list(free)}


def _only_of(tx: Transaction, recall: Recall) -> tuple[str, ...]:
    """The lots that nothing but this recall stops: no recall that holds on, and no file that stopped them before anybody recalled them."""
    others = set(recalls.lots_of(tx, recall.product))
    free = [lot for lot in recall.lots if lot not in others]
    if not free:
        return ()
    first: dict[str, datetime] = {}
    for one in recalls.of_product(tx, recall.product):  # oldest first
        for lot in one.lots:
            first.setdefault(lot, one.at)
    known = [(one.at, set(one.product.recalled_lots)) for one in formulary.versions(tx, recall.product) if one.product is not None]
    return tuple(lot for lot in free if not any(at < first[lot] and lot in lots for at, lots in known))


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
