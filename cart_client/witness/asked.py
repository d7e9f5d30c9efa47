"""What the kiosk's forms may ask about second looks over the network: frozen values.

The first two are taps on the main screen, and name its moment. The others are of a page of their own, which anybody may open who has a
badge: they name the call that the page was made for.
"""

from __future__ import annotations

from dataclasses import dataclass

from cart_client.inbox import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchWitness(Command):
    """Nobody is near: ask at the ward's other carts and phones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopFetching(Command):
    """Somebody came, or it is not needed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCall(Command):
    """`moment` is not looked at."""

    moment: int = 0
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall(OfCall):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveCall(OfCall):
    """Not now: the call stays for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBadge(OfCall):
    """A badge number typed because the badge cannot be read."""

    badge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPin(OfCall):
    """`badge` as the page showed it: another one may have been read meanwhile."""

    badge: str
    pin: str

    def __repr__(self) -> str:
        return "CallPin(...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCall(OfCall):
    """`witness` is who the page was made for, `value` what was worked out alone, as typed."""

    witness: str
    confirms: bool
    value: str = ""
    reason: str = ""
    reason_text: str = ""
