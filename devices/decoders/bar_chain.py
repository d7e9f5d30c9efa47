"""The likeliest chain of characters along a profile: Code 128 (ISO/IEC 15417) and EAN-13 (ISO/IEC 15420), whatever the blur.

Every place, every width and every character is compared at once, and the best chain from quiet zone to quiet zone is followed
(Viterbi); then the characters are compared again on the smooth curve through them, each with its neighbours' blur on it.
Must never hand out a chain whose check character fails or one of whose characters another would fit nearly as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

from devices.decoders import code128, ean13
from devices.decoders.bar_profile import Profile

STEP = 3  # grid places a module
SAMPLES = 3  # a module, of a template
SHARES = np.geomspace(0.32, 1.75, 25)  # a character's module beside the average one: both ends of a round wrist are narrow
CHANGE_COST = {1: 0.015, 2: 0.05}  # of a character's width by so many steps, in shares of what no likeness at all costs
QUIET_MODULES = 5
QUIET_COST = 1.5
FINE = 4
BLURS_MODULES = (0.35, 0.5, 0.7, 0.9)
MARGIN_MODULES = 14
COUNTED_LIKE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Alphabet:
    """`patterns` as "0" and "1" (dark), all of one length."""

    patterns: tuple[str, ...]

    @property
    def modules(self) -> int:
        return len(self.patterns[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """`values`: the place in its alphabet of each character; `edges`: where each begins, and the last ends, in the profile."""

    values: list[int]
    edges: list[float]
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A profile at `STEP` places a module of average width; `scale` leads from its places to those of the profile."""

    light: Any
    quiet: Any
    scale: float
    offset: float


START = Alphabet(patterns=code128.PATTERNS[code128.STARTS])
DATA = Alphabet(patterns=code128.PATTERNS[:103])
STOP = Alphabet(patterns=(code128.modules("2331112"),))
START_BACKWARDS = Alphabet(patterns=tuple(one[::-1] for one in START.patterns))
STOP_BACKWARDS = Alphabet(patterns=tuple(one[::-1] for one in STOP.patterns))


def line(profile: Profile, modules: float) -> Line:
    """`modules`: how many lie between the first and the last bar, about."""
    module = (profile.end - profile.begin) / modules
    low = max(0.0, profile.begin - MARGIN_MODULES * module)
    high = min(len(profile.light) - 1.0, profile.end + MARGIN_MODULES * module)
    at = np.arange(low, high, module / STEP)
    light = np.interp(at, np.arange(len(profile.light)), profile.light)
    return Line(light=light.astype(np.float32), quiet=_quiet(light), scale=module / STEP, offset=low)


def _quiet(light: Any) -> Any:
    """How dark it is, 0 to 1, beside what stands around."""
    row = light.astype(np.float32).reshape(1, -1)
    reach = 18 * STEP
    high = cv2.blur(cv2.dilate(row, np.ones((1, reach))), (reach, 1)).ravel()
    low = cv2.blur(cv2.erode(row, np.ones((1, reach * 2))), (reach, 1)).ravel()
    return np.clip((high - row.ravel()) / np.maximum(high - low, 0.35 * float((high - low).max()) + 1e-3), 0, 1)


@cache
def _templates(alphabet: Alphabet, blur: float) -> Any:
    rows = []
    for pattern in alphabet.patterns:
        before, after = ("1" if pattern[0] == "0" else "0"), ("1" if pattern[-1] == "0" else "0")
        wide = np.repeat(np.array([int(one) for one in before * 2 + pattern + after * 2], dtype=np.float32), SAMPLES * 2)
        row = cv2.GaussianBlur(wide.reshape(1, -1), (0, 0), blur * SAMPLES * 2, borderType=cv2.BORDER_REPLICATE).ravel()
        row = -row[4 * SAMPLES : -4 * SAMPLES].reshape(-1, 2).mean(axis=1)
        row = row - row.mean()
        rows.append(row / np.linalg.norm(row))
    return np.array(rows, dtype=np.float32)


@cache
def _places(modules: int) -> tuple[Any, Any]:
    """For each width: the offsets (from a character's begin, in quarter places) of its samples, and its length in places."""
    lengths = modules * STEP * SHARES
    samples = (np.arange(modules * SAMPLES) + 0.5) / (modules * SAMPLES)
    return np.rint(4 * lengths[:, None] * samples[None, :]).astype(np.int32), np.rint(lengths).astype(np.int32)


