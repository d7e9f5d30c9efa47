"""Releases, plans and carts of rollouts, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pointofcare.firmware import Target, version
from pointofcare.fleet.plan import Plan, Wave
from pointofcare.fleet.rollout import Rollout
from pointofcare.fleet.update import CartUpdate, Seen

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
HARDWARE = "cart-mcu-r2"
NEW, OLD = "a" * 64, "b" * 64


def a_target(**given: Any) -> Target:
    told: dict[str, Any] = {
        "name": "cart-mcu/cart-mcu-r2-1.1.0.bin",
        "version": version("1.1.0+7"),
        "length": 40_000,
        "sha256": "c" * 64,
        "hardware": HARDWARE,
        "image_hash": NEW,
        "security_counter": 2,
    }
    return Target(**{**told, **given})


def a_plan(**given: Any) -> Plan:
    return Plan(**{"waves": (Wave(upto_percent=100),), **given})


def a_rollout(**given: Any) -> Rollout:
    return Rollout(**{"target": a_target(), "plan": a_plan(), "since": NOW, **given})


def an_update(cart: str = "cart-01", **given: Any) -> CartUpdate:
    return CartUpdate(**{"cart": cart, "job": f"job-{cart}", "wave": 0, "since": NOW, **given})


def a_cart(at: datetime = NOW, **given: Any) -> Seen:
    """One that is there, docked and charged, and runs the older image."""
    told: dict[str, Any] = {
        "online": True,
        "heard_at": at,
        "image_hash": OLD,
        "confirmed": True,
        "hardware": HARDWARE,
        "docked": True,
        "charge_percent": 90.0,
        "in_use": False,
    }
    return Seen(**{**told, **given})


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)
