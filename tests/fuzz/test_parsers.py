"""Every reader of what comes from outside: labels, files, settings, signed texts. It answers with a value or an error of ours."""

from __future__ import annotations

import base64
import json
import tomllib
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

import cart_client.config
import firmware_bridge.config
import server.config
from cart_client import checkpoints
from devices.scanners.serial_line import LONGEST_BYTES, SerialScanner
from pointofcare.errors import ConfigError, LabelError, MessageError, PointOfCareError
from pointofcare.labels import gs1, scan
from pointofcare.labels.application_identifiers import IDENTIFIERS
from pointofcare.labels.scan import BadgeScan, BandScan, DrugScan, SiteProfile, TextScan, UnreadableLabel
from pointofcare.labels.symbol import Symbol
from pointofcare.policies import reading
from pointofcare.scenario import file as scenario_file
from pointofcare.wire import snapshot, tables
from server.usecases import imports
from tests.support import builders, rubbish
from tests.support.gs1_labels import item_elements

TODAY = date(2026, 3, 2)
SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
DATA = Path(__file__).parents[1] / "data"
KEY = OKPKey.generate_key("Ed25519", private=True)
PROFILES = (SiteProfile(), SiteProfile(mrn_pattern=r"(?P<mrn>\d{2}-\d{6}).*", badge_prefix=""), SiteProfile(mrn_pattern="[0-9]{12}"))


@st.composite
def element_strings(draw: st.DrawFn) -> bytes:
    """A medicine's label, then torn, doubled, with lost or added separators, or not in ASCII."""
    text = gs1.element_string(draw(item_elements()))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text)))
        kind = draw(st.integers(0, 6))
        if kind == 0:
            text = text[:place]
        elif kind == 1:
            text = text[:place] + draw(st.sampled_from(["\x1d", "\x1d\x1d", "\x00", "é", "٣", " ", "\x1e"])) + text[place:]
        elif kind == 2:
            text = text.replace("\x1d", "")
        elif kind == 3:
            text += "\x1d" + draw(st.sampled_from(sorted(IDENTIFIERS))) + draw(st.text("0123456789ABCabc-", max_size=30))
        elif kind == 4:
            text = text * draw(st.sampled_from([2, 40, 400]))
        elif kind == 5:
            text = text[:place] + draw(st.text("0123456789", min_size=1, max_size=3)) + text[place + 1 :]
        else:
            text = "8018" + text[2:]
    return text.encode()[:8000]


@rubbish.examples(4, of=120)
@given(element_strings() | st.binary(max_size=60))
def test_an_element_string_is_read_or_refused(data: bytes) -> None:
    try:
        found = gs1.parse(data, TODAY)
    except LabelError as exc:
        if not exc.fields["reason"]:
            pytest.fail("a refused label says why")
        return
    gtin = found.get("01")
    assert gtin is None or gs1.is_valid_key(gtin)


URIS = st.sampled_from(
    [
        "https://id.gs1.org/01/08936000000011/10/A1?17=270131",
        "https://id.gs1.org/8018/893600000000000125/8019/1",
        "http://example.com/01/08936000000011",
        "001099012345|123456789|NGUYEN VAN A|11041958|Nam|Ha Noi|01012021",  # a citizen's card
        "HC4010112345678|4e677579e1bb856e|11/04/1958|1|",  # an insurance card
        "BADGE:N1",
        "24-000123",
    ]
)


@rubbish.examples(4, of=120)
@given(
    identifier=st.sampled_from(["]d2", "]C1", "]Q3", "]e0", "]E0", "]E4", "]I1", "]C0", "]Q0", "]Q1", "", "]", "]zz", "x" * 50]),
    content=element_strings()
    | st.binary(max_size=60)
    | URIS.map(str.encode)
    | URIS.flatmap(lambda text: st.binary(max_size=4).map(lambda odd: text.encode() + odd)),
    profile=st.sampled_from(PROFILES),
)
def test_no_symbol_stops_the_reading_of_labels_and_only_gs1_names_a_pack(identifier: str, content: bytes, profile: SiteProfile) -> None:
    found = scan.interpret(Symbol(identifier=identifier, content=content), profile, TODAY)
    assert isinstance(found, BandScan | DrugScan | BadgeScan | TextScan | UnreadableLabel)
    if isinstance(found, DrugScan):
        assert identifier in scan.GS1_CARRIERS | set(scan.RETAIL_CARRIERS)
        assert gs1.is_valid_key(found.gtin)
    if isinstance(found, BandScan) and found.gsrn is not None:
        assert identifier in scan.GS1_CARRIERS
        assert gs1.is_valid_key(found.gsrn)


# Files that somebody imports.


