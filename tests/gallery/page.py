"""docs/gallery.md: every picture of the gallery on one page, by group, so that a person can leaf through."""

from __future__ import annotations

from pathlib import Path

from tests.gallery.pictures import FOLDER

PAGE = FOLDER.parents[1] / "gallery.md"
_TITLES = {"kiosk": "The cart", "web": "The server's pages"}
_HEAD = """# Gallery

Every page and state, in Vietnamese, at the size of a cart or a desk and of a phone. A name that is a link leads to the English picture.
`make gallery` makes all of it anew ([tests/gallery](../tests/gallery)): the cart's screens as the tests reach them, the server's pages
from a hospital that runs. Real pages, made-up people. The [guides](guides/nurse.en.md) say how they are used.
"""


def written(folder: Path = FOLDER) -> str:
    names = sorted(path.name for path in folder.glob("*.webp"))
    parts = [_HEAD]
    for group, title in _TITLES.items():
        parts.append(f"\n## {title}\n\n| | large | phone |\n|---|---|---|\n")
        for name in dict.fromkeys(name.split(".")[0] for name in names if name.startswith(f"{group}-")):
            large = next((each for each in names if each.startswith(f"{name}.") and ".phone." not in each and ".vi." in each), "")
            other = large.replace(".vi.", ".en.")
            told = name.removeprefix(f"{group}-")
            label = f"[{told}](screenshots/gallery/{other})" if other in names else told
            phone = f"{name}.phone.vi.webp"
            cells = [f'<img src="screenshots/gallery/{each}" width="{width}" alt="{told}" loading="lazy">' if each in names else ""
                     for each, width in ((large, 480), (phone, 140))]  # fmt: skip
            parts.append(f"| {label} | {cells[0]} | {cells[1]} |\n")
    return "".join(parts)


def write(folder: Path = FOLDER, page: Path = PAGE) -> None:
    page.write_text(written(folder), encoding="utf-8")
