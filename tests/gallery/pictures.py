"""One picture of the gallery: small, under a name that stays, and left alone when the page still looks the same.

Must never rewrite a file because a clock on the page went on: a gallery made anew should show in the history what changed on the screens.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots" / "gallery"
GUIDES = FOLDER.parents[1] / "guides"
CART, DESK, PHONE = (1280, 800), (1280, 900), (390, 844)
MOST_BYTES = 6_300_000
QUALITY = 40
# Of all pixels; a clock in the top line is about a thousandth. What WebP does to an edge stays below 48 levels.
SAME_SHARE, SAME_LEVELS = 0.004, 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """`group` and `name` make the file's name, with the language and the kind of screen."""

    group: str
    name: str
    language: str
    screen: str

    @property
    def file(self) -> str:
        return f"{self.group}-{self.name}.{self.screen}.{self.language}.webp"


@cache
def in_guides() -> frozenset[str]:
    """Names of the pictures that a guide shows."""
    found = [re.findall(r"gallery/([^)\s]+\.webp)", path.read_text(encoding="utf-8")) for path in sorted(GUIDES.glob("*.md"))]
    return frozenset(name for names in found for name in names)


def is_wanted(shot: Shot) -> bool:
    """All in Vietnamese, the ward's first language; in English what a guide shows, so that the folder stays small."""
    return shot.language == "vi" or shot.file in in_guides()


def context(browser: Browser, size: tuple[int, int]) -> BrowserContext:
    return browser.new_context(viewport={"width": size[0], "height": size[1]}, device_scale_factor=1, reduced_motion="reduce")


def take(page: Page, shot: Shot, folder: Path = FOLDER) -> bool:
    """Whether the file was written, being new or different."""
    page.evaluate("() => document.fonts.ready")
    return keep(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), folder / shot.file)


def keep(picture: Image.Image, path: Path) -> bool:
    held = io.BytesIO()
    picture.save(held, "WEBP", quality=QUALITY, method=4)
    if path.exists() and looks_same(Image.open(io.BytesIO(held.getvalue())), Image.open(path)):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(held.getvalue())
    return True


def looks_same(one: Image.Image, other: Image.Image) -> bool:
    if one.size != other.size:
        return False
    levels = [np.asarray(each.convert("RGB"), dtype=np.int16) for each in (one, other)]
    return float((np.abs(levels[0] - levels[1]).max(axis=2) > SAME_LEVELS).mean()) < SAME_SHARE


def total_bytes(folder: Path = FOLDER) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.webp"))


def sizes(folder: Path = FOLDER) -> dict[str, Any]:
    held = sorted(((path.stat().st_size, path.name) for path in folder.glob("*.webp")), reverse=True)
    return {"pictures": len(held), "bytes": sum(size for size, _ in held), "largest": held[:5]}