@st.composite
def sheets(draw: st.DrawFn, good: bytes) -> bytes:
    """A CSV file with odd cells, lines and characters."""
    lines = [line.split(b";" if b";" in good.split(b"\n")[0] else b",") for line in good.splitlines()]
    mark = b";" if b";" in good.split(b"\n")[0] else b","
    for _ in range(draw(st.integers(1, 4))):
        row = draw(st.integers(0, len(lines) - 1))
        cell = draw(st.integers(0, len(lines[row]) - 1))
        odd = draw(st.sampled_from(rubbish.ODD))
        kind = draw(st.integers(0, 7))
        if kind < 4:
            lines[row][cell] = str(odd).encode("utf-8", "surrogatepass")
        elif kind == 4:
            lines[row][cell] = draw(st.binary(max_size=6))
        elif kind == 5:
            lines.append(list(lines[row]))
        elif kind == 6:
            lines[row] = lines[row][:cell] + lines[row][cell + 1 :] or [b""]
        else:
            lines[row][cell] += draw(st.sampled_from([b"|", b"=", b"@", b":", b'"', b"\x00", b"\r", b"|" * 300, b";", b","]))
    return b"\n".join(mark.join(line) for line in lines)


CSV = [(name, (SAMPLES / f"{name}.csv").read_bytes()) for name in ("orders", "patients", "products", "staff")]


@pytest.mark.parametrize(("name", "good"), CSV, ids=[name for name, _ in CSV])
def test_any_sheet_is_read_or_its_faults_are_named(name: str, good: bytes) -> None:
    @rubbish.examples(1.0, of=60)
    @given(sheets(good) | st.binary(max_size=80))
    def read(content: bytes) -> None:
        found = imports.read([(f"{name}.csv", content)], "Asia/Ho_Chi_Minh")
        assert all(problem.file and problem.code for problem in found.problems)

    read()


@rubbish.examples(2, of=120)
@given(rubbish.payloads((SAMPLES / "bundle.json").read_bytes()))
def test_any_bundle_is_read_or_its_faults_are_named(content: bytes) -> None:
    found = imports.read([("bundle.json", content)], "Asia/Ho_Chi_Minh")
    assert all(problem.file and problem.code for problem in found.problems)


# Policies, scenarios and settings.


@st.composite
def torn_text(draw: st.DrawFn, good: str) -> str:
    """Lines left out, doubled, moved or with another value."""
    lines = good.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        row = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.integers(0, 6))
        if kind == 0:
            del lines[row : row + draw(st.integers(1, 5))]
            lines = lines or [""]
        elif kind == 1:
            lines.insert(draw(st.integers(0, len(lines))), lines[row])
        elif kind == 2:
            lines[row] = lines[row][: draw(st.integers(0, len(lines[row])))]
        elif kind == 3:
            lines.insert(
                row, draw(st.sampled_from(["[[", "[x]", "a.b.c = 1", "x = " + "[" * 3000, "n = " + "9" * 5000, "d = 0001-01-01", '"" = 1']))
            )
        elif kind == 4 and "=" in lines[row]:
            odd = draw(st.sampled_from(rubbish.ODD))
            lines[row] = lines[row].split("=")[0] + "= " + json.dumps(odd)
        elif kind == 5 and "=" in lines[row]:
            lines[row] = (
                lines[row].split("=")[0] + "= " + draw(st.sampled_from(["nan", "inf", "1e400", "0x10", "24:00:00", "2026-03-02", "true"]))
            )
        else:
            lines[row] += draw(st.text(max_size=5))
    return "\n".join(lines)


@rubbish.examples(1.0, of=40)
@given(torn_text(reading.default_text()) | st.text(max_size=60))
def test_any_policy_is_read_or_its_faults_are_named(text: str) -> None:
    file, faults = reading.examined(text)
    assert (file is None) == bool(faults)


SCENARIOS = sorted((DATA / "scenarios").rglob("*.json"))


@rubbish.examples(0.5, of=12)
@given(st.sampled_from(SCENARIOS).flatmap(lambda path: rubbish.payloads(path.read_bytes())))
def test_any_scenario_is_read_or_refused(content: bytes) -> None:
    try:
        scenario_file.scenarios(content.decode("utf-8", "replace"))
    except PointOfCareError:
        return


CART = """cart = "c1"
facility = "h1"
ward = "NOI-TH"
zone = "Asia/Ho_Chi_Minh"
data_dir = "data"
server_key_file = "server.jwk"
[broker]
host = "127.0.0.1"
port = 1883
[kiosk]
host = "127.0.0.1"
port = 8081
[devices]
camera = "none"
"""
BRIDGE = """cart = "c1"
facility = "h1"
serial_port = "/dev/ttyACM0"
data_dir = "data"
socket_path = "bridge.sock"
[broker]
host = "127.0.0.1"
port = 1883
"""
LOADS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "cart": (CART, lambda path: cart_client.config.load(path, {})),
    "bridge": (BRIDGE, lambda path: firmware_bridge.config.load(path, {})),
    "server": (server.config.fresh(facility="h1"), lambda path: server.config.load(path, {})),
}


