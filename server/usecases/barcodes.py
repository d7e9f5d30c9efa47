"""The barcode fix queue: what carts could not read or do not know, as one task for each code, and what a pharmacist does about it.

A code is matched to a product once, and every cart's next formulary knows it. Where the product is high-alert or controlled, a second
pharmacist confirms the match. A wrong match is withdrawn. Nothing here decides whether a dose may be given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from pointofcare.administration.record import FindingEvidence, ScanEvidence
from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError
from pointofcare.people import StaffRole
from pointofcare.products import Product
from server.store import barcodes, products, tasks
from server.store.barcodes import TYPED, UNKNOWN, UNREADABLE, Sighting
from server.store.tasks import NewTask, Task
from server.store.transaction import Actor, Transaction
from server.usecases import formulary
from server.usecases.permission import require, text
from server.usecases.task_kinds import LABEL_TROUBLE, UNKNOWN_BARCODE, Answer

_MOST_CODES = 10
_LONGEST_KEY = 100
# A GTIN at the head of an element string that is broken further on.
_GTIN_AHEAD = re.compile(r"\A\]?[A-Za-z0-9]{0,2}?01([0-9]{14})")


def noticed(
    tx: Transaction,
    *,
    findings: Iterable[FindingEvidence],
    scans: Iterable[ScanEvidence],
    record_id: str,
    ward: str,
    cart: str,
    nurse: str | None,
    patient: str | None,
    order: str | None,
    at: datetime,
) -> None:
    """Labels that stopped a dose (rule G5): one task for each code, however often it comes, and each sighting once."""
    found = tuple(_codes(findings))[:_MOST_CODES]
    if not found:
        return
    known = products.known(tx, gtins=[gtin for gtin in (_gtin(code) for _, code in found) if gtin])
    typed = {_gtin(one.text) or one.text: one.reason for one in scans if one.keyed and one.kind != "patient"}
    for cause, code in found:
        gtin = _gtin(code)
        if cause == UNKNOWN and code in known:
            continue  # the cart's formulary was older than ours
        kind = UNKNOWN_BARCODE if cause == UNKNOWN or (cause == TYPED and gtin and gtin not in known) else LABEL_TROUBLE
        name = code if cause == UNKNOWN else gtin or code
        sighting = Sighting(
            kind=kind, key=key_of(name), record_id=record_id, cause=cause, text=code, ward=ward, cart=cart, at=at, reason=typed.get(name)
        )
        if not barcodes.add(tx, sighting):
            continue
        detail = {"barcode": name[:200], "cart": cart, "nurse": nurse, "order": order}
        new = NewTask(
            kind=kind,
            key=sighting.key,
            ward=ward,
            # What is about a label is about no patient: whoever answers needs no name.
            patient=patient if kind == UNKNOWN_BARCODE else None,
            product=known.get(gtin) if gtin else None,
            record_id=record_id,
            detail=detail,
        )
        # What was mended and comes again needs a new answer; what was said to be not ours, or fine, keeps its answer.
        before = tasks.find(tx, kind, new.key)
        tasks.put(tx, new, reopen=before is not None and before.status == tasks.COMPLETED)


def noted(tx: Transaction, actor: Actor, task: Task, chosen: Answer, product: str | None) -> dict[str, object]:
    """What the task of an unknown barcode holds after the answer: who proposed which product. Before anything is written.

    Raises: NotFoundError (no such product)."""
    detail = {name: value for name, value in task.detail.items() if name not in ("proposed", "proposed_by")}
    if chosen.code == "propose-link":
        if not product:
            raise NotFoundError("no product was chosen", remedy="choose the product that this pack holds")
        return {**detail, "proposed": products.get(tx, product).id, "proposed_by": actor.id}
    return dict(task.detail) if chosen.code == "link" else detail


def match(tx: Transaction, actor: Actor, task: Task, product: str, said: str) -> Product:
    """The code of the task is another pack of the product: it is in the formulary from now on.

    Raises: NotPermittedError (it takes a second pharmacist), ConflictError (another product was proposed), as `formulary.add_pack`."""
    proposed, by = task.detail.get("proposed"), task.detail.get("proposed_by")
    if not product:
        raise NotFoundError("no product was chosen", remedy="choose the product that this pack holds")
    if formulary.needs_two(products.get(tx, product), products.policy(tx)):
        if proposed is None:
            raise NotPermittedError(
                "this drug is high-alert or controlled: two pharmacists match its barcode",
                remedy="propose the match; another pharmacist confirms it",
                product=product,
            )
        if by == actor.id:
            raise NotPermittedError("nobody confirms their own match", remedy="another pharmacist compares the pack and confirms")
    if proposed is not None and proposed != product:
        raise ConflictError(f"{proposed} was proposed, not {product}", remedy="confirm that one or decline it", product=str(proposed))
    barcode = str(task.detail.get("barcode", ""))
    return formulary.add_pack(tx, actor, product, barcode, why=said or f"unknown barcode, task {task.id}")


def withdraw(tx: Transaction, actor: Actor, task_id: int, *, revision: int, why: str) -> Task:
    """The match was wrong: the barcode leaves the formulary and waits anew.

    Raises: NotPermittedError, NotFoundError, ConflictError (it is not matched, or somebody was faster), TextMissingError."""
    require(tx, actor, StaffRole.PHARMACIST)
    said = text(why, "reason")
    task = tasks.get(tx, task_id)
    if task.kind != UNKNOWN_BARCODE or task.answer_code != "link":
        raise ConflictError("this barcode is not matched", remedy="look at it again", task=task_id)
    pack = matched(tx, task)
    if pack is None:
        raise ConflictError("this barcode is not in the formulary any more", remedy="look at the product's history", task=task_id)
    formulary.remove_pack(tx, actor, pack, why=said)
    detail = {name: value for name, value in task.detail.items() if name not in ("proposed", "proposed_by")}
    if not tasks.open_again(tx, task_id, revision=revision, step="unlinked", text=said, detail=detail):
        raise ConflictError("the task changed meanwhile", remedy="look at it again and decide anew", task=task_id)
    told = {"before": {"answer": task.answer_code, "product": pack}, "after": {"answer": None, "text": said}}
    tx.audit("task.unlink", f"task/{task_id}", {"kind": task.kind, "key": task.key, **told})
    return tasks.get(tx, task_id)


def matched(tx: Transaction, task: Task) -> str | None:
    """The pack that the task's barcode is in the formulary; None: none."""
    gtin = _gtin(str(task.detail.get("barcode", "")))
    return products.known(tx, gtins=(gtin,)).get(gtin) if gtin else None


def key_of(code: str) -> str:
    return code if len(code) <= _LONGEST_KEY else f"{code[:40]}~{sha256(code.encode('utf-8', 'surrogateescape')).hexdigest()}"


def _codes(findings: Iterable[FindingEvidence]) -> dict[tuple[str, str], None]:
    """(cause, code) of rule G5, each once."""
    found: dict[tuple[str, str], None] = {}
    for finding in findings:
        cause = finding.facts.get("cause")
        if finding.rule != "G5" or cause not in (UNKNOWN, UNREADABLE, TYPED):
            continue
        said = str(finding.facts.get("barcode") or "")
        # What could not be read is one text, which may hold anything.
        for code in [said] if cause == UNREADABLE else said.split(", "):
            if code.strip():
                found.setdefault((str(cause), code.strip()))
    return found


def _gtin(code: str) -> str:
    """Its GTIN in 14 digits, also where it stands at the head of a broken label; "" for none."""
    if formulary.is_gtin(code):
        return code.zfill(14)
    ahead = _GTIN_AHEAD.match(code)
    return ahead[1] if ahead and formulary.is_gtin(ahead[1]) else ""
