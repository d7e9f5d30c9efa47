"""A label printer on the hospital's network: ZPL over raw TCP, its status asked with ~HS before, between and after.

Before the first byte of a label has left, a fault means that nothing was printed. After it, whatever goes wrong is an unknown outcome
with the number of labels that were handed over: a person looks at the printer. Must never send a label a second time by itself.
Source: Zebra, ZPL II Programming Guide, ~HS host status return.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from devices.printers.stock import Printer
from pointofcare.errors import DeviceError, DeviceProtocolError, DeviceTimeoutError, DeviceUnavailableError, OutcomeUnknownError

_ASK = b"~HS\r\n"
_MOST_STATUS_BYTES = 1024
# After so many labels the printer is asked again whether it still has paper.
BETWEEN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the printer says of itself. `waiting` is how many labels it has been given and not printed yet."""

    paper_out: bool
    paused: bool
    head_open: bool
    ribbon_out: bool
    buffer_full: bool
    too_hot: bool
    waiting: int

    @property
    def faults(self) -> tuple[str, ...]:
        """Stable codes of what keeps it from printing, the first one that a person sees first."""
        named = (
            ("paper-out", self.paper_out),
            ("ribbon-out", self.ribbon_out),
            ("head-open", self.head_open),
            ("too-hot", self.too_hot),
            ("paused", self.paused),
        )
        return tuple(code for code, holds in named if holds)


class PrinterNotReadyError(DeviceError):
    """The printer is there and says that it cannot print; nothing was sent. `fields["faults"]` says why."""

    code = "printer-not-ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds: to connect, to hand over one label or hear a status, and without any progress before the outcome is called unknown."""

    connect_s: float = 3.0
    answer_s: float = 5.0
    stuck_s: float = 60.0
    poll_s: float = 0.5


PATIENCE = Patience()


def parse_status(data: bytes) -> Status:
    """Of the three strings of ~HS, each between STX and ETX. Raises: DeviceProtocolError."""
    strings = [part.split(b"\x02")[-1].decode("ascii", "replace").split(",") for part in data.split(b"\x03")[:-1] if b"\x02" in part]
    if len(strings) < 2 or len(strings[0]) < 12 or len(strings[1]) < 9:
        raise DeviceProtocolError("the printer's status is not understood", remedy="is it a printer that speaks ZPL?")
    first, second = strings[0], strings[1]
    try:
        formats, left = int(first[4]), int(second[8])
    except ValueError as exc:
        raise DeviceProtocolError("the printer's status is not understood", remedy="is it a printer that speaks ZPL?") from exc
    return Status(
        paper_out=first[1] == "1",
        paused=first[2] == "1",
        buffer_full=first[5] == "1",
        too_hot=first[11] == "1",
        head_open=second[2] == "1",
        ribbon_out=second[3] == "1",
        waiting=formats + left,
    )


def status(printer: Printer, patience: Patience = PATIENCE) -> Status:
    """Raises: DeviceUnavailableError, DeviceTimeoutError, DeviceProtocolError."""
    with _connected(printer, patience) as line:
        return _status(line, patience)


def send(
    printer: Printer,
    labels: Iterable[bytes],
    count: int,
    *,
    told: Callable[[int, tuple[str, ...]], None] = lambda _sent, _faults: None,
    patience: Patience = PATIENCE,
    wait: Callable[[float], None] = time.sleep,
    clock_s: Callable[[], float] = time.monotonic,
) -> None:
    """Hands the `count` labels over and returns when the printer says that all of them are on paper. `told` is called with how many were
    handed over, and what keeps the printer from printing now.

    Raises: DeviceUnavailableError, DeviceTimeoutError, DeviceProtocolError, PrinterNotReadyError: nothing was sent.
    OutcomeUnknownError: `fields["sent"]` labels were handed over whole, one more perhaps in part, and some of them may be printed."""
    with _connected(printer, patience) as line:
        found = _status(line, patience)
        if found.faults or found.waiting:
            # Labels of somebody else's that still wait would be taken for ours.
            raise PrinterNotReadyError(
                f"the printer {printer.name} cannot print now",
                remedy="look at the printer, then send again",
                faults=found.faults or ("busy",),
            )
        sent, faults = 0, found.faults
        try:
            for place, label in enumerate(labels, start=1):
                line.sendall(label)
                sent = place
                if place % BETWEEN == 0 and place < count:
                    faults = _until(line, 2 * BETWEEN, patience, wait, clock_s, lambda now, sent=sent: told(sent, now))  # type: ignore[misc]
                    told(sent, faults)
            _until(line, 0, patience, wait, clock_s, lambda now: told(sent, now))
        except (OSError, DeviceError) as exc:
            raise OutcomeUnknownError(
                f"the printer {printer.name} stopped answering",
                remedy="count what came out of the printer; print again only what is missing, under new numbers",
                sent=sent,
                faults=exc.fields.get("faults", ()) if isinstance(exc, DeviceError) else (),
            ) from exc


class _StuckError(DeviceError):
    code = "printer-stuck"


def _until(
    line: socket.socket,
    waiting: int,
    patience: Patience,
    wait: Callable[[float], None],
    clock_s: Callable[[], float],
    told: Callable[[tuple[str, ...]], None],
) -> tuple[str, ...]:
    """Waits until at most so many labels wait in the printer. Raises: _StuckError, DeviceError, OSError."""
    since, before = clock_s(), -1
    said: tuple[str, ...] = ()
    while True:
        found = _status(line, patience)
        if found.faults != said:
            said = found.faults
            told(said)
        if found.waiting <= waiting:
            return found.faults
        if found.waiting != before:
            since, before = clock_s(), found.waiting
        elif clock_s() - since >= patience.stuck_s:
            raise _StuckError("the printer does not go on", faults=found.faults)
        wait(patience.poll_s)


def _status(line: socket.socket, patience: Patience) -> Status:
    line.settimeout(patience.answer_s)
    try:
        line.sendall(_ASK)
        data = b""
        while data.count(b"\x03") < 3:
            more = line.recv(_MOST_STATUS_BYTES)
            if not more:
                raise DeviceUnavailableError("the printer hung up", remedy="is it on, and plugged into the network?")
            data += more
            if len(data) > _MOST_STATUS_BYTES:
                raise DeviceProtocolError("the printer's status is not understood", remedy="is it a printer that speaks ZPL?")
    except TimeoutError as exc:
        raise DeviceTimeoutError("the printer does not answer", remedy="is it on, and not printing from a computer?") from exc
    except OSError as exc:
        raise DeviceUnavailableError("the printer hung up", remedy="is it on, and plugged into the network?") from exc
    return parse_status(data)


@contextlib.contextmanager
def _connected(printer: Printer, patience: Patience) -> Iterator[socket.socket]:
    try:
        line = socket.create_connection((printer.host, printer.port), timeout=patience.connect_s)
    except OSError as exc:
        raise DeviceUnavailableError(
            f"the printer {printer.name} cannot be reached", remedy="is it on, and plugged into the network?"
        ) from exc
    try:
        line.settimeout(patience.answer_s)
        yield line
    finally:
        with contextlib.suppress(OSError):
            line.close()
