"""A cart without locked drawers. Must never say that it unlocked one."""

from __future__ import annotations

from collections.abc import Mapping

from devices.ports import DrawerOutcome, LockOutcome
from pointofcare.errors import DeviceUnavailableError


class NoDrawers:
    """Refuses every unlock: there is nothing to open."""

    def unlock(self, drawer: int, *, command_id: str, ttl_s: float) -> DrawerOutcome:  # noqa: ARG002 the port's shape
        return DrawerOutcome.REFUSED

    def happenings(self, *, run: str, after: int) -> None:  # noqa: ARG002 the port's shape
        return None

    def battery_percent(self) -> int | None:
        return None

    def lock(self, drawer: int) -> LockOutcome:  # noqa: ARG002 the port's shape
        return LockOutcome.REFUSED

    def in_use(self, busy: bool, *, ttl_s: float) -> None:  # noqa: ARG002 the port's shape
        return None

    def signal(self, *, lasts_s: float, sound: bool = True, lights: bool = True) -> None:  # noqa: ARG002 the port's shape
        raise DeviceUnavailableError("this cart has no hardware that sounds or shines", remedy="look at its screen")

    def selftest(self) -> tuple[str, ...]:
        raise DeviceUnavailableError("this cart has no hardware to test", remedy="look at its drawers")

    def condition(self) -> Mapping[str, object]:
        return {}

    def close(self) -> None:
        return None


def open_drawers(source: str = "") -> NoDrawers:  # noqa: ARG001 one shape for every drawer adapter
    return NoDrawers()
