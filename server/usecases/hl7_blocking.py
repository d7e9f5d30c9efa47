"""What is left of an order when a message about it could not be taken: it is not what we hold of it any more, so it is not given by scan.

Read from the bytes alone, because the message may be one that no reader understands: the order's number, the control code and status, and
whose it is. Only an order of this sender, of a patient whose number stands in the message. Must never write anything that it says besides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from pointofcare.orders.order import OrderStatus
from server.emr import hl7_message
from server.emr.hl7_message import Hl7Error
from server.store import identities, orders, received
from server.store.received import Version
from server.store.transaction import Transaction
from server.usecases import arrivals, hl7_admission
from server.usecases import orders as order_verbs
from server.usecases.hl7_admission import SOURCE
from server.usecases.hl7_orders import CONTROLS, STATUSES, Act
from server.usecases.hl7_profile import Profile

UNREAD_NEWER = "clarify-newer-version-unreadable"


def block(tx: Transaction, payload: bytes, profile: Profile, *, zone: str, key: str) -> None:
    """Stops what has ended there, and makes a draft of what else it speaks of, but for what is older than our version. `key` names the
    message to a person."""
    header = hl7_message.peek(payload)
    text = payload.decode(hl7_message.codec_of(header.charset or profile.charset), "replace")
    field, component, repeat = header.separators[0], header.separators[1], header.separators[2]
    lines = [line.split(field) for line in re.split(r"[\r\n]+", text)]

    def first(line: list[str], place: int) -> str:
        return line[place].split(component)[0].strip() if place < len(line) else ""

    numbers = [line[place] for line in lines if line[0] == "PID" for place in (2, 3) if place < len(line)]
    persons = set(_persons(tx, numbers, component, repeat))
    for orc in (line for line in lines if line[0] == "ORC"):
        number, act = first(orc, 2 if profile.order_number == "placer" else 3), CONTROLS.get(first(orc, 1).upper())
        here = orders.find(tx, number) if number else None
        if here is None or here.source != SOURCE or identities.current(tx, here.order.patient) not in persons:
            continue
        if act is Act.STOP or (act is not Act.HOLD and STATUSES.get(first(orc, 5).upper()) in arrivals.ENDED):
            arrivals.stop(tx, here, reason="ended in the EMR")
            _remember(tx, number, ended=str(OrderStatus.STOPPED))
        elif act is Act.RELEASE or here.order.status in arrivals.ENDED or _is_older(tx, number, first(orc, 9) or header.sent, zone):
            continue
        else:
            unclear = (here.order.clarification or here.clarification or "").splitlines()
            order_verbs.receive(tx, here.order, source=SOURCE, clarification="\n".join([*unclear, f"{UNREAD_NEWER}={key}"[:200]]))
            _remember(tx, number, ended="")


def _persons(tx: Transaction, cells: list[str], component: str, repeat: str) -> Iterator[str]:
    for mrn in {each.split(component)[0].strip() for cell in cells for each in cell.split(repeat)} - {""}:
        found = hl7_admission.find(tx, mrn)
        if found is not None:
            yield found


def _is_older(tx: Transaction, number: str, written: str, zone: str) -> bool:
    newest = received.newest(tx, SOURCE, f"order/{number}")
    try:
        at: datetime = hl7_message.moment(written, zone, where="ORC-9")[0]
    except Hl7Error:
        return False
    return newest is not None and at < newest.at


def _remember(tx: Transaction, number: str, *, ended: str) -> None:
    """The next version that is read counts whole, also where it says what the one before the unread one said; an end stays one."""
    newest = received.newest(tx, SOURCE, f"order/{number}")
    if newest is not None:
        detail = {name: value for name, value in newest.detail.items() if name != "digest"}
        detail |= {hl7_admission.ENDED_BY_MESSAGE: ended} if ended else {}
        received.put(tx, SOURCE, f"order/{number}", Version(at=newest.at, sent_at=newest.sent_at, detail=detail))
