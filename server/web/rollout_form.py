"""The form of a rollout: what a person wrote becomes a plan, or what is wrong with it, each at its field. Decides nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from pointofcare.fleet import plan as plans
from pointofcare.fleet.plan import BOUNDS, GATE_BOUNDS, Gates, Newcomers, Plan, Wave

KINDS = ("shares", "wards", "carts")
USUAL = Plan(waves=(Wave(upto_percent=5), Wave(upto_percent=25), Wave(upto_percent=100)))
USUAL_SHARES = "5, 25, 100"
NUMBERS = tuple(name for name, _, _ in BOUNDS)
# What stands in the form at once; the others are below a line that opens.
FIRST_NUMBERS = ("at_once", "bake_min", "pause_at_failures")
MORE_NUMBERS = tuple(name for name in NUMBERS if name not in FIRST_NUMBERS)
GATE_NUMBERS = tuple(name for name, _, _ in GATE_BOUNDS)
LIMITS: Mapping[str, tuple[int, int]] = {name: (least, most) for name, least, most in (*BOUNDS, *GATE_BOUNDS)}
_LONGEST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """`problems` maps a field to the stable code of what is wrong there; `plan` is None where there are any."""

    plan: Plan | None
    problems: Mapping[str, str]


def cells(form: MultiDict[str, str]) -> dict[str, str]:
    """What was written, for the form to show again; the usual values where nothing was yet."""
    usual = {name: str(getattr(USUAL, name)) for name in NUMBERS} | {name: str(getattr(USUAL.gates, name)) for name in GATE_NUMBERS}
    usual |= {"kind": "shares", "shares": USUAL_SHARES, "newcomers": USUAL.newcomers.value, "carts": "", "title": "", "release": ""}
    if "kind" not in form:
        return usual | {"docked": "yes"} | {name: form[name][:200] for name in ("release", "title") if form.get(name)}
    told = {name: form.get(name, "")[:_LONGEST] for name in (*usual, "docked", "goes_on")}
    return told | {name: form[name][:10] for name in form if name.startswith("ward-")}


def read(form: MultiDict[str, str], wards: tuple[str, ...]) -> Written:
    """`wards` are those that there are."""
    told = cells(form)
    problems: dict[str, str] = {}
    numbers = {name: _whole(told.get(name, ""), name, problems) for name in (*NUMBERS, *GATE_NUMBERS)}
    kind = told["kind"] if told["kind"] in KINDS else ""
    scope: tuple[str, ...] = ()
    waves: tuple[Wave, ...] = ()
    if kind == "shares":
        waves = _shares(told["shares"], problems)
        scope = tuple(sorted({ward for ward in form.getlist("scope") if ward}))[:200]
    elif kind == "wards":
        waves = _by_ward(told, wards, problems)
    elif kind == "carts":
        lines = [tuple(name.strip() for name in line.replace(";", ",").split(",") if name.strip()) for line in told["carts"].splitlines()]
        waves = tuple(Wave(carts=line) for line in lines if line)
    else:
        problems["waves"] = "no-wave"
    if told["newcomers"] not in {each.value for each in Newcomers}:
        problems["newcomers"] = "out-of-range"
    if problems:
        return Written(plan=None, problems=problems)
    plan = Plan(
        waves=waves,
        wards=scope,
        newcomers=Newcomers(told["newcomers"]),
        goes_on=told.get("goes_on") == "yes",
        gates=Gates(docked=told.get("docked") == "yes", **{name: numbers[name] for name in GATE_NUMBERS}),
        **{name: numbers[name] for name in NUMBERS},
    )
    wrong = dict(plans.problems(plan))
    return Written(plan=None if wrong else plan, problems=wrong)


def _whole(text: str, name: str, problems: dict[str, str]) -> int:
    stripped = text.strip()
    least, most = LIMITS[name]
    if not (stripped.isascii() and stripped.isdigit() and len(stripped) < 8 and least <= int(stripped) <= most):
        problems[name] = "out-of-range"
        return least
    return int(stripped)


def _shares(text: str, problems: dict[str, str]) -> tuple[Wave, ...]:
    parts = [part.strip().removesuffix("%").strip() for part in text.replace(";", ",").split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        problems["waves"] = "shares-do-not-rise"
        return ()
    return tuple(Wave(upto_percent=int(part)) for part in parts)


def _by_ward(told: Mapping[str, str], wards: tuple[str, ...], problems: dict[str, str]) -> tuple[Wave, ...]:
    """The numbers that were written become waves in their order; a number that nobody has is left out."""
    numbered: dict[int, list[str]] = {}
    for ward in wards:
        text = told.get(f"ward-{ward}", "").strip()
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= plans.MOST_WAVES):
            problems["waves"] = "ward-number"
            continue
        numbered.setdefault(int(text), []).append(ward)
    return tuple(Wave(wards=tuple(numbered[number])) for number in sorted(numbered))
