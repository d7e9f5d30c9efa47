"""`pointofcare-cart read`: whatever it is pointed at, it answers clearly, soon, and obeys nothing that a label says."""

from __future__ import annotations

import io
import json
import os
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from cart_client.reading import command, manifest, pictures, score
from cart_client.reading.manifest import Entry, Expected
from devices import registry
from devices.decoders import matrix_read, pharmacode
from devices.ports import Frame
from pointofcare.errors import MessageError
from pointofcare.labels import hibc
from pointofcare.labels.symbol import Symbol
from simulation import labels

GS1 = b"010893456789012617281231" + b"10LOT9" + b"\x1d" + b"21SER7"


def _read(*arguments: object) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, JSON lines, and what was said of errors."""
    out, err = io.StringIO(), io.StringIO()
    code = command.main([*map(str, arguments), "--json"], out=out, err=err)
    return code, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def _person(*arguments: object) -> str:
    out = io.StringIO()
    command.main([*map(str, arguments)], out=out, err=out)
    return out.getvalue()


def _matrix(elements: str = "(01)08934567890126(17)281231(10)LOT9(21)SER7", *, module_px: int = 6) -> Image.Image:
    return labels.gs1_datamatrix(elements, module_px=module_px)


def _on_desk(code: Image.Image, size: tuple[int, int] = (640, 480), at: tuple[int, int] = (120, 90)) -> Image.Image:
    desk = Image.new("RGB", size, (190, 190, 185))
    desk.paste(code.convert("RGB"), at)
    return desk


def test_a_picture_is_one_line_with_what_was_read_and_where(tmp_path: Path) -> None:
    _on_desk(_matrix()).save(tmp_path / "pack.png")
    code, lines, _said = _read(tmp_path / "pack.png")
    assert code == 0
    ((line,),) = (lines,)
    assert line["file"].endswith("pack.png")
    assert line["rejected"] == []
    assert line["ms"] > 0
    ((symbol,),) = (line["symbols"],)
    assert (symbol["format"], symbol["identifier"], symbol["text"]) == ("DataMatrix", "]d2", GS1.decode())
    assert 0 < symbol["confidence"] <= 1
    assert len(symbol["corners"]) == 4
    assert symbol["reader"]
    xs = [x for x, _y in symbol["corners"]]
    assert (min(xs), max(xs)) == pytest.approx((120 + 24, 120 + 24 + 22 * 6), abs=8)


def test_a_person_sees_a_separator_as_text_and_not_as_a_control_character(tmp_path: Path) -> None:
    _on_desk(_matrix()).save(tmp_path / "pack.png")
    told = _person(tmp_path / "pack.png")
    assert "10LOT9\\x1d21SER7" in told
    assert "\x1d" not in told


def test_a_folder_with_a_manifest_is_scored(tmp_path: Path) -> None:
    _on_desk(_matrix()).save(tmp_path / "a.png")
    _on_desk(labels.qr("BADGE:N1")).save(tmp_path / "b.png")
    Image.new("RGB", (300, 200), "grey").save(tmp_path / "c.png")
    Image.new("RGB", (300, 200), "grey").save(tmp_path / "empty.png")
    manifest.write(
        tmp_path,
        [
            Entry(path="a.png", expected=(Expected(symbology="DataMatrix", content=GS1),), more={"level": "L1"}),
            Entry(path="b.png", expected=(Expected(symbology="QRCode", content=b"BADGE:N1"),), more={"level": "L1"}),
            Entry(path="c.png", expected=(Expected(symbology="QRCode", content=b"is not there"),), more={"level": "L2"}),
            Entry(path="empty.png", more={"level": "none"}),
        ],
    )
    code, lines, _said = _read(tmp_path)
    assert code == 0
    assert [line["verdict"] for line in lines[:-1]] == ["right", "right", "missed", "rightly nothing"]
    (ours,) = lines[-1]["score"]
    assert {part: ours["all"][part] for part in ("total", "right", "wrong", "missed")} == {"total": 4, "right": 3, "wrong": 0, "missed": 1}
    assert ours["by_level"]["L2"]["missed"] == 1
    assert ours["by_symbology"]["DataMatrix"]["right"] == 1


def test_each_picture_of_a_folder_gets_all_the_work_whatever_the_others_showed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stream remembers of the picture before says nothing of another photograph."""
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (120, 120, 3), dtype=np.uint8))
    for number in range(6):
        _on_desk(noise).save(tmp_path / f"{number}.png")
    worked: list[int] = []
    closely = matrix_read.read
    monkeypatch.setattr(matrix_read, "read", lambda *given, **more: worked.append(1) or closely(*given, **more))
    _read(tmp_path)
    assert len(worked) == 2 * 6  # each is looked at twice, for nothing was read


