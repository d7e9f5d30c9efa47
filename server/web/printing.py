"""Label sizes, label printers, and the one thread that feeds a printer after its page was answered.

Must never send before the job is on the disk, and never answer a page with "printed": the job's own state says what is known.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask import current_app

from devices.printers import layout, network, stock, zpl
from devices.printers.layout import Label, Layout
from devices.printers.stock import Equipment, Printer, Stock
from pointofcare.errors import DeviceError, NotFoundError, OutcomeUnknownError, PointOfCareError
from server.store import labels
from server.store.labels import Job
from server.store.transaction import Actor, Transaction, transaction
from server.usecases import print_jobs
from server.web import page

log = logging.getLogger(__name__)

_EQUIPMENT = "pointofcare-label-equipment"
# Without a printer a label is laid out for the finest one: a file is printed by whatever there is.
FILE_DPI = 300


def equipment() -> Equipment:
    """Read once a process. Raises: ConfigError."""
    found = current_app.extensions.get(_EQUIPMENT)
    if found is None:
        found = current_app.extensions[_EQUIPMENT] = stock.load(page.config().labels.equipment_file)
    return found  # type: ignore[no-any-return]


def stock_of(kind: str, wanted: str) -> Stock:
    """The size of that id, the first of its kind for "". Raises: NotFoundError."""
    found = next((each for each in equipment().of_kind(kind) if wanted in ("", each.id)), None)
    if found is None:
        raise NotFoundError(f"the label size {wanted!r} is not known", remedy="choose a size of the list", stock=wanted)
    return found


def printer_of(wanted: str, size: Stock) -> Printer:
    """Raises: NotFoundError."""
    found = next((each for each in equipment().loaded_with(size.id) if each.id == wanted), None)
    if found is None:
        raise NotFoundError(f"no printer {wanted!r} holds these labels", remedy="choose a printer of the list", printer=wanted)
    return found


def placed(found: Sequence[Label], size: Stock, dpi: int = FILE_DPI) -> list[Layout]:
    """Raises: DoesNotFitError."""
    return [layout.place(each, size, dpi) for each in found]


def begin(tx: Transaction, who: Actor, *, kind: str, subject: str, items: Sequence[str], printer: Printer) -> Job:
    return print_jobs.begin(tx, who, kind=kind, subject=subject, printer=printer.id, items=items)


def start(job: Job, who: Actor, printer: Printer, found: Sequence[Layout]) -> threading.Thread:
    """After the job was committed. The thread is a daemon: a server that stops leaves the job as "sending", which nobody repeats."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def run() -> None:
        with app.app_context():
            feed(job, who, printer, found)

    thread = threading.Thread(target=run, name=f"label printer {printer.id}", daemon=True)
    thread.start()
    return thread


def feed(
    job: Job,
    who: Actor,
    printer: Printer,
    found: Sequence[Layout],
    *,
    patience: network.Patience = network.PATIENCE,
    wait: Callable[[float], None] = time.sleep,
) -> str:
    """Sends the job and writes down what became of it; its state."""

    def told(sent: int, faults: tuple[str, ...]) -> None:
        with transaction(who) as tx:
            print_jobs.told(tx, job.id, sent=sent, faults=faults)

    def each() -> Iterator[bytes]:
        for one in found:
            yield zpl.of(one, font=printer.font)

    state, sent = labels.UNKNOWN, 0
    faults: tuple[str, ...] = ()
    try:
        network.send(printer, each(), len(found), told=told, patience=patience, wait=wait)
        state, sent = labels.DONE, len(found)
    except OutcomeUnknownError as exc:
        sent, faults = int(str(exc.fields.get("sent", 0))), _faults(exc) or ("silent",)
    except DeviceError as exc:
        state, faults = labels.REFUSED, _faults(exc) or (exc.code,)
    except PointOfCareError as exc:  # not of the printer: what was sent before it is not known
        log.error("print job %s: %s", job.id, exc.code)
    with transaction(who) as tx:
        print_jobs.ended(tx, job, state=state, sent=sent, faults=faults)
    return state


def _faults(exc: DeviceError) -> tuple[str, ...]:
    found = exc.fields.get("faults")
    return tuple(str(each) for each in found) if isinstance(found, tuple) else ()


def choices(kind: str) -> dict[str, Any]:
    """For `_label_print.html`: the sizes of this kind, and the printers that hold one of them."""
    sizes = equipment().of_kind(kind)
    found = {printer.id: printer for size in sizes for printer in equipment().loaded_with(size.id)}
    return {"label_stocks": sizes, "label_printers": tuple(found.values())}
