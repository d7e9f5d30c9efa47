"""What the rules of the fleet's alerts look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from server.store.alert_rules import Measured
from server.usecases.alert_rules import MEASURES

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def _told(app: Mapping[str, Any], mcu: Mapping[str, Any]) -> Measured:
    unknown = dict.fromkeys(
        (
            "last_seen_at",
            "silent_at",
            "battery_percent",
            "charging",
            "health_percent",
            "battery_cel",
            "unsent",
            "chart_age_s",
            "clock_offset_s",
        )
    )
    return Measured(cart="c1", ward="W1", phase="ready", app=app, mcu=mcu, **unknown)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("app", "mcu", "days"),
    [
        ({"certificate_days_left": 40}, {"certificate_days_left": 6}, 6.0),
        ({"certificate_days_left": 5}, {"certificate_days_left": 50}, 5.0),
        ({"certificate_days_left": 5}, {}, 5.0),
        ({}, {"certificate_days_left": 6}, 6.0),
        ({"certificate_days_left": True}, {"certificate_days_left": "soon"}, None),
        ({}, {}, None),
    ],
)
def test_the_certificate_that_ends_first_counts(app: Mapping[str, Any], mcu: Mapping[str, Any], days: float | None) -> None:
    assert MEASURES["certificate"].value(_told(app, mcu), NOW) == days
