"""What stands in the way of giving an order by scan, kept with the order so that carts and pages say the same.

Must never let an order that cannot be computed be active: it is a draft until somebody clarifies it.
"""

from __future__ import annotations

from dataclasses import replace

from pointofcare.orders import clarify, dosage
from pointofcare.orders.order import Order, OrderStatus
from pointofcare.texts import orders as texts
from server.store import patients
from server.store.transaction import Transaction
from server.usecases.import_rows import HELD


def is_held(order: Order) -> bool:
    return any(line.partition("=")[0] == HELD for line in order.clarification.splitlines())


def held(unclear: str | None, status: OrderStatus | None) -> str | None:
    """What is unclear of a draft, after its sender said `status`."""
    lines = [line for line in (unclear or "").splitlines() if line.partition("=")[0] != HELD]
    if lines and status is OrderStatus.ON_HOLD:
        lines.append(f"{HELD}=")
    return "\n".join(lines) or None


def marked(order: Order, found_by_import: str | None = None) -> Order:
    """`order` with all that must be clarified written on it, a draft where there is something; without anything, unmarked.

    `found_by_import` are lines of `import_rows.clarify_note`; what they say already is not said twice."""
    lines = (found_by_import or "").splitlines()
    said = {line.partition("=")[0].removesuffix("-unreadable") for line in lines}
    bare = replace(order, clarification="")
    lines += [
        line
        for problem, line in ((problem, texts.stored((problem,))) for problem in clarify.problems(bare))
        if not said & {f"{texts.PREFIX}{problem.code}", f"{texts.PREFIX}{problem.code.removeprefix('no-')}"}
    ]
    kept = "\n".join(dict.fromkeys(lines))
    drafted = bool(kept) and order.status in (OrderStatus.ACTIVE, OrderStatus.ON_HOLD, None)
    return replace(bare, clarification=kept, status=OrderStatus.DRAFT if drafted else order.status)


def following(tx: Transaction, changed: Order, before: Order, ward: str | None) -> Order:
    """`changed` with the moment from which its times hold, so that changed times make up no missed dose."""
    found = patients.ward(tx, ward) if ward is not None else None
    zone = found.timezone if found is not None else None
    return replace(changed, holds_from=dosage.holds_from(changed, before, zone, tx.at))
