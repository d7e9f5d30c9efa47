"""An infusion pump that ships with the simulation: it takes IHE PCD-03 orders over MLLP, checks them against its own drug library, and
runs only when somebody presses its key.

Its troubles (silence, late and double answers, something else than was ordered, a pulled plug) are for tests and drills. Must never
listen beyond loopback, or start by a message.
"""

from __future__ import annotations

import argparse
import socketserver
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from devices.hl7v2 import mllp, segments
from devices.hl7v2.segments import Message, Segment, components
from pointofcare.errors import DeviceProtocolError


class ChannelState(StrEnum):
    IDLE = "idle"
    PROGRAMMED = "programmed"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drug:
    """A line of the library: rates in mL/h, and the one concentration in mg/mL that is stocked; None for a plain fluid."""

    slowest: Decimal
    fastest: Decimal
    concentration: Decimal | None = None


@dataclass(slots=True, kw_only=True)
class Channel:
    state: ChannelState = ChannelState.IDLE
    order: str = ""
    rate: Decimal | None = None
    volume: Decimal | None = None


LIBRARY: Mapping[str, Drug] = {
    "noradrenaline": Drug(slowest=Decimal("0.5"), fastest=Decimal(60), concentration=Decimal("0.08")),
    "sodium chloride": Drug(slowest=Decimal(1), fastest=Decimal(999)),
}


@dataclass(slots=True, kw_only=True)
class Troubles:
    """`mute`: takes orders and says nothing. `only_commit`: says that it came, and no more. `twice`: says all twice. `stray`: answers to
    something else first. `rubbish`: noise before the answer. `hang_up`: ends the connection after it took the order. `repeats_rate`: the
    rate that it says it was given."""

    mute: bool = False
    only_commit: bool = False
    twice: bool = False
    stray: bool = False
    rubbish: bool = False
    hang_up: bool = False
    repeats_rate: str = ""


