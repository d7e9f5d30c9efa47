"""The cascade's parts: second look, regions, outlines, duplicates, the picture for people."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from devices.decoders import cascade, outline, regions, second_look, zbar, zxing
from devices.decoders.picture import OpenCVPicture
from pointofcare.labels.symbol import Symbol
from simulation import labels
from tests.support.camera_peers import a_frame


def _with_code(code: object, *, angle_deg: float = 0.0) -> np.ndarray:
    canvas = np.full((720, 1280), 210, np.uint8)
    pixels = np.asarray(code.convert("L"))  # type: ignore[attr-defined]
    top, left = (720 - pixels.shape[0]) // 2, (1280 - pixels.shape[1]) // 2
    canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    turn = cv2.getRotationMatrix2D((640, 360), angle_deg, 1.0)
    return cv2.warpAffine(canvas, turn, (1280, 720), flags=cv2.INTER_AREA, borderValue=210)


@pytest.mark.parametrize("code", [labels.code128("BN00012345", module_px=4), labels.gs1_128("(01)08934567890127(10)A1", module_px=4)])
def test_a_linear_code_is_confirmed_only_with_its_own_content(code: object) -> None:
    grey = _with_code(code)
    (symbol,) = zxing.linear_symbols(grey)
    assert second_look.confirms(grey, symbol)
    wrong = bytearray(symbol.content)
    wrong[-1] = wrong[-1] % 9 + 0x31
    assert not second_look.confirms(grey, Symbol(identifier=symbol.identifier, content=bytes(wrong), outline=symbol.outline))


def test_another_valid_ean_at_the_same_place_is_refused() -> None:
    """A misread with a right check digit: only the picture can tell."""
    grey = _with_code(labels.unit_dose("Paracetamol 500 mg", "8936000000011"))
    (symbol,) = zxing.linear_symbols(grey)
    assert second_look.confirms(grey, symbol)
    other = Symbol(identifier="]E0", content=b"8936000000028", outline=symbol.outline)
    assert not second_look.confirms(grey, other)


def test_a_linear_code_without_a_place_is_refused() -> None:
    grey = _with_code(labels.code128("BN00012345"))
    assert not second_look.confirms(grey, Symbol(identifier="]C0", content=b"BN00012345"))
    flat = Symbol(identifier="]C0", content=b"BN00012345", outline=((5, 5), (5, 5), (5, 5), (5, 5)))
    assert not second_look.confirms(grey, flat)


def test_what_is_not_known_to_be_a_matrix_code_gets_the_second_look() -> None:
    assert second_look.is_linear(Symbol(identifier="", content=b"x"))
    assert not second_look.is_linear(Symbol(identifier="]d2", content=b"x"))


@pytest.mark.parametrize("angle_deg", range(0, 180, 15))
def test_a_long_linear_code_is_read_at_every_angle(angle_deg: int) -> None:
    """Readers alone see only the near horizontal and vertical; a band is worn at any roll."""
    grey = _with_code(labels.gs1_128("(8018)893412345678901231", module_px=3, height_px=70), angle_deg=float(angle_deg))
    found = cascade.CascadeDecoder(budget_ms=10_000).decode(a_frame(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)))
    assert [(symbol.identifier, symbol.content) for symbol in found] == [("]C1", b"8018893412345678901231")]


def test_the_budget_ends_the_closer_look() -> None:
    ticks = iter(range(10**6))
    decoder = cascade.CascadeDecoder(budget_ms=1, clock=lambda: float(next(ticks)))
    grey = _with_code(labels.gs1_128("(8018)893412345678901231", module_px=3, height_px=70), angle_deg=45)
    grey[330:390, 600:680] = 210
    assert decoder.decode(a_frame(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))) == []
    assert next(ticks) < 20


def test_a_crop_leads_back_to_the_frame() -> None:
    grey = _with_code(labels.gs1_datamatrix("(01)08934567890127(10)A1", module_px=6), angle_deg=30)
    (region, *_others) = regions.find(grey)
    crop = regions.upright(grey, region)
    (symbol,) = zxing.matrix_symbols(crop.image)
    x, y = outline.centre(crop.in_frame(symbol.outline))
    assert math.hypot(x - 640, y - 360) < 8


def test_bars_are_found_though_a_dark_stroke_runs_across_them_and_on_into_the_label() -> None:
    grey = cv2.GaussianBlur(_with_code(labels.code128("BN00012345", module_px=4), angle_deg=20), (0, 0), 1.0)
    (alone,) = [region for region in regions.find(grey) if region.kind == regions.LINEAR]
    cv2.line(grey, (640, 372), (760, 20), 90, 34, cv2.LINE_AA)
    cv2.line(grey, (20, 60), (760, 20), 60, 16, cv2.LINE_AA)
    bars = [region for region in regions.find(grey) if region.kind == regions.LINEAR and region.width > 0.85 * alone.width]
    assert any(abs(region.angle_deg - alone.angle_deg) < 6 for region in bars)


def test_a_small_code_is_found_among_fields_of_large_text() -> None:
    grey = np.full((1080, 1920), 215, np.uint8)
    for row in range(40, 1060, 34):
        cv2.putText(grey, "Paracetamol 500 mg  LOT 893456  EXP 05/2029  Khoa Noi  Bs. Tran", (20, row), cv2.FONT_HERSHEY_DUPLEX, 1.1, 70, 2)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.2)
    code = np.asarray(labels.gs1_datamatrix("(8018)893412345678901239", module_px=3).convert("L"))
    high, wide = code.shape
    grey[500 : 500 + high, 900 : 900 + wide] = code
    places = [region for region in regions.find(grey) if region.kind == regions.MATRIX]
    assert any(math.dist((region.x, region.y), (900 + wide / 2, 500 + high / 2)) < wide / 3 for region in places)


def test_a_flat_picture_has_no_region() -> None:
    assert regions.find(np.full((720, 1280), 90, np.uint8)) == []


def test_equal_codes_side_by_side_stay_two_and_one_code_read_twice_is_one() -> None:
    def at(x: int) -> Symbol:
        return Symbol(identifier="]d2", content=b"x", outline=((x, 0), (x + 50, 0), (x + 50, 50), (x, 50)))

    assert cascade.distinct([at(0), at(200), at(5)]) == [at(0), at(200)]


def test_zbar_tells_gs1_from_plain_by_the_symbol_itself() -> None:
    plain, gs1 = labels.code128("0108934567890127"), labels.gs1_128("(01)08934567890127")
    assert [symbol.identifier for symbol in zbar.symbols(_with_code(plain))] == ["]C0"]
    assert [symbol.identifier for symbol in zbar.symbols(_with_code(gs1))] == ["]C1"]


def test_without_the_modifier_function_zbar_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zbar, "_modifiers", None)
    assert [symbol.identifier for symbol in zbar.symbols(_with_code(labels.code128("0108934567890127")))] == [""]


def test_the_picture_is_small_outlined_and_leaves_the_frame_alone() -> None:
    image = np.full((720, 1280, 3), 128, np.uint8)
    image.flags.writeable = False
    square = Symbol(identifier="]d2", content=b"SECRET", outline=((400, 200), (800, 200), (800, 600), (400, 600)))
    jpeg = OpenCVPicture().jpeg(a_frame(image), (square, Symbol(identifier="", content=b"x")), width=640)
    shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (360, 640, 3)
    blue, green, red = (int(value) for value in shown[100, 300])
    assert (blue < 90, green > 180, red > 180) == (True, True, True)
    assert image.min() == image.max() == 128
    assert OpenCVPicture().jpeg(a_frame(image), width=4000)[:2] == b"\xff\xd8"


def test_a_small_matrix_code_beside_an_ean_is_not_overlooked() -> None:
    """The EAN alone names the drug, but says neither lot nor expiry."""
    canvas = np.full((720, 1280), 215, np.uint8)
    ean = np.asarray(labels.unit_dose("Amoxicillin 500 mg", "8936000000011").convert("L"))
    canvas[40 : 40 + ean.shape[0], 40 : 40 + ean.shape[1]] = ean
    code = labels.gs1_datamatrix("(01)08936000000011(17)281231(10)LOT9(21)SER7", module_px=10)
    small = np.asarray(code.rotate(24, expand=True, fillcolor=255).resize((98, 98)))
    canvas[560:658, 1000:1098] = small
    grey = cv2.GaussianBlur(canvas, (0, 0), 1.1)
    alone = zxing.matrix_symbols(grey)
    found = cascade.CascadeDecoder(budget_ms=10_000).decode(a_frame(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)))
    assert alone == []
    assert {symbol.identifier for symbol in found} == {"]E0", "]d2"}
