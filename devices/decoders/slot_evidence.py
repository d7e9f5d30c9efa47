"""Whether the picture itself supports a linear code that a site switched on: EAN-8, ITF-14, Code 39 (ISO/IEC 15420, 16390, 16388).

As `linear_evidence` does for what is always read, and stricter, for these codes say less against themselves: every character is compared
with all that could stand in its place, in at least two of three bands across the code's height, and on both sides must lie as much light
as the standard asks for, so that no part of a longer code is taken for a whole one. Must never turn a refusal into a correction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

from devices.decoders import ean13
from devices.decoders.outline import Outline

STEPS = 6  # samples a module
MARGIN_MODULES = 13
QUIET_EAN, QUIET_WIDE = 6, 8  # modules of light asked for; the standards print 7 and 10
QUIET_BLUR = 1.5  # modules beside the last bar that may be smeared
DARK_SHARE = 0.3  # of the code's own darkness: more of it beside the code is no quiet zone
BANDS, ROWS, BANDS_NEEDED = 3, 24, 2
BLURS_MODULES = (0.2, 0.35, 0.55, 0.75)
GOOD_ENOUGH = 0.85
CLEARLY_BETTER = 1.5
WIDE_SAMPLES = (18, 17, 16, 15, 14, 13, 12)  # three down to two narrow ones
END_SHIFTS = np.arange(-2.5, 2.51, 0.5)  # modules that the reader's corners may lie off
BOWS = np.arange(-3.0, 3.01, 0.75)

_CODE_39 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%*"
# Nine elements a character, from a bar on; 1 is wide.
# fmt: off
_WIDE_39 = (
    "000110100", "100100001", "001100001", "101100000", "000110001", "100110000", "001110000", "000100101", "100100100", "001100100",
    "100001001", "001001001", "101001000", "000011001", "100011000", "001011000", "000001101", "100001100", "001001100", "000011100",
    "100000011", "001000011", "101000010", "000010011", "100010010", "001010010", "000000111", "100000110", "001000110", "000010110",
    "110000001", "011000001", "111000000", "010010001", "110010000", "011010000", "010000101", "110000100", "011000100", "010101000",
    "010100010", "010001010", "000101010", "010010100",
)
# fmt: on
_WIDE_ITF = ("00110", "10001", "01001", "11000", "00101", "10100", "01100", "00011", "10010", "01010")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One place: what is claimed of all that could stand there, each as samples (1 dark), all of one length."""

    claimed: int
    choices: tuple[tuple[int, ...], ...]


def supports_ean8(grey: Any, outline: Outline, digits: str) -> bool:
    """`digits`: the eight claimed ones, their check digit right. `outline` in pixels of `grey`, its first side along the code."""
    if len(digits) != 8 or not (digits.isascii() and digits.isdecimal()) or _mod_10(digits):
        return False
    return _supported(grey, outline, [_ean8(digits)], QUIET_EAN)


def supports_itf14(grey: Any, outline: Outline, digits: str) -> bool:
    if len(digits) != 14 or not (digits.isascii() and digits.isdecimal()) or _mod_10(digits) or not digits.strip("0"):
        return False
    return _supported(grey, outline, [_itf(digits, wide) for wide in WIDE_SAMPLES], QUIET_WIDE)


def supports_code39(grey: Any, outline: Outline, text: str) -> bool:
    """`text` without the stars that stand at both ends; they are compared too."""
    if not 1 <= len(text) <= 43 or not set(text) <= set(_CODE_39) - {"*"}:
        return False
    return _supported(grey, outline, [_code39(text, wide) for wide in WIDE_SAMPLES], QUIET_WIDE)


def _mod_10(digits: str) -> int:
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits))) % 10


def _fixed(pattern: str) -> Stage:
    return Stage(claimed=0, choices=(_sampled(pattern),))


@cache
def _sampled(modules: str) -> tuple[int, ...]:
    return tuple(int(one) for one in modules for _ in range(STEPS))


def _elements(wides: str, wide: int, *, first_dark: bool = True) -> tuple[int, ...]:
    samples: list[int] = []
    for place, one in enumerate(wides):
        samples += [int((place % 2 == 0) is first_dark)] * (wide if one == "1" else STEPS)
    return tuple(samples)


