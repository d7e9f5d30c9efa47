"""A phone's camera in the cart's loop: what is held counts once, and a silence is told."""

from __future__ import annotations

import base64
import queue
from datetime import timedelta

from cart_client.scanning import GONE_FRAMES, PHONE_AWAY, SILENT_S, CameraTold, Onlooker, Seen
from devices.scanners.browser import BrowserCamera
from pointofcare.labels.symbol import Symbol
from tests.support.cart_ward import AMOX, NOW, band, pack


class Phone:
    def __init__(self) -> None:
        self.at_s = 50.0
        self.inbox: queue.Queue[object] = queue.Queue()
        camera = BrowserCamera(mono_s=lambda: self.at_s, now=lambda: NOW + timedelta(seconds=self.at_s))
        self.onlooker = Onlooker(camera, self.inbox, mono_s=lambda: self.at_s)
        self.page, self.number, self.beat = "p" * 20, 0, ""
        self.tell(None)

    def tell(self, symbols: tuple[Symbol, ...] | None, after_s: float = 0.4) -> int:
        self.at_s += after_s
        self.number += 1
        listed = None if symbols is None else [[one.identifier, base64.b64encode(one.content).decode()] for one in symbols]
        told, fresh = self.onlooker.tell({"page": self.page, "number": self.number, "beat": self.beat, "symbols": listed})
        self.beat = told.beat
        return fresh

    def seen(self) -> list[Seen]:
        found = [self.inbox.get() for _ in range(self.inbox.qsize())]
        return [item for item in found if isinstance(item, Seen)]

    def told(self) -> list[CameraTold]:
        found = [self.inbox.get() for _ in range(self.inbox.qsize())]
        return [item for item in found if isinstance(item, CameraTold)]


def test_a_pack_that_is_held_before_the_phone_is_one_unit() -> None:
    phone = Phone()
    assert [phone.tell((pack(AMOX),)) for _ in range(20)] == [1] + [0] * 19
    assert [seen.symbol for seen in phone.seen()] == [pack(AMOX)]


def test_it_counts_again_only_after_it_was_out_of_the_picture() -> None:
    phone = Phone()
    phone.tell((pack(AMOX),))
    phone.tell(())  # a hand that shakes
    assert phone.tell((pack(AMOX),)) == 0
    for _ in range(GONE_FRAMES):
        phone.tell(())
    assert phone.tell((pack(AMOX),)) == 1


def test_a_camera_that_was_off_or_a_page_that_was_loaded_anew_makes_no_second_unit() -> None:
    phone = Phone()
    phone.tell((pack(AMOX),))
    for _ in range(30):
        phone.tell(None, after_s=1.0)  # the camera is off: nobody saw the pack leave
    phone.page = "q" * 20
    phone.tell(None)
    assert phone.tell((pack(AMOX),)) == 0


def test_a_message_that_was_sent_again_is_no_second_scan() -> None:
    phone = Phone()
    phone.tell((band("P1"),))
    phone.number -= 1
    assert phone.tell((band("P1"),)) == 0
    assert len(phone.seen()) == 1


def test_two_codes_in_one_picture_are_told_together() -> None:
    phone = Phone()
    phone.tell((band("P1"), band("P2")))
    first, second = phone.seen()
    assert (first.beside, second.beside) == ((band("P2"),), (band("P1"),))


def test_a_phone_that_is_silent_is_told_once_and_comes_back() -> None:
    phone = Phone()
    phone.tell(())
    phone.at_s += SILENT_S
    phone.onlooker.look()
    phone.onlooker.look()
    assert [(told.live, told.why) for told in phone.told()] == [(True, ""), (False, PHONE_AWAY)]
    phone.tell(None)
    phone.tell(())
    assert [told.live for told in phone.told()] == [True]
