"""The guides and the gallery keep up with the screens: every picture and link exists, and what is quoted stands on a screen."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.gallery.page import PAGE, written
from tests.gallery.pictures import FOLDER, MOST_BYTES, keep, total_bytes

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
READERS = ("manager", "nurse", "pharmacist")
LANGUAGES = ("en", "fr", "vi")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _links(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    return [link.split("#")[0] for link in found if not link.startswith(("http:", "https:", "#"))]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split())).casefold()


@cache
def _said(language: str) -> str:
    """All that the screens say in one language."""
    files = [path for room in ("cart_client", "server", "pointofcare") for path in (ROOT / room).rglob(f"*{language}.ftl")]
    assert len(files) > 5
    return "\n".join(_plain(line) for path in files for line in path.read_text(encoding="utf-8").splitlines())


def test_each_reader_has_a_guide_in_each_language() -> None:
    assert [path.name for path in GUIDES] == [f"{reader}.{language}.md" for reader in READERS for language in LANGUAGES]


@pytest.mark.parametrize("path", [*GUIDES, PAGE], ids=_name)
def test_every_picture_and_link_of_it_exists(path: Path) -> None:
    links = _links(path)
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", GUIDES, ids=_name)
def test_it_shows_pictures_and_quotes_the_screens(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(re.findall(r"^!\[[^\]]+\]\(\.\./screenshots/", text, re.MULTILINE)) >= 4
    quoted = [quote for quote in re.findall(r"\*\*(.+?)\*\*", text) if quote not in ("bold", "gras", "đậm")]
    assert len(quoted) > 20
    said = _said(path.name.split(".")[1])
    assert [quote for quote in quoted if _plain(quote) not in said] == []


def test_the_gallery_shows_every_picture_there_is_and_is_no_burden() -> None:
    assert PAGE.read_text(encoding="utf-8") == written()
    assert total_bytes() <= MOST_BYTES
    assert len(list(FOLDER.glob("*.webp"))) > 100


def test_a_picture_in_which_only_a_clock_went_on_is_left_alone(tmp_path: Path) -> None:
    def screen(clock: str, word: str) -> Image.Image:
        picture = Image.new("RGB", (1280, 800), "#f4f6f8")
        brush = ImageDraw.Draw(picture)
        brush.text((60, 10), clock, fill="#000000", font_size=13)
        brush.text((300, 200), word, fill="#08522d", font_size=110)
        return picture

    path = tmp_path / "kiosk-pass.cart.vi.webp"
    assert keep(screen("22/11 15:03", "ĐÚNG"), path)
    first = path.read_bytes()
    assert not keep(screen("23/12 16:48", "ĐÚNG"), path)
    assert path.read_bytes() == first
    assert keep(screen("23/12 16:48", "DỪNG"), path)
