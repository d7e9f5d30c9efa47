"""Settings from afar at the cart: only what the server signed for this cart and is newer, kept over a restart, and told truly."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from cart_client import settings_held
from cart_client.settings_held import FOREIGN, NOT_KEPT, NOT_SIGNED, OLDER, SettingsHeld
from pointofcare.wire import settings
from pointofcare.wire.messages import ConfigDesired, ConfigOrder
from server.security import signing
from server.security.signing import SigningKey

KEY, OTHER = (SigningKey(key=OKPKey.generate_key("Ed25519")) for _ in range(2))
PUBLIC = OKPKey.import_key(KEY.key.as_dict(private=False))


def held(directory: Path, *, nothing_here: frozenset[str] = frozenset()) -> SettingsHeld:
    own: dict[str, settings.Value] = {"language": "fr"}
    return SettingsHeld(directory, cart="c1", facility="h1", keys=lambda: (PUBLIC,), own=own, nothing_here=nothing_here)


def desired(
    version: int,
    document: Mapping[str, object],
    *,
    cart: str = "c1",
    facility: str = "h1",
    key: SigningKey = KEY,
    kind: str = "cart-config",
) -> ConfigDesired:
    order = ConfigOrder(facility=facility, cart=cart, version=version, document=document, issued_at=datetime(2026, 11, 22, tzinfo=UTC))
    return ConfigDesired(version=version, signed=signing.sign_order(key, kind, settings.claims(order)))


def test_what_the_server_signed_for_this_cart_runs_at_once_and_after_a_restart(tmp_path: Path) -> None:
    one = held(tmp_path)
    assert one.take(desired(3, {"telemetry_interval_s": 120, "language": "en"})) is None
    for each in (one, held(tmp_path)):
        assert (each.whole_number("telemetry_interval_s"), each.text("language")) == (120, "en")
        assert (each.report.version, each.report.refused) == (3, {})
        assert each.report.document["battery_low_percent"] == 20
        assert each.report.hash == settings.hash_of(each.report.document)


def test_the_carts_own_file_stands_until_something_else_is_wanted(tmp_path: Path) -> None:
    one = held(tmp_path)
    assert (one.text("language"), one.report.version) == ("fr", 0)
    assert one.take(desired(1, {})) is None
    assert one.text("language") == "fr"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (desired(9, {}, key=OTHER), NOT_SIGNED),
        (desired(9, {}, kind="cart-job"), NOT_SIGNED),
        (desired(9, {}, kind="witness"), NOT_SIGNED),
        (ConfigDesired(version=9, signed="x" * 70_000), NOT_SIGNED),
        (ConfigDesired(version=9, signed="not.a.jws"), NOT_SIGNED),
        (desired(9, {}, cart="c2"), FOREIGN),
        (desired(9, {}, facility="h2"), FOREIGN),
        (desired(0, {}), FOREIGN),
        (desired(2**50, {}), FOREIGN),
        (desired(1, {"language": "vi"}), OLDER),
    ],
)
def test_a_forged_foreign_or_older_one_changes_nothing(tmp_path: Path, wrong: ConfigDesired, why: str) -> None:
    one = held(tmp_path)
    assert one.take(desired(2, {"language": "en"})) is None
    before = one.report
    assert one.take(wrong) == why
    assert one.report == before
    assert held(tmp_path).report == before


def test_the_same_one_again_is_no_fault(tmp_path: Path) -> None:
    one = held(tmp_path)
    for _ in range(3):
        assert one.take(desired(2, {"language": "en"})) is None


def test_each_setting_that_does_not_run_says_why_and_the_others_run(tmp_path: Path) -> None:
    one = held(tmp_path, nothing_here=frozenset({"camera_alert"}))
    wanted = {"idle_lock_s": 120, "telemetry_interval_s": 1, "language": "de", "made_up": 1, "camera_alert": False, "kiosk_threads": 8}
    assert one.take(desired(1, wanted)) is None
    assert one.report.refused == {
        "telemetry_interval_s": settings.OUT_OF_BOUNDS,
        "language": settings.NOT_A_CHOICE,
        "made_up": settings.UNKNOWN,
        "camera_alert": "setting-nothing-here",
        "kiosk_threads": settings.RESTART,
    }
    assert one.report.document["idle_lock_s"] == 120
    assert one.report.document["kiosk_threads"] == 6
    assert held(tmp_path).report.document["kiosk_threads"] == 8


def test_no_idle_lock_is_too_short_to_work_with(tmp_path: Path) -> None:
    one = held(tmp_path)
    assert one.take(desired(1, {"idle_lock_s": 119})) is None
    assert one.report.refused == {"idle_lock_s": settings.OUT_OF_BOUNDS}
    assert one.whole_number("idle_lock_s") == 0


def test_a_disk_that_takes_nothing_leaves_what_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = held(tmp_path)

    def full(_path: Path, _text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(settings_held, "_write", full)
    assert one.take(desired(1, {"language": "en"})) == NOT_KEPT
    assert (one.text("language"), one.version) == ("fr", 0)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\xff\xfe", b"a.b.c"])
def test_a_damaged_file_leaves_the_defaults(tmp_path: Path, content: bytes) -> None:
    (tmp_path / settings_held.FILE).write_bytes(content)
    one = held(tmp_path)
    assert one.version == 0
    assert one.take(desired(1, {"language": "en"})) is None


def test_a_power_cut_while_writing_leaves_the_old_one_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = held(tmp_path)
    one.take(desired(1, {"language": "en"}))

    def cut(_self: Path, _target: Path) -> Path:
        raise OSError(5, "the power went")

    monkeypatch.setattr(Path, "replace", cut)
    assert one.take(desired(2, {"language": "vi"})) == NOT_KEPT
    assert held(tmp_path).text("language") == "en"
