"""An infusion pump, or the gateway before it, that takes orders by IHE PCD-03 over MLLP (PIV: point-of-care infusion verification).

One connection an order, so that an answer that comes late can never be taken for that of the next. What went out and was not clearly
answered is unknown, and is never sent again by itself. Must never start anything: a clinician does, at the pump.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import OrderedDict

from devices.hl7v2 import mllp, segments
from devices.ports import Pump, PumpAnswer, PumpOrder, PumpOutcome
from devices.pumps import rgv
from pointofcare.errors import DeviceProtocolError, DeviceUnavailableError

log = logging.getLogger(__name__)
CONNECT_S = 3.0
ANSWER_S = 10.0
_MOST_REMEMBERED = 256


class PivPump:
    """The channel `channel` of the pump `pump`, reached at `host` and `port`. Safe from any thread: one order at a time."""

    def __init__(self, host: str, port: int, *, pump: str, channel: str, answer_s: float = ANSWER_S) -> None:
        self._host, self._port, self._pump, self._channel, self._answer_s = host, port, pump, channel, answer_s
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[str, str], PumpAnswer] = OrderedDict()

    def program(self, order: PumpOrder) -> PumpAnswer:
        payload = rgv.write(order, pump=self._pump, channel=self._channel)
        act = (order.order, order.message)
        with self._lock:
            if act in self._answers:
                return self._answers[act]
            try:
                line = socket.create_connection((self._host, self._port), timeout=CONNECT_S)
            except OSError as exc:
                raise DeviceUnavailableError(
                    f"the {self.describe()} is not reached: {exc}", remedy="set the pump by hand; see whether it is switched on"
                ) from exc
            with line:
                # From here on the pump may have it, whatever happens.
                self._answers[act] = PumpAnswer(outcome=PumpOutcome.UNKNOWN, why=rgv.SILENT)
                self._answers[act] = self._sent(line, payload, order)
            while len(self._answers) > _MOST_REMEMBERED:
                self._answers.popitem(last=False)
            return self._answers[act]

    def describe(self) -> str:
        return f"infusion pump {self._pump}, channel {self._channel}, by IHE PIV at {self._host}:{self._port}"

    def _sent(self, line: socket.socket, payload: bytes, order: PumpOrder) -> PumpAnswer:
        until_s = time.monotonic() + self._answer_s
        frames = mllp.Frames()
        control = rgv.control_of(order, pump=self._pump, channel=self._channel)
        try:
            line.sendall(mllp.framed(payload))
            while (left_s := until_s - time.monotonic()) > 0:
                line.settimeout(left_s)
                data = line.recv(65536)
                if not data:
                    break
                for whole in frames.feed(data):
                    try:
                        answer = rgv.read(segments.read(whole), order, control=control)
                    except DeviceProtocolError:
                        log.warning("the pump sent something that is no HL7 message")
                        continue
                    if answer is not None:
                        return answer
        except OSError:
            log.warning("the connection to the pump broke before it answered")
        return PumpAnswer(outcome=PumpOutcome.UNKNOWN, why=rgv.SILENT)


def open_pump(source: str = "", *, pump: str = "", channel: str = "1", answer_s: str = str(ANSWER_S)) -> Pump:
    """`source` is the address. Raises: ValueError."""
    example = "piv:127.0.0.1:2576?pump=PUMP-12&channel=1"
    host, port = mllp.address(source, example=example)
    if not pump.strip() or not channel.strip():
        raise ValueError(f"name the pump and its channel: {example}")
    if not 1 <= float(answer_s) <= 60:
        raise ValueError("answer_s is between 1 and 60 seconds")
    return PivPump(host, port, pump=pump.strip(), channel=channel.strip(), answer_s=float(answer_s))
