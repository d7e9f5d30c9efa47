"""Drops a minute with their arithmetic: what is shown is what is counted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pointofcare.errors import QuantityError
from pointofcare.orders import gravity, infusion
from pointofcare.quantity import Quantity


@pytest.mark.parametrize(
    ("rate", "factor", "exact", "whole", "ten"),
    [
        ("83 mL/h", 20, "27.67", 28, "21.4"),
        ("120 mL/h", 20, "40", 40, "15"),
        ("100 mL/h", 60, "100", 100, "6"),
        ("1 L/h", 15, "250", 250, "2.4"),
    ],
)
def test_the_arithmetic_shown_is_the_one_that_is_counted(rate: str, factor: int, exact: str, whole: int, ten: str) -> None:
    found = gravity.count(Quantity.parse(rate), factor)
    assert (found.exact, found.whole, found.seconds_for_ten) == (Decimal(exact), whole, Decimal(ten))
    assert found.whole == infusion.whole_drops_per_minute(Quantity.parse(rate), factor)
    assert abs(found.rate_ml_h * factor / 60 - found.exact) <= Decimal("0.01") * factor


@pytest.mark.parametrize(("rate", "factor"), [("5 mg/h", 20), ("0.5 mL/h", 20), ("83 mL/h", 1), ("-5 mL/h", 20)])
def test_what_no_drop_chamber_holds_has_no_count(rate: str, factor: int) -> None:
    with pytest.raises(QuantityError):
        gravity.count(Quantity(value=Decimal(rate.split()[0]), unit=rate.split()[1]), factor)
