"""A located linear code read from its profile: the likeliest chain, settled on a smooth curve, believed only when nothing else fits.

The gates: quiet zones, check character, every character clearly likelier than any other in its place, and for GS1 a label
that parses. Must never hand out what one of them refuses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import cv2
import numpy as np

from devices.decoders import bar_chain, bar_profile, code128, ean13
from devices.decoders.bar_profile import Profile
from devices.decoders.regions import Region
from pointofcare.errors import LabelError
from pointofcare.labels import gs1
from pointofcare.labels.symbol import Symbol

FINE = 4  # samples a module
FRAME = 6  # modules of quiet zone looked at on each side
BLURS_MODULES = (0.35, 0.5, 0.7, 0.95)
CHAIN_BLUR = 0.5
TURNS = 3
LIKE_ENOUGH = 0.9
CLEARLY = 3.0  # how many times worse the second best character must fit
OVERWHELMING = 8.0  # a margin that tells of a label that was printed wrongly, not of one that was read wrongly
LEAST_BARS = 10
EAN_BARS = (25, 35)
EAN_BARS_EXACT = 30
MORE_BARS = (1.0, 1.2)  # than were counted: the narrowest vanish first
SURE_AHEAD = 0.6
MOST_BESIDE = 5  # edges of label, band or text that were counted as bars
WIDE_SPACE = 2.2  # from bar to bar, times the usual one: no space in a code is so wide, each quiet zone is wider
STOP_WIDTHS = np.array([2, 3, 3, 1, 1, 1, 2])
STOP_OFF_MODULES = 0.8
LEAST_COHERENCE, LEAST_FAINT_BARS = 0.54, 16  # of bars that are followed
ALIKE = 0.15  # of their width, by which bars that repeat themselves differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    symbol: Symbol
    margin: float
    likeness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    values: list[int]
    margin: float
    likeness: float
    begin: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Of what kind a code is said to be, and whether it runs from the right to the left of its strip."""

    ean: bool
    turned: bool


def quick(grey: Any, region: Region) -> tuple[Found | None, bar_profile.Strip]:
    """The linear code in `region`, when its bars can be counted and lie on a straight line; and the strip, for `read`."""
    strip = bar_profile.strip(grey, region)
    profile = strip.profiles[0]
    if profile.bars < LEAST_BARS:
        return None, strip
    for turned in (False, True):
        found = _counted(profile.turned() if turned else profile)
        if found is not None:
            return _placed(found, strip, turned=turned), strip
    return None, strip


def hopeful(region: Region, strip: bar_profile.Strip) -> bool:
    """Whether following its bars is worth the time: lines of text and what repeats itself, as a blind or a shirt, are not."""
    profile = strip.profiles[0]
    return region.coherence >= LEAST_COHERENCE and profile.faint_bars >= LEAST_FAINT_BARS and not _repeats(profile.edges)


def _repeats(edges: Any) -> bool:
    """Whether bars and spaces have one width, or two in turn; those of a code say something."""
    if len(edges) < 8:
        return False
    for widths in (edges[:, 1] - edges[:, 0], edges[1:, 0] - edges[:-1, 1]):
        if min(float(np.abs(widths[every:] - widths[:-every]).mean()) for every in (1, 2)) > ALIKE * float(widths.mean()):
            return False
    return True


def read(
    strip: bar_profile.Strip, *, until: float, clock: Callable[[], float] = time.thread_time, claimed: Claimed | None = None
) -> Found | None:
    """The linear code on a strip; None when none passes the gates before `until` (of `clock`). What is `claimed` says only where to
    begin."""
    profile = strip.profiles[0]
    if profile.bars < LEAST_BARS:
        return None
    if claimed is not None:
        line = profile.turned() if claimed.turned else profile
        found = _ean(line) if claimed.ean else _code128(line, profile.faint_bars)
        if found is not None:
            return _placed(found, strip, turned=claimed.turned)
        if clock() > until:
            return None
    turns = _directions(profile)
    # Ends that look like Code 128's own leave no room for an EAN; otherwise its number of bars may speak for one.
    if len(turns) == 2 and EAN_BARS[0] <= profile.faint_bars <= EAN_BARS[1]:
        for turned in (False, True):
            if clock() > until:
                return None
            found = _ean(profile.turned() if turned else profile)
            if found is not None:
                return _placed(found, strip, turned=turned)
    for more in MORE_BARS:
        for turned in turns:
            if clock() > until:
                return None
            found = _code128(profile.turned() if turned else profile, profile.faint_bars * more)
            if found is not None:
                return _placed(found, strip, turned=turned)
    return None


