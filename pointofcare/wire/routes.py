"""Every MQTT topic, in one table. No topic string may stand anywhere else.

Tree: `poc/1/{facility}/c/{cart}/{up|dn}/...` and `poc/1/{facility}/site/host`. A cart writes its own `up`, reads its own `dn`,
its own state and the host's, nothing else. The major version is in the topic, the minor one in the payload.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from pointofcare.errors import MessageError
from pointofcare.wire import messages
from pointofcare.wire.messages import Body

MAJOR = 1
_LEVEL = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Direction(StrEnum):
    UP = "up"
    DN = "dn"
    SITE = "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row: where a type of message goes and how. `retain` is true only for states and alerts, which name no patient."""

    name: str
    template: str
    direction: Direction
    qos: int
    retain: bool
    message: type[Body]
    purpose: str

    @property
    def type(self) -> str:
        return self.message.__name__

    @property
    def levels(self) -> tuple[str, ...]:
        """The names of the variable levels, in order: ("facility", "cart", "kind")."""
        return tuple(part[1:-1] for part in self.template.split("/") if part.startswith("{"))

    def topic(self, **levels: str) -> str:
        """The topic with every level filled in. Raises: MessageError for a missing, unknown or illegal level."""
        missing = [name for name in self.levels if name not in levels]
        if missing:
            raise MessageError(f"{self.name}: the topic lacks {', '.join(missing)}", remedy="name every level", route=self.name)
        return self._filled(levels)

    def filter(self, **levels: str) -> str:
        """The topic filter with "+" for every level that is not named. Raises: MessageError."""
        return self._filled({name: levels.get(name, "+") for name in self.levels} | levels, wildcard=True)

    def read(self, topic: str) -> dict[str, str] | None:
        """The levels of `topic`, or None when it is another route's."""
        parts = topic.split("/")
        pattern = self.template.split("/")
        if len(parts) != len(pattern):
            return None
        levels: dict[str, str] = {}
        for part, wanted in zip(parts, pattern, strict=True):
            if wanted.startswith("{"):
                if not _LEVEL.fullmatch(part):
                    return None
                levels[wanted[1:-1]] = part
            elif part != wanted:
                return None
        return levels

    def _filled(self, levels: dict[str, str], *, wildcard: bool = False) -> str:
        for name, value in levels.items():
            if name not in self.levels:
                raise MessageError(f"{self.name}: the topic has no level {name}", remedy=f"it has {', '.join(self.levels)}")
            if not (wildcard and value == "+") and not _LEVEL.fullmatch(value):
                raise MessageError(
                    f"{value!r} cannot be the level {name} of a topic",
                    problems=((name, "use 1 to 64 of A-Z a-z 0-9 _ -"),),
                    remedy="use 1 to 64 of A-Z a-z 0-9 _ -",
                )
        return self.template.format(**levels)


_CART = f"poc/{MAJOR}/{{facility}}/c/{{cart}}/"


def _up(name: str, below: str, message: type[Body], purpose: str, *, qos: int = 1, retain: bool = False) -> Route:
    return Route(name=name, template=f"{_CART}up/{below}", direction=Direction.UP, qos=qos, retain=retain, message=message, purpose=purpose)


def _dn(name: str, below: str, message: type[Body], purpose: str) -> Route:
    return Route(name=name, template=f"{_CART}dn/{below}", direction=Direction.DN, qos=1, retain=False, message=message, purpose=purpose)


