"""Any value that a frozen dataclass of the wire can hold, made from its type hints, for property tests."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from pointofcare.labels.scan import SiteProfile
from pointofcare.quantity import Quantity

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
REAL = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | REAL | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
QUANTITY = st.builds(
    lambda value, unit: Quantity(value=value, unit=unit),
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9)
    | st.sampled_from([Decimal(1) / 3, Decimal("1E+3"), Decimal("1.50"), Decimal("-0")]),
    st.sampled_from(["mg", "mL/h", "mg/kg", "[IU]", "{tablet}", "/min", "mm[Hg]"]),
)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: WHOLE,
    float: REAL,
    bool: st.booleans(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    date: st.dates(),
    time: st.times(),
    timedelta: st.timedeltas(),
    Quantity: QUANTITY,
    object: JSON,
}


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if hint is SiteProfile:  # its pattern must be a regular expression
        return st.builds(SiteProfile, mrn_pattern=st.sampled_from([None, "BN[0-9]{6}"]), badge_prefix=TEXT)
    if hint is type(None):
        return st.none()
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    if isinstance(hint, type) and is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{field.name: any_of(hints[field.name]) for field in fields(hint)})
    origin, kinds = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(any_of, kinds))
    if origin is tuple and kinds[-1] is Ellipsis:
        return st.lists(any_of(kinds[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(any_of, kinds))
    assert origin is Mapping, hint
    return st.dictionaries(TEXT, any_of(kinds[1]), max_size=3)
