"""The program that sets a PDF: HTML in, PDF out, one line of JSON each, until its input ends.

A process of its own, with bounds on memory: setting type takes seconds of a core, and nothing of it may hold up a dose. It opens nothing
but the fonts that ship and the pictures that come with the job: no address, no other file, whatever a template asks for.
"""

from __future__ import annotations

import base64
import json
import logging
import resource
import sys
from email.message import EmailMessage
from pathlib import Path
from typing import Any

FONTS = Path(__file__).parent / "fonts"
MOST_MEMORY_BYTES = 2_000_000_000
VARIANT = "pdf/a-2u"


class _Said(logging.Handler):
    """What WeasyPrint found wrong: for a hospital's templates that is how a fault is told."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.lines) < 20:
            self.lines.append(record.getMessage()[:300])


def press(html: str, assets: dict[str, tuple[str, bytes]]) -> tuple[bytes, int]:
    """The PDF and its number of pages."""
    from weasyprint import HTML  # type: ignore[import-untyped]
    from weasyprint.urls import URLFetcher, URLFetcherResponse  # type: ignore[import-untyped]

    class Own(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:  # noqa: ARG002
            name = url.removeprefix("asset:")
            if name == url:
                raise ValueError(f"{url[:80]}: nothing but asset: is opened")
            font = FONTS / name
            if name in {each.name for each in FONTS.glob("*.ttf")}:
                return URLFetcherResponse(url, body=font.read_bytes(), headers={"Content-Type": "font/ttf"})
            if name not in assets:
                raise ValueError(f"{url[:80]}: no such asset")
            kind, content = assets[name]
            told = EmailMessage()
            told["Content-Type"] = kind
            return URLFetcherResponse(url, body=content, headers=told)

    document = HTML(string=html, base_url="asset:", url_fetcher=Own()).render()
    return document.write_pdf(pdf_variant=VARIANT), len(document.pages)


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    logger = logging.getLogger("weasyprint")
    logger.propagate = False
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        said = _Said()
        logger.handlers = [said]
        answer: dict[str, Any]
        try:
            job = json.loads(line)
            assets = {name: (kind, base64.b64decode(content)) for name, (kind, content) in job["assets"].items()}
            pdf, pages = press(job["html"], assets)
            answer = {"pdf": base64.b64encode(pdf).decode(), "pages": pages, "said": said.lines}
        except MemoryError:
            answer = {"fault": "it needs more memory than a document may take", "said": said.lines}
        except Exception as exc:  # noqa: BLE001 - whatever a template does, the job ends with an answer
            answer = {"fault": f"{type(exc).__name__}: {exc}"[:500], "said": said.lines}
        out.write(json.dumps(answer).encode() + b"\n")
        out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
