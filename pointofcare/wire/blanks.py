"""Canonical JSON with blanks: written once while there is time, filled in when the last values are known.

Filled in, the bytes are those that the whole value would be written with; that is what a form is for. So it may only be filled for a
value that is the very same but for the blanks, which is looked at by identity (frozen values; equal is not the same on the wire:
1.0 mg and 1.00 mg). For any other there are no bytes here, and the caller writes it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter, is_
from typing import Any

from marshmallow import ValidationError

from pointofcare.errors import MessageError
from pointofcare.wire import values
from pointofcare.wire.fields import WireField


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """One of the nested dataclasses that blanks lie in, and what must be the same of it."""

    reach: Callable[[Any], Any]
    kind: type[Any]
    rest: Callable[[Any], tuple[Any, ...]]
    held: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blank:
    path: str
    reach: Callable[[Any], Any]
    field: WireField[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`around` is the text before, between and after the `blanks`, which stand in the order of the text."""

    levels: tuple[_Level, ...]
    blanks: tuple[_Blank, ...]
    around: tuple[bytes, ...]


def form(value: Any, plain: Mapping[str, Any], blanks: Mapping[str, WireField[Any]]) -> Form | None:
    """The form of `value`, whose canonical JSON is that of `plain`. `blanks` names what will change by its path in both ("body.seq")
    and how it is written; what is None now must stay None. None when a text in it looks like a blank."""
    open_ = {path: field for path, field in blanks.items() if attrgetter(path)(value) is not None}
    marks = {path: f"\x01{number}\x02{path}\x01" for number, path in enumerate(open_)}
    marked: dict[str, Any] = dict(plain)
    for path, mark in marks.items():
        *owners, name = path.split(".")
        place = marked
        for owner in owners:
            place[owner] = place = dict(place[owner])
        place[name] = mark
    text = values.written(marked)
    tokens = {path: values.written(mark) for path, mark in marks.items()}
    if any(text.count(token) != 1 for token in tokens.values()):
        return None
    around = []
    in_order = sorted(tokens, key=lambda path: text.index(tokens[path]))
    for path in in_order:
        before, _, text = text.partition(tokens[path])
        around.append(before)
    return Form(
        levels=_levels(value, tuple(open_)),
        blanks=tuple(_Blank(path=path, reach=attrgetter(path), field=open_[path]) for path in in_order),
        around=(*around, text),
    )


def filled(made: Form, value: Any) -> list[bytes] | None:
    """The canonical JSON of `value` in pieces, the last of which no blank changes. None when anything but the blanks differs from the
    value that the form was made of."""
    for level in made.levels:
        found = level.reach(value)
        if type(found) is not level.kind or not all(map(is_, level.rest(found), level.held)):
            return None
    return with_these(made, [blank.reach(value) for blank in made.blanks])


def with_these(made: Form, entries: Sequence[Any]) -> list[bytes] | None:
    """The text with `entries` in its blanks, in the order of the text; None when one of them is None, or cannot be written."""
    pieces = [made.around[0]]
    try:
        for blank, entry, after in zip(made.blanks, entries, made.around[1:], strict=True):
            if entry is None:
                return None
            plain = blank.field.write(entry)
            # As JSON has it; a float that `Real` lets through is finite.
            pieces += (repr(plain).encode() if type(plain) in (int, float) else values.written(plain), after)
    except (ValidationError, MessageError):
        return None  # whoever writes it anew says what is wrong
    return pieces


def _levels(value: Any, paths: tuple[str, ...]) -> tuple[_Level, ...]:
    owners = {"": {path.partition(".")[0] for path in paths}}
    for path in paths:
        parts = path.split(".")
        for depth in range(1, len(parts)):
            owners.setdefault(".".join(parts[:depth]), set()).add(parts[depth])
    found = []
    for owner, changing in owners.items():
        reach: Callable[[Any], Any] = attrgetter(owner) if owner else _itself
        holder = reach(value)
        rest = _together(tuple(each.name for each in fields(holder) if each.name not in changing))
        found.append(_Level(reach=reach, kind=type(holder), rest=rest, held=rest(holder)))
    return tuple(found)


def _itself(value: Any) -> Any:
    return value


def _together(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """The fields of these names as one tuple, however many they are."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)
