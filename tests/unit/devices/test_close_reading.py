"""Codes that readers only locate: grids of modules, bars through blur, and the gates before either is believed."""

from __future__ import annotations

import itertools
import math
import random

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.decoders import bar_chain, bar_profile, bar_read, cascade, ean13, grid, grid_sides, matrix_read, quality, regions
from devices.decoders import matrix_patterns as patterns
from pointofcare.errors import DeviceError
from simulation import labels
from simulation.scan_set import scene, shot
from tests.support.camera_peers import a_frame

GSRN = "(8018)893412345678901239(8019)12"


def _modules(text: str, kind: str) -> np.ndarray:
    if kind == patterns.DATAMATRIX:
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix, gs1=True, force_square=True)
    else:
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    return (np.array(code.to_image(add_quiet_zones=False)) < 128).astype(np.int8)


def _bent(modules: np.ndarray, shape: np.ndarray, size: int = 260) -> np.ndarray:
    """The modules as a picture under the grid `shape` (6 x 2), by solving it backwards for every pixel."""
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float64)
    u, v = (xs - shape[0, 0]) / shape[1, 0], (ys - shape[0, 1]) / shape[2, 1]
    for _ in range(12):
        at = patterns.basis(u.ravel(), v.ravel()).astype(np.float64) @ shape
        u += (xs - at[:, 0].reshape(size, size)) / shape[1, 0] * 0.7
        v += (ys - at[:, 1].reshape(size, size)) / shape[2, 1] * 0.7
    count = len(modules)
    column, row = np.floor((u + 1) / 2 * count).astype(int), np.floor((v + 1) / 2 * count).astype(int)
    inside = (column >= 0) & (column < count) & (row >= 0) & (row < count)
    dark = np.zeros((size, size))
    dark[inside] = modules[row[inside], column[inside]]
    return cv2.GaussianBlur(np.where(dark > 0, 40, 210).astype(np.uint8), (0, 0), 1.5)


def test_a_bent_tilted_grid_gives_back_the_modules_that_were_drawn() -> None:
    """Nine of ten drawn at random: a fit that went astray reads nonsense, which the error correction refuses."""
    draw = random.Random(7)
    good = 0
    for _ in range(10):
        turn_deg, keystone, bow, roundness = draw.uniform(-6, 6), draw.uniform(-6, 6), draw.uniform(-7, 7), draw.uniform(-5, 5)
        wrong, text = _refound(turn_deg, keystone, bow, roundness, draw.uniform(0.75, 1.0), draw.uniform(-2.5, 2.5))
        good += wrong <= 3
        assert text in (None, "]d28018893412345678901239\x1d801912")
    assert good >= 9


def _refound(turn_deg: float, keystone: float, bow: float, roundness: float, squeeze: float, shift: float) -> tuple[int, str | None]:
    """(modules that were read wrong, what came out of them) for a symbol of that shape."""
    modules = _modules(GSRN, patterns.DATAMATRIX)
    turn = math.radians(turn_deg)
    shape = np.zeros((6, 2))
    shape[0] = 130, 130
    shape[1] = 90 * squeeze * math.cos(turn), 90 * squeeze * math.sin(turn)
    shape[2] = -90 * math.sin(turn), 90 * math.cos(turn)
    shape[3] = keystone, keystone / 2
    shape[4] = 0, bow
    shape[5] = roundness, 0
    picture = grid.picture(_bent(modules, shape))
    # The first guess knows neither bend nor keystone, and lies beside the symbol.
    guess = shape.copy()
    guess[3:] = 0
    guess[0] += shift
    soft = grid.picture(cv2.GaussianBlur(picture.layers[:, :, 0], (0, 0), 4.0))
    size = len(modules)
    first = grid.fit(soft, patterns.template(patterns.DATAMATRIX, size, 0.9), guess, steps=6)
    laid = grid.fit(picture, patterns.template(patterns.DATAMATRIX, size, 0.5), first.shape, steps=8)
    read = grid.read(picture, patterns.DATAMATRIX, laid, size, 0.5)
    read = grid.reread(picture, patterns.DATAMATRIX, grid.refine(picture, laid, read, 0.5), read, 0.5)
    found = matrix_read.decoded(read, patterns.DATAMATRIX)
    return int((read != modules).sum()), None if found is None else found.identifier + found.content.decode()


