"""What keeps a cart in order from afar: a fault in it keeps nothing else back, and no message ends the line."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cart_client import uplink
from cart_client.alerting import Sign
from cart_client.settings_held import SettingsHeld
from cart_client.upkeep import Upkeep
from pointofcare.wire import routes
from pointofcare.wire.messages import ConfigDesired
from pointofcare.wire.routes import Route
from tests.unit.cart_client.test_drain_window import Line

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_signs_that_cannot_be_read_keep_neither_the_report_nor_the_caller_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mono_s, sent = [100.0], list[Route]()
    faults = [RuntimeError("a sign"), RuntimeError("a sign"), RuntimeError("a sign")]

    def read() -> Iterable[Sign]:
        if faults:
            raise faults.pop()
        return (Sign(code="disk-low", bad=True, good=False),)

    def publish(route: Route, *_body: object, **_levels: str) -> bool:
        sent.append(route)
        return True

    held = SettingsHeld(tmp_path, cart="c1", facility="h1", keys=tuple, own={})
    upkeep = Upkeep(held, read, mono_s=lambda: mono_s[0])
    upkeep.connected()
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            upkeep.step(NOW, publish, publish)
            mono_s[0] += 6.0
    assert sent == [routes.CONFIG_TOLD]
    assert len(caplog.records) == 1, "said once a minute at most"
    upkeep.step(NOW, publish, publish)
    assert sent == [routes.CONFIG_TOLD, routes.ALERT]


def test_settings_that_break_what_reads_them_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = SettingsHeld(tmp_path, cart="c1", facility="h1", keys=tuple, own={})
    upkeep = Upkeep(held, tuple)

    def broken(_body: ConfigDesired) -> str | None:
        raise RuntimeError("rubbish")

    monkeypatch.setattr(held, "take", broken)
    assert upkeep.desired(ConfigDesired(version=1, signed="x")) == "fault"


def test_an_event_that_nothing_is_prepared_for_does_not_end_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(tmp_path)
    taken: list[object] = []

    def take(event: object) -> None:
        taken.append(event)
        if len(taken) == 1:
            raise RuntimeError("rubbish")

    monkeypatch.setattr(line.uplink, "_take", take)
    line.uplink.wake()
    line.uplink.wake()
    line.uplink._events.put(uplink._Halt())
    line.uplink._run()
    assert len(taken) == 2
    line.journal.close()
    line.chart.close()
