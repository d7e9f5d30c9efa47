"""`pointofcare-fleet`: what a fleet manager does on a terminal.

Exit codes: 0 done; 1 it was not, or a cart refused or failed; 2 the command is not usable; 3 not signed in, or not permitted; 4 the server
is away; 5 an outcome is unknown. With `--json` standard output is the server's answer and nothing else.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from server.terminal import talking, telling
from server.terminal.talking import DONE, FAILED, UNKNOWN, USAGE, FleetError, Line

COMMANDS = ("locate", "lock", "unlock", "restart", "diagnostics", "camera-check", "selftest", "rebirth")
CHOICES: Mapping[str, Sequence[str]] = {
    "state": ("online", "offline", "degraded", "updating", "unsent", "old-chart"),
    "charge": ("low", "half", "full", "charging"),
    "drift": ("yes", "no", "unknown"),
    "alert": ("any", "critical", "none"),
}
TOLD = ("ward", "app", "mcu", "health", "certificate", "seen", "q")
LOOK_S = 0.1
LONGEST_S = 400.0
Run = Callable[[argparse.Namespace, Line, Console], int]


def main(
    arguments: Sequence[str] | None = None,
    *,
    transport: httpx.BaseTransport | None = None,
    console: Console | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> int:
    """The exit code. `transport` stands in for the network in tests."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    chosen.pause = pause
    out = console or Console()
    path = talking.place(os.environ)
    ca_file = Path(chosen.ca_file) if chosen.ca_file else None
    try:
        if chosen.what == "sign-in":
            return _sign_in(chosen, path, transport, ca_file)
        if chosen.what == "sign-out":
            talking.forget(path)
            return DONE
        with talking.signed_in(path, transport=transport, ca_file=ca_file) as line:
            return int(chosen.run(chosen, line, out))
    except FleetError as exc:
        sys.stderr.write(f"pointofcare-fleet: {exc}\n")
        return exc.code
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pointofcare-fleet", description="The fleet of carts, on a terminal.")
    parser.add_argument("--ca-file", default=os.environ.get("POINTOFCARE_FLEET_CA", ""), help="the CA of the server's HTTPS certificate")
    actions = parser.add_subparsers(dest="what", required=True, metavar="WHAT")

    def action(name: str, run: Run | None, about: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=about, description=about)
        made.add_argument("--json", action="store_true", help="the server's answer, for programs")
        made.set_defaults(run=run)
        return made

    made = action("sign-in", None, "keep a token of this server, readable for you alone")
    made.add_argument("--server", required=True, help="https://...")
    made.add_argument("--user", required=True)
    made.add_argument("--code", default="", help="of your second factor, where you have one")
    action("sign-out", None, "forget the token")
    for name, run, about in (
        ("carts", _carts, "the carts that fit"),
        ("watch", _watch, "the same, kept fresh until Ctrl-C"),
        ("battery", _battery, "batteries, the emptiest first"),
    ):
        made = action(name, run, about)
        for filtered, choices in CHOICES.items():
            made.add_argument(f"--{filtered}", choices=choices, default="")
        for filtered in TOLD:
            made.add_argument(f"--{filtered}", default="")
        made.add_argument("--limit", type=int, default=200)
        if name == "watch":
            made.add_argument("--every", type=float, default=2.0, metavar="S", help="seconds between two looks")
            made.add_argument("--times", type=int, default=0, metavar="N", help="end after so many looks")
    made = action("cart", _cart, "one cart")
    made.add_argument("cart")
    made = action("events", _events, "what happened to a cart")
    made.add_argument("cart")
    made.add_argument("--limit", type=int, default=30)
    made = action("drift", _drift, "what a cart is to run with and does not; without a cart, those that differ")
    made.add_argument("cart", nargs="?")
    made = action("alerts", _alerts, "what is wrong now, the worst first")
    made.add_argument("--state", choices=("open", "snoozed", "resolved"), default="")
    made.add_argument("--severity", choices=("warning", "critical"), default="")
    made.add_argument("--ward", default="")
    made.add_argument("--cart", default="")
    made = action("command", _command, "ask carts to do something, and wait for what becomes of it")
    made.add_argument("name", choices=COMMANDS)
    made.add_argument("carts", nargs="*", metavar="CART")
    made.add_argument("--all-in-ward", default="", metavar="WARD")
    made.add_argument("--drawer", type=int)
    made.add_argument("--seconds", type=int, help="how long a cart shows where it is")
    made.add_argument("--no-wait", action="store_true", help="do not wait for the outcome")
    made.add_argument("--output", type=Path, help="write the bundle of diagnostics to this file")
    made = action("commands", _commands, "what was asked of carts")
    made.add_argument("--cart", default="")
    made.add_argument("--state", default="")
    made.add_argument("--limit", type=int, default=30)
    made = action("confirm", _second, "be the second person of a command of somebody else")
    made.add_argument("id")
    made.add_argument("--decline", action="store_true")
    made = action("rollout", _rollout, "rollouts: list, show, start, pause, resume, approve, stop")
    made.add_argument("act", choices=("list", "show", "start", "pause", "resume", "approve", "stop"))
    made.add_argument("id", nargs="?", type=int)
    made.add_argument("--reason", default="")
    made.add_argument("--wave", type=int)
    action("firmware", _firmware, "the releases that carts would take now")
    return parser


