"""The camera loop on a bad day: a picture that breaks the decoder, a camera that goes and comes back."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from cart_client import scanning
from cart_client.scanning import CameraTold, Seen, Viewfinder, watch
from devices.ports import Frame
from pointofcare.errors import DeviceUnavailableError
from pointofcare.labels.symbol import Symbol

PACK = Symbol(identifier="]d2", content=b"0108936000000011")
BAND = Symbol(identifier="]d2", content=b"8018893600000000000125")
START = datetime(2026, 3, 2, 1, 5, tzinfo=UTC)


class Script:
    """A camera and a decoder in one: each step is what is in the picture, or the fault that it makes."""

    def __init__(self, *steps: list[Symbol] | Exception) -> None:
        self.steps, self.halt = list(steps), threading.Event()
        self.number = 0

    def frames(self) -> Iterator[Frame]:
        while self.number < len(self.steps):
            self.number += 1
            step = self.steps[self.number - 1]
            if isinstance(step, DeviceUnavailableError):
                raise step
            at = START + timedelta(seconds=self.number)
            yield Frame(image=np.zeros((2, 2, 3), np.uint8), number=self.number, taken_at=at)
        self.halt.set()

    def decode(self, frame: Frame) -> list[Symbol]:
        step = self.steps[frame.number - 1]
        if isinstance(step, Exception):
            raise step
        return step

    def describe(self) -> str:
        return "script"

    def close(self) -> None: ...

    def jpeg(self, *_: Any, **__: Any) -> bytes:
        return b""


def told(monkeypatch: Any, *steps: list[Symbol] | Exception) -> list[object]:
    monkeypatch.setattr(scanning, "_PAUSES_S", (0.0,))
    script, inbox = Script(*steps), queue.Queue[object]()
    watch(script, script, Viewfinder(script), inbox, script.halt)  # type: ignore[arg-type]
    return list(inbox.queue)


def test_a_picture_that_breaks_the_decoder_stops_nothing(monkeypatch: Any) -> None:
    seen = [item.symbol for item in told(monkeypatch, ValueError("poison"), [PACK], ValueError("poison"), [BAND]) if isinstance(item, Seen)]
    assert seen == [PACK, BAND]


def test_a_decoder_that_breaks_on_every_picture_is_told_like_a_lost_camera(monkeypatch: Any) -> None:
    heard = told(monkeypatch, *[ValueError("poison")] * scanning.BROKEN_FRAMES, [PACK])
    assert [item.live for item in heard if isinstance(item, CameraTold)] == [True, False, True]
    assert isinstance(heard[-1], Seen)


def test_a_camera_that_was_unplugged_and_came_back_counts_the_same_pack_once(monkeypatch: Any) -> None:
    heard = told(monkeypatch, [PACK], DeviceUnavailableError("unplugged"), [PACK])
    assert [item.live for item in heard if isinstance(item, CameraTold)] == [True, False, True]
    assert len([item for item in heard if isinstance(item, Seen)]) == 1


def test_each_symbol_tells_what_was_beside_it_new_or_not(monkeypatch: Any) -> None:
    seen = [item for item in told(monkeypatch, [BAND], [BAND, PACK]) if isinstance(item, Seen)]
    assert [(item.symbol, item.beside) for item in seen] == [(BAND, ()), (PACK, (BAND,))]