def _placed(found: tuple[_Settled, str, bytes], strip: bar_profile.Strip, *, turned: bool) -> Found:
    settled, identifier, content = found
    width = len(strip.profiles[0].light) - 1
    begin, end = (width - settled.begin, width - settled.end) if turned else (settled.begin, settled.end)
    symbol = Symbol(identifier=identifier, content=content, outline=bar_profile.outline(strip.crop, begin, end))
    return Found(symbol=symbol, margin=settled.margin, likeness=settled.likeness)


def _counted(profile: Profile) -> tuple[_Settled, str, bytes] | None:
    """The code whose number of characters its bars tell, each between bars that were counted; edges of the label may stand beside it."""
    for row in _rows(profile.edges):
        for beside in range(min(MOST_BESIDE, len(row) - LEAST_BARS) + 1):
            for before in range(beside + 1):
                edges = row[before : len(row) - (beside - before)]
                stages = _stages(edges)
                found = None if stages is None else _between(profile, edges, stages)
                if found is not None:
                    return found
    return None


def _rows(edges: Any) -> list[Any]:
    """The longest row of bars without a wide space, where there is one: beyond a quiet zone letters stand, of any number; then all of them,
    for what narrows around a wrist can have a wide space of its own."""
    apart = np.diff(edges.mean(axis=1))
    parts = np.split(edges, np.nonzero(apart > WIDE_SPACE * float(np.median(apart)))[0] + 1)
    longest = max(parts, key=len)
    return [edges] if not LEAST_BARS <= len(longest) < len(edges) else [longest, edges]


