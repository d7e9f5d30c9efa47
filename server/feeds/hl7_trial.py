"""A dry run: what each message of a file would become by a profile, in words, for whoever writes the profile.

It writes nothing and sends nothing. With a server's configuration the drugs are looked up in its formulary, without one they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from pointofcare.errors import UnreadableError
from pointofcare.orders import timing
from pointofcare.products import Product
from server.emr import hl7_message
from server.emr.hl7_message import Hl7Error, Message
from server.feeds import hl7_intake
from server.store.incoming import Reason
from server.store.transaction import reading
from server.usecases import hl7_orders, hl7_people, hl7_profile, hl7_taking
from server.usecases.hl7_orders import Act, Formulary, Said
from server.usecases.hl7_people import Person
from server.usecases.hl7_profile import Profile
from server.usecases.import_orders import display_line
from server.usecases.import_rows import FieldError, Place, clarify_parts

_DOES = {
    Act.WRITE: "written",
    Act.HOLD: "held until it is released",
    Act.RELEASE: "given again",
    Act.STOP: "stopped for good",
    Act.STATUS: "given another status",
}
_MOVES = {
    "ADT^A01": "is admitted", "ADT^A02": "is moved", "ADT^A03": "is discharged: bands and orders end", "ADT^A08": "is updated",
    "ADT^A11": "was not admitted after all: bands and orders end", "ADT^A13": "was not discharged after all: the orders are looked at",
    "ORU^R01": "gets values",
}  # fmt: skip


class UnaskedFormulary:
    """Where no server is at hand: a code that the profile translates counts as known."""

    def by_gtin(self, gtin: str) -> Product | None:
        return Product(id=gtin, gtin=gtin, name=f"GTIN {gtin}", form="(the product's)")

    def by_id(self, product: str) -> Product | None:
        return Product(id=product, gtin="", name=f"product {product}", form="(the product's)")

    def has_ingredients(self, names: Sequence[str]) -> bool:
        return bool(names)


def run(content: bytes, profile: Profile, zone: str, formulary: Formulary) -> tuple[list[str], int]:
    """The lines to print, and how many messages would be refused or rejected."""
    lines: list[str] = []
    bad = 0
    for number, payload in enumerate(hl7_message.each(content), start=1):
        told, is_good = _one(payload, profile, profile.timezone or zone, formulary)
        lines += [f"message {number}: {told[0]}", *(f"  {line}" for line in told[1:])]
        bad += not is_good
    if not lines:
        lines.append("the file holds no message: each begins with MSH")
        bad = 1
    return lines, bad


def from_command_line(
    path: Path, profile: Profile, zone: str, scope: Callable[[], AbstractContextManager[object]] | None
) -> tuple[list[str], int]:
    """As `run`, over the file at `path`; `scope` gives an application whose formulary is asked. Raises: UnreadableError."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise UnreadableError(f"{path} cannot be read: {exc.strerror}", remedy="check the name and the rights of the file") from exc
    if scope is None:
        lines, bad = run(content, profile, zone, UnaskedFormulary())
        return [*lines, "no formulary was asked: add --config to have drug codes looked up"], bad
    with scope(), reading() as tx:
        return run(content, profile, zone, hl7_taking.KnownFormulary(tx))


def _one(payload: bytes, profile: Profile, zone: str, formulary: Formulary) -> tuple[list[str], bool]:
    try:
        header = hl7_message.peek(payload)
    except Hl7Error as exc:
        return [_wrong("AR", Reason(code=exc.fault, field=exc.where, found=exc.found, parameters=exc.parameters))], False
    named = f"{header.type} {header.control} of {header.application}|{header.facility}"
    refused = hl7_intake.refusal(header, profile if profile.speaks_for(header.application, header.facility) else None)
    if refused is not None:
        return [named, _wrong("AR", refused)], False
    event = profile.event(header.type)
    if event == hl7_profile.IGNORE:
        return [named, "AA: ignored by the profile"], True
    try:
        message = hl7_message.read(payload, charset=profile.charset)
        if event == "ORM^O01" and not hl7_orders.is_pharmacy(message):
            return [named, _wrong("AR", Reason(code="hl7-event", field="RXO", found=header.type))], False
        told = list(_told(event, message, profile, zone, formulary))
    except (Hl7Error, FieldError) as exc:
        return [named, _wrong("AE", hl7_intake.reason_of(exc))], False
    return [named, *told], True


def _wrong(code: str, reason: Reason) -> str:
    where = f"{reason.field}: " if reason.field else ""
    return f"{code}: {where}{hl7_intake.said(reason)} {hl7_intake.said(reason, remedy=True)}"


def _told(event: str, message: Message, profile: Profile, zone: str, formulary: Formulary) -> Iterator[str]:
    if event == "ADT^A40":
        for kept, gone in hl7_people.merged(message, profile):
            yield f"record {gone} became part of {kept}: a person confirms it where both are here"
        return
    person = hl7_people.read(message, profile, zone)
    sent = hl7_message.moment(message.header.sent, zone, where="MSH-7")[0] if message.header.sent else None
    yield from _person(person, event, zone)
    if event.startswith("ADT^") or event == "ORU^R01":
        return
    place = Place(file=message.header.control, row=1)
    for said in hl7_orders.read(message, profile, formulary, patient=person.mrn, zone=zone, place=place, sent=sent):
        yield from _order(said, zone)


def _person(person: Person, event: str, zone: str) -> Iterator[str]:
    born = f", born {person.birth_date}" if person.birth_date else ", birth date not known"
    place = f", ward {person.ward} bed {person.bed or '?'}" if person.ward else ""
    yield f"patient {person.mrn} {person.name}{born}{place}" + (f" {_MOVES[event]}" if event in _MOVES else "")
    if person.allergies is not None:
        named = ", ".join(f"{one.substance} ({one.severity or 'severity not known'})" for one in person.allergies)
        yield f"allergies: {named or 'none'}"
    if person.weight is not None:
        yield f"weight: {person.weight.value} at {_clock(person.weight.at, zone)}"
    for value in person.observations:
        yield f"{value.code}: {value.value} at {_clock(value.at, zone)}"
    for where, found in person.left:
        yield f"left out: {where} {found}"


def _order(said: Said, zone: str) -> Iterator[str]:
    at = f" of {_clock(said.at, zone)}" if said.at is not None else ""
    instead = f", in the place of {said.replaces}" if said.replaces else ""
    yield f"order {said.number} ({said.control}{at}): {_DOES[said.act]}{instead}"
    if said.found is None:
        return
    order = said.found.order
    bounds = f" · from {_clock(order.start, zone)}" if order.start else ""
    bounds += f" · until {_clock(order.end, zone)}" if order.end else ""
    yield f"  {order.status.value if order.status else 'status not known'} · {order.category.value} · {display_line(order)}{bounds}"
    if order.display != display_line(order):
        yield f"  shown as: {order.display}"
    for additive in order.additives:
        yield f"  with: {additive}"
    if said.found.clarify:
        yield f"  not given by scan until clarified: {'; '.join(clarify_parts('en', said.found.clarify))}"


def _clock(at: datetime, zone: str) -> str:
    """As the hospital's clock shows it."""
    return f"{at.astimezone(timing.zone_of(zone)):%Y-%m-%d %H:%M}"