def test_a_misread_ends_with_an_error(tmp_path: Path) -> None:
    _on_desk(labels.qr("BADGE:N1")).save(tmp_path / "a.png")
    (tmp_path / "manifest.csv").write_text("path,symbology,expected\na.png,qr,BADGE:N2\n")
    code, lines, _said = _read(tmp_path)
    assert code == command.MISREAD
    assert lines[0]["verdict"] == "MISREAD"
    assert lines[-1]["score"][0]["all"]["wrong"] == 1


def test_a_code_where_none_is_said_to_be_is_a_misread(tmp_path: Path) -> None:
    _on_desk(labels.qr("BADGE:N1")).save(tmp_path / "a.png")
    (tmp_path / "manifest.csv").write_text("path,symbology,expected\na.png,,\n")
    assert _read(tmp_path)[0] == command.MISREAD


def test_other_readers_are_compared_on_the_same_pictures(tmp_path: Path) -> None:
    _on_desk(_matrix()).save(tmp_path / "a.png")
    manifest.write(tmp_path, [Entry(path="a.png", expected=(Expected(symbology="DataMatrix", content=GS1),), more={"level": "L1"})])
    code, lines, _said = _read(tmp_path, "--compare")
    assert code == 0
    right = {one["reader"]: one["all"]["right"] for one in lines[-1]["score"]}
    assert right == {"this cart": 1, "zxing-cpp": 1, "zxing-cpp split": 1, "pyzbar": 0}
    assert "pyzbar" in _person(tmp_path, "--compare")


def _no_bytes(file: Path) -> None:
    file.write_bytes(b"")


def _text(file: Path) -> None:
    file.write_text("not a picture\n" * 40)


def _cut_short(file: Path) -> None:
    whole = io.BytesIO()
    Image.effect_noise((400, 300), 60).save(whole, "PNG")
    file.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])


def _too_many_pixels(file: Path) -> None:
    Image.new("1", (8000, 8000)).save(file, "PNG")


def _bomb(file: Path) -> None:
    # The head alone says how large it would be: 20,000 x 20,000, as a bomb of some kilobytes does.
    whole = io.BytesIO()
    Image.new("1", (16, 16)).save(whole, "PNG")
    data = bytearray(whole.getvalue())
    data[16:24] = struct.pack(">II", 20_000, 20_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    file.write_bytes(data)


def _nothing(file: Path) -> None:
    assert not file.exists()


def _a_pipe(file: Path) -> None:
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_no_bytes, "empty"),
        (_text, "not-a-picture"),
        (_cut_short, "broken"),
        (_too_many_pixels, "too-large"),
        (_bomb, "too-large"),
        (_a_pipe, "not-a-file"),
        (_nothing, "cannot-open"),
    ],
)
def test_a_file_that_is_no_picture_is_told_and_stops_nothing(make: Any, why: str, tmp_path: Path) -> None:
    make(tmp_path / "bad.png")
    _on_desk(_matrix()).save(tmp_path / "good.png")
    started = time.monotonic()
    code, lines, _said = _read(tmp_path / "bad.png", tmp_path / "good.png")
    assert code == command.UNREADABLE
    assert lines[0]["error"]["code"] == why
    assert lines[0]["symbols"] == []
    assert len(lines[1]["symbols"]) == 1
    assert time.monotonic() - started < 20


def test_a_large_photograph_is_read_and_its_corners_are_its_own(tmp_path: Path) -> None:
    _on_desk(_matrix(module_px=24), (5000, 4000), (3000, 2000)).save(tmp_path / "large.jpg", quality=80)
    code, lines, _said = _read(tmp_path / "large.jpg")
    assert code == 0
    ((symbol,),) = (lines[0]["symbols"],)
    assert symbol["text"] == GS1.decode()
    assert min(x for x, _y in symbol["corners"]) == pytest.approx(3000 + 4 * 24, abs=30)


