"""What pages are made of: kept by the browser for as long as its content is the same, sent small, and no more of it than pages use."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator

import pytest
from flask import Flask

from server.web import files
from simulation import used_css
from tests.support import server_ward, web


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("files")) as made:
        yield made


def test_every_file_of_a_page_has_an_address_of_its_content_and_is_kept(app: Flask) -> None:
    page = web.signed_in(app, server_ward.CHARGE, factor=True).get("/ward/").text
    addresses = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))
    assert len(addresses) >= 5
    browser = app.test_client()
    for address in addresses:
        assert re.search(r"\?v=[0-9a-f]{12}$", address), address
        answer = browser.get(address, buffered=True)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_an_address_without_its_mark_or_of_another_content_is_kept_for_a_day(app: Flask) -> None:
    for address in ("/static/pages.css", "/static/pages.css?v=000000000000"):
        assert app.test_client().get(address, buffered=True).headers["Cache-Control"] == "public, max-age=86400"


def test_files_are_sent_small_to_browsers_that_can_read_it(app: Flask) -> None:
    plain = app.test_client().get("/static/pages.css", buffered=True)
    small = app.test_client().get("/static/pages.css", headers={"Accept-Encoding": "gzip, br"}, buffered=True)
    assert small.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in small.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) < len(plain.data) / 2


def test_no_page_is_compressed_for_it_holds_secrets(app: Flask) -> None:
    answer = app.test_client().get("/sign-in", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_no_file_outside_is_read(app: Flask) -> None:
    for name in ("../page.py", "../../config.py", "/etc/passwd", ""):
        assert files.version(name) == ""
        assert files.compressed(name) is None


def test_the_style_has_what_the_pages_use() -> None:
    """Fails when a page uses a class that the vendored style has and ours has not: `python -m simulation.used_css` writes it anew."""
    assert used_css.target().read_text(encoding="utf-8") == used_css.made(), "python -m simulation.used_css"
    ours = used_css.target().read_text(encoding="utf-8")
    assert {"btn-primary", "form-control", "visually-hidden", "alert-danger"} <= set(re.findall(r"\.([A-Za-z][\w-]*)", ours))
    assert used_css.target().stat().st_size < 60_000
