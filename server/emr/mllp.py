"""The EMR over HL7 version 2: one connection, one message at a time, each answered before the next (MLLP, TLS where it is set).

An answer belongs to a message by MSA-2 alone. A message that went out and was not answered may have arrived: unless the site says that
its EMR drops repeats by MSH-10, a person decides. Must never build or change a message.
Source: HL7 2.5.1 chapter 2.9 (acknowledgement), HL7 Transport Specification MLLP release 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hl7
from hl7.mllp import HL7StreamReader, HL7StreamWriter, InvalidBlockError, open_hl7_connection

from pointofcare.errors import ConfigError, EmrError, EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError
from server.emr.port import Accepted, EmrUnclearError, NoReadBackError

# Table 0008, both modes of acknowledgement.
_TAKEN, _FAILED, _REFUSED = ("AA", "CA"), ("AE", "CE"), ("AR", "CR")
# Answers to messages of before that may still be on their way.
_MOST_STRANGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`ca_file` set: TLS, with the certificate in `cert_file` and its key in `key_file` where the EMR wants one."""

    host: str
    port: int
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    connect_s: float = 5.0
    answer_s: float = 20.0


class Hl7Emr:
    """`drops_repeats`: the EMR takes a message with a known MSH-10 as the one it has; only then is it sent again when no answer came."""

    name = "hl7v2"

    def __init__(self, line: Line, *, drops_repeats: bool = False) -> None:
        self.idempotent = drops_repeats
        self._line = line
        self._tls = _tls(line)
        self._runner = asyncio.Runner()
        self._open: tuple[HL7StreamReader, HL7StreamWriter] | None = None

    def check(self) -> None:
        self._runner.run(self._connected())

    def submit(self, payload: bytes, record_id: str) -> Accepted:
        control = str(hl7.parse(payload.decode("utf-8"))[0][10])
        return self._runner.run(self._sent(payload, control, record_id))

    def read_back(self, record_id: str) -> Mapping[str, Any] | None:
        """HL7 version 2 has no question that every EMR answers. Raises: NoReadBackError, always."""
        raise NoReadBackError(f"HL7 cannot ask for record {record_id}", remedy="look for it in the EMR", record_id=record_id)

    def close(self) -> None:
        if self._open is not None:
            self._runner.run(self._hang_up())
        self._runner.close()

    async def _connected(self) -> tuple[HL7StreamReader, HL7StreamWriter]:
        await asyncio.sleep(0)  # lets the loop hear that the other side hung up since the last message
        await asyncio.sleep(0)
        if self._open is not None and not self._open[0].at_eof():
            return self._open
        await self._hang_up()
        try:
            opening = open_hl7_connection(self._line.host, self._line.port, encoding="utf-8", ssl=self._tls)
            opened = await asyncio.wait_for(opening, self._line.connect_s)
        except (OSError, TimeoutError) as exc:
            raise EmrUnavailableError(f"{self._where} is not reached: {exc or 'no answer'}") from exc
        self._open = opened
        return self._open

    async def _sent(self, payload: bytes, control: str, record_id: str) -> Accepted:
        reader, writer = await self._connected()
        try:
            writer.writeblock(payload)
            await asyncio.wait_for(writer.drain(), self._line.answer_s)
            code, words = await asyncio.wait_for(self._answer(reader, control), self._line.answer_s)
        except (OSError, TimeoutError, EOFError, ValueError, LookupError, InvalidBlockError, hl7.exceptions.HL7Exception) as exc:
            await self._hang_up()
            raise EmrOutcomeUnknownError(
                f"{self._where} took the message and did not answer: {type(exc).__name__}",
                remedy="see in the EMR whether the dose is there; if not, send it again",
                record_id=record_id,
            ) from exc
        if code in _TAKEN:
            return Accepted(emr_id=control)
        raise _refusal(code, words)

    async def _answer(self, reader: HL7StreamReader, control: str) -> tuple[str, str]:
        """(MSA-1, what it says). Raises: EOFError, ValueError, LookupError, HL7Exception for what is no answer."""
        for _ in range(_MOST_STRANGE):
            message = await reader.readmessage()
            said = next((one for one in message if str(one[0]) == "MSA"), None)
            if said is None or len(said) < 3 or str(said[2]) != control:
                continue
            words = str(said[3]) if len(said) > 3 else ""
            errors = [str(one) for one in message if str(one[0]) == "ERR"]
            return str(said[1]).strip().upper(), "; ".join([words, *errors]).strip("; ")[:500]
        raise EOFError("answers to other messages only")

    async def _hang_up(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            opened[1].close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(opened[1].wait_closed(), 1.0)

    @property
    def _where(self) -> str:
        return f"the EMR at {self._line.host}:{self._line.port}"


def _refusal(code: str, words: str) -> EmrError:
    told = f"the EMR answered {code}" + (f": {words}" if words else "")
    if code in _FAILED:
        return EmrUnclearError(told)
    if code in _REFUSED:
        return EmrRejectedError(told, remedy="correct what it names, then send it again")
    return EmrUnclearError(told)


def _tls(line: Line) -> ssl.SSLContext | None:
    """Raises: ConfigError for files that cannot be used."""
    if line.ca_file is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(line.ca_file))
        if line.cert_file is not None:
            context.load_cert_chain(line.cert_file, line.key_file)
    except (OSError, ssl.SSLError) as exc:
        problem = (("emr.ca_file", f"the certificates of the EMR's connection cannot be used: {exc}"),)
        raise ConfigError(problem[0][1], problems=problem, remedy="check emr.ca_file, emr.cert_file and emr.key_file") from exc
    return context