def _pieces(line_: Line, modules: int, at: Any) -> Any:
    """(places `at` x widths x samples), each piece centred."""
    offsets, _lengths = _places(modules)
    count = len(line_.light)
    fine = np.interp(np.arange(count * 4) / 4, np.arange(count), line_.light).astype(np.float32)
    fine = np.concatenate([fine, np.full(int(offsets.max()) + 8, fine[-1], dtype=np.float32)])
    pieces = fine[(at.astype(np.int32) * 4)[:, None, None] + offsets[None]]
    pieces -= pieces.mean(axis=2, keepdims=True)
    return pieces


def _costs(line_: Line, alphabets: tuple[Alphabet, ...], blur: float) -> list[tuple[Any, Any]]:
    """For each alphabet (all of one length), places x widths: what the likeliest character that begins there costs, and which it is."""
    pieces = _pieces(line_, alphabets[0].modules, np.arange(len(line_.light)))
    flat = pieces.reshape(-1, pieces.shape[2])
    norms = np.sqrt(np.einsum("ij,ij->i", flat, flat))
    norms = np.maximum(norms, 0.12 * float(norms.max()) + 1e-3)
    found = []
    for alphabet in alphabets:
        likes = flat @ _templates(alphabet, blur).T
        best = likes.argmax(axis=1)
        like = np.take_along_axis(likes, best[:, None], axis=1)[:, 0] / norms
        found.append(((1 - like).reshape(pieces.shape[:2]), best.reshape(pieces.shape[:2])))
    return found


def forward(line_: Line, blur: float) -> float:
    """How much likelier Code 128 runs from the left to the right here than the other way, from about -2 to 2."""
    count = len(line_.light)
    reach = MARGIN_MODULES * STEP
    left = np.arange(min(reach + 5 * STEP, count))
    right = np.maximum(count - 1 - np.arange(reach + 18 * STEP), 0)
    quiet_before, quiet_after = _quiet_costs(line_)
    scores = []
    for at, patterns, quiet in (
        (left, START, quiet_before),
        (left, STOP_BACKWARDS, quiet_before),
        (right, STOP, quiet_after),
        (right, START_BACKWARDS, quiet_after),
    ):
        pieces = _pieces(line_, patterns.modules, at)
        flat = pieces.reshape(-1, pieces.shape[2])
        norms = np.sqrt(np.einsum("ij,ij->i", flat, flat))
        norms = np.maximum(norms, 0.3 * float(norms.max()) + 1e-3)
        like = ((flat @ _templates(patterns, blur).T).max(axis=1) / norms).reshape(pieces.shape[:2])
        edge = at[:, None] if at is left else np.minimum(at[:, None] + _places(patterns.modules)[1][None, :], count)
        scores.append(float((like - quiet[edge]).max()))
    return scores[0] + scores[2] - scores[1] - scores[3]


