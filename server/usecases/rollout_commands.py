"""`pointofcare-server rollout ...`: what the pages of rollouts do, from a shell; `--json` for programs, `--until` to wait for a state.

Nothing is decided here. What it prints is the state that is stored: the gateway of the running server moves a rollout on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask

from pointofcare import texts
from pointofcare.errors import ConfigError, NotFoundError
from pointofcare.fleet.plan import BOUNDS, GATE_BOUNDS, Gates, Newcomers, Plan, Wave
from pointofcare.fleet.rollout import State
from pointofcare.fleet.why import Reason
from pointofcare.texts import Catalogue, written
from server.config import ServerConfig
from server.store import rollouts
from server.store.rollouts import StoredRollout
from server.store.transaction import Actor, reading, transaction
from server.usecases import firmware, rollout_words
from server.usecases import rollouts as verbs

Load = Callable[[argparse.Namespace], ServerConfig]
LOOK_S = 1.0
SHOWN = 500


def add(commands: Any, default: Path, load: Load, bare: Callable[[ServerConfig], Flask], operator: Actor) -> None:
    """Puts `rollout ACTION` among the server's commands."""
    about = "rollouts of firmware: make, start, approve, pause, resume, stop, and why a cart is not updating"
    actions = commands.add_parser("rollout", help=about, description=about).add_subparsers(required=True, metavar="ACTION")

    def action(name: str, run: Callable[[argparse.Namespace, ServerConfig], int], about: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
        made.add_argument("--config", type=Path, default=default, help="the configuration file (default: server.toml)")
        made.add_argument("--json", action="store_true", help="for programs")
        made.add_argument("--language", choices=tuple(texts.LANGUAGES), default="en", help="of the sentences (default: en)")

        def within(chosen: argparse.Namespace) -> int:
            settings = load(chosen)
            with bare(settings).app_context():
                return run(chosen, settings)

        made.set_defaults(run=within)
        return made

    action("list", _list, "the rollouts, newest first")
    made = action("show", _show, "how one stands, wave by wave and cart by cart")
    made.add_argument("rollout", type=int)
    made.add_argument("--until", metavar="STATES", default="", help="wait for one of these states, such as awaiting,paused,finished")
    made.add_argument("--within", type=float, default=600.0, metavar="SECONDS", help="how long to wait (default: 600)")
    made.add_argument("--carts", action="store_true", help="with a line for each cart, and why")
    for name, run, about in (
        ("preview", _preview, "who would fall into which wave; makes nothing"),
        ("create", partial(_create, operator=operator), "make a draft; prints its number"),
    ):
        _plan_arguments(action(name, run, about))
    for name, about in (
        ("start", "let the first wave begin"),
        ("approve", "let the next wave begin"),
        ("pause", "let no cart begin; those that are at it finish"),
        ("resume", "go on after a pause"),
        ("stop", "end it for good"),
    ):
        made = action(name, partial(_move, operator=operator, verb=name), about)
        made.add_argument("rollout", type=int)
        if name != "start":
            made.add_argument("--reason", required=True, help="for the audit")
    made = action("leave-out", lambda chosen, _settings: _leave_out(chosen, operator), "give one cart of a rollout up")
    made.add_argument("rollout", type=int)
    made.add_argument("cart")
    made.add_argument("--reason", required=True, help="for the audit")
    action("why", _why, "why a cart is not updating, in one sentence").add_argument("cart")


def _plan_arguments(made: argparse.ArgumentParser) -> None:
    made.add_argument("--title", default="", help="a name for people")
    made.add_argument("--release", required=True, help="its path in the repository, or its version")
    who = made.add_mutually_exclusive_group(required=True)
    who.add_argument("--shares", metavar="5,25,100", help="percent of the carts up to and with each wave")
    who.add_argument("--wards", metavar="A,B/C", help="wards of each wave, waves separated by /")
    who.add_argument("--carts", metavar="A,B/C", help="carts of each wave, waves separated by /")
    made.add_argument("--only-wards", metavar="A,B", default="", help="shares of the carts of these wards only")
    made.add_argument("--newcomers", choices=[each.value for each in Newcomers], default=Newcomers.LAST_WAVE.value)
    made.add_argument("--go-on", action="store_true", help="begin the next wave by itself when nothing failed")
    made.add_argument("--undocked", action="store_true", help="carts need not be docked")
    usual = Plan(waves=())
    for name, least, most in (*BOUNDS, *GATE_BOUNDS):
        value = getattr(usual, name) if hasattr(usual, name) else getattr(usual.gates, name)
        option = f"--{name.replace('_', '-')}"
        made.add_argument(option, type=int, default=value, metavar="N", help=f"{least} to {most} (default: {value})")


def _plan(chosen: argparse.Namespace) -> Plan:
    if chosen.shares:
        shares = _split(chosen.shares)
        if not all(share.isascii() and share.isdigit() and len(share) < 4 for share in shares):
            raise ConfigError("the shares are no numbers", problems=(("--shares", "write them as 5,25,100"),))
        waves = tuple(Wave(upto_percent=int(share)) for share in shares)
    elif chosen.wards:
        waves = tuple(Wave(wards=_split(part)) for part in chosen.wards.split("/"))
    else:
        waves = tuple(Wave(carts=_split(part)) for part in chosen.carts.split("/"))
    return Plan(
        waves=waves,
        wards=_split(chosen.only_wards),
        newcomers=Newcomers(chosen.newcomers),
        goes_on=chosen.go_on,
        gates=Gates(docked=not chosen.undocked, **{name: getattr(chosen, name) for name, _, _ in GATE_BOUNDS}),
        **{name: getattr(chosen, name) for name, _, _ in BOUNDS},
    )


def _release(chosen: argparse.Namespace, settings: ServerConfig) -> firmware.Release:
    known = firmware.releases(settings.firmware.directory)
    found = [each for each in known if chosen.release in (each.name, each.version)]
    if len(found) != 1:
        told = ", ".join(each.name for each in (found or known)) or "there is none"
        raise NotFoundError(f"{chosen.release!r} names {'no' if not found else 'more than one'} release", remedy=f"choose of: {told}")
    return found[0]


def _preview(chosen: argparse.Namespace, settings: ServerConfig) -> int:
    with reading() as tx:
        waves = verbs.preview(tx, _plan(chosen), _release(chosen, settings))
    if chosen.json:
        return _json([[{"cart": each.cart, "ward": each.ward, "without": each.without} for each in wave] for wave in waves])
    for number, wave in enumerate(waves, start=1):
        _say(f"wave {number}: {len(wave)} carts")
        for each in wave:
            _say(f"  {each.cart}\t{each.ward}\t{each.without}".rstrip())
    return 0


def _create(chosen: argparse.Namespace, settings: ServerConfig, *, operator: Actor) -> int:
    release = _release(chosen, settings)
    with transaction(operator) as tx:
        made = verbs.create(tx, operator, title=chosen.title or release.version, release=release, plan=_plan(chosen))
    return _json({"rollout": made}) if chosen.json else _say(str(made))


def _move(chosen: argparse.Namespace, settings: ServerConfig, *, operator: Actor, verb: str) -> int:
    with transaction(operator) as tx:
        if verb == "start":
            verbs.start(tx, operator, chosen.rollout, released=lambda name: firmware.release(settings.firmware.directory, name))
        elif verb == "approve":
            wave = rollouts.get(tx, chosen.rollout).rollout.wave + 1
            verbs.approve(tx, operator, chosen.rollout, wave=wave, reason=chosen.reason)
        else:
            {"pause": verbs.pause, "resume": verbs.resume, "stop": verbs.stop}[verb](tx, operator, chosen.rollout, reason=chosen.reason)
        stored = rollouts.get(tx, chosen.rollout)
    return _json(_told(stored)) if chosen.json else _say(f"{stored.id}\t{stored.state.value}")


def _leave_out(chosen: argparse.Namespace, operator: Actor) -> int:
    with transaction(operator) as tx:
        verbs.leave_out(tx, operator, chosen.rollout, chosen.cart, reason=chosen.reason)
    return _say(f"{chosen.cart} is left out of rollout {chosen.rollout}")


def _list(chosen: argparse.Namespace, _settings: ServerConfig) -> int:
    with reading() as tx:
        found = rollouts.listed(tx)
    if chosen.json:
        return _json([_told(one) for one in found])
    for one in found:
        _say(f"{one.id}\t{one.state.value}\twave {one.rollout.wave + 1}/{len(one.rollout.plan.waves)}\t{_named(one)}\t{one.title}")
    return 0


def _show(chosen: argparse.Namespace, settings: ServerConfig) -> int:
    """1 when none of the awaited states came in time."""
    wanted = {State(part) for part in _split(chosen.until)} if _are_states(chosen.until) else set()
    ends = time.monotonic() + chosen.within
    while True:
        with reading() as tx:
            standing = verbs.standing(tx, chosen.rollout, limit=SHOWN)
        in_time = not wanted or standing.stored.state in wanted
        if in_time or time.monotonic() >= ends:
            break
        time.sleep(LOOK_S)
    stored = standing.stored
    sentence = _words(settings, chosen.language)
    lines = [
        {
            "cart": one.update.cart,
            "wave": one.update.wave + 1,
            "state": one.update.state.value,
            "attempts": one.update.attempt,
            "failures": one.update.failures,
            "code": one.reason.code,
            "why": sentence(one.reason),
        }
        for one in standing.carts
    ]
    if chosen.json:
        told = {**_told(stored), "waves": list(standing.waves), "in_flight": standing.in_flight, "failed": standing.failed, "carts": lines}
        _json(told)
    else:
        _say(f"{stored.id}\t{stored.state.value}{' (' + stored.rollout.why + ')' if stored.rollout.why else ''}\t{_named(stored)}")
        for number, wave in enumerate(standing.waves, start=1):
            _say(f"wave {number}: " + ", ".join(f"{count} {state}" for state, count in sorted(wave.items())))
        for line in lines if chosen.carts else ():
            _say(f"{line['cart']}\twave {line['wave']}\t{line['state']}\t{line['why']}")
    if not in_time:
        sys.stderr.write(f"rollout {stored.id} is {stored.state.value} after {chosen.within:g} s\n")
    return 0 if in_time else 1


def _why(chosen: argparse.Namespace, settings: ServerConfig) -> int:
    with reading() as tx:
        found = verbs.why_not(tx, chosen.cart)
    if found is None:
        return _json(None) if chosen.json else _say(f"{chosen.cart} is in no rollout")
    stored, one, reason = found
    said = _words(settings, chosen.language)(reason)
    if chosen.json:
        return _json({"rollout": stored.id, "cart": one.cart, "state": one.state.value, "code": reason.code, "why": said})
    return _say(said)


def _words(settings: ServerConfig, language: str) -> Callable[[Reason], str]:
    words, zone = Catalogue("server.web.texts"), ZoneInfo(settings.timezone)

    def text(code: str, **parameters: object) -> str:
        return words.text(language, code, parameters)

    def word(kind: str, value: object) -> str:
        code = f"{kind}-{str(value).lower()}"
        return words.text(language, code, {}) if words.has(language, code) else str(value)

    def moment(at: datetime) -> str:
        return written.moment(language, at.astimezone(zone))

    return lambda reason: rollout_words.sentence(reason, text=text, word=word, moment=moment)


def _told(stored: StoredRollout) -> dict[str, object]:
    rollout = stored.rollout
    return {
        "rollout": stored.id,
        "title": stored.title,
        "state": stored.state.value,
        "why": rollout.why,
        "wave": rollout.wave + 1,
        "waves_planned": len(rollout.plan.waves),
        "release": rollout.target.name,
        "version": str(rollout.target.version),
        "hardware": rollout.target.hardware,
        "image_hash": rollout.target.image_hash,
    }


def _named(stored: StoredRollout) -> str:
    return f"{stored.rollout.target.version} for {stored.rollout.target.hardware}"


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _are_states(text: str) -> bool:
    known = {state.value for state in State}
    wrong = [part for part in _split(text) if part not in known]
    if wrong:
        raise ConfigError(f"{wrong[0]!r} is no state of a rollout", problems=(("--until", f"one of {', '.join(sorted(known))}"),))
    return bool(_split(text))


def _json(value: object) -> int:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return 0


def _say(line: str) -> int:
    sys.stdout.write(line + "\n")
    return 0
