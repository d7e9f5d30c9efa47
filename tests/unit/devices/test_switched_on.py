"""What a site switches on: read when it is there, never read out of a part of something else, never read when it was not asked for."""

from __future__ import annotations

import random
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp

from devices import registry
from devices.decoders import cascade, slot_evidence, switched_on, zbar, zxing
from pointofcare.errors import ConfigError
from pointofcare.labels import hibc, symbologies
from pointofcare.labels.symbol import Symbol
from simulation.scan_set import negative
from tests.support.camera_peers import a_frame

FORMAT = zxingcpp.BarcodeFormat
ALL = symbologies.SWITCHABLE
HIBC_TEXT = "+A123BJC5D6E71G"
SAMPLES: dict[str, tuple[Any, str, str]] = {
    "ean-8": (FORMAT.EAN8, "96385074", "]E4"),
    "itf-14": (FORMAT.ITF, "00012345678905", "]I1"),
    "code-39": (FORMAT.Code39Std, "BED 12-A", "]A0"),
    "hibc": (FORMAT.Code39Std, HIBC_TEXT, "]A1"),
    "pdf417": (FORMAT.PDF417, "LOT 12345678 EXP 2028-09", "]L2"),
}


def _drawn(format_: Any, text: str, *, module_px: int = 3, height_px: int = 90, blur_px: float = 0.8, angle_deg: float = 0.0) -> Any:
    code = zxingcpp.create_barcode(text, format_)
    if format_ == FORMAT.PDF417:
        pixels = np.pad(np.array(code.to_image(scale=module_px, add_quiet_zones=True)), 20, constant_values=255)
    else:
        row = np.array(code.to_image(scale=1, add_quiet_zones=True))
        row = np.pad(row[row.shape[0] // 2], 4, constant_values=255)
        pixels = np.tile(np.repeat(row, module_px), (height_px, 1))
    wide = max(1280, pixels.shape[1] + 200)
    canvas = np.full((720, wide), 215.0, np.float32)
    top, left = (720 - pixels.shape[0]) // 2, (wide - pixels.shape[1]) // 2
    canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = 40 + pixels * 0.68
    turn = cv2.getRotationMatrix2D((wide / 2, 360), angle_deg, 1.0)
    canvas = cv2.GaussianBlur(cv2.warpAffine(canvas, turn, (wide, 720), borderValue=215), (0, 0), blur_px)
    return np.clip(canvas + np.random.default_rng(1).normal(0, 3, canvas.shape), 0, 255).astype(np.uint8)


def _frame(grey: Any) -> Any:
    return a_frame(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))


@pytest.mark.parametrize("angle_deg", [0.0, 5.0, 90.0, 180.0])
@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_each_kind_is_read_where_it_was_switched_on(kind: str, angle_deg: float) -> None:
    format_, text, identifier = SAMPLES[kind]
    found = switched_on.look(_drawn(format_, text, angle_deg=angle_deg), {kind})
    assert [(symbol.identifier, symbol.content) for symbol in found.believed] == [(identifier, text.encode())]


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_nothing_is_read_that_was_not_switched_on(kind: str) -> None:
    format_, text, _identifier = SAMPLES[kind]
    grey = _drawn(format_, text)
    for decoder in (cascade.open_decoder(), zxing.open_decoder(), zbar.open_decoder()):
        assert decoder.decode(_frame(grey)) == []
    others = set(ALL) - {kind} - ({"code-39"} if kind == "hibc" else set())
    assert switched_on.look(grey, others).believed == ()


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_both_decoders_take_the_option_and_tell_the_format(kind: str) -> None:
    format_, text, _identifier = SAMPLES[kind]
    frame = _frame(_drawn(format_, text))
    for name in ("cascade", "zxing"):
        assert [symbol.content for symbol in registry.decoder(name, symbologies=(kind,)).decode(frame)] == [text.encode()]
    (reading,) = cascade.open_decoder(symbologies=(kind,)).look(frame).readings
    assert reading.format == {"ean-8": "EAN8", "itf-14": "ITF14", "code-39": "Code39", "hibc": "Code39", "pdf417": "PDF417"}[kind]


def test_a_part_of_another_code_is_never_taken_for_one_that_was_switched_on() -> None:
    """Half an EAN-13 is an EAN-8 to a careless reader, a part of an ITF a shorter one, a Code 39 without its end another."""
    rng = random.Random(3)
    for format_, text in (
        (FORMAT.EAN13, "8936000000011"),
        (FORMAT.UPCE, "04963406"),
        (FORMAT.ITF, "00012345678905"),
        (FORMAT.ITF, "123456"),
        (FORMAT.Code128, "0123456789"),
        (FORMAT.Code39Std, "BED 12-A"),
    ):
        whole = _drawn(format_, text, module_px=3)
        dark = np.nonzero(whole.min(axis=0) < 120)[0]
        for _ in range(8):
            cut, tone = rng.randint(int(dark[0]) + 20, int(dark[-1]) - 20), rng.choice((215, 235, 60))
            grey = whole.copy()
            if rng.random() < 0.5:
                grey[:, :cut] = tone
            else:
                grey[:, cut:] = tone
            assert switched_on.look(grey, ALL).believed == ()


def test_pictures_without_a_code_hold_none_of_them() -> None:
    decoder = cascade.CascadeDecoder(budget_ms=1, symbologies=ALL)
    for number in range(14):
        image = cv2.imdecode(np.frombuffer(negative.taken(23, number), np.uint8), cv2.IMREAD_COLOR)
        assert decoder.decode(a_frame(image, number + 1)) == []


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        ("ean-8", ("96385081", "96385067", "06385077", "96382073")),
        ("itf-14", ("00012345678912", "10012345678902", "00012345678806")),
        ("code-39", ("BED 12-B", "BED 12.A", "8ED 12-A", "BED 12-")),
    ],
)
def test_another_content_is_refused_at_the_same_place(kind: str, others: tuple[str, ...]) -> None:
    format_, text, _identifier = SAMPLES[kind]
    supports = {"ean-8": slot_evidence.supports_ean8, "itf-14": slot_evidence.supports_itf14, "code-39": slot_evidence.supports_code39}
    grey = _drawn(format_, text)
    (symbol,) = switched_on.look(grey, {kind}).believed
    assert supports[kind](grey, symbol.outline, text)
    for other in others:
        assert not supports[kind](grey, symbol.outline, other)


