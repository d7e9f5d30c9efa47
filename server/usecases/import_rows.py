"""What an import found in its files: rows that can be written, and problems with their place.

Values only; nothing here reads a file or writes a table. A problem is a code with parameters: its words are made where a
person reads them, in that person's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as field_of
from datetime import datetime
from functools import cache

from pointofcare.errors import UnreadableError
from pointofcare.orders.order import Order, OrderStatus
from pointofcare.people import Patient, StaffRole
from pointofcare.products import Product
from pointofcare.texts import Catalogue
from pointofcare.texts import orders as order_texts
from server.store.catalogue import Line


class FieldError(UnreadableError):
    """One cell or element is not usable. `reason` is the code of a text, `parameters` its values."""

    code = "import-field"

    def __init__(self, reason: str, **parameters: object) -> None:
        super().__init__(reason, remedy="", **parameters)
        self.reason = reason
        self.parameters = parameters


# The sender holds an order that is a draft here: it stays held when somebody has made it clear.
HELD = "clarify-held-by-sender"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`row` counts from 1 as a spreadsheet does (the header is row 1); for FHIR it is the entry's place in the bundle."""

    file: str
    row: int
    field: str
    value: str
    code: str
    parameters: Mapping[str, object] = field_of(default_factory=dict)

    def message_in(self, language: str) -> str:
        return _texts().text(language, self.code, {"value": self.value, "field": self.field, **self.parameters})

    def remedy_in(self, language: str) -> str:
        return _texts().text(language, f"{self.code}-remedy", {"value": self.value, "field": self.field, **self.parameters})

    def is_known_in(self, language: str) -> bool:
        """Is there a text for it?"""
        return _texts().has(language, self.code)

    @property
    def message(self) -> str:
        return self.message_in("en")

    @property
    def remedy(self) -> str:
        return self.remedy_in("en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row came from."""

    file: str
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFound:
    """`drawers` are pairs of a cart and the number of its drawer with this patient's drugs."""

    place: Place
    patient: Patient
    drawers: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFound:
    place: Place
    product: Product


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFound:
    """`order.patient` is an id or an MRN until it is resolved. `clarify` lists why the order is only a draft: pairs of a text
    code and the value found. `stated` is the status as it was sent, also where it is a draft here."""

    place: Place
    order: Order
    clarify: tuple[tuple[str, str], ...] = ()
    note: str = ""
    stated: OrderStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffFound:
    """`pin` and `password` are plain text on their way to the hash, and never shown. `wards` None: those that are known stay."""

    place: Place
    id: str
    name: str
    username: str
    roles: tuple[StaffRole, ...]
    licensed: bool | None = None
    badge: str | None = None
    pin: str | None = field_of(default=None, repr=False)
    password: str | None = field_of(default=None, repr=False)
    email: str | None = None
    licence_number: str | None = None
    valid_until: datetime | None = None
    language: str = "vi"
    active: bool = True
    wards: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFound:
    """A line of the hospital's drug catalogue. `gtin` has 14 digits; None: the file names none."""

    place: Place
    line: Line
    gtin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that one or several files hold. `notes` are what a person should know of rows that are taken, and of what was not read."""

    patients: tuple[PatientFound, ...] = ()
    products: tuple[ProductFound, ...] = ()
    orders: tuple[OrderFound, ...] = ()
    staff: tuple[StaffFound, ...] = ()
    problems: tuple[Problem, ...] = ()
    catalogue: tuple[CatalogueFound, ...] = ()
    notes: tuple[Problem, ...] = ()

    def joined(self, other: Found) -> Found:
        return Found(
            patients=self.patients + other.patients,
            products=self.products + other.products,
            orders=self.orders + other.orders,
            staff=self.staff + other.staff,
            problems=self.problems + other.problems,
            catalogue=self.catalogue + other.catalogue,
            notes=self.notes + other.notes,
        )


def clarify_note(clarify: tuple[tuple[str, str], ...], note: str = "") -> str | None:
    """Why an order is only a draft, as it is stored: one code with its value a line, so that each reader gets it in his language."""
    if not clarify:
        return None
    lines = [f"{code}={value}".replace("\n", " ") for code, value in clarify]
    return "\n".join([*lines, *([f"note={note}".replace("\n", " ")] if note else [])])


def clarify_parts(language: str, clarify: tuple[tuple[str, str], ...]) -> list[str]:
    return [order_texts.part(language, code, value) for code, value in clarify]


@cache
def _texts() -> Catalogue:
    return Catalogue("server.usecases.import_texts")
