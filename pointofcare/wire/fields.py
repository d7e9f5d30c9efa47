"""How each kind of value is written in JSON: strictly read, lossless, and described as JSON Schema.

A field never converts by guess: "1" is not a number and 1 is not a truth.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

from marshmallow import ValidationError, fields

from pointofcare.errors import QuantityError
from pointofcare.quantity import Quantity

MAX_INTEGER = 2**53 - 1  # what every JSON reader keeps exactly
MAX_FREE_DEPTH = 12
JsonSchema = dict[str, Any]

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_WITHOUT_OFFSET = len("2026-11-21T07:05:00.000000")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d{6})?)?", re.ASCII)
_SPAN = re.compile(r"(-?)P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,14})(?:\.(\d{1,6}))?S)?)?", re.ASCII)
_AMOUNT = re.compile(r"(-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,40})?) (\S{1,40})", re.ASCII)


ValueT = TypeVar("ValueT")


class WireField(fields.Field[ValueT], ABC):
    """A kind of value: `write` to JSON, `read` from it (both raise ValidationError), and its JSON Schema. None is `null`."""

    @abstractmethod
    def write(self, value: Any) -> Any: ...

    @abstractmethod
    def read(self, value: Any) -> ValueT: ...

    @abstractmethod
    def json_schema(self) -> JsonSchema: ...

    def writes(self, value: Any) -> Any:
        return None if value is None else self.write(value)

    def writer(self) -> Callable[[Any], Any]:
        """`write`, made to be called often; never with None."""
        return self.write

    def reader(self) -> Callable[[Any], Any]:
        """`read`, made to be called often, never with None: it may stop at the first fault, and need not say where it is."""
        return self.read

    def reads(self, value: Any) -> Any:
        if value is None and not self.allow_none:
            raise ValidationError("may not be null")
        return None if value is None else self.read(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> Any:  # noqa: ARG002 - marshmallow's signature
        return None if value is None else self.write(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> ValueT:  # noqa: ARG002
        return self.read(value)


def through(way: Callable[[Any], Any], *, nullable: bool = True) -> Callable[[Any], Any]:
    """`way` of one in a row of values, for None too."""

    def of(value: Any) -> Any:
        if value is not None:
            return way(value)
        if not nullable:
            raise ValidationError("may not be null")
        return None

    return of


class Text(WireField[str]):
    def write(self, value: Any) -> Any:
        return self.read(value)

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("must be text")
        return value

    def json_schema(self) -> JsonSchema:
        return {"type": "string"}


class Whole(WireField[int]):
    """A whole number that every JSON reader keeps exactly."""

    def write(self, value: Any) -> Any:
        return self.read(value)

    def read(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_INTEGER:
            raise ValidationError("must be a whole number of at most 15 digits")
        return value

    def json_schema(self) -> JsonSchema:
        return {"type": "integer", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER}


class Real(WireField[float]):
    """A measured number; amounts of drugs are never floats."""

    def write(self, value: Any) -> Any:
        return self.read(value)

    def read(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("must be a number")
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            raise ValidationError("must be a number of at most 15 digits")
        if not math.isfinite(value):
            raise ValidationError("must be a finite number")
        return float(value)

    def json_schema(self) -> JsonSchema:
        return {"type": "number"}


class Truth(WireField[bool]):
    def write(self, value: Any) -> Any:
        return self.read(value)

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value

    def json_schema(self) -> JsonSchema:
        return {"type": "boolean"}


class Moment(WireField[datetime]):
    """Aware, written in UTC with its microseconds: "2026-11-21T07:05:00.000000Z". Other offsets are read."""

    def write(self, value: Any) -> Any:
        if not isinstance(value, datetime) or value.utcoffset() is None:
            raise ValidationError("must be a moment with its time zone")
        try:
            return value.astimezone(UTC).isoformat(timespec="microseconds")[:_WITHOUT_OFFSET] + "Z"
        except OverflowError as exc:
            raise ValidationError("is outside of the calendar") from exc

    def read(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _MOMENT.fullmatch(value):
            raise ValidationError('must be a moment in UTC such as "2026-11-21T07:05:00.000000Z"')
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError) as exc:
            raise ValidationError("is not a moment of the calendar") from exc

    def json_schema(self) -> JsonSchema:
        return {"type": "string", "format": "date-time"}


class Day(WireField[date]):
    def write(self, value: Any) -> Any:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise ValidationError("must be a day")
        return value.isoformat()

    def read(self, value: Any) -> date:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise ValidationError('must be a day such as "2026-11-21"')
        try:
            return date.fromisoformat(value)
        except ValueError as exc:
            raise ValidationError("is not a day of the calendar") from exc

    def json_schema(self) -> JsonSchema:
        return {"type": "string", "format": "date"}


class WallTime(WireField[time]):
    """A time of day on the ward's wall, without a zone."""

    def write(self, value: Any) -> Any:
        if not isinstance(value, time) or value.tzinfo is not None:
            raise ValidationError("must be a time of day without a time zone")
        return value.isoformat("auto" if value.second or value.microsecond else "minutes")

    def read(self, value: Any) -> time:
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValidationError('must be a time of day such as "08:00"')
        try:
            return time.fromisoformat(value)
        except ValueError as exc:
            raise ValidationError("is not a time of day") from exc

    def json_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": r"^\d\d:\d\d(:\d\d(\.\d{6})?)?$"}