@pytest.mark.parametrize("corner", range(4))
def test_a_finger_over_a_corner_and_words_beside_it_do_not_hide_a_datamatrix(corner: int) -> None:
    """The finger is darker than paper, joins the code with what is around it, and covers a few modules."""
    modules = _modules(GSRN, patterns.DATAMATRIX)
    side = 3 * len(modules)
    image = np.full((480, 640), 205, np.uint8)
    cv2.putText(image, "NGUYEN VAN AN", (300 + side // 2 + 14, 246), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 40, 2, cv2.LINE_AA)
    code = np.where(modules > 0, 45, 205).astype(np.uint8).repeat(3, 0).repeat(3, 1)
    image[240 - side // 2 : 240 - side // 2 + side, 300 - side // 2 : 300 - side // 2 + side] = code
    across, down = ((-1, -1), (1, -1), (1, 1), (-1, 1))[corner]
    reach = side // 2 - 2 + 24
    cv2.circle(image, (300 + across * reach, 240 + down * reach), 34, 110, -1, cv2.LINE_AA)
    seen = cv2.warpAffine(image, cv2.getRotationMatrix2D((300, 240), 23, 1.0), (640, 480), borderValue=205)
    seen = cv2.GaussianBlur(seen, (0, 0), 0.9).astype(np.float32) + np.random.default_rng(corner).normal(0, 4, (480, 640))
    grey = np.clip(seen, 0, 255).astype(np.uint8)
    symbols = cascade.CascadeDecoder(budget_ms=10_000).decode(a_frame(cv2.merge([grey] * 3)))
    assert [symbol.content for symbol in symbols] == [b"8018893412345678901239\x1d801912"]


def test_the_sides_of_a_leaning_square_are_found_though_half_of_one_is_covered() -> None:
    drawn = np.where(_modules(GSRN, patterns.DATAMATRIX) > 0, 50, 210).astype(np.uint8).repeat(10, 0).repeat(10, 1)
    true = np.array([[62, 58], [222, 64], [218, 224], [56, 220]], np.float32)
    onto = cv2.getPerspectiveTransform(np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * len(drawn), true)
    image = cv2.warpPerspective(drawn, onto, (280, 280), flags=cv2.INTER_AREA, borderValue=210)
    cv2.circle(image, (235, 40), 60, 120, -1)
    (corners, *_more) = grid_sides.quads(image, (170.0, 172.0))
    assert np.abs(corners - true).max() < 4


@pytest.mark.parametrize(("seed", "number"), [(303, 57), (303, 227), (202, 268), (101, 3), (779, 2)])
def test_a_line_of_words_that_runs_along_a_side_is_not_taken_for_it(seed: int, number: int) -> None:
    """Scenes of the drawn set in which a finger joins the code with its words."""
    taken = shot.taken(scene.draw(seed, number))
    symbols = cascade.CascadeDecoder(budget_ms=10_000).decode(a_frame(taken.image))
    assert [symbol.content for symbol in symbols] == [taken.scene.label.printed.content]


@pytest.mark.parametrize(("seed", "number"), [(783, 97), (780, 7), (785, 32)])
def test_neither_a_faded_clock_track_nor_glare_nor_a_finger_in_the_quiet_zone_bends_a_grid(seed: int, number: int) -> None:
    """Every module is in sight; the side of dots looked as if it began further in or out, and a corner was drawn to the finger."""
    taken = shot.taken(scene.draw(seed, number))
    symbols = cascade.CascadeDecoder(budget_ms=10_000).decode(a_frame(taken.image))
    assert [symbol.content for symbol in symbols] == [taken.scene.label.printed.content]


@pytest.mark.parametrize(
    ("seed", "number"),
    [
        pytest.param(779, 3, id="a patch that holds half of a small code"),
        pytest.param(782, 53, id="the right size tried the wrong way round first"),
        pytest.param(780, 23, id="a QR code with a finger at a finder"),
        pytest.param(780, 88, id="a QR code whose outer sides look like those of a DataMatrix"),
    ],
)
def test_a_guess_that_was_not_the_first_is_laid_too(seed: int, number: int) -> None:
    taken = shot.taken(scene.draw(seed, number))
    symbols = cascade.CascadeDecoder(budget_ms=10_000).decode(a_frame(taken.image))
    assert [symbol.content for symbol in symbols] == [taken.scene.label.printed.content]


def test_what_is_covered_draws_a_grid_less_when_it_is_told_that_something_may_be() -> None:
    modules = _modules(GSRN, patterns.DATAMATRIX)
    shape = np.zeros((6, 2))
    shape[0], shape[1], shape[2] = (130, 130), (90, 0), (0, 90)
    image = _bent(modules, shape)
    cv2.circle(image, (36, 224), 34, 90, -1)
    picture, template = grid.picture(image), patterns.template(patterns.DATAMATRIX, len(modules), 0.5)
    guess = shape.copy()
    guess[0] += 2.5
    off = [
        float(np.abs(grid.corners(grid.fit(picture, template, guess, steps=6, partly_hidden=hidden).shape) - grid.corners(shape)).max())
        for hidden in (False, True)
    ]
    module_px = 2 * 90 / len(modules)
    assert off[1] < module_px / 2
    assert off[1] < off[0], off


def test_what_has_no_sides_gives_none() -> None:
    assert grid_sides.quads(np.full((280, 280), 200, np.uint8), (168.0, 168.0)) == []
    assert grid_sides.quads(np.zeros((280, 280), np.uint8), (8.0, 168.0)) == []


def test_the_last_bar_before_blank_ground_is_counted() -> None:
    light = np.full(400, 200.0, np.float32)
    for start in range(100, 300, 20):
        light[start : start + 8] = 40
    assert bar_profile._profile(light).bars == 10
    assert bar_profile._profile(light[::-1].copy()).bars == 10


@pytest.mark.parametrize("kind", [patterns.DATAMATRIX, patterns.QR])
def test_what_is_fixed_in_a_pattern_is_so_in_every_symbol(kind: str) -> None:
    for length in range(4, 90, 9):
        text = (
            ("(01)08934567890127(10)" + "7" * min(length, 20) + f"(21){'8' * min(length, 20)}")
            if kind == patterns.DATAMATRIX
            else "x" * length
        )
        modules = _modules(text, kind)
        if len(modules) not in (patterns.DATAMATRIX_SIZES if kind == patterns.DATAMATRIX else patterns.QR_SIZES):
            continue
        known = patterns.known(kind, len(modules))
        assert (modules[known != patterns.UNKNOWN] == known[known != patterns.UNKNOWN]).all()


def test_modules_of_chance_in_a_true_finder_pattern_say_nothing() -> None:
    """Reed-Solomon is the only gate of a grid that was laid by guess."""
    rng = np.random.default_rng(5)
    for kind, sizes in ((patterns.DATAMATRIX, patterns.DATAMATRIX_SIZES), (patterns.QR, patterns.QR_SIZES)):
        for size in sizes:
            known = patterns.known(kind, size)
            for _ in range(5):
                modules = np.where(known == patterns.UNKNOWN, rng.integers(0, 2, known.shape), known)
                assert matrix_read.decoded(modules, kind) is None


def test_the_smallest_datamatrix_sizes_are_never_laid_by_guess() -> None:
    """10 x 10 and 12 x 12 carry so few check characters that chance could pass them."""
    assert min(patterns.DATAMATRIX_SIZES) >= 14


def _on_a_wrist(code: object, *, half_turn_deg: float, blur_px: float, noise: float, seed: int = 3) -> np.ndarray:
    """A linear code around a cylinder, seen from in front: its ends are foreshortened."""
    flat = np.asarray(code.convert("L"))  # type: ignore[attr-defined]
    height, width = flat.shape
    radius = width / 2 / math.radians(half_turn_deg)
    reach = min(radius * 0.98, 310.0)
    across = np.arange(-reach, reach)
    at = (np.arcsin(across / radius) * radius + width / 2).astype(np.float32)
    band = cv2.remap(
        flat, np.tile(at, (height, 1)), np.tile(np.arange(height, dtype=np.float32)[:, None], (1, len(at))), cv2.INTER_AREA, borderValue=255
    )
    canvas = np.full((360, 640), 205.0, np.float32)
    top, left = (360 - height) // 2, (640 - len(at)) // 2
    canvas[top : top + height, left : left + len(at)] = 40 + band * 0.65
    canvas = cv2.GaussianBlur(canvas, (0, 0), blur_px) + np.random.default_rng(seed).normal(0, noise, canvas.shape)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _bars(grey: np.ndarray) -> tuple[str, bytes] | None:
    region = next(region for region in regions.find(grey) if region.kind == regions.LINEAR)
    found, strip = bar_read.quick(grey, region)
    found = found or bar_read.read(strip, until=1e12)
    return None if found is None else (found.symbol.identifier, found.symbol.content)


@pytest.mark.parametrize("half_turn_deg", [20, 45, 60])
def test_a_code_around_a_wrist_is_read_through_foreshortening_blur_and_noise(half_turn_deg: float) -> None:
    code = labels.gs1_128("(8018)893412345678901239", module_px=2, height_px=60)
    grey = _on_a_wrist(code, half_turn_deg=half_turn_deg, blur_px=1.0, noise=6)
    assert zxingcpp.read_barcodes(grey) == [] or half_turn_deg < 60
    assert _bars(grey) == ("]C1", b"8018893412345678901239")


@pytest.mark.parametrize(("seed", "number"), [(20117, 10), (777, 80)])
def test_bars_are_read_at_once_though_edges_of_band_and_letters_are_counted_with_them(seed: int, number: int) -> None:
    taken = shot.taken(scene.draw(seed, number))
    grey = cv2.cvtColor(taken.image, cv2.COLOR_BGR2GRAY)
    widest = max((region for region in regions.find(grey) if region.kind == regions.LINEAR), key=lambda region: region.width)
    found, _strip = bar_read.quick(grey, widest)
    assert found is not None
    assert found.symbol.content == taken.scene.label.printed.content


def test_bars_that_looked_like_nothing_from_afar_are_followed_where_the_fine_search_finds_them_again() -> None:
    """Letters beside them were taken into the coarse patch, whose edges ran no one way; the same place is looked at twice for that."""
    taken = shot.taken(scene.draw(778, 48))
    symbols = cascade.CascadeDecoder(budget_ms=10_000).decode(a_frame(taken.image))
    assert [symbol.content for symbol in symbols] == [taken.scene.label.printed.content]


def test_the_strongest_bars_are_followed_before_a_weak_block_has_taken_all_the_time() -> None:
    now = [0.0]

    def clock() -> float:  # every look at it costs: a block asks for each grid that it tries
        now[0] += 0.02
        return now[0]

    taken = shot.taken(scene.draw(786, 107))
    symbols = cascade.CascadeDecoder(clock=clock).decode(a_frame(taken.image))
    assert [symbol.content for symbol in symbols] == [taken.scene.label.printed.content]


def test_the_same_digits_without_fnc1_stay_a_plain_code() -> None:
    assert _bars(
        _on_a_wrist(labels.code128("8018893412345678901239", module_px=2, height_px=60), half_turn_deg=30, blur_px=0.8, noise=4)
    ) == (
        "]C0",
        b"8018893412345678901239",
    )


def test_bars_of_chance_widths_are_no_code() -> None:
    rng = np.random.default_rng(11)
    for _ in range(2):
        widths = rng.integers(1, 5, 110) * 3
        row = np.repeat(np.arange(len(widths)) % 2 * 170 + 40, widths)[:900]
        grey = np.full((360, 1100), 210, np.uint8)
        grey[120:240, 100 : 100 + len(row)] = row
        found = [one for region in regions.find(grey) if region.kind == regions.LINEAR and (one := bar_read.quick(grey, region)[0])]
        assert found == []
        assert cascade.CascadeDecoder(budget_ms=60).decode(a_frame(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))) == []


def test_bars_without_a_quiet_zone_are_not_believed() -> None:
    """What stands against the first bar could be more of the code."""
    total = 123
    clear = np.zeros((total + 2 * bar_read.FRAME) * bar_read.FINE)
    clear[bar_read.FRAME * bar_read.FINE : -bar_read.FRAME * bar_read.FINE] = 0.5
    assert bar_read._quiet(clear, total)
    for side in (slice(None, bar_read.FRAME * bar_read.FINE), slice(-bar_read.FRAME * bar_read.FINE, None)):
        smeared = clear.copy()
        smeared[side] = 0.6
        assert not bar_read._quiet(smeared, total)


def test_a_chain_that_another_would_fit_nearly_as_well_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = _on_a_wrist(labels.code128("BN00012345", module_px=2, height_px=60), half_turn_deg=20, blur_px=0.8, noise=3)
    assert _bars(grey) == ("]C0", b"BN00012345")
    monkeypatch.setattr(bar_read, "CLEARLY", 1e9)
    assert _bars(grey) is None


def test_a_doubtful_gs1_code_must_hold_together_as_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong check digit of the patient's number, on bars that leave room for doubt, is a misread."""
    grey = _on_a_wrist(labels.gs1_128("(8018)893412345678901231", module_px=2, height_px=60), half_turn_deg=20, blur_px=0.8, noise=3)
    assert _bars(grey) == ("]C1", b"8018893412345678901231")
    monkeypatch.setattr(bar_read, "OVERWHELMING", 1e9)
    assert _bars(grey) is None


@settings(max_examples=60)
@given(values=st.lists(st.integers(0, 19), min_size=12, max_size=12))
def test_ean_digits_have_a_true_parity_and_check_digit_or_are_none(values: list[int]) -> None:
    said = ean13.says([*values[:6], *(value % 10 for value in values[6:])])
    if said is not None:
        assert sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(said)) % 10 == 0
    assert bar_chain.EAN_STAGES[0].modules + sum(stage.modules for stage in bar_chain.EAN_STAGES[1:]) == 95


@pytest.mark.parametrize("shape", [(1, 500, 3), (500, 1, 3), (24, 24, 3), (25, 3000, 3)])
def test_odd_shapes_hold_nothing(shape: tuple[int, ...]) -> None:
    assert cascade.CascadeDecoder().decode(a_frame(np.zeros(shape, np.uint8))) == []


@pytest.mark.parametrize("image", [np.zeros((50, 50), np.uint8), np.zeros((50, 50, 3), np.float32), np.zeros((50, 50, 4), np.uint8), None])
def test_what_is_no_camera_picture_is_refused(image: object) -> None:
    with pytest.raises(DeviceError):
        cascade.CascadeDecoder().decode(a_frame(image))  # type: ignore[arg-type]


def test_a_picture_of_twenty_megapixels_is_made_smaller_first_and_told_in_its_own_pixels() -> None:
    image = np.full((3648, 5472, 3), 205, np.uint8)
    code = np.asarray(labels.qr("BAG-2", module_px=40).convert("RGB"))
    image[600 : 600 + code.shape[0], 3000 : 3000 + code.shape[1]] = code
    (symbol,) = cascade.CascadeDecoder().decode(a_frame(image))
    xs = [x for x, _ in symbol.outline]
    assert symbol.content == b"BAG-2"
    assert 3000 < min(xs) < max(xs) < 3000 + code.shape[1]


def test_a_place_that_stays_unread_is_not_worked_on_in_every_picture() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    image = np.full((720, 1280, 3), 200, np.uint8)
    image[300:420, 500:620] = noise
    decoder = cascade.CascadeDecoder(budget_ms=10_000)
    tries = []
    for number in range(1, 12):
        decoder.look(a_frame(image, number))
        tries.append(dict(decoder._vain))
    worked = [sum(after.values()) > sum(before.values()) for before, after in itertools.pairwise(tries)]
    assert worked[:2] == [True, True]
    assert sum(worked[3:]) <= 3


def _noise_at(x: int, y: int) -> np.ndarray:
    image = np.full((720, 1280, 3), 200, np.uint8)
    image[y : y + 120, x : x + 120] = np.random.default_rng(x + y).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    return image


def _works(numbers: list[int], images: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """In which pictures a place was worked on closely."""
    worked: list[int] = []
    read = matrix_read.read
    monkeypatch.setattr(matrix_read, "read", lambda *given, **more: worked.append(1) or read(*given, **more))
    decoder = cascade.CascadeDecoder(budget_ms=10_000)
    found = []
    for number, image in zip(numbers, images, strict=True):
        before = len(worked)
        decoder.look(a_frame(image, number))
        found.append(len(worked) > before)
    return found


def test_in_a_stream_without_codes_what_moves_past_is_not_worked_on_and_what_is_held_is(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [(100, 100), (900, 100), (500, 400), (100, 500), (900, 500), (300, 200), (700, 200), (700, 200)]
    works = _works(list(range(1, 9)), [_noise_at(*place) for place in places], monkeypatch)
    assert works == [True, True, True, True, False, False, False, True]


def test_single_pictures_get_all_the_work_however_many_gave_nothing_before(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [(100, 100), (900, 100), (500, 400), (100, 500), (900, 500), (300, 200)]
    assert all(_works([1] * 6, [_noise_at(*place) for place in places], monkeypatch))


def test_an_unread_place_is_told_with_what_could_be_mended() -> None:
    image = np.full((720, 1280, 3), 200, np.uint8)
    noise = np.random.default_rng(2).integers(0, 256, (120, 120), dtype=np.uint8)
    image[300:420, 500:620] = cv2.merge([noise] * 3)
    look = cascade.CascadeDecoder().look(a_frame(image))
    (place, *_more) = look.unread
    xs, ys = [x for x, _ in place.outline], [y for _, y in place.outline]
    assert (sum(xs) / 4, sum(ys) / 4) == pytest.approx((560, 360), abs=30)
    assert look.readings == ()
    assert look.quality is not None
    assert not look.quality.dark


def test_dark_burnt_and_soft_pictures_are_told_apart() -> None:
    sharp = np.asarray(labels.qr("BAG-2", module_px=8).convert("L"))
    dark, soft = (sharp * 0.1).astype(np.uint8), cv2.GaussianBlur(sharp, (0, 0), 9)
    assert quality.of(dark).dark
    assert quality.of(soft).blurred
    assert not quality.of(sharp).blurred
    assert quality.of(np.full((90, 90), 255, np.uint8)).glare_share == 1.0
