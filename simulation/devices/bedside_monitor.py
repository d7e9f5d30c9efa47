"""A bedside monitor that ships with the simulation: it sends IHE PCD-01 messages over MLLP, as a gateway does, and hears the answers.

Nothing is sent by itself: `show` is one message; as a program it shows the same values once a second until Ctrl-C. Must never connect
beyond loopback.
"""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from devices.hl7v2 import mllp, segments
from devices.hl7v2.segments import Message

DEVICE = "0012A4FFFE000001"
# Observation -> (code, name, unit code, unit name, the part of the monitor that tells it).
_TELLS: Mapping[str, tuple[str, str, str, str, str]] = {
    "spo2": ("150456", "MDC_PULS_OXIM_SAT_O2", "262688", "MDC_DIM_PERCENT", "1.6.1.1"),
    "pulse-rate": ("149530", "MDC_PULS_OXIM_PULS_RATE", "264864", "MDC_DIM_BEAT_PER_MIN", "1.6.1.2"),
    "heart-rate": ("147842", "MDC_ECG_HEART_RATE", "264864", "MDC_DIM_BEAT_PER_MIN", "1.7.1.1"),
    "systolic": ("150021", "MDC_PRESS_BLD_NONINV_SYS", "266016", "MDC_DIM_MMHG", "1.8.1.1"),
    "diastolic": ("150022", "MDC_PRESS_BLD_NONINV_DIA", "266016", "MDC_DIM_MMHG", "1.8.1.2"),
    "temperature": ("150364", "MDC_TEMP_BODY", "268192", "MDC_DIM_DEGC", "1.9.1.1"),
    "respiratory-rate": ("151562", "MDC_RESP_RATE", "264928", "MDC_DIM_RESP_PER_MIN", "1.10.1.1"),
}


class BedsideMonitor:
    """`host` and `port` are where it sends to. `patient` "" names nobody."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", device: str = DEVICE, patient: str = "") -> None:
        self.host, self.port, self.device, self.patient = host, port, device, patient
        self._line: socket.socket | None = None
        self._frames = mllp.Frames()

    def plug(self) -> None:
        """Raises: OSError when nobody listens."""
        self._line = socket.create_connection((self.host, self.port), timeout=10)
        self._frames = mllp.Frames()

    def unplug(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def show(self, values: Mapping[str, str], **changes: Any) -> Message:
        """Sends one message and returns its answer."""
        return self.ask(mllp.framed(self.message(values, **changes)))

    def message(
        self,
        values: Mapping[str, str],
        *,
        control: str = "",
        flag: str = "",
        status: str = "R",
        at: datetime | None = None,
        taken: str = "",
        cuff_at: str = "",
        unit: str = "",
        kind: str = "ORU^R01^ORU_R01",
    ) -> bytes:
        """One PCD-01 message; the rest is what may be strange about every value in it. `taken` is OBR-7 and `cuff_at` the
        moment of a pressure, as they are written."""
        now = segments.stamp(at or datetime.now(UTC))
        eui = f"{self.device}^EUI-64"
        told = [
            ("MSH", f"SIM^{eui}", "SIMULATION", "", "", now, "", kind, control or uuid.uuid4().hex[:20], "P", "2.6", "", "", "NE", "AL", "",
             "UNICODE UTF-8", "", "", "IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO"),
            *((("PID", "", "", f"{segments.escaped(self.patient)}^^^SIM^PI"),) if self.patient else ()),
            ("OBR", "1", "", f"{uuid.uuid4().hex[:12]}^SIM^{eui}", "182777000^monitoring of patient^SCT", "", "", taken or now),
            ("OBX", "1", "", "69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC", "1.0.0.0", *[""] * 6, "X", *[""] * 6, f"^^{eui}"),
        ]  # fmt: skip
        for number, (name, value) in enumerate(values.items(), start=2):
            code, called, unit_code, unit_called, path = _TELLS[name]
            written = unit or f"{unit_code}^{unit_called}^MDC"
            own = (cuff_at or taken or now) if name in ("systolic", "diastolic") else ""
            told.append(("OBX", str(number), "NM", f"{code}^{called}^MDC", path, value, written, "", flag, "", "", status, "", "", own))
        return segments.write(told)

    def ask(self, content: bytes) -> Message:
        """Anything at all, and the next answer. Raises: OSError when none comes."""
        self.send(content)
        assert self._line is not None
        while True:
            data = self._line.recv(65536)
            if not data:
                raise ConnectionError("hung up")
            for payload in self._frames.feed(data):
                return segments.read(payload)

    def send(self, content: bytes) -> None:
        if self._line is None:
            self.plug()
        assert self._line is not None
        self._line.sendall(content)

    def __enter__(self) -> BedsideMonitor:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.unplug()


def main(arguments: list[str] | None = None) -> int:
    """`python -m simulation.devices.bedside_monitor --port 2575 spo2=97 pulse-rate=71`: 0 after Ctrl-C, 1 when nobody listens, 2 for a
    value that it does not have."""
    parser = argparse.ArgumentParser(prog="simulation.devices.bedside_monitor", description="a simulated bedside monitor (IHE PCD-01)")
    parser.add_argument("values", nargs="+", metavar="NAME=VALUE", help=f"of {', '.join(_TELLS)}")
    parser.add_argument("--port", type=int, default=2575)
    parser.add_argument("--device", default=DEVICE)
    parser.add_argument("--patient", default="", help="whom it names; without: nobody")
    parser.add_argument("--times", type=int, default=0, help="how many messages; 0: until Ctrl-C")
    chosen = parser.parse_args(arguments)
    values = dict(one.partition("=")[::2] for one in chosen.values)
    if unknown := values.keys() - _TELLS.keys():
        sys.stderr.write(f"not known: {', '.join(sorted(unknown))}\n")
        return 2
    halt, sent = threading.Event(), 0
    try:
        with BedsideMonitor(chosen.port, device=chosen.device, patient=chosen.patient) as monitor:
            while not chosen.times or sent < chosen.times:
                said = monitor.show(values).first("MSA")
                sys.stdout.write(f"{said.text(1) if said is not None else '?'}\n")
                sys.stdout.flush()
                sent += 1
                if sent != chosen.times:
                    halt.wait(1.0)
    except OSError as exc:
        sys.stderr.write(f"nobody listens on 127.0.0.1:{chosen.port}: {exc}\n")
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
