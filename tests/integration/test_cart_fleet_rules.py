"""A cart's end of the fleet's rules over a real broker: its own state, its alerts and its settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from cart_client.alerting import Sign
from cart_client.screen import Strip
from cart_client.settings_held import SettingsHeld
from cart_client.upkeep import Readings, Upkeep, signs
from devices.broker import Arrival, Cleared
from pointofcare.wire import routes, settings
from pointofcare.wire.messages import (
    AlertRaised,
    AlertSeverity,
    CartBirth,
    CartPhase,
    CartState,
    ConfigDesired,
    ConfigOrder,
    ConfigReported,
    FleetEvent,
)
from server.security import signing
from server.security.signing import SigningKey
from tests.integration.test_cart_uplink import CART, Line
from tests.support.brokers import FACILITY, KINDS, SERVER, WAIT_S, a_message, of, running_clients

KEY = SigningKey(key=OKPKey.generate_key("Ed25519"))
PUBLIC = OKPKey.import_key(KEY.key.as_dict(private=False))


class Cart(Line):
    """An uplink with upkeep, whose signs the test sets."""

    signs: tuple[Sign, ...] = ()

    def upkeep(self, folder: Path) -> None:
        held = SettingsHeld(folder, cart=CART, facility=FACILITY, keys=lambda: (PUBLIC,), own={})
        self.uplink._upkeep = Upkeep(held, lambda: self.signs)

    def desire(self, version: int, document: dict[str, object], *, key: SigningKey = KEY) -> None:
        order = ConfigOrder(facility=FACILITY, cart=CART, version=version, document=document, issued_at=datetime.now(UTC))
        signed = signing.sign_order(key, settings.TYPE, settings.claims(order))
        self.down(routes.CONFIG, ConfigDesired(version=version, signed=signed))

    def reported(self, version: int) -> ConfigReported:
        arrival = self.inbox.expect(
            Arrival, lambda one: isinstance(one.message.body, ConfigReported) and one.message.body.version == version
        )
        assert isinstance(arrival.message.body, ConfigReported)
        return arrival.message.body


@pytest.fixture(params=KINDS)
def cart(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cart]:
    with running_clients(request.param, (CART,)) as clients:
        made = Cart(clients, tmp_path)
        made.upkeep(tmp_path)
        try:
            yield made
        finally:
            made.uplink.stop()
            made.journal.close()
            made.chart.close()


def test_a_cart_that_reads_that_it_is_lost_says_its_birth_and_state_again(cart: Cart) -> None:
    cart.start()
    cart.inbox.expect(Arrival, lambda one: one.route is routes.STATE)
    cart.inbox.expect(Arrival, of(CartBirth))
    lost = a_message(CART, CartState(phase=CartPhase.LOST, why="connection-lost"))
    assert cart.server.publish(routes.STATE, lost, facility=FACILITY, cart=CART).wait(WAIT_S)
    cart.inbox.expect(Arrival, lambda one: isinstance(one.message.body, CartState) and one.message.body.phase is CartPhase.LOST)
    cart.inbox.expect(Arrival, of(CartBirth))
    cart.inbox.expect(Arrival, lambda one: isinstance(one.message.body, CartState) and one.message.body.phase is CartPhase.READY)
    assert cart.server.clear(routes.STATE, facility=FACILITY, cart=CART).wait(WAIT_S)  # somebody takes it away, and it is there
    cart.inbox.expect(Arrival, lambda one: isinstance(one.message.body, CartState) and one.message.body.phase is CartPhase.READY)


def test_alerts_are_raised_kept_resolved_and_said_again_to_a_new_connection(cart: Cart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cart_client.upkeep.LOOK_EVERY_S", 0.05)
    monkeypatch.setattr("cart_client.alerting.CALM_S", 0.1)
    cart.signs = (Sign(code="battery-low", bad=True, good=False, details={"value": 9}), Sign(code="disk-low", bad=False, good=True))
    cart.start()
    arrival = cart.inbox.expect(Arrival, of(AlertRaised))
    cart.inbox.expect(Cleared, lambda one: one.levels.get("alert") == "disk-low")  # an earlier run may have raised it
    assert (arrival.levels["alert"], arrival.message.body.severity) == ("battery-low", AlertSeverity.WARNING)  # type: ignore[union-attr]
    late, inbox = cart.clients.make(SERVER, client_id="late")
    late.on(routes.ALERT, facility=FACILITY)
    cart.clients.connect(late, inbox)
    assert inbox.expect(Arrival, of(AlertRaised)).retained
    cart.signs = (Sign(code="battery-low", bad=False, good=True),)
    cart.inbox.expect(Cleared, lambda one: one.levels.get("alert") == "battery-low")


def test_settings_are_taken_told_and_obeyed_and_a_forged_one_is_an_event(cart: Cart) -> None:
    cart.start()
    assert cart.reported(0).document["telemetry_interval_s"] == 30
    cart.desire(1, {"telemetry_interval_s": 5, "made_up": 1})
    told = cart.reported(1)
    assert (told.document["telemetry_interval_s"], told.refused) == (5, {"made_up": settings.UNKNOWN})
    assert cart.uplink._interval_s == 5
    cart.desire(2, {}, key=SigningKey(key=OKPKey.generate_key("Ed25519")))
    cart.inbox.expect(Arrival, lambda one: isinstance(one.message.body, FleetEvent) and one.message.body.details.get("why") == "not-signed")
    assert cart.reported(1).document["telemetry_interval_s"] == 5


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"battery_percent": 15}, "battery-low"),
        ({"unsent": 3}, "records-unsent"),
        ({"clock_offset_s": -9.0}, "clock-offset"),
        ({"clock_doubt": "behind"}, "clock-offset"),
        ({"chart_age_s": 90_000.0}, "chart-old"),
        ({"missing": ("patient-chart",)}, "chart-old"),
        ({"journal_fault": "disk-full"}, "journal-fault"),
        ({"camera_live": False}, "camera-fault"),
        ({"camera_fault": "frozen"}, "camera-fault"),
    ],
)
def test_each_thing_that_is_wrong_is_one_sign_and_names_nobody(tmp_path: Path, change: dict[str, object], code: str) -> None:

    held = SettingsHeld(tmp_path, cart=CART, facility=FACILITY, keys=lambda: (PUBLIC,), own={})
    well = Strip(battery_percent=90, clock_offset_s=0.1, chart_age_s=60.0, camera_live=True)
    fine = Readings(strip=well, camera=True, certificate_days=60, disk_free_percent=50)
    assert [one.code for one in signs(fine, held) if one.bad or not one.good] == []
    odd = Readings(strip=replace(well, **change), camera=True, certificate_days=60, disk_free_percent=50)  # type: ignore[arg-type]
    assert [one.code for one in signs(odd, held) if one.bad] == [code]
    unknown = Readings(strip=Strip(), camera=True)
    assert [one.code for one in signs(unknown, held) if one.bad] == []