@cache
def _ean_choices() -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
    """Left: also the even ones, which only EAN-13 has: where one of these fits better, this is a part of such a code."""
    left, right = ean13.left_and_right()
    return tuple(map(_sampled, left)), tuple(map(_sampled, right))


def _ean8(digits: str) -> list[Stage]:
    left, right = _ean_choices()
    before = [Stage(claimed=int(digit), choices=left) for digit in digits[:4]]
    after = [Stage(claimed=int(digit), choices=right) for digit in digits[4:]]
    return [_fixed("101"), *before, _fixed("01010"), *after, _fixed("101")]


@cache
def _pairs(wide: int) -> tuple[tuple[int, ...], ...]:
    """All hundred pairs: the bars say the first digit, the spaces between them the second."""
    return tuple(
        _elements("".join(bar + space for bar, space in zip(one, other, strict=True)), wide) for one in _WIDE_ITF for other in _WIDE_ITF
    )


def _itf(digits: str, wide: int) -> list[Stage]:
    pairs = [Stage(claimed=int(digits[place : place + 2]), choices=_pairs(wide)) for place in range(0, 14, 2)]
    end = Stage(claimed=0, choices=(_elements("100", wide),))
    return [_fixed("1010"), *pairs, end]


@cache
def _characters(wide: int) -> tuple[tuple[int, ...], ...]:
    return tuple(_elements(one, wide) for one in _WIDE_39)


def _code39(text: str, wide: int) -> list[Stage]:
    stages: list[Stage] = []
    for character in f"*{text}*":
        if stages:
            stages.append(_fixed("0"))
        stages.append(Stage(claimed=_CODE_39.index(character), choices=_characters(wide)))
    return stages