STATE = _up("state", "state", messages.CartState, "the cart's phase, and its last will", retain=True)
BIRTH = _up("birth", "birth", messages.CartBirth, "what the cart is: versions, hardware, boot", retain=True)
TELEMETRY = _up("telemetry", "tele/{kind}", messages.Telemetry, "numbers of one subsystem; the last one counts", qos=0)
ADMINISTRATION = _up("administration", "adm", messages.AdministrationRecorded, "one administration, resent until its receipt")
ATTEMPT = _up("attempt", "attempt", messages.AttemptStopped, "a dose that was stopped or given up, resent until its receipt")
OBSERVATION = _up("observation", "obs", messages.ObservationRecorded, "a value measured at the bedside, resent until its receipt")
NOTE = _up("note", "note", messages.BedsideNoted, "what was said or done at a bedside and is no dose, resent until its receipt")
TABLES = _up("tables", "tables", messages.TablesHeld, "which signed tables the cart holds; asks for newer ones")
LEASE_ASK = _up("lease-ask", "lease", messages.LeaseAsked, "asks for, renews or gives back a patient's dose lease")
CLOCK_ASK = _up("clock-ask", "clock", messages.ClockAsked, "asks what time it is")
WITNESS_ASK = _up("witness-ask", "witness/ask", messages.WitnessAsked, "asks the ward's other carts for a second person")
WITNESS_ANSWER = _up("witness-answer", "witness/answer", messages.WitnessAnswered, "a second person at this cart confirms or declines")
EVENT = _up("event", "ev", messages.FleetEvent, "something that happened to the cart, numbered")
ANSWER = _up("answer", "rsp/{name}", messages.CommandAnswered, "what became of a command")
ALERT = _up("alert", "alert/{alert}", messages.AlertRaised, "something is wrong with the cart; removed when it is resolved", retain=True)
CONFIG_TOLD = _up("config-told", "config", messages.ConfigReported, "what the cart really runs with")
JOB_TOLD = _up("job-told", "job/{job}", messages.JobTold, "how far a job is")
RECEIPT = _dn("receipt", "receipt", messages.RecordReceived, "the server has committed a record: settles the journal's row")
EMR = _dn("emr", "emr", messages.EmrSettled, "what became of a record at the electronic medical record")
TABLE = _dn("table", "table", messages.TableIssued, "one signed table for the cart's ward")
LEASE = _dn("lease", "lease", messages.LeaseAnswered, "who may give this patient's doses now")
CLOCK = _dn("clock", "clock", messages.ClockTold, "the server's clock")
WITNESS_CALL = _dn("witness-call", "witness/call", messages.WitnessCalled, "a cart of the ward asks for a second person")
WITNESS_TOLD = _dn("witness-told", "witness/told", messages.WitnessTold, "what became of a request for a second person, or of an answer")
ACK = _dn("ack", "ack", messages.EventsAcknowledged, "fleet events up to here are committed")
COMMAND = _dn("command", "cmd/{name}", messages.Command, "asks the cart's current session to do something")
CONFIG = _dn("config", "config", messages.ConfigDesired, "what the cart is to run with, signed")
JOB = _dn("job", "job", messages.JobAssigned, "the one current job of the cart, signed")
SOFTWARE_JOB = _dn("software-job", "software-job", messages.JobAssigned, "the one current job of the cart's own program, signed")
HOST = Route(
    name="host",
    template=f"poc/{MAJOR}/{{facility}}/site/host",
    direction=Direction.SITE,
    qos=1,
    retain=True,
    message=messages.HostState,
    purpose="whether the server lives, and its last will",
)

ROUTES: tuple[Route, ...] = (
    STATE, BIRTH, TELEMETRY, ADMINISTRATION, ATTEMPT, OBSERVATION, NOTE, TABLES, LEASE_ASK, CLOCK_ASK,
    WITNESS_ASK, WITNESS_ANSWER, EVENT, ANSWER,
    ALERT, CONFIG_TOLD, JOB_TOLD,
    RECEIPT, EMR, TABLE, LEASE, CLOCK, WITNESS_CALL, WITNESS_TOLD, ACK, COMMAND,
    CONFIG, JOB, SOFTWARE_JOB,
    HOST,
)  # fmt: skip


def match(topic: str) -> tuple[Route, dict[str, str]]:
    """The route of a topic and its levels. Raises: MessageError for a topic that is not in the table."""
    for route in ROUTES:
        levels = route.read(topic)
        if levels is not None:
            return route, levels
    raise MessageError(f"topic {topic[:200]!r} is not one of ours", remedy="see the route table", topic=topic)


def is_level(text: str) -> bool:
    """Whether `text` may be a level of a topic: facility, cart and account names must be."""
    return _LEVEL.fullmatch(text) is not None


def cart_writes(*, facility: str, cart: str) -> str:
    """The filter of all that a cart may publish, for a broker's permissions. Raises: MessageError."""
    return _tree(facility, cart) + "up/#"


def cart_reads(*, facility: str, cart: str) -> tuple[str, ...]:
    """The filters of all that a cart may subscribe to: its own state too, where a late will of its own may stand. Raises: MessageError."""
    return (_tree(facility, cart) + "dn/#", HOST.topic(facility=facility), STATE.topic(facility=facility, cart=cart))


def facility_tree(*, facility: str) -> str:
    """The filter of all that belongs to a facility: the server's. Raises: MessageError."""
    return HOST.topic(facility=facility).removesuffix("site/host") + "#"


def _tree(facility: str, cart: str) -> str:
    return STATE.topic(facility=facility, cart=cart).removesuffix("up/state")