def _stages(edges: Any) -> tuple[bar_chain.Alphabet, ...] | None:
    """What so many bars could be; Code 128 only where the last ones have the widths of its stop character."""
    if len(edges) == EAN_BARS_EXACT:
        return bar_chain.EAN_STAGES
    if len(edges) < LEAST_BARS or len(edges) % 3 != 1:
        return None
    stop = np.diff(edges[-4:].ravel())
    if np.abs(stop / stop.sum() * 13 - STOP_WIDTHS).max() > STOP_OFF_MODULES:
        return None
    return (bar_chain.ANY,) * ((len(edges) - 4) // 3) + (bar_chain.STOP,)


def _between(profile: Profile, bars: Any, stages: tuple[bar_chain.Alphabet, ...]) -> tuple[_Settled, str, bytes] | None:
    left, right = bars[:, 0], bars[:, 1]
    if stages is bar_chain.EAN_STAGES:  # a left digit ends with a bar, a right one begins with one
        edges = [left[0], *right[3:14:2], *left[18:28:2], right[-1]]
    else:
        edges = [*left[0:-3:3], right[-1]]
    line = bar_chain.Line(light=profile.light, quiet=None, scale=1.0, offset=0.0)
    values = bar_chain.likeliest(profile.light, stages, edges, CHAIN_BLUR)
    if values is None or (ean13.says(values) if stages is bar_chain.EAN_STAGES else code128.says(values[:-1])) is None:
        return None
    return _said(profile, line, bar_chain.Chain(values=values, edges=edges, cost=0.0), stages)


def _said(
    profile: Profile, line: bar_chain.Line, chain: bar_chain.Chain, stages: tuple[bar_chain.Alphabet, ...]
) -> tuple[_Settled, str, bytes] | None:
    settled = settle(profile, line, chain, stages)
    if settled is None:
        return None
    if stages is bar_chain.EAN_STAGES:
        digits = ean13.says(settled.values)
        return None if digits is None else (settled, "]E0", digits.encode())
    row = code128.says(settled.values[:-1])
    if row is None or (row.gs1 and settled.margin < OVERWHELMING and not _is_label(row.content)):
        return None
    return settled, "]C1" if row.gs1 else "]C0", row.content


def _is_label(content: bytes) -> bool:
    """Whether it is an element string that holds together (GS1 General Specifications 7): keys with right check digits."""
    try:
        gs1.parse(content, datetime.now(UTC).date())
    except LabelError:
        return False
    return True


def _directions(profile: Profile) -> tuple[bool, ...]:
    """Whether to read it turned round, the likelier first; one only where its ends leave no doubt."""
    ahead = bar_chain.forward(bar_chain.line(profile, _modules(profile.faint_bars)), CHAIN_BLUR)
    both = (False, True) if ahead >= 0 else (True, False)
    return both[:1] if abs(ahead) > SURE_AHEAD else both


def _modules(bars: float) -> float:
    return max(2.0, (bars - 4) / 3) * 11 + 13


def _ean(profile: Profile) -> tuple[_Settled, str, bytes] | None:
    line = bar_chain.line(profile, 95)
    chain = bar_chain.ean13_chain(line, CHAIN_BLUR)
    return None if chain is None else _said(profile, line, chain, bar_chain.EAN_STAGES)


def _code128(profile: Profile, bars: float) -> tuple[_Settled, str, bytes] | None:
    line = bar_chain.line(profile, _modules(bars))
    chain = bar_chain.code128_chain(line, round(bars / 3 * 1.25) + 2, CHAIN_BLUR)
    if chain is None:
        return None
    stages = (bar_chain.ANY,) * len(chain.values) + (bar_chain.STOP,)
    return _said(profile, line, bar_chain.Chain(values=[*chain.values, 0], edges=chain.edges, cost=chain.cost), stages)


def settle(profile: Profile, line: bar_chain.Line, chain: bar_chain.Chain, stages: tuple[bar_chain.Alphabet, ...]) -> _Settled | None:
    """The chain on one smooth curve, each character compared once more with all others, and the curve laid again."""
    starts = np.concatenate([[0], np.cumsum([alphabet.modules for alphabet in stages])]).astype(np.float64)
    total = int(starts[-1])
    values = list(chain.values)
    edges = np.array(chain.edges) * line.scale + line.offset
    degree = 5 if len(stages) >= 9 else 3
    curve = np.polynomial.chebyshev.Chebyshev.fit(starts, edges, min(degree, len(starts) - 2), domain=[0, total])
    blur = CHAIN_BLUR
    margin = likeness = 0.0
    for turn in range(TURNS):
        pattern = "".join(alphabet.patterns[value] for alphabet, value in zip(stages, values, strict=True))
        curve, blur = _laid(profile.light, pattern, curve, blur if turn else None)
        dark, like = _darkness(profile.light, pattern, curve, blur)
        decided, margin = _decided(dark, stages, starts, values, blur)
        likeness = like
        if decided == values:
            break
        values = decided
    else:
        return None
    if likeness < LIKE_ENOUGH or margin < CLEARLY or not _quiet(dark, total):
        return None
    return _Settled(values=values, margin=margin, likeness=likeness, begin=float(curve(0.0)), end=float(curve(total)))


@cache
def _fine(pattern: str, blur: float) -> Any:
    wide = np.repeat(np.array([int(one) for one in "0" * (FRAME + 3) + pattern + "0" * (FRAME + 3)], dtype=np.float32), FINE)
    return cv2.GaussianBlur(wide.reshape(1, -1), (0, 0), blur * FINE).ravel()[3 * FINE : -3 * FINE]


def _at(total: int) -> Any:
    return (np.arange((total + 2 * FRAME) * FINE) + 0.5) / FINE - FRAME


def _laid(light: Any, pattern: str, curve: Any, blur: float | None) -> tuple[Any, float]:
    """The curve on which the picture looks most like the pattern (Gauss-Newton), and the blur that fits."""
    total = len(pattern)
    at = _at(total)
    slope_of = np.gradient(cv2.GaussianBlur(light.astype(np.float32).reshape(1, -1), (0, 0), 0.6).ravel())
    places = np.arange(len(light))
    degree = curve.degree()
    basis = np.polynomial.chebyshev.chebvander(at / total * 2 - 1, degree)
    ends = np.clip(at, 0, total) / total * 2 - 1
    basis_in = np.polynomial.chebyshev.chebvander(ends, degree)
    tangent = np.polynomial.chebyshev.Chebyshev(curve.coef, domain=[0, total]).deriv()
    coefficients = curve.coef.copy()
    best = (-1.0, BLURS_MODULES[1])
    for one in BLURS_MODULES if blur is None else (blur,):
        like = _like(np.interp(_position(coefficients, basis_in, at, total, tangent), places, light), _fine(pattern, one))
        best = max(best, (like, one))
    blur = best[1]
    dark = _fine(pattern, blur)
    for _ in range(4):
        where = _position(coefficients, basis_in, at, total, tangent)
        value, slope = np.interp(where, places, light), np.interp(where, places, slope_of)
        field = np.stack([dark, dark * at, dark * at * at, np.ones_like(at), at, at * at], axis=1)
        level = np.linalg.lstsq(field, value, rcond=None)[0]
        missing = field @ level - value
        jacobian = slope[:, None] * basis_in
        normal = jacobian.T @ jacobian
        normal[np.diag_indices(degree + 1)] += 1e-3 * np.trace(normal) / (degree + 1)
        coefficients = coefficients + np.linalg.solve(normal, jacobian.T @ missing)
    del basis
    return np.polynomial.chebyshev.Chebyshev(coefficients, domain=[0, total]), blur


def _position(coefficients: Any, basis_in: Any, at: Any, total: int, tangent: Any) -> Any:
    """Within the code by the curve, beyond its ends straight on."""
    over = at - np.clip(at, 0, total)
    return basis_in @ coefficients + over * np.where(over < 0, tangent(0.0), tangent(float(total)))


def _like(light: Any, dark: Any) -> float:
    one, other = light - light.mean(), dark - dark.mean()
    return -float(one @ other) / (float(np.linalg.norm(one) * np.linalg.norm(other)) + 1e-9)


def _darkness(light: Any, pattern: str, curve: Any, blur: float) -> tuple[Any, float]:
    """How dark each sample is, 0 to 1, the light across the code taken out; and how like the pattern it is."""
    total = len(pattern)
    at = _at(total)
    ends = np.polynomial.chebyshev.chebvander(np.clip(at, 0, total) / total * 2 - 1, curve.degree())
    value = np.interp(_position(curve.coef, ends, at, total, curve.deriv()), np.arange(len(light)), light)
    dark = _fine(pattern, blur)
    share = at / total * 2 - 1
    inside = (at > -3) & (at < total + 3)
    field = np.stack([dark, dark * share, dark * share**2, np.ones_like(at), share, share**2, share**3, share**4], axis=1)
    square = field[inside].T @ field[inside] + np.diag([0, 1, 1, 0, 0.1, 0.1, 1, 1]) * 0.002 * inside.sum()
    level = np.linalg.solve(square, field[inside].T @ value[inside])
    gain = field[:, [3, 4, 5]] @ level[:3]
    gain = np.minimum(gain, 0.3 * level[0]) if level[0] < 0 else np.full_like(gain, -1e-3)
    seen = (value - field[:, 3:] @ level[3:]) / gain
    return seen, _like(-seen[inside], dark[inside])


@cache
def _parts(alphabet: bar_chain.Alphabet, blur: float) -> tuple[Any, Any, Any]:
    """Each pattern blurred alone: what of it lies in its own place, in the three modules before, and in the three after."""
    rows = []
    for pattern in alphabet.patterns:
        wide = np.repeat(np.array([int(one) for one in "0" * 6 + pattern + "0" * 6], dtype=np.float32), FINE)
        rows.append(cv2.GaussianBlur(wide.reshape(1, -1), (0, 0), blur * FINE, borderType=cv2.BORDER_REPLICATE).ravel())
    table = np.array(rows)
    edge, width = 6 * FINE, alphabet.modules * FINE
    return (
        table[:, edge - SPILL : edge + width + SPILL],
        table[:, edge - SPILL : edge + SPILL],
        table[:, edge + width - SPILL : edge + width + SPILL],
    )


SPILL = 2 * FINE


def _decided(dark: Any, stages: tuple[bar_chain.Alphabet, ...], starts: Any, values: list[int], blur: float) -> tuple[list[int], float]:
    """The best character of each place beside its neighbours, and how many times worse the second best is, at the closest."""
    decided, margins = [], []
    noise = _noise(dark, stages, values, blur)
    for place, alphabet in enumerate(stages):
        begin = int((starts[place] + FRAME) * FINE)
        width = alphabet.modules * FINE
        own, _before, _after = _parts(alphabet, blur)
        models = own.copy()
        if place > 0:
            models[:, : 2 * SPILL] += _parts(stages[place - 1], blur)[2][values[place - 1]]
        if place + 1 < len(stages):
            models[:, -2 * SPILL :] += _parts(stages[place + 1], blur)[1][values[place + 1]]
        piece = dark[begin - SPILL : begin + width + SPILL]
        errors = ((models - piece) ** 2).sum(axis=1)
        order = np.argsort(errors)
        decided.append(int(order[0]))
        if len(errors) > 1:
            margins.append(float(errors[order[1]]) / max(float(errors[order[0]]), noise * len(piece) * 0.5, 1e-9))
    return decided, min(margins)


def _noise(dark: Any, stages: tuple[bar_chain.Alphabet, ...], values: list[int], blur: float) -> float:
    pattern = "".join(alphabet.patterns[value] for alphabet, value in zip(stages, values, strict=True))
    return float(((dark - _fine(pattern, blur)) ** 2)[FRAME * FINE : -FRAME * FINE].mean())


def _quiet(dark: Any, total: int) -> bool:
    """Light lies before the first and after the last bar, beyond what blur smears there."""
    left, right = dark[2 * FINE : (FRAME - 1) * FINE], dark[-(FRAME - 1) * FINE : -2 * FINE]
    return float(left.mean()) < 0.3 and float(right.mean()) < 0.3 and total > 0