def _supported(grey: Any, outline: Outline, layouts: list[list[Stage]], quiet_modules: int) -> bool:
    """Whether one of `layouts` (of several ratios of wide to narrow) is what most bands of the code show."""
    laid = []
    for stages in layouts:
        ideal = np.array([sample for stage in stages for sample in stage.choices[stage.claimed]], dtype=np.float64)
        profiles = _profiles(grey, outline, len(ideal))
        laid.append((_aligned(profiles[BANDS // 2], ideal)[1] if len(layouts) > 1 else 1.0, stages, ideal, profiles))
    score, stages, ideal, profiles = max(laid, key=lambda one: one[0])
    if score < GOOD_ENOUGH:
        return False
    fits = [_aligned(profile, ideal) for profile in profiles]
    good = [placed for placed, score in fits if score >= GOOD_ENOUGH]
    agreeing = [placed for placed in good if _quiet(placed, ideal, quiet_modules) and _each_fits(placed, ideal, stages)]
    return len(agreeing) >= BANDS_NEEDED


def _profiles(grey: Any, outline: Outline, length: int) -> list[Any]:
    """Darkness along the code in bands across its height, with a margin at both ends; beyond the picture there is nothing to be quiet."""
    margin = MARGIN_MODULES * STEPS
    top_left, top_right, bottom_right, bottom_left = (np.array(point, dtype=np.float64) for point in outline)
    along = (np.arange(length + 2 * margin) + 0.5 - margin) / length
    across = np.linspace(0.15, 0.85, ROWS)
    left = top_left + np.outer(across, bottom_left - top_left)
    right = top_right + np.outer(across, bottom_right - top_right)
    points = left[:, None, :] + along[None, :, None] * (right - left)[:, None, :]
    rows = cv2.remap(
        grey,
        points[..., 0].astype(np.float32),
        points[..., 1].astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return [255.0 - band.mean(axis=0) for band in np.array_split(rows.astype(np.float64), BANDS)]


def _aligned(profile: Any, ideal: Any) -> tuple[Any, float]:
    """The profile, margins and all, laid so that the code fits it best; how well it does (1 is perfect)."""
    template = _blurred(ideal, BLURS_MODULES[1])
    at = (0.0, 0.0, 0.0)
    for ends, bows, every in ((END_SHIFTS, BOWS, 3), (np.arange(-0.4, 0.41, 0.2), np.arange(-0.6, 0.61, 0.3), 1)):
        grid = np.stack(np.meshgrid(ends, ends, bows, indexing="ij"), axis=-1).reshape(-1, 3) + np.array(at)
        scores = _correlation(_resampled(profile, grid, len(ideal), 0, every), template[::every])
        start, end, bow = (float(one) for one in grid[int(scores.argmax())])
        at = (start, end, bow)
    margin = (MARGIN_MODULES - 3) * STEPS
    placed = _resampled(profile, np.array([at]), len(ideal), margin, 1)[0]
    inside = placed[None, margin : margin + len(ideal)]
    return placed, max(float(_correlation(inside, _blurred(ideal, blur))[0]) for blur in BLURS_MODULES)


def _resampled(profile: Any, shifts: Any, length: int, margin: int, every: int) -> Any:
    where = np.arange(-margin, length + margin, every, dtype=np.float64)
    share = np.clip(where / (length - 1), 0.0, 1.0)
    moved = shifts @ np.stack([1 - share, share, 4 * share * (1 - share)])
    at = where + (moved + MARGIN_MODULES) * STEPS
    return np.interp(at.ravel(), np.arange(len(profile)), profile).reshape(at.shape)


def _correlation(samples: Any, template: Any) -> Any:
    centred = samples - samples.mean(axis=1, keepdims=True)
    wanted = template - template.mean()
    return (centred @ wanted) / (np.linalg.norm(centred, axis=1) * np.linalg.norm(wanted) + 1e-9)


def _blurred(ideal: Any, blur_modules: float) -> Any:
    wide = np.pad(np.asarray(ideal, dtype=np.float64), 3 * STEPS).reshape(1, -1)
    return cv2.GaussianBlur(wide, (0, 0), blur_modules * STEPS).ravel()[3 * STEPS : -3 * STEPS]


def _quiet(placed: Any, ideal: Any, modules: int) -> bool:
    """Light on both sides, as far as `modules`, beside the dark and the light of the code itself."""
    margin = (MARGIN_MODULES - 3) * STEPS
    inside = placed[margin : margin + len(ideal)]
    low, high = (float(one) for one in np.percentile(inside, (8, 92)))
    skip = round(QUIET_BLUR * STEPS)
    before, after = (
        placed[margin - modules * STEPS : margin - skip],
        placed[margin + len(ideal) + skip : margin + len(ideal) + modules * STEPS],
    )
    level = low + DARK_SHARE * (high - low)
    return high - low > 12 and max(float(before.max()), float(after.max())) < level


def _each_fits(placed: Any, ideal: Any, stages: list[Stage]) -> bool:
    margin = (MARGIN_MODULES - 3) * STEPS
    inside = placed[None, margin : margin + len(ideal)]
    blur = max(BLURS_MODULES, key=lambda one: float(_correlation(inside, _blurred(ideal, one))[0]))
    begin = margin
    for stage in stages:
        width = len(stage.choices[0])
        if len(stage.choices) > 1 and not _best(placed, begin, width, stage, blur):
            return False
        begin += width
    return True


def _best(placed: Any, begin: int, width: int, stage: Stage, blur: float) -> bool:
    """The claimed character fits its place clearly better than any other, each allowed to sit half a module off."""
    templates = _templates(stage.choices, blur)
    errors = np.full(len(stage.choices), np.inf)
    for offset in range(-(STEPS // 2), STEPS // 2 + 1):
        piece = placed[begin + offset : begin + offset + width]
        piece = (piece - piece.mean()) / (piece.std() + 1e-9)
        errors = np.minimum(errors, ((templates - piece) ** 2).mean(axis=1))
    claimed = float(errors[stage.claimed])
    errors[stage.claimed] = np.inf
    return claimed * CLEARLY_BETTER <= float(errors.min())


@cache
def _templates(choices: tuple[tuple[int, ...], ...], blur: float) -> Any:
    """Each choice between neighbours of the other colour, as every character of these codes stands, blurred and normalised."""
    rows = []
    for choice in choices:
        before, after = [1 - choice[0]] * 2 * STEPS, [1 - choice[-1]] * 2 * STEPS
        wide = np.array([*before, *choice, *after], dtype=np.float64).reshape(1, -1)
        row = cv2.GaussianBlur(wide, (0, 0), blur * STEPS, borderType=cv2.BORDER_REPLICATE).ravel()[2 * STEPS : -2 * STEPS]
        rows.append((row - row.mean()) / (row.std() + 1e-9))
    return np.array(rows)
