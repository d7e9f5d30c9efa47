"""Any frozen value of the core as JSON and back, strictly and without loss: for journals, outboxes and stored facts.

The bytes are canonical (sorted keys, no spaces, UTF-8), so equal values have equal bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar

from marshmallow import ValidationError

from pointofcare.errors import MessageError
from pointofcare.wire import schemas

ValueT = TypeVar("ValueT")

MAX_VALUE_BYTES = 16_000_000
_CANONICAL = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def dump(value: object) -> bytes:
    """Canonical JSON of a frozen dataclass. Raises: MessageError, naming the field, for a value that its type forbids."""
    return written(to_plain(value))


def load(kind: type[ValueT], data: bytes | str) -> ValueT:
    """The value of `dump`. Raises: MessageError."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return from_plain(kind, parsed(raw, limit_bytes=MAX_VALUE_BYTES))


def to_plain(value: object) -> dict[str, Any]:
    """A frozen dataclass as a JSON object. Raises: MessageError."""
    name = type(value).__name__
    try:
        plain = schemas.schema(type(value)).dump(value)
    except ValidationError as exc:
        raise unfit(name, schemas.problems(exc.messages)) from exc
    except (TypeError, AttributeError, ValueError) as exc:
        raise unfit(name, (("", str(exc)),)) from exc
    assert isinstance(plain, dict)
    return plain


def from_plain(kind: type[ValueT], plain: object) -> ValueT:
    """The value of `to_plain`. Raises: MessageError with every fault."""
    if not isinstance(plain, Mapping):
        raise unfit(kind.__name__, (("", "must be an object"),))
    try:
        value = schemas.schema(kind).load(plain)
    except ValidationError as exc:
        raise unfit(kind.__name__, schemas.problems(exc.messages)) from exc
    assert isinstance(value, kind)
    return value


def written(plain: object) -> bytes:
    """Canonical JSON. Raises: MessageError for text that is not Unicode."""
    try:
        return _CANONICAL.encode(plain).encode()
    except (UnicodeEncodeError, ValueError, TypeError, RecursionError) as exc:
        raise MessageError("a value cannot be written as JSON", remedy="use Unicode text and finite numbers", why=str(exc)) from exc


def parsed(data: bytes, *, limit_bytes: int) -> object:
    """JSON, strictly: UTF-8, no key twice, no NaN, no half characters, at most `limit_bytes`. Raises: MessageError only."""
    if len(data) > limit_bytes:
        raise MessageError(
            f"{len(data)} bytes are too many", remedy=f"send at most {limit_bytes} bytes", size_bytes=len(data), limit_bytes=limit_bytes
        )
    try:
        text = data.decode("utf-8")
        value: object = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair cannot be written again
    except RecursionError as exc:
        raise MessageError("the JSON is nested too deeply", remedy="send a flatter message") from exc
    except MessageError:
        raise
    except ValueError as exc:
        raise MessageError("the bytes are not JSON in UTF-8", remedy="send one JSON object in UTF-8", why=str(exc)) from exc
    return value


def unfit(name: str, problems: tuple[tuple[str, str], ...]) -> MessageError:
    """The error that says every fault: its text names the first one."""
    where, what = problems[0] if problems else ("", "")
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    return MessageError(
        f"{name}: {where or 'the value'} {what}{more}", problems=problems, remedy=f"send a {name} as the schema says", type=name
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise MessageError(f"the key {twice[:80]!r} stands twice", problems=((twice, "must stand once"),), remedy="write each key once")
    return found


def _no_constant(name: str) -> float:
    raise MessageError(f"{name} is not JSON", remedy="send finite numbers, or null where one is not known")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MessageError(f"{text[:40]} is not a finite number", remedy="send finite numbers, or null where one is not known")
    return number
