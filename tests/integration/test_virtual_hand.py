"""The virtual hand over HTTP: held by a demo or a person, seen by the cart's camera, in three languages."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from devices import registry
from devices.ports import Camera
from simulation import labels
from simulation.camera import Group, Item, Shelf, VirtualCamera
from tests.support.camera_peers import a_frame

BADGE = Item(id="B1", title="Trần <Văn> An", subtitle="Điều dưỡng", image=lambda: labels.badge("Trần Văn An", "Điều dưỡng", "N0017"))


@pytest.fixture(scope="module")
def hand() -> Iterator[VirtualCamera]:
    hand = VirtualCamera(["cart-1", "cart-2"], rate_hz=25, shelf=lambda: Shelf(groups=(Group(title="Thẻ & nhãn", items=(BADGE,)),)))
    hand.start()
    yield hand
    hand.stop()


@pytest.fixture
def camera(hand: VirtualCamera) -> Iterator[Camera]:
    hand.clear("cart-1")
    camera = registry.camera(f"mjpeg:{hand.video_url('cart-1')}")
    yield camera
    camera.close()


def _post(hand: VirtualCamera, path: str, data: bytes, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(hand.url + path, data=data, headers=named, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return int(error.code)


def _get(hand: VirtualCamera, path: str) -> bytes:
    with urllib.request.urlopen(hand.url + path, timeout=5) as answer:
        return bytes(answer.read())


def _read(camera: Camera, *, pictures: int = 40) -> list[bytes]:
    """What is read first in the next pictures; [] when nothing is."""
    decoder = registry.decoder("cascade")
    for count, frame in enumerate(camera.frames(), start=1):
        found = decoder.decode(a_frame(frame.image, frame.number))
        if found:
            return [symbol.content for symbol in found]
        if count == pictures:
            return []
    return []


def test_a_demo_holds_an_item_with_json(hand: VirtualCamera, camera: Camera) -> None:
    assert _post(hand, "/cart-1/hold", json.dumps({"item": "B1"}).encode(), Content_Type="application/json") == 200
    assert _read(camera) == [b"BADGE:N0017"]


def test_a_person_holds_it_with_a_form_and_it_goes_away_by_itself(hand: VirtualCamera, camera: Camera) -> None:
    form = urllib.parse.urlencode({"item": "B1", "seconds": "0.6"}).encode()
    assert _post(hand, "/cart-1/hold", form, Content_Type="application/x-www-form-urlencoded") == 200
    assert _read(camera) == [b"BADGE:N0017"]
    decoder = registry.decoder("zxing")
    assert any(decoder.decode(frame) == [] for _number, frame in zip(range(100), camera.frames(), strict=False))


def test_any_picture_can_be_held(hand: VirtualCamera, camera: Camera) -> None:
    data = io.BytesIO()
    labels.bag("BAG-000042", "NaCl 0,9 %").save(data, "PNG")
    assert _post(hand, "/cart-1/hold", data.getvalue(), Content_Type="image/png") == 200
    assert _read(camera) == [b"BAG-000042"]
    assert _post(hand, "/cart-1/clear", b"") == 200
    assert _read(registry.camera(f"mjpeg:{hand.video_url('cart-1')}"), pictures=3) == []


@pytest.mark.parametrize(
    ("path", "data", "headers", "status"),
    [
        ("/cart-9/hold", b'{"item": "B1"}', {"Content_Type": "application/json"}, 404),
        ("/cart-1/drop", b"", {}, 404),
        ("/cart-1/hold", b'{"item": "B9"}', {"Content_Type": "application/json"}, 404),
        ("/cart-1/hold", b"{", {"Content_Type": "application/json"}, 400),
        ("/cart-1/hold", b"[]", {"Content_Type": "application/json"}, 400),
        ("/cart-1/hold", b'{"item": "B1", "seconds": "soon"}', {"Content_Type": "application/json"}, 400),
        ("/cart-1/hold", b"no picture", {"Content_Type": "image/png"}, 400),
        ("/cart-1/hold", b"item=B1", {"Origin": "http://elsewhere.test"}, 403),
    ],
)
def test_what_makes_no_sense_is_refused(hand: VirtualCamera, path: str, data: bytes, headers: dict[str, str], status: int) -> None:
    assert _post(hand, path, data, **headers) == status


@pytest.mark.parametrize(
    ("language", "word"), [("vi", "Bàn tay ảo"), ("en", "The virtual hand"), ("fr", "La main virtuelle"), ("xx", "Bàn tay ảo")]
)
def test_the_page_speaks_three_languages_and_escapes_names(hand: VirtualCamera, language: str, word: str) -> None:
    for path in ("/", "/cart-1"):
        page = _get(hand, f"{path}?lang={language}").decode()
        assert word in page
        assert "hand-" not in page.replace("_hand.", "")
    assert "Trần &lt;Văn&gt; An" in page
    assert "<Văn>" not in page
    assert "Thẻ &amp; nhãn" in page


def test_the_page_has_its_style_script_thumbnails_and_snapshot(hand: VirtualCamera) -> None:
    assert b"min-height:44px" in _get(hand, "/_hand.css")
    assert b"use strict" in _get(hand, "/_hand.js")
    assert _get(hand, "/_shelf/B1.png")[:4] == b"\x89PNG"
    assert _get(hand, "/cart-1/snapshot.jpg")[:2] == b"\xff\xd8"
    for path in ("/_shelf/B9.png", "/cart-9", "/cart-1/other"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            _get(hand, path)
        caught.value.close()
        assert caught.value.code == 404


def test_it_listens_on_loopback_only(hand: VirtualCamera) -> None:
    assert hand.url.startswith("http://127.0.0.1:")


def test_stopping_ends_every_stream(camera: Camera) -> None:
    other = VirtualCamera(["cart-1"], rate_hz=25)
    other.start()
    watcher = registry.camera(f"mjpeg:{other.video_url('cart-1')}#patience_s=0.5")
    stream = watcher.frames()
    next(stream)
    other.stop()
    other.stop()
    with pytest.raises(Exception, match="camera"):
        for _frame in stream:
            pass
    watcher.close()