@dataclass(slots=True, kw_only=True)
class InfusionPump:
    """On `port` of loopback, 0: a free one. `patient` "" takes anybody's order. `plug` and `unplug` any number of times."""

    port: int = 0
    pump: str = "PUMP-12"
    patient: str = ""
    library: Mapping[str, Drug] = field(default_factory=lambda: dict(LIBRARY))
    channels: dict[str, Channel] = field(default_factory=lambda: {"1": Channel(), "2": Channel()})
    troubles: Troubles = field(default_factory=Troubles)
    received: list[Message] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _answered: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    _server: _Server | None = None
    _thread: threading.Thread | None = None

    def plug(self) -> InfusionPump:
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="infusion pump", daemon=True)
        self._thread.start()
        return self

    def unplug(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def press_start(self, channel: str = "1") -> bool:
        """The green key: a clinician looked at the display and starts it. False: there is nothing to start."""
        with self._lock:
            if self.channels[channel].state is not ChannelState.PROGRAMMED:
                return False
            self.channels[channel].state = ChannelState.RUNNING
            return True

    def press_stop(self, channel: str = "1") -> None:
        with self._lock:
            self.channels[channel] = Channel()

    def answers(self, payload: bytes) -> list[bytes]:
        """What it sends back to one message, in this order."""
        try:
            message = segments.read(payload)
        except DeviceProtocolError:
            return []
        with self._lock:
            self.received.append(message)
            # The same control id is the same act, whatever is in it.
            if message.control not in self._answered:
                self._answered[message.control] = self._taken(message)
            verdict = self._answered[message.control]
        if self.troubles.mute or self.troubles.hang_up:
            return []
        now = datetime.now(UTC)
        said = [segments.answer(message, "CA", at=now, control=f"c-{message.control}")]
        if not self.troubles.only_commit:
            said.append(self._reply(message, verdict, now))
        if self.troubles.stray:
            said.insert(0, said[-1].replace(message.control.encode(), b"another-message-0001"))
        if self.troubles.rubbish:
            said.insert(0, b"MSH|^~\\&|torn")
        return said * 2 if self.troubles.twice else said

    def _taken(self, message: Message) -> tuple[str, str, str]:
        """(MSA-1, code, words). Takes the program where nothing is wrong with it."""
        given, placed, patient = message.first("RXG"), message.first("ORC"), message.first("PID")
        parts = {obx.text(3): obx.text(18) for obx in message.all("OBX")}
        if message.kind != "RGV^O15" or given is None or placed is None or patient is None or len(tuple(message.all("RXG"))) != 1:
            return "AR", "9003", "Missing required program parameter(s)"
        channel = self.channels.get(parts.get("69986", ""))
        if parts.get("69985") != self.pump or channel is None:
            return "AE", "9001", "Unknown infuser or channel"
        if channel.state is ChannelState.RUNNING:
            return "AE", "9002", "Infuser/channel is currently infusing"
        if self.patient and self.patient not in patient.each(3):
            return "AE", "9012", "Patient ID mismatch"
        drug = self.library.get(given.text(4))
        if drug is None:
            return "AE", "9010", "Unable to match medication to drug library"
        try:
            volume, rate, strength, within = (_number(given, field) for field in (5, 15, 17, 23))
        except InvalidOperation:
            return "AE", "9004", "Invalid program parameter(s)"
        if volume is None or rate is None or not placed.text(2):
            return "AE", "9003", "Missing required program parameter(s)"
        if given.text(7) != "263762" or (within is not None and given.text(24) != "263762"):
            return "AE", "9008", "Invalid units for parameter (volume)"
        if given.text(16) != "265266":
            return "AE", "9009", "Dose/Rate Units do not match drug library"
        if drug.concentration is not None:
            if strength is None or not within or given.text(18) != "263890":
                return "AE", "9003", "Missing required program parameter(s) (RXG-17, RXG-23)"
            if strength / within != drug.concentration:
                return "AE", "9010", "Unable to match medication to drug library (concentration)"
        if not drug.slowest <= rate <= drug.fastest:
            return "AE", "9005", f"Parameter (rate) outside of allowable range ({drug.slowest} to {drug.fastest})"
        channel.state, channel.order, channel.rate, channel.volume = ChannelState.PROGRAMMED, placed.text(2), rate, volume
        return "AA", "", ""

    def _reply(self, message: Message, verdict: tuple[str, str, str], now: datetime) -> bytes:
        code, error, words = verdict
        said: list[tuple[str, ...]] = [
            ("MSH", "SIMPUMP", "", "POINTOFCARE", "", segments.stamp(now), "", "RRG^O16^RRG_O16", f"r-{message.control}"[:20], "P",
             segments.VERSION, "", "", "NE", "NE", "", "UNICODE UTF-8"),
            ("MSA", code, message.control),
        ]  # fmt: skip
        if error:
            said.append(("ERR", "", "", "207^Application internal error^HL70357", "E", components(error, words, "IHE_PIV"), "", "", words))
        else:
            given, placed, patient = message.first("RXG"), message.first("ORC"), message.first("PID")
            assert given is not None
            assert placed is not None
            assert patient is not None
            fields = list(given.fields)
            fields[15] = self.troubles.repeats_rate or fields[15]
            said += [patient.fields, placed.fields, tuple(fields)]
        return segments.write(said)


def _number(segment: Segment, field_number: int) -> Decimal | None:
    """Raises: InvalidOperation."""
    text = segment.raw(field_number)
    return Decimal(text) if text else None


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], pump: InfusionPump) -> None:
        self.pump = pump
        super().__init__(address, _Line)


class _Line(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        pump: InfusionPump = server.pump
        frames = mllp.Frames()
        try:
            while data := self.request.recv(65536):
                for payload in frames.feed(data):
                    for said in pump.answers(payload):
                        self.request.sendall(mllp.framed(said))
                    if pump.troubles.hang_up:
                        return
        except OSError:
            return


def main(arguments: list[str] | None = None) -> int:
    """`python -m simulation.devices.infusion_pump --port 2576`: until its input ends; a line "start 1" or "stop 1" is its key."""
    parser = argparse.ArgumentParser(prog="simulation.devices.infusion_pump", description="a simulated infusion pump (IHE PIV)")
    parser.add_argument("--port", type=int, default=2576)
    parser.add_argument("--patient", default="", help="whose pump it is; without: anybody's")
    chosen = parser.parse_args(arguments)
    pump = InfusionPump(port=chosen.port, patient=chosen.patient).plug()
    sys.stdout.write(f"pump {pump.pump} on 127.0.0.1:{pump.port}; type start 1 or stop 1\n")
    sys.stdout.flush()
    for line in sys.stdin:
        key, _, channel = line.strip().partition(" ")
        if channel not in pump.channels:
            continue
        if key == "start":
            pump.press_start(channel)
        elif key == "stop":
            pump.press_stop(channel)
        sys.stdout.write(f"channel {channel}: {pump.channels[channel].state}\n")
        sys.stdout.flush()
    pump.unplug()
    return 0


if __name__ == "__main__":
    sys.exit(main())
