"""A label printer on a real socket, and what is said of a job when the printer has no paper, hangs up or is silent."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from devices.printers import layout, network, zpl
from devices.printers.layout import Label, Line
from devices.printers.network import Patience, PrinterNotReadyError
from devices.printers.stock import SHIPPED, Printer
from devices.printers.symbol import Code
from pointofcare.errors import DeviceProtocolError, DeviceTimeoutError, DeviceUnavailableError, OutcomeUnknownError
from simulation.devices.label_printer import LabelPrinter

SHORT = Patience(connect_s=5.0, answer_s=20.0, stuck_s=0.0, poll_s=0.0)
PLACED = layout.place(
    Label(code=Code(kind="qr", text="BAG1"), lines=(Line(field="name", text="Một nhãn", points=8, least=6),)), SHIPPED["drawer-50x25"], 203
)
ONE = zpl.of(PLACED)


@pytest.fixture
def printer() -> Iterator[LabelPrinter]:
    found = LabelPrinter().start()
    yield found
    found.stop()


def at(printer: LabelPrinter) -> Printer:
    return Printer(id="p", name="Dược", host="127.0.0.1", port=printer.port)


def test_all_labels_come_out_once_and_in_order(printer: LabelPrinter) -> None:
    told: list[int] = []
    network.send(at(printer), [ONE] * 23, 23, told=lambda sent, _faults: told.append(sent), patience=SHORT)
    assert len(printer.printed) == 23
    assert told == [10, 20]
    assert network.status(at(printer), SHORT).faults == ()


@pytest.mark.parametrize(("trouble", "fault"), [("paper_out", "paper-out"), ("paused", "paused"), ("head_open", "head-open")])
def test_a_printer_that_cannot_print_is_sent_nothing_and_says_why(printer: LabelPrinter, trouble: str, fault: str) -> None:
    setattr(printer, trouble, True)
    with pytest.raises(PrinterNotReadyError) as caught:
        network.send(at(printer), [ONE], 1, patience=SHORT)
    assert caught.value.fields["faults"] == (fault,)
    assert (printer.printed, printer.waiting) == ([], [])


def test_a_printer_with_somebody_elses_labels_is_sent_nothing(printer: LabelPrinter) -> None:
    printer.paused = True
    printer.take(ONE)
    printer.paused = False
    printer.status()  # it was resumed and has not begun yet
    with pytest.raises(PrinterNotReadyError) as caught:
        network.send(at(printer), [ONE], 1, patience=SHORT)
    assert caught.value.fields["faults"] == ("busy",)


def test_a_plug_that_is_pulled_in_the_middle_leaves_the_outcome_unknown_and_nothing_is_sent_again(printer: LabelPrinter) -> None:
    printer.unplug_after = 4
    with pytest.raises(OutcomeUnknownError) as caught:
        network.send(at(printer), [ONE] * 30, 30, patience=SHORT)
    assert int(str(caught.value.fields["sent"])) >= 4
    assert len(printer.printed) == 4


def test_paper_that_runs_out_is_told_and_the_rest_comes_once_there_is_more(printer: LabelPrinter) -> None:
    printer.paper_left = 3
    told: list[tuple[int, tuple[str, ...]]] = []

    def hear(sent: int, faults: tuple[str, ...]) -> None:
        told.append((sent, faults))
        if faults:
            printer.load_paper()

    network.send(at(printer), [ONE] * 6, 6, told=hear, patience=Patience(answer_s=20.0, stuck_s=30.0, poll_s=0.0))
    assert (6, ("paper-out",)) in told
    assert len(printer.printed) == 6


def test_paper_that_nobody_loads_leaves_the_outcome_unknown_with_its_reason(printer: LabelPrinter) -> None:
    printer.paper_left = 2
    with pytest.raises(OutcomeUnknownError) as caught:
        network.send(at(printer), [ONE] * 5, 5, patience=SHORT)
    assert caught.value.fields["faults"] == ("paper-out",)
    assert len(printer.printed) == 2


def test_a_printer_that_does_not_answer_is_sent_nothing(printer: LabelPrinter) -> None:
    printer.mute = True
    with pytest.raises(DeviceTimeoutError):
        network.send(at(printer), [ONE], 1, patience=Patience(answer_s=0.3))
    assert printer.printed == []


def test_a_printer_that_is_not_there_is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DeviceUnavailableError):
        network.status(Printer(id="p", name="x", host="127.0.0.1", port=port), SHORT)


@pytest.mark.parametrize(
    "data", [b"", b"\x02hello\x03\r\n\x02\x03\x02\x03", b"\x02030,0,0,0400,x,0,0,0,000,0,0,0\x03\x02000,0,0,0,0,2,4,0,1,1,0\x03"]
)
def test_what_is_no_printers_status_is_no_status(data: bytes) -> None:
    with pytest.raises(DeviceProtocolError):
        network.parse_status(data)


def test_the_status_of_a_real_printer_is_read() -> None:
    """As in the guide: paper out, paused, seven formats waiting, head open, two labels left of a batch."""
    found = network.parse_status(
        b"\x02030,1,1,1225,007,0,0,0,000,0,0,0\x03\r\n\x02000,0,1,0,0,2,4,0,00000002,1,000\x03\r\n\x021234,0\x03\r\n"
    )
    assert found.faults == ("paper-out", "head-open", "paused")
    assert found.waiting == 9
