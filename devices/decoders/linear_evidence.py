"""Whether the picture itself supports a linear code: each character is compared with all that could stand in its place.

The bars are measured along the code, the printed pattern is laid over them and blurred like the lens blurs, and for every
character the claimed pattern must fit better than any other. This is what a check digit cannot do: a misread has a right one.
Patterns: EAN-13 (GS1 General Specifications 5.2.1) and Code 128 (ISO/IEC 15417). Must never turn a refusal into a correction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

from devices.decoders import code128
from devices.decoders.outline import Outline

STEPS = 6  # samples a module
MARGIN_MODULES = 4
ROWS = 24
BANDS = 3
BLURS_MODULES = (0.25, 0.45, 0.65, 0.9)
COARSE_MODULES = (np.arange(-2.1, 2.11, 0.7), np.arange(-4.2, 4.21, 0.7))  # both ends; the bow that perspective makes
FINE_MODULES = np.arange(-0.4, 0.41, 0.2)
GOOD_ENOUGH = 0.8
CLEARLY_BETTER = 1.15
GUESS_RATIO = 1.2  # below what the first character may be stretched to fit

_EAN_LEFT = ("0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011")
_EAN_PARITY = ("LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL")


def _shifts(reach: int, most: float, count: int) -> Any:
    """Pairs of (offset in samples, stretch) to try for a character."""
    return np.stack(np.meshgrid(np.arange(-reach, reach + 1), np.linspace(1 - most, 1 + most, count), indexing="ij"), axis=-1).reshape(
        -1, 2
    )


_FIRST_SHIFTS = _shifts(3 * STEPS, 0.16, 9)
_NEXT_SHIFTS = _shifts(STEPS // 2, 0.06, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """One character: where its first module is, what is claimed, and all that could be there (modules, 1 dark)."""

    start: int
    claimed: int
    choices: tuple[str, ...]


def supports_ean13(grey: Any, outline: Outline, digits: str) -> bool:
    """`digits`: the 13 claimed ones. `outline` in pixels of `grey`, its first side along the code."""
    pattern, slots = _ean13(digits)
    return any(_fits(profile, pattern, slots) for profile in _profiles(grey, outline, len(pattern)))


def supports_code128(grey: Any, outline: Outline, content: bytes, *, gs1: bool) -> bool:
    """`content` as claimed, GS for every FNC1 but a leading one, which `gs1` tells.

    The characters are read here once more, each as the pattern that fits best, and must say the same."""
    claimed = code128.Row(content=content, gs1=gs1)
    fewest, most = math.ceil(len(content) / 2), len(content) + 5
    guess = float(fewest)
    while guess < most * GUESS_RATIO:
        length = round(code128.WIDTH_MODULES * (min(guess, most) + 2) + code128.STOP_MODULES)
        for profile in _profiles(grey, outline, length)[:2]:
            tracked = _tracked(profile, most + 2)
            if tracked is not None and code128.says(tracked[0]) == claimed and _each_fits(profile, *tracked):
                return True
        guess = max(guess + 1, guess * GUESS_RATIO)
    return False


def _tracked(profile: Any, most: int) -> tuple[list[int], list[float]] | None:
    """The characters from the start to the one before the stop, followed from left to right, and where each begins and the last ends.

    None as soon as nothing fits, or after `most`. Following them copes with any bow or stretch that changes slowly."""
    templates = _choice_templates(code128.PATTERNS, BLURS_MODULES[1])
    width = code128.WIDTH_MODULES * STEPS
    at, stretch = float(MARGIN_MODULES * STEPS), 1.0
    codewords: list[int] = []
    edges: list[float] = []
    for place in range(most + 1):
        shifts, choices = (_FIRST_SHIFTS, templates[code128.STARTS]) if place == 0 else (_NEXT_SHIFTS, templates)
        where = at + shifts[:, :1] + np.arange(width)[None, :] * shifts[:, 1:] * stretch
        pieces = np.interp(where.ravel(), np.arange(len(profile)), profile).reshape(where.shape)
        pieces = (pieces - pieces.mean(axis=1, keepdims=True)) / (pieces.std(axis=1, keepdims=True) + 1e-9)
        fit = pieces @ choices.T / width
        best, value = (int(index) for index in np.unravel_index(int(fit.argmax()), fit.shape))
        if fit[best, value] < GOOD_ENOUGH:
            return None
        step = float(shifts[best, 1]) * stretch
        edges.append(at + float(shifts[best, 0]))
        if value == code128.STOP_VALUE:
            return codewords, edges
        codewords.append(value + (code128.STARTS.start if place == 0 else 0))
        at = edges[-1] + width * step
        stretch = step if place == 0 else (stretch + step) / 2
    return None


def _each_fits(profile: Any, codewords: list[int], edges: list[float]) -> bool:
    width = code128.WIDTH_MODULES * STEPS
    where = np.interp(np.arange(len(codewords) * width), np.arange(len(edges)) * width, edges)
    placed = np.interp(where, np.arange(len(profile)), profile)
    pattern = "".join(code128.PATTERNS[value] for value in codewords)
    blur, _score = _fitting_blur(placed, pattern)
    slots = (_Slot(start=place * code128.WIDTH_MODULES, claimed=value, choices=code128.PATTERNS) for place, value in enumerate(codewords))
    return all(_best(placed, slot, blur) for slot in slots)


def _ean13(digits: str) -> tuple[str, tuple[_Slot, ...]]:
    left_choices, right_choices = _ean_choices()
    slots = []
    pattern = "101"
    for digit, parity in zip(digits[1:7], _EAN_PARITY[int(digits[0])], strict=True):
        claimed = int(digit) + (10 if parity == "G" else 0)
        slots.append(_Slot(start=len(pattern), claimed=claimed, choices=left_choices))
        pattern += left_choices[claimed]
    pattern += "01010"
    for digit in digits[7:]:
        slots.append(_Slot(start=len(pattern), claimed=int(digit), choices=right_choices))
        pattern += right_choices[int(digit)]
    return pattern + "101", tuple(slots)


@cache
def _ean_choices() -> tuple[tuple[str, ...], tuple[str, ...]]:
    right = tuple(code.translate(str.maketrans("01", "10")) for code in _EAN_LEFT)
    return (*_EAN_LEFT, *(code[::-1] for code in right)), right


def _profiles(grey: Any, outline: Outline, modules: int) -> list[Any]:
    """Darkness along the code in some bands across its height, `STEPS` samples a module, with a margin at both ends."""
    top_left, top_right, bottom_right, bottom_left = (np.array(point, dtype=np.float64) for point in outline)
    along = (np.arange((modules + 2 * MARGIN_MODULES) * STEPS) + 0.5) / (modules * STEPS) - MARGIN_MODULES / modules
    across = np.linspace(0.15, 0.85, ROWS)
    left = top_left + np.outer(across, bottom_left - top_left)
    right = top_right + np.outer(across, bottom_right - top_right)
    points = left[:, None, :] + along[None, :, None] * (right - left)[:, None, :]
    rows = cv2.remap(
        grey, points[..., 0].astype(np.float32), points[..., 1].astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return [255.0 - band.mean(axis=0) for band in np.array_split(rows.astype(np.float64), BANDS)]


def _fits(profile: Any, pattern: str, slots: tuple[_Slot, ...]) -> bool:
    placed, blur, score = _aligned(profile, pattern)
    if score < GOOD_ENOUGH:
        return False
    return all(_best(placed, slot, blur) for slot in slots)


def _aligned(profile: Any, pattern: str) -> tuple[Any, float, float]:
    """The profile resampled so that the pattern lies on it best; the blur that fits; the correlation (1 is perfect)."""
    template = _blurred(_ideal(pattern), BLURS_MODULES[1])
    ends, bows = COARSE_MODULES
    start, end, bow = _search(profile, template, (0.0, 0.0, 0.0), ends, bows, every=3)
    start, end, bow = _search(profile, template, (start, end, bow), FINE_MODULES, FINE_MODULES, every=1)
    placed = _resampled(profile, np.array([[start, end, bow]]), len(template), every=1)
    return placed[0], *_fitting_blur(placed[0], pattern)


def _fitting_blur(placed: Any, pattern: str) -> tuple[float, float]:
    """The blur with which the pattern looks most like `placed`, and how much (1 is perfect)."""
    ideal = _ideal(pattern)
    scores = {blur: float(_correlation(placed[None, :], _blurred(ideal, blur))[0]) for blur in BLURS_MODULES}
    blur = max(scores, key=lambda one: scores[one])
    return blur, scores[blur]


def _ideal(pattern: str) -> Any:
    return np.repeat(np.array([int(module) for module in pattern], dtype=np.float64), STEPS)


def _search(
    profile: Any, template: Any, around: tuple[float, float, float], ends: Any, bows: Any, *, every: int
) -> tuple[float, float, float]:
    """The shifts (start, end, bow in modules) near `around` at which every `every`-th sample fits the template best."""
    grid = np.stack(np.meshgrid(ends, ends, bows, indexing="ij"), axis=-1).reshape(-1, 3) + np.array(around)
    scores = _correlation(_resampled(profile, grid, len(template), every=every), template[::every])
    start, end, bow = grid[int(scores.argmax())]
    return float(start), float(end), float(bow)


def _resampled(profile: Any, shifts: Any, length: int, *, every: int) -> Any:
    where = np.arange(0, length, every, dtype=np.float64)
    share = where / (length - 1)
    moved = shifts @ np.stack([1 - share, share, 4 * share * (1 - share)])
    at = np.clip(where + (moved + MARGIN_MODULES) * STEPS, 0, len(profile) - 1)
    return np.interp(at.ravel(), np.arange(len(profile)), profile).reshape(at.shape)


def _correlation(samples: Any, template: Any) -> Any:
    centred = samples - samples.mean(axis=1, keepdims=True)
    wanted = template - template.mean()
    return (centred @ wanted) / (np.linalg.norm(centred, axis=1) * np.linalg.norm(wanted) + 1e-9)


def _blurred(ideal: Any, blur_modules: float) -> Any:
    return cv2.GaussianBlur(ideal.reshape(1, -1), (0, 0), blur_modules * STEPS, borderType=cv2.BORDER_REPLICATE).ravel()


def _best(placed: Any, slot: _Slot, blur: float) -> bool:
    """The claimed character fits its place clearly better than any other, each allowed to sit half a module off."""
    width = len(slot.choices[0]) * STEPS
    reach = STEPS // 2
    templates = _choice_templates(slot.choices, blur)
    errors = np.full(len(slot.choices), np.inf)
    for offset in range(-reach, reach + 1):
        start = slot.start * STEPS + offset
        if start < 0 or start + width > len(placed):
            continue
        piece = placed[start : start + width]
        piece = (piece - piece.mean()) / (piece.std() + 1e-9)
        errors = np.minimum(errors, ((templates - piece) ** 2).mean(axis=1))
    claimed = float(errors[slot.claimed])
    errors[slot.claimed] = np.inf
    return claimed * CLEARLY_BETTER <= float(errors.min())


@cache
def _choice_templates(choices: tuple[str, ...], blur: float) -> Any:
    """Each choice between its fixed neighbours (a character's ends never have its neighbour's colour), blurred, normalised."""
    rows = []
    for choice in choices:
        before, after = ("1" if choice[0] == "0" else "0"), ("1" if choice[-1] == "0" else "0")
        row = _blurred(_ideal(before * 2 + choice + after * 2), blur)[2 * STEPS : -2 * STEPS]
        rows.append((row - row.mean()) / (row.std() + 1e-9))
    return np.array(rows)
