"""A cart without locked drawers. Must never say that it unlocked one."""

from __future__ import annotations

from devices.ports import DrawerOutcome


class NoDrawers:
    """Refuses every unlock: there is nothing to open."""

    def unlock(self, drawer: int, *, command_id: str, ttl_s: float) -> DrawerOutcome:  # noqa: ARG002 the port's shape
        return DrawerOutcome.REFUSED

    def battery_percent(self) -> int | None:
        return None

    def close(self) -> None:
        return None


def open_drawers(source: str = "") -> NoDrawers:  # noqa: ARG001 one shape for every drawer adapter
    return NoDrawers()
