"""`pointofcare-fleet` against the real server's API, as a fleet manager and as others: commands, outcomes, exit codes."""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from flask import Flask
from rich.console import Console

from pointofcare.wire.messages import CartBirth, CartPhase, CartState, CommandAnswered, CommandOutcome
from server.store import commands, fleet
from server.store.transaction import Actor, reading, transaction
from server.terminal import command
from server.usecases import cart_commands
from tests.support import web
from tests.support.server_ward import CHARGE, NURSE, WARD

GATEWAY = Actor(id="gateway")


@dataclass
class Terminal:
    app: Flask
    answers: dict[str, CommandOutcome] = field(default_factory=dict)
    stopped: bool = False

    def __call__(self, *arguments: str, json_out: bool = False) -> tuple[int, str]:
        out = io.StringIO()
        code = command.main(
            [*arguments, *(["--json"] if json_out else [])],
            transport=httpx.WSGITransport(app=self.app),
            console=Console(file=out, width=220),
            pause=lambda _s: self.gateway(),
        )
        return code, out.getvalue()

    def gateway(self) -> None:
        """What the gateway and the carts would do while somebody waits."""
        if self.stopped:
            return
        with self.app.app_context(), transaction(GATEWAY) as tx:
            cart_commands.overdue(tx)
            for each in cart_commands.to_send(tx):
                outcome = self.answers.get(each.cart, CommandOutcome.DONE)
                cart_commands.answered(tx, each.cart, CommandAnswered(command=each.id, name=each.name, outcome=outcome))

    def sign_in(self, who: Actor, monkeypatch: pytest.MonkeyPatch) -> int:
        web.give_password(self.app, who)
        monkeypatch.setattr("sys.stdin", io.StringIO(web.PASSWORD + "\n"))
        return self("sign-in", "--server", "http://localhost", "--user", who.id.lower())[0]


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("POINTOFCARE_FLEET_TOKEN_FILE", str(tmp_path / "token.json"))
    with web.ward_app(tmp_path) as app:
        now = datetime.now(UTC)
        with app.app_context(), transaction(GATEWAY) as tx:
            for cart, ward in (("cart-1", WARD), ("cart-2", "NGOAI"), ("cart-3", WARD)):
                fleet.put_state(tx, cart, CartState(phase=CartPhase.READY, ward=ward), sid="s1", sent_at=now)
                fleet.put_birth(tx, cart, CartBirth(versions={"app": "1.2"}, hardware="cart", boot_id="b", epoch="e", ward=ward), sid="s1")
        yield Terminal(app)


def test_a_manager_signs_in_looks_asks_and_is_told_of_each_cart(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert terminal("carts")[0] == 3
    assert terminal.sign_in(web.FLEET, monkeypatch) == 0
    kept = Path(os.environ["POINTOFCARE_FLEET_TOKEN_FILE"])
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert web.PASSWORD not in kept.read_text()
    code, told = terminal("carts", "--ward", WARD, json_out=True)
    assert (code, [one["id"] for one in json.loads(told)["items"]]) == (0, ["cart-1", "cart-3"])
    for words in (
        ("carts",),
        ("battery",),
        ("alerts",),
        ("cart", "cart-1"),
        ("events", "cart-1"),
        ("drift", "cart-1"),
        ("drift",),
        ("firmware",),
        ("rollout", "list"),
        ("watch", "--times", "1"),
        ("commands",),
    ):
        assert terminal(*words)[0] == 0, words
        assert terminal(*words, json_out=True)[0] == 0, words
        json.loads(terminal(*words, json_out=True)[1])
    code, told = terminal("command", "locate", "cart-1", json_out=True)
    assert (code, json.loads(told)["items"][0]["state"]) == (0, "done")
    terminal.answers["cart-3"] = CommandOutcome.FAILED
    code, told = terminal("command", "selftest", "--all-in-ward", WARD, json_out=True)
    assert (code, [(one["cart"], one["state"]) for one in json.loads(told)["items"]]) == (1, [("cart-1", "done"), ("cart-3", "failed")])
    code, told = terminal("command", "locate", "cart-1", "nobody", json_out=True)
    assert (code, {one["cart"]: one["why"] for one in json.loads(told)["items"]}["nobody"]) == (1, "not-known")
    assert terminal("sign-out")[0] == 0
    assert terminal("carts")[0] == 3


def test_an_unlock_waits_for_somebody_else_and_an_unknown_outcome_has_a_code_of_its_own(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.sign_in(web.FLEET, monkeypatch)
    code, told = terminal("command", "unlock", "cart-1", "--drawer", "2", "--no-wait", json_out=True)
    made = json.loads(told)["items"][0]
    assert (code, made["state"]) == (5, "waiting")
    assert terminal("confirm", made["id"])[0] == 3  # never the same person
    terminal.sign_in(CHARGE, monkeypatch)
    terminal.answers["cart-1"] = CommandOutcome.OUTCOME_UNKNOWN
    code, told = terminal("confirm", made["id"], json_out=True)
    assert (code, json.loads(told)["state"], json.loads(told)["second_by"]) == (5, "outcome-unknown", CHARGE.id)
    with terminal.app.app_context(), reading() as tx:
        found = commands.get(tx, made["id"])
    assert found is not None
    assert (found.asked_by, found.second_by) == (web.FLEET.id, CHARGE.id)


def test_what_is_not_usable_or_not_permitted_says_so_by_its_code(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert terminal("sign-in", "--server", "http://hospital.example", "--user", "f1")[0] == 2
    terminal.sign_in(NURSE, monkeypatch)
    assert terminal("carts")[0] == 3
    terminal.sign_in(web.FLEET, monkeypatch)
    assert terminal("command", "locate")[0] == 2
    assert terminal("command", "unlock", "cart-1", "--drawer", "99")[0] == 2
    assert terminal("cart", "../../staff")[0] == 2
    assert terminal("cart", "nobody")[0] == 1
    kept = Path(os.environ["POINTOFCARE_FLEET_TOKEN_FILE"])
    kept.chmod(0o644)
    assert terminal("carts")[0] == 2


def test_a_server_that_is_away_or_silent_says_what_is_not_known(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.sign_in(web.FLEET, monkeypatch)

    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("silent", request=request) if request.method == "POST" else httpx.ConnectError("away", request=request)

    away = httpx.MockTransport(silent)
    assert command.main(["carts"], transport=away) == 4
    assert command.main(["command", "lock", "cart-1"], transport=away) == 5


def test_what_a_cart_says_of_itself_draws_nothing_on_the_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.sign_in(web.FLEET, monkeypatch)
    with terminal.app.app_context(), transaction(GATEWAY) as tx:
        birth = CartBirth(versions={"app": "[bold]\x1b[2J"}, hardware="cart", boot_id="b", epoch="e", ward=WARD)
        fleet.put_birth(tx, "cart-1", birth, sid="s1")
    code, told = terminal("cart", "cart-1")
    assert code == 0
    assert "\x1b" not in told
