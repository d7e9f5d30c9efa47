"""A bedside monitor that ships with the simulation: it sends IHE PCD-01 messages over MLLP, as a gateway does, and hears the answers.

Nothing is sent by itself: `show` is one message. Must never connect beyond loopback.
"""

from __future__ import annotations

import socket
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
