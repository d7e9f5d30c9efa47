"""Whether a row of bars is the Pharmacode that is expected (Laetus: 3 to 131070, narrow and wide bars).

Pharmacode has no check digit, no start and no stop: any row of bars is one. So it is never read, only compared with a number that is
known beforehand, in three bands across its height, with light on both sides. Upside down it is another number, so bars are read from the
picture's left to its right, and bars that lie down are refused. Must never hand out a number.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from devices.decoders import regions
from devices.ports import Frame

LEAST, MOST = 3, 131070
LEAST_BARS = 6  # below it stripes of chance say something
SPREAD = 1.45  # the widest beside the narrowest of one kind
WIDE_LEAST = 1.6  # a wide bar beside a narrow one; three is printed
# A wide bar with its space beside a narrow one with its: 2.5 to 1.5 as printed, whatever the ink has spread.
PITCH = (1.45, 1.95)
NARROW_SHARE = (0.16, 0.55)  # of a narrow bar with its space; a third as printed
QUIET_SPACES = 3.0  # light beside the first and the last bar; the maker asks for 6 mm, six spaces
LEAST_CONTRAST = 30.0
UPRIGHT_DEG = 60.0
BANDS = ((-0.32, -0.12), (-0.1, 0.1), (0.12, 0.32))  # of the bars' height, from their middle


def bars(number: int) -> str:
    """ "n" and "w" from the left. Raises: ValueError for what no Pharmacode can say."""
    if not LEAST <= number <= MOST:
        raise ValueError(f"Pharmacode says {LEAST} to {MOST}")
    said = ""
    while number:
        said = ("w" if number % 2 == 0 else "n") + said
        number = (number - 2) // 2 if number % 2 == 0 else (number - 1) // 2
    return said


def unfit(number: int) -> str:
    """Why this number cannot be told for sure, in words; "" when it can."""
    if not LEAST <= number <= MOST:
        return f"a Pharmacode says {LEAST} to {MOST}"
    said = bars(number)
    if len(said) < LEAST_BARS:
        return f"{number} has {len(said)} bars: fewer than {LEAST_BARS} are found in stripes of chance"
    if len(set(said)) == 1:
        return f"the bars of {number} are all alike, as stripes are"
    return ""


def is_expected(edges: Any, number: int) -> bool:
    """Whether bars (their left and right edges, bars x 2) say `number` from left to right, and can say nothing else by their widths."""
    wanted = bars(number)
    if unfit(number) or len(edges) != len(wanted):
        return False
    spaces = edges[1:, 0] - edges[:-1, 1]
    widths = edges[:, 1] - edges[:, 0]
    is_wide = np.array([kind == "w" for kind in wanted])
    narrow, wide = widths[~is_wide], widths[is_wide]
    if any(float(kind.min()) <= 0 or float(kind.max()) > SPREAD * float(kind.min()) for kind in (spaces, narrow, wide)):
        return False
    if float(wide.min()) <= WIDE_LEAST * float(narrow.max()):
        return False
    space, thin = float(spaces.mean()), float(narrow.mean())
    return PITCH[0] < (float(wide.mean()) + space) / (thin + space) < PITCH[1] and NARROW_SHARE[0] < thin / (thin + space) < NARROW_SHARE[1]


def shows(grey: Any, number: int) -> bool:
    """Whether `number` stands in `grey` (height x width, uint8), its bars upright."""
    if unfit(number):
        return False
    return any(
        all(any(is_expected(row, number) for row in _rows_of_bars(light)) for light in band)
        for region in regions.find(grey)
        if abs(region.angle_deg) <= UPRIGHT_DEG and (band := _bands(grey, region))
    )


def _bands(grey: Any, region: regions.Region) -> list[Any]:
    """The light along the region in three bands across its height; [] when it is too flat."""
    crop = regions.upright(grey, region, margin=0.4).image
    scale = crop.shape[1] / (region.width + 2 * max(12.0, 0.4 * max(region.width, region.height)))
    middle, height = crop.shape[0] / 2, region.height * scale
    rows = [(math.floor(middle + begin * height), math.ceil(middle + end * height)) for begin, end in BANDS]
    if any(end - begin < 2 for begin, end in rows):
        return []
    return [crop[begin:end].mean(axis=0, dtype=np.float64) for begin, end in rows]


def _rows_of_bars(light: Any) -> list[Any]:
    """The edges (bars x 2) of each row of bars in a line of light that has quiet zones."""
    light = cv2.GaussianBlur(light.astype(np.float32).reshape(1, -1), (0, 0), 0.8).ravel()
    low, high = (float(one) for one in np.percentile(light, (3, 97)))
    if high - low < LEAST_CONTRAST:
        return []
    level = (low + high) / 2
    dark = light < level
    turns = np.nonzero(dark[1:] != dark[:-1])[0]
    if dark[0]:
        turns = turns[1:]  # what touches the end of the crop is a part of something
    turns = turns[: len(turns) // 2 * 2]
    if len(turns) < 2 * LEAST_BARS:
        return []
    places = turns + (light[turns] - level) / (light[turns] - light[turns + 1])
    edges = places.reshape(-1, 2)
    gaps = edges[1:, 0] - edges[:-1, 1]
    found = []
    parts = np.nonzero(gaps > QUIET_SPACES * float(np.median(gaps)))[0] + 1
    for row in np.split(edges, parts):
        if len(row) < LEAST_BARS:
            continue
        quiet = QUIET_SPACES * float((row[1:, 0] - row[:-1, 1]).mean())
        before = max((float(right) for right in edges[:, 1] if right < row[0, 0]), default=0.0)
        after = min((float(left) for left in edges[:, 0] if left > row[-1, 1]), default=len(light) - 1.0)
        if row[0, 0] - before >= quiet and after - row[-1, 1] >= quiet and not (dark[-1] and len(light) - row[-1, 1] < quiet):
            found.append(row)
    return found


class PharmacodeComparison:
    """Whether a picture shows the number that is expected."""

    def unfit(self, number: int) -> str:
        return unfit(number)

    def shows(self, frame: Frame, number: int) -> bool:
        return shows(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), number)


def open_comparison() -> PharmacodeComparison:
    return PharmacodeComparison()