def _quiet_costs(line_: Line) -> tuple[Any, Any]:
    """For each place: what it costs that a code begins there, and that one ends there."""
    reach = QUIET_MODULES * STEP
    sums = np.concatenate([[0.0], np.cumsum(line_.quiet)])
    count = len(line_.quiet)
    at = np.arange(count + 1)
    before = (sums[at] - sums[np.maximum(at - reach, 0)]) / np.maximum(np.minimum(at, reach), 1)
    after = (sums[np.minimum(at + reach, count)] - sums[at]) / np.maximum(np.minimum(count - at, reach), 1)
    for costs, near in ((before, at), (after, count - at)):
        costs[near < reach // 2] = 1.0
    return QUIET_COST * before, QUIET_COST * after


def _spread(costs: Any) -> tuple[Any, Any]:
    """The least cost over the neighbouring widths, and by how many steps that was away."""
    best, away = costs.copy(), np.zeros(costs.shape, np.int8)
    for step in (-1, 1, -2, 2):
        moved = np.full(costs.shape, np.inf, dtype=costs.dtype)
        penalty = CHANGE_COST[abs(step)]
        if step > 0:
            moved[:, :-step] = costs[:, step:] + penalty
        else:
            moved[:, -step:] = costs[:, :step] + penalty
        better = moved < best
        best[better], away[better] = moved[better], step
    return best, away


def code128_chain(line_: Line, most: int, blur: float) -> Chain | None:
    """The best chain from a start to a stop character, `most` characters between them at most."""
    count = len(line_.light)
    (start, start_value), (data, data_value) = _costs(line_, (START, DATA), blur)
    ((stop, _only),) = _costs(line_, (STOP,), blur)
    before, after = _quiet_costs(line_)
    widths = np.arange(len(SHARES))
    back = np.arange(count + 1)[:, None] - _places(11)[1][None, :]
    inside = back >= 0
    back = np.maximum(back, 0)
    now = np.where(inside, (start + before[:count, None])[np.minimum(back, count - 1), widths[None, :]], np.inf)
    stop_end = np.arange(count)[:, None] + _places(13)[1][None, :]
    finish = np.where(stop_end <= count, stop * 13 / 11 + after[np.minimum(stop_end, count)], np.inf)
    layers: list[Any] = [None]
    best: tuple[float, int, int, int] | None = None
    aways = []
    for length in range(1, most + 2):
        easy, away = _spread(now)
        aways.append(away)
        if length >= 3:
            ends = easy[:count] + finish
            place = int(ends.argmin())
            cost = float(ends.flat[place]) / (length + 2)
            if best is None or cost < best[0]:
                best = (cost, length, place // len(SHARES), place % len(SHARES))
        layers.append(now)
        now = np.where(inside, easy[back, widths[None, :]] + data[np.minimum(back, count - 1), widths[None, :]], np.inf)
        if not np.isfinite(now).any():
            break
    if best is None:
        return None
    cost, length, place, width = best
    edges = [float(place)]
    values: list[int] = []
    stop_width = float(_places(13)[1][width])
    while length >= 1:
        width += int(aways[length - 1][place, width])
        begin = int(back[place, width])
        values.append(int(data_value[begin, width]) if length > 1 else int(start_value[begin, width]) + code128.STARTS.start)
        place, length = begin, length - 1
        edges.append(float(begin))
    return Chain(values=values[::-1], edges=[*edges[::-1], edges[0] + stop_width], cost=cost)


_LEFT, _RIGHT = ean13.left_and_right()
EAN_STAGES = (
    Alphabet(patterns=tuple("101" + one for one in _LEFT)),
    *(Alphabet(patterns=_LEFT),) * 5,
    Alphabet(patterns=tuple("01010" + one for one in _RIGHT)),
    *(Alphabet(patterns=_RIGHT),) * 4,
    Alphabet(patterns=tuple(one + "101" for one in _RIGHT)),
)


def ean13_chain(line_: Line, blur: float) -> Chain | None:
    """The best chain of the twelve printed digits, each with the guard bars beside it."""
    count = len(line_.light)
    before, after = _quiet_costs(line_)
    widths = np.arange(len(SHARES))[None, :]
    costs = {alphabet: _costs(line_, (alphabet,), blur)[0] for alphabet in set(EAN_STAGES)}
    now = np.repeat(before[:, None], len(SHARES), axis=1)
    aways, backs = [], []
    for place, alphabet in enumerate(EAN_STAGES):
        easy, away = _spread(now) if place else (now, np.zeros(now.shape, np.int8))
        back = np.arange(count + 1)[:, None] - _places(alphabet.modules)[1][None, :]
        begin = np.minimum(np.maximum(back, 0), count - 1)
        now = np.where(back >= 0, easy[begin, widths] + costs[alphabet][0][begin, widths], np.inf)
        aways.append(away)
        backs.append(begin)
    total = now + after[:, None]
    best = int(total.argmin())
    if not np.isfinite(total.flat[best]):
        return None
    end, width = best // len(SHARES), best % len(SHARES)
    edges, values = [float(end)], []
    for place in range(len(EAN_STAGES) - 1, -1, -1):
        begin = int(backs[place][end, width])
        values.append(int(costs[EAN_STAGES[place]][1][begin, width]))
        edges.append(float(begin))
        width += int(aways[place][begin, width])
        end = begin
    return Chain(values=values[::-1], edges=edges[::-1], cost=float(total.flat[best]) / len(EAN_STAGES))


# Any character of Code 128 that is no stop.
ANY = Alphabet(patterns=code128.PATTERNS[:106])


def likeliest(light: Any, stages: tuple[Alphabet, ...], edges: list[float], blur: float) -> list[int] | None:
    """The character of each stage that looks most like what lies between its edges; None when the first ones are like nothing."""
    values = []
    places = np.arange(len(light))
    for alphabet in dict.fromkeys(stages):
        where = [place for place, one in enumerate(stages) if one is alphabet]
        share = (np.arange(alphabet.modules * SAMPLES) + 0.5) / (alphabet.modules * SAMPLES)
        at = np.array([edges[place] + share * (edges[place + 1] - edges[place]) for place in where])
        pieces = np.interp(at.ravel(), places, light).reshape(at.shape)
        pieces = pieces - pieces.mean(axis=1, keepdims=True)
        likes = (pieces @ _templates(alphabet, blur).T) / (np.linalg.norm(pieces, axis=1, keepdims=True) + 1e-6)
        if float(np.median(likes.max(axis=1))) < COUNTED_LIKE:
            return None
        values += list(zip(where, likes.argmax(axis=1).tolist(), strict=True))
    return [value for _place, value in sorted(values)]
