"""The readers that are measured, each from a BGR picture to what it says, with its processor time. Ours is the one that the cart has."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cart_client.reading import peers
from devices import registry
from devices.decoders.cascade import CascadeDecoder
from devices.ports import Frame

OURS, FLOOR = "this cart", "zxing-cpp split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`broke` says how the reader broke on this picture, "" when it did not: a cart then skips the picture."""

    found: frozenset[bytes]
    ms: float
    broke: str = ""


Reader = Callable[[Any, int], Outcome]


def ours(name: str = "cascade") -> Reader:
    """Takes the frame's number: some frames of a stream are looked at longer than others. The budget of the cascade is counted in
    processor time here, so that a busy machine reads no less than an idle one."""
    decoder = CascadeDecoder(clock=time.thread_time) if name == "cascade" else registry.decoder(name)

    def read(image: Any, number: int) -> Outcome:
        frame = Frame(image=image, number=number, taken_at=datetime.now(UTC))
        started = time.thread_time()
        try:
            symbols, broke = decoder.decode(frame), ""
        except Exception as exc:  # noqa: BLE001 - told as a fault; what else is measured goes on
            symbols, broke = [], f"{type(exc).__name__}: {str(exc)[:200]}"
        return Outcome(found=frozenset(symbol.content for symbol in symbols), ms=(time.thread_time() - started) * 1000, broke=broke)

    return read


def all_readers() -> Mapping[str, Reader]:
    """Ours first."""
    return {OURS: ours(), **{name: _peer(read) for name, read in peers.readers().items()}}


def _peer(read: peers.Read) -> Reader:
    def timed(image: Any, number: int) -> Outcome:  # noqa: ARG001 - the others know no stream
        found, ms = peers.timed(read, image)
        return Outcome(found=frozenset(found), ms=ms)

    return timed
