"""`pointofcare-cart pump try SOURCE ...`: sends one order to one pump and says what became of it, in the words of a nurse.

For setting a pump up and for drills: no dose is verified and nothing is recorded. It asks before it sends, because a pump in use would
take the order too. Must never say that an infusion runs.
"""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from datetime import UTC, datetime
from functools import cache

from devices import registry
from devices.ports import PumpAnswer, PumpOrder, PumpOutcome
from pointofcare.errors import ConfigError, DeviceUnavailableError, QuantityError
from pointofcare.quantity import Quantity
from pointofcare.texts import DEFAULT_LANGUAGE, LANGUAGES, Catalogue

_CODES = {PumpOutcome.ACCEPTED: 0, PumpOutcome.REFUSED: 1, PumpOutcome.UNKNOWN: 3}


def main(arguments: list[str]) -> int:
    """0 accepted, 1 refused, out of reach or not wanted, 2 for bad input, 3 unknown."""
    chosen = _parser().parse_args(arguments)
    texts = texts_of_the_cart()
    try:
        pump = registry.pump(chosen.source)
        order = PumpOrder(
            order=chosen.order,
            message=chosen.message or uuid.uuid4().hex,
            patient=chosen.patient,
            drug=(chosen.drug, chosen.drug_name or chosen.drug, "POINTOFCARE"),
            volume=Quantity.parse(chosen.volume),
            rate=Quantity.parse(chosen.rate),
            strength=Quantity.parse(chosen.strength) if chosen.strength else None,
            strength_volume=Quantity.parse(chosen.strength_volume) if chosen.strength_volume else None,
            nurse=chosen.nurse,
            at=datetime.now(UTC),
        )
        if not chosen.yes and not _agreed(texts, chosen.language, chosen.source, order):
            return 1
        answer = pump.program(order)
    except ConfigError as exc:
        for where, what in exc.problems or (("pump", str(exc)),):
            sys.stderr.write(f"{where}: {what}\n")
        return 2
    except QuantityError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    except DeviceUnavailableError as exc:
        sys.stderr.write(f"{texts.text(chosen.language, 'pump-away')}\n{exc}\n")
        return 1
    sys.stdout.write(f"{told(texts, chosen.language, answer)}\n")
    return _CODES[answer.outcome]


@cache
def texts_of_the_cart() -> Catalogue:
    return Catalogue("cart_client.web.texts")


def told(texts: Catalogue, language: str, answer: PumpAnswer) -> str:
    """What a nurse reads: the outcome, what to do, and why; the pump's own words last."""
    why = texts.text(language, f"pump-why-{answer.why}") if answer.why else ""
    own = " · ".join(part for part in (answer.code, answer.words) if part)
    own = texts.text(language, "pump-own-words", {"words": own}) if own else ""
    return "\n".join(line for line in (texts.text(language, f"pump-{answer.outcome}"), why, own) if line)


def _agreed(texts: Catalogue, language: str, pump: str, order: PumpOrder) -> bool:
    parts = {"pump": pump, "drug": order.drug[0], "rate": str(order.rate), "volume": str(order.volume), "patient": order.patient}
    sys.stdout.write(texts.text(language, "pump-ask", parts) + " ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().casefold() == texts.text(language, "pump-yes").casefold()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pointofcare-cart pump", description="try one order on an infusion pump (IHE PIV)")
    parser.add_argument("verb", choices=("try",), help="send one order, and say what became of it")
    parser.add_argument("source", help="the pump, as in piv:127.0.0.1:2576?pump=PUMP-12&channel=1")
    parser.add_argument("--order", required=True, help="the placer's number of the order")
    parser.add_argument("--message", default="", help="the id of this sending; the same one again is the same act (default: a new one)")
    parser.add_argument("--patient", required=True, help="whose order it is")
    parser.add_argument("--drug", required=True, help="its code in the pump's library")
    parser.add_argument("--drug-name", default="", help="its name, for the pump's display")
    parser.add_argument("--volume", required=True, help='what is to be infused: "50 mL"')
    parser.add_argument("--rate", required=True, help='"5 mL/h", or a dose a time: "0.1 ug/kg/min"')
    parser.add_argument("--strength", default="", help='the concentration: "4 mg" ...')
    parser.add_argument("--strength-volume", default="", help='... in "50 mL"')
    parser.add_argument("--nurse", required=True, help="who sends it")
    parser.add_argument("--yes", action="store_true", help="do not ask first")
    own = os.environ.get("LANG", "")[:2]
    parser.add_argument("--language", choices=LANGUAGES, default=own if own in LANGUAGES else DEFAULT_LANGUAGE, help="of what it says")
    return parser
