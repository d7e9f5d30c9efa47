"""One marshmallow schema for each frozen dataclass that travels, made from the dataclass itself.

So a field cannot exist in the core and be lost on the wire. Golden files hold the result still: a renamed or retyped field
breaks them. Unknown keys are ignored (minor growth); an optional field whose value is None is left out.

What is as it should be goes a short way, value by value; at the first fault marshmallow reads all of it once more and says every
fault. Both ways must read and write the same.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from operator import attrgetter
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, post_dump, post_load

from pointofcare.errors import PointOfCareError
from pointofcare.quantity import Quantity
from pointofcare.wire import fields as wire

TAG = "type"

_PLAIN: dict[Any, type[wire.WireField[Any]]] = {
    str: wire.Text,
    int: wire.Whole,
    float: wire.Real,
    bool: wire.Truth,
    datetime: wire.Moment,
    date: wire.Day,
    time: wire.WallTime,
    timedelta: wire.Span,
    Quantity: wire.Amount,
    object: wire.Free,
}


_ABSENT: Any = object()


def _fault() -> ValidationError:
    """Never seen by a caller of `load`."""
    return ValidationError("is not as it should be")


class ValueSchema(Schema):
    """Base of every derived schema: knows the dataclass that it reads and writes, and which fields are left out when None."""

    _dataclass: type[Any]
    _left_out: frozenset[str]
    # (name, way, left out when None) and (name, way, may be null, must be there) of each field, in order.
    _writers: tuple[tuple[str, Callable[[Any], Any], bool], ...]
    _readers: tuple[tuple[str, Callable[[Any], Any], bool, bool], ...]
    _taken: Callable[[Any], tuple[Any, ...]]

    class Meta:
        unknown = EXCLUDE

    def derive(self, value: type[Any], left_out: frozenset[str]) -> None:
        """Makes the short ways."""
        self._dataclass, self._left_out = value, left_out
        own = typing.cast(dict[str, wire.WireField[Any]], self.fields)
        self._writers = tuple((name, field.writer(), name in left_out) for name, field in own.items())
        self._readers = tuple((name, field.reader(), bool(field.allow_none), field.required) for name, field in own.items())
        names = tuple(own)
        taken = attrgetter(*names) if names else tuple
        self._taken = taken if len(names) != 1 else lambda each: (taken(each),)

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        if many or type(obj) is not self._dataclass:
            return super().dump(obj, many=many)
        return self.write(obj)

    def load(self, data: Any, **options: Any) -> Any:
        if not options:
            try:
                return self.read(data)
            except (ValidationError, PointOfCareError):
                pass  # read again below, which says every fault
        return super().load(data, **options)

    def write(self, value: Any) -> dict[str, Any]:
        """The short way of `dump`, for a value of this very class. Raises: ValidationError."""
        plain = {}
        for (name, way, left_out), item in zip(self._writers, self._taken(value), strict=True):
            if item is not None:
                plain[name] = way(item)
            elif not left_out:
                plain[name] = None
        return plain

    def read(self, data: Any) -> Any:
        """The short way of `load`. Raises: ValidationError or PointOfCareError at the first fault, without saying where."""
        if type(data) is not dict:
            raise _fault()
        values: dict[str, Any] = {}
        for name, way, nullable, required in self._readers:
            item = data.get(name, _ABSENT)
            if item is None:
                if not nullable:
                    raise _fault()
                values[name] = None
            elif item is not _ABSENT:
                values[name] = way(item)
            elif required:
                raise _fault()
        return self._dataclass(**values)

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> Any:
        try:
            return self._dataclass(**data)
        except PointOfCareError as exc:
            raise ValidationError(str(exc)) from exc

    @post_dump
    def _trim(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {key: item for key, item in data.items() if item is not None or key not in self._left_out}


class Value(wire.WireField[Any]):
    """A nested dataclass."""

    def __init__(self, value: type[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value = value
        self.nested = schema(value)

    def write(self, value: Any) -> Any:
        if type(value) is not self.value:
            raise ValidationError(f"must be a {self.value.__name__}")
        return self.nested.dump(value)

    def read(self, value: Any) -> Any:
        return self.nested.load(value)

    def reader(self) -> Callable[[Any], Any]:
        return self.nested.read

    def json_schema(self) -> wire.JsonSchema:
        return {"$ref": f"#/components/schemas/{self.value.__name__}"}


class OneOf(wire.WireField[Any]):
    """A dataclass of several possible ones, told apart by the key "type"."""

    def __init__(self, values: tuple[type[Any], ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.values = {value.__name__: value for value in values}

    def write(self, value: Any) -> Any:
        name = type(value).__name__
        if self.values.get(name) is not type(value):
            raise ValidationError(f"must be one of {', '.join(self.values)}")
        return {TAG: name, **typing.cast(dict[str, Any], schema(type(value)).dump(value))}

    def read(self, value: Any) -> Any:
        name = value.get(TAG) if isinstance(value, dict) else None
        if not isinstance(name, str) or name not in self.values:
            raise ValidationError(f'must be an object whose "{TAG}" is one of {", ".join(self.values)}')
        return schema(self.values[name]).load(value)

    def reader(self) -> Callable[[Any], Any]:
        ways = {name: schema(value).read for name, value in self.values.items()}

        def read(value: Any) -> Any:
            name = value.get(TAG) if type(value) is dict else None
            way = ways.get(name) if isinstance(name, str) else None
            if way is None:
                raise _fault()
            return way(value)

        return read

    def json_schema(self) -> wire.JsonSchema:
        return {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in self.values]}


class Row(wire.WireField[tuple[Any, ...]]):
    """A tuple of one kind of values; with `length`, of exactly so many."""

    def __init__(self, item: wire.WireField[Any], length: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.item = item
        self.length = length

    def write(self, value: Any) -> Any:
        self._check(value, tuple)
        return [self.item.writes(entry) for entry in value]

    def read(self, value: Any) -> tuple[Any, ...]:
        self._check(value, list)
        faults: dict[int, Any] = {}
        entries = []
        for place, entry in enumerate(value):
            try:
                entries.append(self.item.reads(entry))
            except ValidationError as exc:
                faults[place] = exc.messages
        if faults:
            raise ValidationError(faults)
        return tuple(entries)

    def writer(self) -> Callable[[Any], Any]:
        way = wire.through(self.item.writer())

        def write(value: Any) -> Any:
            self._check(value, tuple)
            return [way(entry) for entry in value]

        return write

    def reader(self) -> Callable[[Any], Any]:
        way = wire.through(self.item.reader(), nullable=bool(self.item.allow_none))

        def read(value: Any) -> Any:
            self._check(value, list)
            return tuple([way(entry) for entry in value])

        return read

    def _check(self, value: Any, kind: type[Any]) -> None:
        if not isinstance(value, kind):
            raise ValidationError("must be a list")
        if self.length is not None and len(value) != self.length:
            raise ValidationError(f"must be a list of {self.length}")

    def json_schema(self) -> wire.JsonSchema:
        bounds = {} if self.length is None else {"minItems": self.length, "maxItems": self.length}
        return {"type": "array", "items": self.item.json_schema(), **bounds}


_made: dict[type[Any], ValueSchema] = {}


def schema(value: type[Any]) -> ValueSchema:
    """The schema of a frozen dataclass. Raises: TypeError for a type hint that has no way of being written."""
    found = _made.get(value)
    if found is None:
        found = _made[value] = _derived(value)
    return found


def _derived(value: type[Any]) -> ValueSchema:
    hints = typing.get_type_hints(value)
    made: dict[str, Any] = {}
    optional: set[str] = set()
    for entry in fields(value):
        hint, nullable = _without_none(hints[entry.name])
        has_default = entry.default is not MISSING or entry.default_factory is not MISSING
        made[entry.name] = _field(hint, required=not has_default, allow_none=nullable)
        if entry.default is None:
            optional.add(entry.name)
    made_schema = ValueSchema.from_dict(made, name=f"{value.__name__}Schema")()
    assert isinstance(made_schema, ValueSchema)
    made_schema.derive(value, frozenset(optional))
    return made_schema


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, False
    kinds = typing.get_args(hint)
    rest = tuple(kind for kind in kinds if kind is not type(None))
    return (rest[0] if len(rest) == 1 else typing.Union[rest]), len(rest) < len(kinds)  # noqa: UP007 - made at run time


def _field(hint: Any, **kwargs: Any) -> wire.WireField[Any]:
    if hint in _PLAIN:
        return _PLAIN[hint](**kwargs)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return wire.Code(hint, **kwargs)
    if isinstance(hint, type) and is_dataclass(hint):
        return Value(hint, **kwargs)
    origin, kinds = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union and all(is_dataclass(kind) for kind in kinds):
        return OneOf(kinds, **kwargs)
    if origin is tuple and kinds[-1] is Ellipsis:
        return Row(_field(kinds[0]), **kwargs)
    if origin is tuple and len(set(kinds)) == 1:
        return Row(_field(kinds[0]), len(kinds), **kwargs)
    if origin is Mapping and kinds[0] is str:
        return wire.Pairs(_field(kinds[1], allow_none=kinds[1] is object), **kwargs)
    raise TypeError(f"no way to write a {hint!r} is known")


def nested(field: Any) -> tuple[type[Any], ...]:
    """The dataclasses that a field holds."""
    if isinstance(field, Value):
        return (field.value,)
    if isinstance(field, OneOf):
        return tuple(field.values.values())
    if isinstance(field, Row):
        return nested(field.item)
    return nested(field.values) if isinstance(field, wire.Pairs) else ()


def beyond(kind: type[Any], plain: Any, path: str) -> Iterator[tuple[str, object]]:
    """What the JSON of a `kind` that was read says for which there is no field, as (path, value), at every depth. Empty things are none."""
    if not isinstance(plain, dict):
        return
    known, deeper = _shape(kind)
    for key in plain.keys() - known:
        if plain[key] is not None:
            yield f"{path}.{key}", plain[key]
    for key, field in deeper:
        if plain.get(key) is not None:
            yield from _beyond(field, plain[key], f"{path}.{key}")


_shapes: dict[type[Any], tuple[frozenset[str], tuple[tuple[str, Any], ...]]] = {}


def _shape(kind: type[Any]) -> tuple[frozenset[str], tuple[tuple[str, Any], ...]]:
    """The names of the fields, and those fields that hold values of ours."""
    shape = _shapes.get(kind)
    if shape is None:
        found = schema(kind).fields
        shape = _shapes[kind] = frozenset(found), tuple((name, field) for name, field in found.items() if nested(field))
    return shape


def _beyond(field: Any, plain: Any, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(field, Value):
        yield from beyond(field.value, plain, path)
    elif isinstance(field, OneOf):
        yield from beyond(field.values[plain[TAG]], {key: item for key, item in plain.items() if key != TAG}, path)
    elif isinstance(field, Row):
        for place, each in enumerate(plain):
            yield from _beyond(field.item, each, f"{path}[{place}]")
    elif isinstance(field, wire.Pairs):
        for key, each in plain.items():
            yield from _beyond(field.values, each, f"{path}.{key}")


def problems(messages: Any, path: str = "") -> tuple[tuple[str, str], ...]:
    """marshmallow's nested messages as (path of the field, what to do), in order."""
    if isinstance(messages, dict):
        found: list[tuple[str, str]] = []
        for key, inner in messages.items():
            step = "" if key == "_schema" else f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
            found.extend(problems(inner, path + step))
        return tuple(found)
    if isinstance(messages, list):
        return tuple(pair for inner in messages for pair in problems(inner, path))
    return ((path, str(messages)),)