def test_of_an_animation_the_first_picture_is_read_and_the_rest_is_told(tmp_path: Path) -> None:
    first, second = _on_desk(_matrix()), Image.new("RGB", (640, 480))
    first.save(tmp_path / "moving.gif", save_all=True, append_images=[second] * 3)
    code, lines, _said = _read(tmp_path / "moving.gif")
    assert code == 0
    assert lines[0]["notes"] == ["first-of-several"]
    assert lines[0]["symbols"][0]["text"] == GS1.decode()


def test_a_folder_without_pictures_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    code, lines, said = _read(tmp_path)
    assert (code, lines) == (command.UNREADABLE, [])
    assert "holds no picture" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column path"),
        ("file,text\na.png,x\n", "has no column path"),
        ("path,symbology,expected\na.png,qr\n", "line 2: has more or fewer fields"),
        ("path,symbology,expected\n../a.png,qr,x\n", "inside the folder"),
        ("path,symbology,expected\n/etc/passwd,qr,x\n", "inside the folder"),
        ("path,symbology,expected\na.png,qr,\n", "both, or neither"),
        ("path,symbology,expected\na.png,qr,a\\nb\n", "a backslash stands before"),
        ("path,symbology,expected\na.png,,\na.png,qr,x\n", "stands twice"),
        ('path,symbology,expected\n"a.png,qr,x\n', "not a CSV file"),
        (b"path,symbology,expected\na.png,qr,\xff\xfe\n", "not UTF-8"),
        ("path,symbology,expected\na.png,qr," + "9" * 30_000 + "\n", "not a CSV file"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_scores_nothing(text: str | bytes, said: str, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    (tmp_path / "manifest.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    code, lines, told = _read(tmp_path)
    assert (code, lines) == (command.UNREADABLE, [])
    assert said in told


def test_a_picture_that_the_manifest_names_and_nobody_has_is_missed_and_told(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path,symbology,expected\ngone.png,qr,x\n")
    code, lines, _said = _read(tmp_path)
    assert code == command.UNREADABLE
    assert lines[0]["error"]["code"] == "cannot-open"
    assert lines[-1]["score"][0]["all"]["missed"] == 1


def test_a_link_that_leaves_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    _on_desk(_matrix()).save(tmp_path / "secret.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    assert _read(folder)[0] == command.UNREADABLE


HOSTILE = (
    "http://127.0.0.1:1/?q=$(reboot)",
    "javascript:alert(1)",
    "'; DROP TABLE symbols;--",
    "file:///etc/passwd",
    "\x1b[2J\x1b[31mOK\x07",
    "\u202egnp.exe",
    "a\x00b",
    "\n\r\t{}",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_label_says_is_text_and_nothing_more(text: str, tmp_path: Path) -> None:
    """Sockets are off in these tests: an address that was opened would fail here."""
    _on_desk(labels.qr(text)).save(tmp_path / "label.png")
    code, lines, _said = _read(tmp_path / "label.png")
    assert code == 0
    assert [symbol["text"] for symbol in lines[0]["symbols"]] == [text]
    out = io.StringIO()
    command.main([str(tmp_path / "label.png"), "--json"], out=out)
    for told in (out.getvalue(), _person(tmp_path / "label.png")):
        assert all(character.isprintable() or character == "\n" for character in told)


def test_bytes_that_are_no_text_are_told_as_they_are(tmp_path: Path) -> None:
    code = zxingcpp.create_barcode(b"\xff\xfe\x00\x80", zxingcpp.BarcodeFormat.QRCode)
    cells = np.pad(np.array(code.to_image(scale=6, add_quiet_zones=False)), 24, constant_values=255)
    _on_desk(Image.fromarray(cells)).save(tmp_path / "raw.png")
    _code, lines, _said = _read(tmp_path / "raw.png")
    assert [symbol["bytes"] for symbol in lines[0]["symbols"]] == ["fffe0080"]


def test_the_longest_code_and_a_thousand_codes_are_read_in_bounded_time(tmp_path: Path) -> None:
    long = "8018893412345678901234 " * 120
    code = zxingcpp.create_barcode(long, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    cells = np.pad(np.array(code.to_image(scale=5, add_quiet_zones=False)), 30, constant_values=255)
    Image.fromarray(cells).save(tmp_path / "long.png")
    tile = np.array(labels.gs1_datamatrix("(01)08934567890126", module_px=3))
    Image.fromarray(np.tile(tile, (25, 40))).save(tmp_path / "many.png")
    started = time.process_time()
    ended, lines, _said = _read(tmp_path / "long.png", tmp_path / "many.png")
    assert ended == 0
    assert [symbol["text"] for symbol in lines[0]["symbols"]] == [long]
    assert {symbol["text"] for symbol in lines[1]["symbols"]} <= {"0108934567890126"}
    assert time.process_time() - started < 20
    assert all(len(line) < 2000 for line in _person(tmp_path / "long.png").splitlines())


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (3, 2), (7, 333), (641, 479)])
@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "I;16", "CMYK"])
def test_odd_sizes_and_kinds_of_pixels_are_pictures_like_others(size: tuple[int, int], mode: str, tmp_path: Path) -> None:
    file = tmp_path / ("odd.tif" if mode in {"I;16", "CMYK"} else "odd.png")
    Image.new(mode, size).save(file)
    code, lines, _said = _read(file)
    assert code == 0
    assert lines[0]["symbols"] == []


def test_a_transparent_picture_is_read_on_white(tmp_path: Path) -> None:
    code = np.array(_matrix())
    glass = np.zeros((*code.shape, 4), np.uint8)
    glass[..., 3] = np.where(code < 128, 255, 0)
    Image.fromarray(glass, "RGBA").save(tmp_path / "glass.png")
    assert _read(tmp_path / "glass.png")[1][0]["symbols"][0]["text"] == GS1.decode()


def test_a_picture_turned_by_its_exif_data_is_turned_back(tmp_path: Path) -> None:
    picture = _on_desk(labels.qr("BAG-1"))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=exif)
    opened = pictures.opened(tmp_path / "turned.jpg")
    assert opened.image.shape[:2] == (480, 640)


def test_an_unknown_scheme_is_a_path_and_nothing_is_fetched() -> None:
    assert pictures.stream("ftp://example.org/a.png") is None
    assert pictures.stream("/tmp/a:b.png") is None
    assert pictures.stream("rtsp://127.0.0.1/x") is not None


def test_any_bytes_survive_the_manifest() -> None:
    rng = np.random.default_rng(3)
    for content in (
        GS1,
        b"\\x1d",
        b"\\\\",
        "Vũ Văn Nghĩa|Tổ 1".encode(),
        bytes(range(256)),
        "\u202e\u2028\x85".encode(),
        *(rng.bytes(40) for _ in range(50)),
    ):
        text = manifest.escaped(content)
        assert manifest.unescaped(text) == content
        assert text.isprintable() or "\xa0" in text
    assert manifest.escaped(GS1).endswith("10LOT9\\x1d21SER7")


def test_a_written_manifest_comes_back(tmp_path: Path) -> None:
    entries = [
        Entry(
            path="a.png",
            expected=(Expected(symbology="QRCode", content='"Nghĩa", 1\n\x1d\\'.encode()),),
            more={"level": "L1", "corners": "1,2"},
        ),
        Entry(path="b.png", more={"level": "", "corners": ""}),
        Entry(
            path="c.png",
            expected=tuple(Expected(symbology="Code128", content=text) for text in (b"1", b"2")),
            more={"level": "L1", "corners": ""},
        ),
    ]
    manifest.write(tmp_path, entries)
    assert list(manifest.read(tmp_path).values()) == entries


def test_a_folder_is_needed_for_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(MessageError):
        manifest.read(tmp_path)


def test_a_upc_a_is_right_as_its_ean_13_too_and_nothing_else_is() -> None:
    entry = Entry(path="a", expected=(Expected(symbology="UPCA", content=b"012345678905"),))
    assert score.judged(entry, [b"0012345678905"]).word == "right"
    assert score.judged(entry, [b"012345678905"]).word == "right"
    assert score.judged(entry, [b"0012345678906"]).word == "MISREAD"
    assert score.judged(entry, [b"012345678905", b"9"]).word == "MISREAD"
    assert score.judged(entry, []).word == "missed"


def test_a_picture_that_breaks_the_reader_is_told_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Brittle:
        def decode(self, frame: Frame) -> list[Symbol]:
            if frame.image.shape[0] < 200:
                raise ValueError("8018893412345678901234")
            return [Symbol(identifier="]Q1", content=b"BAG-1")]

    monkeypatch.setattr(registry, "decoder", lambda _name, **_: Brittle())
    for name, size in (("a.png", (300, 100)), ("b.png", (300, 300))):
        Image.new("RGB", size).save(tmp_path / name)
    code, lines, _said = _read(tmp_path)
    assert code == command.UNREADABLE
    assert lines[0]["error"] == {"code": "reader-failed", "message": "the reader broke on this picture: ValueError"}
    assert lines[1]["symbols"][0] | {"corners": []} == {
        "format": "QRCode", "identifier": "]Q1", "text": "BAG-1", "corners": [], "reader": "brittle", "confidence": 1.0,
    }  # fmt: skip


def test_further_kinds_of_codes_are_read_when_asked_for_and_an_unknown_one_is_told(tmp_path: Path) -> None:
    code = zxingcpp.create_barcode("96385074", zxingcpp.BarcodeFormat.EAN8)
    row = np.array(code.to_image(scale=1, add_quiet_zones=True))
    row = np.pad(row[row.shape[0] // 2], 4, constant_values=255)
    picture = np.pad(np.tile(np.repeat(row, 4), (120, 1)), 120, constant_values=255)
    file = tmp_path / "bottle.png"
    Image.fromarray(picture).save(file)
    for given, expected in (((), []), (("--symbologies", "ean-8,qr"), ["EAN8"])):
        out = io.StringIO()
        assert command.main([str(file), "--json", *given], out=out, err=io.StringIO()) == 0
        assert [symbol["format"] for symbol in json.loads(out.getvalue())["symbols"]] == expected
    err = io.StringIO()
    assert command.main([str(file), "--symbologies", "aztec"], out=io.StringIO(), err=err) == 2
    assert "code-39" in err.getvalue()


def test_an_expected_pharmacode_is_shown_or_not_and_no_number_is_ever_told(tmp_path: Path) -> None:
    row = [255] * 14
    for bar in pharmacode.bars(1234):
        row += [0] * (1 if bar == "n" else 3) + [255] * 2
    code = np.tile(np.repeat(np.array([*row, *[255] * 12], np.uint8), 5), (90, 1))
    file = tmp_path / "leaflet.png"
    Image.fromarray(np.pad(code, 150, constant_values=235)).save(file)
    for number, end, told in ((1234, 0, True), (1235, 3, False), (4321, 3, False)):
        out = io.StringIO()
        assert command.main([str(file), "--pharmacode", str(number), "--json"], out=out, err=io.StringIO()) == end
        assert json.loads(out.getvalue())["pharmacode"] == {"expected": number, "shown": told}
    out, err = io.StringIO(), io.StringIO()
    assert command.main([str(file), "--pharmacode", "4321"], out=out, err=err) == 3
    assert "not shown" in out.getvalue()
    assert "1234" not in out.getvalue()
    assert command.main([str(file), "--pharmacode", "7"], out=io.StringIO(), err=err) == 2
    assert "bars" in err.getvalue()
    assert command.main([str(tmp_path / "none.png"), "--pharmacode", "1234"], out=io.StringIO(), err=err) == 2


def test_what_a_suppliers_hibc_says_is_told_beside_its_text(tmp_path: Path) -> None:
    body = "+A123BJC5D6E71/$$3280930LOT7"
    file = tmp_path / "stent.png"
    labels.qr(body + hibc.check_character(body), module_px=8).save(file)
    out = io.StringIO()
    assert command.main([str(file), "--json"], out=out, err=io.StringIO()) == 0
    assert json.loads(out.getvalue())["symbols"][0]["hibc"] == {"code": "A123BJC5D6E71", "lot": "LOT7", "expiry": "2028-09-30"}
    out = io.StringIO()
    command.main([str(file)], out=out, err=io.StringIO())
    assert "lot LOT7, expiry 2028-09-30" in out.getvalue()