@pytest.mark.parametrize("kind", ["ean-8", "itf-14", "code-39"])
def test_bars_beside_the_code_leave_it_no_quiet_zone(kind: str) -> None:
    format_, text, _identifier = SAMPLES[kind]
    grey = _drawn(format_, text)
    (symbol,) = switched_on.look(grey, {kind}).believed
    right = max(x for x, _y in symbol.outline)
    grey[:, right + 12 : right + 18] = 50
    assert switched_on.look(grey, {kind}).believed == ()


def test_an_itf_without_a_right_check_digit_or_of_another_length_is_rejected() -> None:
    for text in ("00012345678904", "123456", "1234567890"):
        found = switched_on.look(_drawn(FORMAT.ITF, text), {"itf-14"})
        assert found.believed == ()
        assert [one.reason for one in found.rejected] == ["no-check-digit"]


def test_hibc_alone_lets_no_other_code_39_through() -> None:
    wrong = HIBC_TEXT[:-1] + "H"
    for text in (wrong, "BED 12-A"):
        found = switched_on.look(_drawn(FORMAT.Code39Std, text), {"hibc"})
        assert found.believed == ()
        assert [one.reason for one in found.rejected] == ["no-check-character"]


def test_code_39_needs_a_second_look_that_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = _drawn(FORMAT.Code39Std, "BED 12-A")
    monkeypatch.setattr(switched_on, "_says_again", lambda *_: False)
    found = switched_on.look(grey, {"code-39"})
    assert (found.believed, [one.reason for one in found.rejected]) == ((), ["no-agreement"])


def test_a_pdf417_with_few_check_codewords_is_rejected() -> None:
    assert switched_on.checks_at_least(b"123456789012", "10%") < switched_on.LEAST_CHECKS
    assert switched_on.checks_at_least(b"LOT 12345678 EXP 2028-09", "36%") > switched_on.LEAST_CHECKS
    assert switched_on.checks_at_least(b"anything", "") == 0
    code = zxingcpp.create_barcode("12", FORMAT.PDF417)
    grey = np.pad(np.array(code.to_image(scale=4, add_quiet_zones=True)), 60, constant_values=255)
    found = switched_on.look(grey, {"pdf417"})
    assert (found.believed, [one.reason for one in found.rejected]) == ((), ["few-checks"])


def test_what_lies_on_a_code_that_was_read_is_a_part_of_it() -> None:
    grey = _drawn(FORMAT.EAN8, "96385074")
    (symbol,) = switched_on.look(grey, {"ean-8"}).believed
    longer = Symbol(identifier="]E0", content=b"8936000000011", outline=symbol.outline)
    assert switched_on.look(grey, {"ean-8"}, [longer]).believed == ()


@pytest.mark.parametrize("name", ["upc-e", "itf", "codabar", "databar", "pharmacode", "aztec", "EAN-8", ""])
def test_a_name_that_cannot_be_switched_on_is_refused_with_those_that_can(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        registry.decoder("cascade", symbologies=("ean-8", name))
    assert all(known in caught.value.remedy for known in ALL)


def test_zbar_alone_refuses_what_it_has_no_gate_for() -> None:
    with pytest.raises(ConfigError):
        registry.decoder("zbar", symbologies=("code-39",))
    assert registry.decoder("zbar", symbologies=("qr",))


def test_every_hibc_character_has_a_pattern_of_its_own() -> None:
    assert set(hibc.CHARACTERS) < set(slot_evidence._CODE_39)
    assert len(set(slot_evidence._WIDE_39)) == len(slot_evidence._CODE_39) == 44
    assert {wide.count("1") for wide in slot_evidence._WIDE_39} == {3}
