"""`make gallery`: pictures of every page and state into docs/screenshots/gallery, and docs/gallery.md, which shows them.

`python -m tests.gallery [--only kiosk|web] [--name TEXT]`. Ends with 1 when the pictures together are larger than the repository bears.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from playwright.sync_api import sync_playwright

from tests.gallery import kiosk, page, pictures, web
from tests.gallery.telling import say
from tests.support.browser import _ARGUMENTS, CHROMIUM


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gallery", description=__doc__)
    parser.add_argument("--only", choices=("kiosk", "web"), help="one half")
    parser.add_argument("--name", default="", help="only pictures of screens whose name has this in it")
    chosen = parser.parse_args(arguments)
    made: list[pictures.Shot] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(_ARGUMENTS))
        if chosen.only != "web":
            made += kiosk.pictures(browser, chosen.name)
        if chosen.only != "kiosk":
            made += web.pictures(browser, chosen.name)
        browser.close()
    if not chosen.name:
        _take_out({shot.file for shot in made}, {shot.group for shot in made})
    page.write()
    told = pictures.sizes()
    say(f"{told['pictures']} pictures, {told['bytes'] / 1e6:.1f} MB; the largest: {told['largest']}")
    return 0 if told["bytes"] <= pictures.MOST_BYTES else 1


def _take_out(made: set[str], groups: set[str]) -> None:
    """Pictures of screens that are no more."""
    for path in pictures.FOLDER.glob("*.webp"):
        if path.name.split("-")[0] in groups and path.name not in made:
            path.unlink()
            say(f"  taken out: {path.name}")


if __name__ == "__main__":
    sys.exit(main())