def _sign_in(chosen: argparse.Namespace, path: Path, transport: httpx.BaseTransport | None, ca_file: Path | None) -> int:
    server = talking.address(chosen.server)
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    line = Line(server, transport=transport, ca_file=ca_file)
    try:
        told = line.post("/tokens", {"username": chosen.user, "password": password, **({"code": chosen.code} if chosen.code else {})})
    finally:
        line.close()
    talking.keep(path, talking.Held(server=server, token=str(told["token"])))
    sys.stderr.write(f"signed in for {round(told['expires_in_s'] / 3600, 1)} h; the token is in {path}\n")
    return DONE


def _query(chosen: argparse.Namespace, **more: object) -> dict[str, object]:
    return {name: getattr(chosen, name) for name in (*CHOICES, *TOLD)} | {"limit": chosen.limit} | more


def _carts(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    found = line.get("/fleet/carts", **_query(chosen))
    return _shown(chosen, out, found, telling.carts)


def _battery(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    found = line.get("/fleet/carts", **_query(chosen, sort="charge"))
    return _shown(chosen, out, found, telling.batteries)


def _watch(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    looked = 0
    with Live(console=out, auto_refresh=False, screen=False) as live:
        while True:
            found = line.get("/fleet/carts", **_query(chosen))
            if chosen.json:
                telling.as_json(out, found)
            else:
                live.update(telling.carts(found), refresh=True)
            looked += 1
            if looked == chosen.times:
                return DONE
            chosen.pause(max(0.5, chosen.every))


def _cart(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    return _shown(chosen, out, line.get(f"/fleet/carts/{_level(chosen.cart)}"), lambda found: telling.facts(chosen.cart, found))


def _events(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    found = line.get(f"/fleet/carts/{_level(chosen.cart)}/events", limit=chosen.limit)
    rows = [(one["at"][:19], one["kind"], telling.plain(one["detail"])) for one in found]
    return _shown(chosen, out, found, lambda _: telling.table(chosen.cart, ("at (UTC)", "what", "details"), rows))


def _drift(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    if chosen.cart is None:
        found = line.get("/fleet/carts", drift="yes", limit=500)
        return _shown(chosen, out, found, telling.carts)
    found = line.get(f"/fleet/carts/{_level(chosen.cart)}/drift")
    rows = [(one["name"], telling.plain(one["wanted"]), telling.plain(one["runs"]), one["why"] or "-") for one in found["differences"]]
    return _shown(chosen, out, found, lambda _: telling.table(chosen.cart, ("setting", "wanted", "runs with", "why"), rows))


def _alerts(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    found = line.get("/fleet/alerts", state=chosen.state, severity=chosen.severity, ward=chosen.ward, cart=chosen.cart)
    return _shown(chosen, out, found, telling.alerts)


def _commands(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    found = line.get("/fleet/commands", cart=chosen.cart, state=chosen.state, limit=chosen.limit)
    return _shown(chosen, out, found, lambda told: telling.commands(told["items"]))


def _command(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    if bool(chosen.carts) == bool(chosen.all_in_ward):
        raise FleetError("name carts, or a ward", remedy="pointofcare-fleet command NAME CART... | --all-in-ward WARD", code=USAGE)
    params = {name: value for name, value in (("drawer", chosen.drawer), ("lasts_s", chosen.seconds)) if value is not None}
    asked = line.post("/fleet/commands", {"name": chosen.name, "carts": chosen.carts, "ward": chosen.all_in_ward, "params": params})
    items = asked["items"]
    if not items:
        raise FleetError("no cart is in that ward", remedy="pointofcare-fleet carts --ward WARD")
    waits_for_second = [one["id"] for one in items if one["state"] == "waiting"]
    if waits_for_second and not chosen.json:
        sys.stderr.write("waits for a second person: pointofcare-fleet confirm ID, by somebody else\n")
    if not chosen.no_wait:
        items = _waited(chosen, line, asked)
    if chosen.output is not None and chosen.name == "diagnostics" and len(items) == 1 and items[0]["state"] == "done":
        found = line.get(f"/fleet/commands/{items[0]['id']}/bundle")["bundle"]
        with chosen.output.open("w", encoding="utf-8") as file:
            telling.as_json(Console(file=file), found)
    _shown(chosen, out, {**asked, "items": items}, lambda told: telling.commands(told["items"]))
    return _outcome(items)


def _waited(chosen: argparse.Namespace, line: Line, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Until each is over. Progress goes to the standard error, so that standard output stays the answer."""
    known: dict[str, dict[str, Any]] = {one["id"]: one for one in asked["items"]}
    until = time.monotonic() + LONGEST_S
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("carts"))
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=chosen.json) as progress:
        task = progress.add_task(chosen.name, total=len(known))
        while True:
            still = [key for key, one in known.items() if not one["over"]]
            progress.update(task, completed=len(known) - len(still))
            if not still or time.monotonic() > until:
                return list(known.values())
            chosen.pause(LOOK_S if len(still) < 20 else 5 * LOOK_S)
            if asked["batch"]:
                fresh = line.get("/fleet/commands", batch=asked["batch"], limit=1000)["items"]
            else:
                fresh = [line.get(f"/fleet/commands/{key}") for key in still]
            known.update({one["id"]: one for one in fresh if one["id"] in known})


def _outcome(items: Iterable[Mapping[str, Any]]) -> int:
    states = {one["state"] for one in items}
    if states == {"done"}:
        return DONE
    return UNKNOWN if "outcome-unknown" in states or not all(one["over"] for one in items) else FAILED


def _second(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    found = line.post(f"/fleet/commands/{_level(chosen.id)}/second", {"confirms": not chosen.decline})
    if not chosen.decline:
        chosen.name = found["name"]
        found = _waited(chosen, line, {"batch": None, "items": [found]})[0]
    _shown(chosen, out, found, lambda told: telling.commands([told]))
    return DONE if chosen.decline else _outcome([found])


def _rollout(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    if chosen.act == "list":
        found = line.get("/fleet/rollouts")
        rows = [(one["id"], one["title"], one["state"], one["why"] or "-", one["version"], one["wave"] + 1, one["failed"]) for one in found]
        columns = ("id", "title", "state", "why", "version", "wave", "failed")
        return _shown(chosen, out, found, lambda _: telling.table("rollouts", columns, rows))
    if chosen.id is None:
        raise FleetError("which rollout?", remedy="pointofcare-fleet rollout list", code=USAGE)
    path = f"/fleet/rollouts/{chosen.id}"
    if chosen.act == "show":
        found = line.get(path)
    else:
        found = line.post(path, {"act": chosen.act, "reason": chosen.reason, "wave": chosen.wave})
    if not chosen.json:
        out.print(telling.facts(found["title"], {name: value for name, value in found.items() if name != "carts"}))
    placed = [(one["cart"], one["wave"] + 1, one["state"], one["why"], telling.plain(one["parameters"])) for one in found["carts"]]
    return _shown(chosen, out, found, lambda _: telling.table("carts", ("cart", "wave", "state", "why", "with"), placed))


def _firmware(chosen: argparse.Namespace, line: Line, out: Console) -> int:
    found = line.get("/fleet/firmware")
    rows = [(one["name"], one["version"], one["hardware"], one["security_counter"], one["length"], one["released_at"]) for one in found]
    columns = ("release", "version", "hardware", "counter", "bytes", "released")
    return _shown(chosen, out, found, lambda _: telling.table("firmware", columns, rows))


def _shown(chosen: argparse.Namespace, out: Console, found: Any, made: Callable[[Any], Any]) -> int:
    if chosen.json:
        telling.as_json(out, found)
    else:
        out.print(made(found))
    return DONE


def _level(text: str) -> str:
    """An id as a part of an address. Raises: FleetError."""
    if not text or len(text) > 64 or not all(sign.isascii() and (sign.isalnum() or sign in "_-") for sign in text):
        raise FleetError(f"{text[:64]!r} is no id", remedy="letters, digits, _ and -", code=USAGE)
    return text


if __name__ == "__main__":
    sys.exit(main())
