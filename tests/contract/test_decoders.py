"""What every decoder owes the cart: what it says was printed, byte for byte, or nothing at all."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

import cart_client
from benchmarks.scans import hunt
from devices import registry
from devices.ports import Decoder
from simulation import corpus, frames, labels
from simulation.scan_set import scene, shot
from tests.support.camera_peers import a_frame

DECODERS = {name: registry.decoder(name) for name in registry.DECODERS}
NO_DATAMATRIX = {"zbar"}
HOLDS = 18


@pytest.fixture(params=sorted(DECODERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def decoder(name: str) -> Decoder:
    return DECODERS[name]


@pytest.mark.parametrize("kind", sorted(corpus.KINDS))
def test_a_label_in_good_light_is_read_to_the_byte(name: str, decoder: Decoder, kind: str) -> None:
    sample = corpus.draw(kind, 1)
    found = decoder.decode(a_frame(frames.frame_with(sample.image, 5, difficulty=0.0)))
    if name in NO_DATAMATRIX and sample.identifier == "]d2":
        assert found == []
        return
    assert [(symbol.identifier, symbol.content) for symbol in found] == [(sample.identifier, sample.content)]


@pytest.mark.parametrize("kind", sorted(corpus.KINDS))
def test_nothing_is_ever_misread_however_bad_the_view(kind: str) -> None:
    read = dict.fromkeys(DECODERS, 0)
    for seed in range(HOLDS):
        sample = corpus.draw(kind, seed)
        image = frames.frame_with(sample.image, seed, difficulty=(seed % 6) / 5, size=(960, 540))
        for name, decoder in DECODERS.items():
            found = decoder.decode(a_frame(image, seed + 1))
            assert {(symbol.identifier, symbol.content) for symbol in found} <= {(sample.identifier, sample.content)}, name
            read[name] += bool(found)
    assert read["cascade"] >= max(read.values())
    assert read["cascade"] >= HOLDS / 3


def test_an_empty_desk_holds_no_symbol(decoder: Decoder) -> None:
    for seed in range(15):
        assert decoder.decode(a_frame(frames.empty_frame(seed), seed + 1)) == []


def test_noise_flat_and_tiny_pictures_hold_no_symbol(decoder: Decoder) -> None:
    rng = np.random.default_rng(7)
    pictures = [rng.integers(0, 256, (360, 640, 3), dtype=np.uint8) for _ in range(4)]
    pictures += [np.full((360, 640, 3), tone, np.uint8) for tone in (0, 128, 255)]
    pictures += [np.zeros(shape, np.uint8) for shape in ((1, 1, 3), (3, 500, 3), (500, 2, 3))]
    stripes = np.zeros((360, 640, 3), np.uint8)
    stripes[:, ::4] = stripes[:, 1::4] = 255
    for picture in (*pictures, stripes):
        assert decoder.decode(a_frame(picture)) == []


@pytest.mark.parametrize("kind", [zxingcpp.BarcodeFormat.MicroQRCode, zxingcpp.BarcodeFormat.RMQRCode])
def test_small_kinds_of_qr_codes_are_not_read(decoder: Decoder, kind: zxingcpp.BarcodeFormat) -> None:
    """A part of a QR code looks like one of them, and the smallest says any digits with two check codewords."""
    canvas = np.full((480, 640, 3), 205, np.uint8)
    code = np.asarray(zxingcpp.create_barcode("488896", kind).to_image(scale=8))
    canvas[120 : 120 + code.shape[0], 200 : 200 + code.shape[1]] = code[:, :, None]
    assert decoder.decode(a_frame(canvas, 20)) == []


def test_a_phones_browser_is_not_asked_for_them_either() -> None:
    worker = Path(cart_client.__file__).parent / "web" / "static" / "phone-worker.js"
    (formats,) = re.findall(r"formats: (\[.*\])", worker.read_text(encoding="utf-8"))
    assert json.loads(formats) == ["DataMatrix", "QRCodeModel2"]


def test_a_qr_code_that_is_cut_off_at_the_pictures_edge_says_nothing_else(decoder: Decoder) -> None:
    """One in 1,900 hunted frames: its last finder and what stands around it made a valid Micro QR code of six digits."""
    held = hunt.close(scene.draw(20261123, 620), random.Random("close 20261123 1861"))
    taken = shot.taken(held, 1)
    assert {symbol.content for symbol in decoder.decode(a_frame(taken.image))} <= {taken.scene.label.printed.content}


def test_two_labels_in_one_view_are_both_told(name: str, decoder: Decoder) -> None:
    canvas = np.full((720, 1280, 3), 200, np.uint8)
    for text, left in (("BADGE:N1", 100), ("BAG-2", 700)):
        code = np.asarray(labels.qr(text, module_px=10).convert("RGB"))
        canvas[200 : 200 + code.shape[0], left : left + code.shape[1]] = code
    assert {symbol.content for symbol in decoder.decode(a_frame(canvas))} == {b"BADGE:N1", b"BAG-2"}


def test_the_outline_lies_around_the_code(name: str, decoder: Decoder) -> None:
    canvas = np.full((720, 1280, 3), 200, np.uint8)
    code = np.asarray(labels.qr("BAG-2", module_px=10).convert("RGB"))
    canvas[200 : 200 + code.shape[0], 700 : 700 + code.shape[1]] = code
    (symbol,) = decoder.decode(a_frame(canvas))
    assert len(symbol.outline) == 4
    xs, ys = [x for x, _ in symbol.outline], [y for _, y in symbol.outline]
    assert (min(xs), min(ys)) == pytest.approx((740, 240), abs=12)
    assert (max(xs), max(ys)) == pytest.approx((700 + code.shape[1] - 40, 200 + code.shape[0] - 40), abs=12)


VIETNAMESE = st.text(alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxyÀÁẢÃẠẰẮẲẴẶẦẤẨẪẬỆỊỌỘỢỤỰỲÝỶỸỴ 0123456789|/.,-", min_size=1, max_size=80)


@settings(max_examples=25)
@given(text=VIETNAMESE)
def test_vietnamese_in_a_qr_code_comes_back_exactly(text: str) -> None:
    image = np.asarray(labels.qr(text, module_px=6).convert("RGB"))[:, :, ::-1].copy()
    for decoder in DECODERS.values():
        assert [symbol.content for symbol in decoder.decode(a_frame(image))] == [text.encode()]


@settings(max_examples=25)
@given(
    lot=st.text(alphabet="ABCDEFGHJKLMNPQRSTUVWXYZ0123456789-/", min_size=1, max_size=20),
    serial=st.text(alphabet="abcXYZ0123456789", min_size=1, max_size=20),
    seed=st.integers(0, 10**6),
)
def test_no_gs_is_lost_between_lot_and_serial(lot: str, serial: str, seed: int) -> None:
    gtin = corpus.digits(random.Random(seed), 14, prefix="0893")
    expected = f"01{gtin}17281231".encode() + b"10" + lot.encode() + b"\x1d21" + serial.encode()
    image = np.asarray(labels.gs1_datamatrix(f"(01){gtin}(17)281231(10){lot}(21){serial}", module_px=6).convert("RGB")).copy()
    for name, decoder in DECODERS.items():
        found = [(symbol.identifier, symbol.content) for symbol in decoder.decode(a_frame(image))]
        assert found == ([] if name in NO_DATAMATRIX else [("]d2", expected)])


def test_a_plain_code_is_never_called_gs1(decoder: Decoder) -> None:
    """The same digits without FNC1 must stay distinguishable from an element string."""
    for code in (labels.code128("8018893412345678901234", module_px=3), labels.qr("0108934567890127", module_px=6)):
        image = np.asarray(code.convert("RGB")).copy()
        assert [symbol.identifier in {"]C0", "]Q1"} for symbol in decoder.decode(a_frame(image))] == [True]
