"""The registry names adapters and nothing else: what is not known is told, with what is."""

from __future__ import annotations

import sys

import pytest

from devices import registry
from devices.cameras.mjpeg_http import MjpegCamera
from devices.ports import DrawerOutcome
from pointofcare.errors import ConfigError


@pytest.mark.parametrize(
    ("opened", "table"),
    [
        (lambda: registry.camera("webcam:0"), registry.CAMERAS),
        (lambda: registry.camera(""), registry.CAMERAS),
        (lambda: registry.decoder("quirc"), registry.DECODERS),
        (lambda: registry.picture("paint"), registry.PICTURES),
        (lambda: registry.drawers("tray:3"), registry.DRAWERS),
    ],
)
def test_an_unknown_name_lists_the_known_ones(opened: object, table: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        opened()  # type: ignore[operator]
    assert all(name in caught.value.remedy for name in table)


def test_a_missing_library_is_told_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zxingcpp", None)
    monkeypatch.delitem(sys.modules, "devices.decoders.zxing", raising=False)
    with pytest.raises(ConfigError) as caught:
        registry.decoder("zxing")
    assert "pointofcare[cart]" in caught.value.remedy


@pytest.mark.parametrize(
    "source",
    ["folder:/tmp?rate_hz=fast", "folder:/tmp?lop=1", "folder:/tmp?loop=yes", "opencv:0?width=wide", "mjpeg:/v", "mjpeg:ftp://127.0.0.1/v"],
)
def test_a_bad_or_misspelt_option_is_a_fault_of_the_configuration(source: str) -> None:
    with pytest.raises(ConfigError):
        registry.camera(source)


def test_a_url_keeps_its_own_query() -> None:
    camera = registry.camera("mjpeg:http://127.0.0.1:1/v?channel=2#stall_s=0.5")
    assert isinstance(camera, MjpegCamera)
    assert camera.describe() == "mjpeg http://127.0.0.1:1/v?channel=2"


def test_a_cart_without_drawers_never_says_that_one_opened() -> None:
    assert registry.drawers("none").unlock(1, command_id="c", ttl_s=5) is DrawerOutcome.REFUSED
    assert registry.drawers().unlock(1, command_id="c", ttl_s=5) is DrawerOutcome.REFUSED
