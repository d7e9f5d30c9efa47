"""The largest codes that there are, and those that want to be obeyed: read or not, in bounded time and memory, and never acted on."""

from __future__ import annotations

import resource
import time
import webbrowser
from datetime import date
from typing import Any

import numpy as np
import pytest
import zxingcpp

from devices import registry
from pointofcare.labels.scan import SiteProfile, TextScan, UnreadableLabel, interpret
from tests.support.camera_peers import a_frame

FULL_TEXT = ("".join(chr(0x61 + place % 26) + str(place % 10) for place in range(1477)))[:2953]
FULL = {"bytes": FULL_TEXT, "digits": "1234567" * 1012 + "12345"}
SECONDS, MEGABYTES = 6.0, 300


def _picture(content: str | bytes, *, module_px: int = 5) -> Any:
    code = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    modules = np.pad(np.array(code.to_image(scale=1, add_quiet_zones=False)), 6, constant_values=255)
    grey = np.kron(modules, np.ones((module_px, module_px), np.uint8))
    return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))


@pytest.mark.parametrize("kind", sorted(FULL))
@pytest.mark.parametrize("name", sorted(registry.DECODERS))
def test_a_full_version_40_is_read_whole_or_not_at_all_in_bounded_time_and_memory(name: str, kind: str) -> None:
    image = _picture(FULL[kind])
    assert image.shape[0] == (177 + 12) * 5
    decoder = registry.decoder(name)
    begun, before_kb = time.thread_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = [symbol.content for symbol in decoder.decode(a_frame(image))]
    assert time.thread_time() - begun < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < MEGABYTES * 1024
    assert read == [FULL[kind].encode()]


@pytest.mark.parametrize("name", sorted(registry.DECODERS))
def test_a_full_version_40_that_is_torn_says_nothing(name: str) -> None:
    image = _picture(FULL["bytes"])
    image[300:640, 300:640] = 255
    begun = time.thread_time()
    assert registry.decoder(name).decode(a_frame(image)) == []
    assert time.thread_time() - begun < SECONDS


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:9/give?patient=1",
        "https://evil.example/" + "a" * 1800,
        "file:///etc/passwd",
        "javascript:alert(document.cookie)",
        "WIFI:T:WPA;S=ward;P=secret;;",
        "'; DROP TABLE patient; --",
        "<script>location='//evil.example'</script>",
    ],
)
def test_an_address_in_a_code_is_text_and_is_never_opened(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets are off in these tests: what asked for the address would fail here."""
    monkeypatch.setattr(webbrowser, "open", lambda *_, **__: pytest.fail("an address was opened"))
    for name in registry.DECODERS:
        (symbol,) = registry.decoder(name).decode(a_frame(_picture(text)))
        assert symbol.content == text.encode()
        assert interpret(symbol, SiteProfile(), date(2026, 11, 22)) == TextScan(text=text, identifier=symbol.identifier)


def test_a_full_code_names_nobody_and_nothing() -> None:
    for content in FULL.values():
        (symbol,) = registry.decoder("zxing").decode(a_frame(_picture(content)))
        read = interpret(symbol, SiteProfile(mrn_pattern="[0-9a-z]+"), date(2026, 11, 22))
        assert isinstance(read, TextScan | UnreadableLabel)