@pytest.mark.parametrize("program", LOADS)
def test_any_settings_are_read_or_their_faults_are_named(program: str, tmp_path: Path) -> None:
    good, load = LOADS[program]
    path = tmp_path / "settings.toml"

    @rubbish.examples(1.0, of=60)
    @given(torn_text(good).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=60))
    def read(content: bytes) -> None:
        path.write_bytes(content)
        try:
            load(path)
        except ConfigError as exc:
            if not (exc.remedy or exc.problems):
                pytest.fail("a fault of the settings says what to do")

    read()


# Signed and packed texts.


@rubbish.examples(2, of=120)
@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: "a." + base64.urlsafe_b64encode(raw).decode() + ".b"))
def test_no_text_is_taken_for_a_checkpoint(text: str) -> None:
    assert checkpoints.read(text, KEY, facility="h1") is None


GOOD_FACTS = snapshot.pack(builders.facts())


@st.composite
def packed(draw: st.DrawFn) -> str:
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(st.text(max_size=40))
    if kind == 1:
        place = draw(st.integers(0, len(GOOD_FACTS) - 1))
        return GOOD_FACTS[:place] + draw(st.sampled_from("AZ=/+")) + GOOD_FACTS[place + 1 :]
    plain: Any = json.loads(zlib.decompress(base64.b64decode(GOOD_FACTS)))
    return base64.b64encode(zlib.compress(json.dumps(draw(rubbish.documents(plain))).encode())).decode()


@rubbish.examples(2, of=120)
@given(packed())
def test_packed_facts_are_read_or_refused(text: str) -> None:
    try:
        snapshot.unpack(text)
    except MessageError:
        return


def test_a_small_text_that_unpacks_to_gigabytes_is_refused() -> None:
    bomb = base64.b64encode(zlib.compress(b"[" + b" " * 40_000_000, 9)).decode()
    assert len(bomb) < 100_000
    with pytest.raises(MessageError):
        snapshot.unpack(bomb)
    with pytest.raises(MessageError):
        tables.read_claims(zlib.compress(b" " * 40_000_000, 9))


@rubbish.examples(2, of=120)
@given(st.binary(max_size=200) | rubbish.payloads(b'{"kind":"policy","facility":"h","ward":"w","version":1,"body":{}}').map(zlib.compress))
def test_claims_of_a_table_are_read_or_refused(content: bytes) -> None:
    try:
        tables.read_claims(content)
    except MessageError:
        return


# The hand scanner's line.


class Line:
    """What a serial port gives: the pieces, then silence."""

    def __init__(self, pieces: list[bytes], scanner: SerialScanner) -> None:
        self._pieces, self._scanner = list(pieces), scanner
        self.in_waiting = 0

    def read(self, _most: int) -> bytes:
        if not self._pieces:
            self._scanner.close()
            return b""
        return self._pieces.pop(0)


@rubbish.examples(2, of=120)
@given(
    st.lists(
        st.sampled_from(
            [b"]d2010893600000001110A1\x1d17270131\r", b"]Q1BADGE:N1\r\n", b"\n\r\n", b"\x00\xff", b"x" * (LONGEST_BYTES + 5), b"]", b"\r"]
        )
        | st.binary(max_size=20),
        max_size=8,
    ),
    st.integers(1, 50),
)
def test_bytes_of_a_hand_scanner_are_cut_at_line_ends_however_they_come(parts: list[bytes], size: int) -> None:
    stream = b"".join(parts)
    pieces = [stream[place : place + size] for place in range(0, len(stream), size)] if len(stream) < 2000 else [stream]
    scanner = SerialScanner("none")
    symbols = list(scanner._read(Line(pieces, scanner)))  # type: ignore[arg-type]
    ended = stream.replace(b"\r", b"\n").split(b"\n")[:-1]
    whole = [line for line in ended if line and len(line) <= LONGEST_BYTES]
    assert [symbol.identifier.encode() + symbol.content for symbol in symbols] == whole
    for symbol in symbols:
        scan.interpret(symbol, SiteProfile(), TODAY)


def test_the_settings_of_the_targets_are_good_ones(tmp_path: Path) -> None:
    """Else the fuzzer would only ever look at the first fault."""
    (tmp_path / "server.jwk").write_text(json.dumps(KEY.as_dict(private=False)))
    for name, (good, load) in LOADS.items():
        tomllib.loads(good)
        path = tmp_path / f"{name}.toml"
        path.write_text(good)
        try:
            load(path)
        except ConfigError as exc:
            pytest.fail(f"{name}: {exc.problems} {exc}")