class Span(WireField[timedelta]):
    """Elapsed time as ISO 8601: written in seconds ("PT5400S"), read with days, hours and minutes too."""

    def write(self, value: Any) -> Any:
        if not isinstance(value, timedelta):
            raise ValidationError("must be a span of time")
        micros = abs((value.days * 86400 + value.seconds) * 1_000_000 + value.microseconds)
        fraction = f".{micros % 1_000_000:06d}" if micros % 1_000_000 else ""
        return f"{'-' if value < timedelta(0) else ''}PT{micros // 1_000_000}{fraction}S"

    def read(self, value: Any) -> timedelta:
        found = _SPAN.fullmatch(value) if isinstance(value, str) else None
        if found is None or not any(found.groups()[1:5]) or value.endswith("T"):
            raise ValidationError('must be a span of time such as "PT5400S"')
        sign, days, hours, minutes, seconds, fraction = found.groups()
        try:
            size = timedelta(
                days=int(days or 0),
                hours=int(hours or 0),
                minutes=int(minutes or 0),
                seconds=int(seconds or 0),
                microseconds=int((fraction or "").ljust(6, "0") or 0),
            )
        except OverflowError as exc:
            raise ValidationError("is too long a span of time") from exc
        return -size if sign else size

    def json_schema(self) -> JsonSchema:
        return {"type": "string", "format": "duration"}


class Amount(WireField[Quantity]):
    """A decimal, one space and a UCUM unit: "500 mg". Every finite decimal of a sane length survives, not only the short ones
    that a person may type."""

    def write(self, value: Any) -> Any:
        text = str(value) if isinstance(value, Quantity) else ""
        if not _AMOUNT.fullmatch(text):
            raise ValidationError("must be an amount of at most 40 digits on each side of the point")
        return text

    def read(self, value: Any) -> Quantity:
        if not isinstance(value, str):
            raise ValidationError('must be a decimal number, one space and a unit, such as "500 mg"')
        return _amount(value)

    def json_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)? \S+$"}


@lru_cache(maxsize=4096)
def _amount(text: str) -> Quantity:
    """The few hundred amounts of a hospital, each made once."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValidationError('must be a decimal number, one space and a unit, such as "500 mg"')
    try:
        return Quantity(value=Decimal(found[1]), unit=found[2])
    except QuantityError as exc:
        raise ValidationError(str(exc)) from exc


class Code(WireField[Enum]):
    """One of the codes of an enumeration, unaltered."""

    def __init__(self, enum: type[Enum], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.enum = enum
        self._members = {(type(member.value), member.value): member for member in enum}

    def write(self, value: Any) -> Any:
        if not isinstance(value, self.enum):
            raise ValidationError(f"must be a {self.enum.__name__}")
        code: str | int = value.value
        return code

    def read(self, value: Any) -> Enum:
        member = self._members.get((type(value), value)) if isinstance(value, str | int) else None
        if member is None:
            raise ValidationError(f"must be one of {', '.join(str(member.value) for member in self.enum)}")
        return member

    def json_schema(self) -> JsonSchema:
        return {"enum": [member.value for member in self.enum]}


class Free(WireField[Any]):
    """Evidence of no fixed shape: any JSON value. JSON values come back as they were; a value that JSON lacks (an amount, a
    moment, NaN) is written as text, because losing a record for the type of its evidence would be worse."""

    def write(self, value: Any) -> Any:
        return plain(value)

    def read(self, value: Any) -> Any:
        _check_depth(value, MAX_FREE_DEPTH)
        return value

    def json_schema(self) -> JsonSchema:
        return {}


class Pairs(WireField[Mapping[str, Any]]):
    """An object of any keys whose values are all of one kind."""

    def __init__(self, values: WireField[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.values = values

    def write(self, value: Any) -> Any:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ValidationError("must be an object")
        return {key: self.values.writes(item) for key, item in value.items()}

    def reader(self) -> Callable[[Any], Any]:
        way = through(self.values.reader(), nullable=bool(self.values.allow_none))

        def read(value: Any) -> Any:
            if not isinstance(value, dict):
                raise ValidationError("must be an object")
            return {key: way(item) for key, item in value.items()}

        return read

    def read(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("must be an object")
        return {key: self.values.reads(item) for key, item in value.items()}

    def json_schema(self) -> JsonSchema:
        return {"type": "object", "additionalProperties": self.values.json_schema()}


def plain(value: Any, depth: int = MAX_FREE_DEPTH) -> Any:
    """`value` as JSON has it; see `Free`. Raises: ValidationError when it is nested too deeply."""
    if value is None or isinstance(value, bool) or type(value) is str:
        return value
    if isinstance(value, Enum):
        return plain(value.value, depth)
    if isinstance(value, int):
        return value if abs(value) <= MAX_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth == 0:
        raise ValidationError("is nested too deeply")
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item, depth - 1) for item in value), key=str)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _check_depth(value: Any, depth: int) -> None:
    if isinstance(value, dict | list):
        if depth == 0:
            raise ValidationError("is nested too deeply")
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, depth - 1)
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValidationError("holds a whole number of more than 15 digits")
