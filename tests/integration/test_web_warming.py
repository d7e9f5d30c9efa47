"""A server that has just started: the first who come find the texts read and the pages compiled."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from jinja2 import Environment

from pointofcare import texts
from server.web import page, rules, warming
from tests.support import server_ward, web


def test_after_the_start_nobody_waits_for_texts_or_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(*_: object, **__: object) -> NoReturn:
        raise AssertionError("compiled or read while somebody waits")

    for catalogue in (texts.clinical, page.catalogue, rules.words):
        catalogue.cache_clear()
    with web.ward_app(tmp_path) as app:
        app.jinja_env.bytecode_cache = None
        warming.warm(app)
        monkeypatch.setattr(Environment, "compile", too_late)
        monkeypatch.setattr(texts, "FluentResource", too_late)
        assert app.test_client().get("/sign-in").status_code == 200
        nurse = web.signed_in(app, server_ward.NURSE)
        assert [nurse.get(path).status_code for path in ("/", "/work/", "/patients/")] == [200, 200, 200]
