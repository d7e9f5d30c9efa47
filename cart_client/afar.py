"""What this cart knows of second looks over the network: the one that it asks for, and those that it is called for.

Values only, and the line that they go out by. Nothing here survives a restart: a look that was under way is asked for anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pointofcare.administration.session import Session
from pointofcare.people import Patient
from pointofcare.wire.messages import LookedAtDose, WitnessAnswered, WitnessAsked, WitnessTold
from pointofcare.wire.tables import StaffEntry

# How long a request may wait for somebody, and whoever signed in may look at it.
LASTS = timedelta(minutes=5)
LOOKING = timedelta(minutes=2)
# Said again so often until it is told what became of it.
AGAIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessHeard:
    """Something of second looks came from the server."""

    body: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """A second person is asked for at other carts. `session` is the moment that is asked about, `until_mono_s` on the steady clock.
    `is_heard`: the server has it; `reached` are the carts that were called."""

    asked: WitnessAsked
    session: Session
    at: datetime
    until: datetime
    until_mono_s: float
    sent_mono_s: float
    is_heard: bool = False
    reached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Another cart asks for a second person. `until_mono_s`: not said again by then, it is over."""

    request: str
    digest: str
    cart: str
    nurse: str
    dose: LookedAtDose
    at: datetime
    until_mono_s: float
    bed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """Somebody answers a call here. `badge` is read and its PIN awaited, of `name`; `who` has signed in and looks at `about`; `sent` is
    under way to the server; `outcome` (a state of the request, or why the answer counts for nothing) is what it said."""

    call: Call
    badge: str = ""
    name: str = ""
    about: Patient | None = None
    who: StaffEntry | None = None
    since_mono_s: float = 0.0
    sent: WitnessAnswered | None = None
    sent_mono_s: float = 0.0
    outcome: str = ""
    told: WitnessTold | None = None


@dataclass(slots=True, kw_only=True)
class Afar:
    """`send` hands a message to the line, which loses it where there is none. `mono_s` is a clock that nobody sets."""

    send: Callable[[WitnessAsked | WitnessAnswered], None] = lambda _body: None
    mono_s: Callable[[], float] = lambda: 0.0
    fetching: Fetching | None = None
    calls: Mapping[str, Call] = field(default_factory=dict)
    answering: Answering | None = None
