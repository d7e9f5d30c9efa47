"""The kiosk's pages over HTTP against a bedside that is driven by hand: forms are filled in as they stand on the page."""

from __future__ import annotations

import re
from concurrent.futures import Future
from html.parser import HTMLParser
from pathlib import Path

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cart_client.inbox import Answer, Asked, Command
from cart_client.web.app import create_app
from pointofcare.wire.messages import BedsideNoted
from tests.support.cart_care import a_ward
from tests.support.cart_ward import Stand


class _Forms(HTMLParser):
    """Every form of a page: its address and what its fields hold."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((found.get("action", ""), []))
        elif tag == "input" and self.forms and "name" in found and (found.get("type") not in ("radio", "checkbox") or "checked" in found):
            self.forms[-1][1].append((found["name"], found.get("value", "")))


class Kiosk:
    """`page` is what was answered last."""

    def __init__(self, folder: Path, stand: Stand | None = None) -> None:
        self.stand = stand or a_ward(folder)

        def ask(command: Command) -> Answer:
            asked = Asked(command=command, answer=Future())
            self.stand.put(asked)
            return asked.answer.result(0)

        app = create_app(view=lambda: self.stand.view, ask=ask, jpeg=lambda: None, names=self.stand.chart.names, language="en")
        self.client: FlaskClient = app.test_client()
        self.page = ""

    def get(self, path: str) -> TestResponse:
        answer = self.client.get(path, base_url="http://127.0.0.1")
        self.page = answer.get_data(as_text=True)
        return answer

    def send(self, path: str, fields: dict[str, str] | None = None, *, at: str = "", twice: bool = False, **where: str) -> TestResponse:
        """Fill in the form of `path` on the page as it stands, the first whose hidden fields are as in `where`, and send it; the page is
        then what came of it."""
        found = _Forms()
        found.feed(self.page)
        for address, held in found.forms:
            names = dict(held)
            if address == path and all(names.get(name) == value for name, value in where.items()):
                data = {**names, **(fields or {})}
                lines = [value for name, value in held if name == "line"]
                body = {**data, "line": lines} if lines else data
                for _ in range(2 if twice else 1):
                    answer = self.client.post(at or path, data=body, base_url="http://127.0.0.1")
                if answer.status_code == 303:
                    self.get(answer.headers["Location"])
                else:
                    self.page = answer.get_data(as_text=True)
                return answer
        raise AssertionError(f"no form of {path} with {where} on the page")

    @property
    def text(self) -> str:
        """What the page says, without its tags."""
        return " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"<svg.*?</svg>", " ", self.page, flags=re.DOTALL)).split())

    def notes(self, kind: str = "") -> list[BedsideNoted]:
        told = [entry.message.body for entry in self.stand.journal.unsent(limit=1000)]
        return [body for body in told if isinstance(body, BedsideNoted) and kind in ("", body.kind)]
