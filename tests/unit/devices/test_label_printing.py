"""Labels of every kind, laid out, printed as ZPL and PDF, and read back from what lies in the tray as a bedside reader reads it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from devices.printers import layout, pages, raster, stock, symbol, zpl
from devices.printers.layout import DoesNotFitError, Label, Line
from devices.printers.stock import LEAST_MODULE_MM, RESOLUTIONS, SHIPPED, Stock
from devices.printers.symbol import Code
from pointofcare.errors import ConfigError
from pointofcare.labels import scan, serial
from pointofcare.labels.scan import DrugScan, SiteProfile
from pointofcare.labels.symbol import Symbol
from simulation.devices import zpl as printer_zpl

SERIAL = serial.with_check("UDL7KQ2MNPR4TW")
GTIN = "08936000000011"
UNIT = Label(
    code=Code(kind="gs1-datamatrix", text=f"(01){GTIN}(17)270131(10)A1^~_B(21){SERIAL}".replace("^~_", "")),
    lines=(
        Line(field="name", text="Amoxicillin 500 mg viên nang", points=9.5, least=6, bold=True, rows=3),
        Line(field="patient", text="NGUYỄN THỊ BÍCH THỦY · H011", points=8, least=6, rows=2),
        Line(field="lot", text="Số lô A1B", points=7, least=5),
        Line(field="serial", text=SERIAL, points=5.5, least=4.5),
    ),
)
# On the smallest size there is room for a short name alone: what is longer is refused, which another test shows.
SMALL = Label(code=UNIT.code, lines=(Line(field="name", text="Digoxin 0,25 mg", points=8, least=6, bold=True, rows=2), *UNIT.lines[2:]))
OTHER = Label(
    code=Code(kind="qr", text="BADGE:N-0042"), lines=(Line(field="name", text="ĐẶNG THỊ ỄẪ", points=12, least=7, bold=True, rows=2),)
)
BAND = Label(code=Code(kind="gs1-datamatrix", text="(8018)893600000000000125(8019)12"), lines=UNIT.lines[1:2])


def label_for(size: Stock) -> Label:
    if size.id == "unit-dose-32x16":
        return SMALL
    return {"unit-dose": UNIT, "band": BAND}.get(size.kind, OTHER)


def read(picture: Image.Image) -> list[tuple[str, bytes]]:
    paper = Image.new("L", (picture.width + 40, picture.height + 40), 255)
    paper.paste(picture.convert("L"), (20, 20))
    return [(each.symbology_identifier, bytes(each.bytes)) for each in zxingcpp.read_barcodes(paper)]


@pytest.mark.parametrize("dpi", RESOLUTIONS)
@pytest.mark.parametrize("size", SHIPPED.values(), ids=lambda size: size.id)
def test_every_size_at_every_resolution_is_read_back_from_the_zpl(size: Stock, dpi: int) -> None:
    label = label_for(size)
    placed = layout.place(label, size, dpi)
    sent = zpl.of(placed)
    printed = printer_zpl.drawn(sent)
    upright = printed.picture.transpose(Image.Transpose.ROTATE_90) if size.turned else printed.picture
    found = read(upright)
    assert len(found) == len(placed.codes)
    assert all(symbol.says(label.code, *each) for each in found)
    assert upright.crop((0, 0, placed.width, placed.height)).tobytes() == raster.picture(placed).tobytes()


@pytest.mark.parametrize("dpi", RESOLUTIONS)
@pytest.mark.parametrize("size", SHIPPED.values(), ids=lambda size: size.id)
def test_squares_are_whole_dots_and_never_below_the_least_of_the_standard(size: Stock, dpi: int) -> None:
    placed = layout.place(label_for(size), size, dpi)
    for code in placed.codes:
        assert code.module * 25.4 / dpi >= LEAST_MODULE_MM - 1e-6
        quiet, side = code.drawn.quiet * code.module, len(code.drawn.rows) * code.module
        assert code.left >= quiet
        assert code.top >= quiet
        assert code.left + side + quiet <= placed.width
        assert code.top + side + quiet <= placed.height
    for line in placed.lines:
        assert line.left >= 0
        assert line.left + line.width <= placed.width
        assert line.top + line.height <= placed.height
        for code in placed.codes:  # nothing is printed over a symbol or its quiet zone
            quiet, side = code.drawn.quiet * code.module, len(code.drawn.rows) * code.module
            beside = line.left >= code.left + side + quiet or line.left + line.width <= code.left - quiet
            assert beside or line.top >= code.top + side + quiet or line.top + line.height <= code.top - quiet


@pytest.mark.parametrize("size", SHIPPED.values(), ids=lambda size: size.id)
def test_the_page_says_the_same_with_all_its_marks(size: Stock) -> None:
    label = label_for(size)
    page = pypdfium2.PdfDocument(pages.pdf([layout.place(label, size, 203)]))[0]
    width, height = page.get_size()
    assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (round(size.width_mm), round(size.height_mm))
    found = read(page.render(scale=300 / 72).to_pil())
    assert found
    assert all(symbol.says(label.code, *each) for each in found)
    words = " ".join(page.get_textpage().get_text_range().split())
    assert all(word in words for word in label.lines[0].text.split())


def test_a_printed_unit_dose_is_scanned_as_the_unit_that_it_is() -> None:
    (found,) = read(printer_zpl.drawn(zpl.of(layout.place(UNIT, SHIPPED["unit-dose-38x25"], 203))).picture)
    scanned = scan.interpret(Symbol(identifier=found[0], content=found[1]), SiteProfile(), date(2026, 3, 2))
    assert scanned == DrugScan(gtin=GTIN, lot="A1B", expiry=date(2027, 1, 31), serial=SERIAL)


def test_long_names_wrap_and_shrink_and_are_never_cut() -> None:
    name = "NGUYỄN PHƯỚC TÔN NỮ CÔNG HUYỀN THỊ BÍCH NGỌC ÁNH HOÀNG YẾN"
    label = Label(code=UNIT.code, lines=(Line(field="patient", text=name, points=9, least=6, rows=4),))
    placed = layout.place(label, SHIPPED["unit-dose-50x30"], 203)
    assert " ".join(line.text for line in placed.lines) == name
    assert all(line.size >= 6 * 203 // 72 for line in placed.lines)


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([Line(field="name", text="W" * 60, points=9, least=6, rows=3)], "name"),
        ([UNIT.lines[0], Line(field="patient", text="TRƯƠNG " * 20, points=9, least=6, rows=2)], "patient"),
        ([Line(field=f"f{n}", text="một dòng chữ", points=9, least=8, rows=2) for n in range(9)], "f0"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_name_of_its_field(lines: list[Line], field: str) -> None:
    with pytest.raises(DoesNotFitError) as caught:
        layout.place(Label(code=UNIT.code, lines=tuple(lines)), SHIPPED["unit-dose-38x25"], 203)
    assert caught.value.fields["field"] == field


def test_a_symbol_that_would_be_too_fine_is_refused() -> None:
    tiny = Stock(id="t", kind="unit-dose", width_mm=16, height_mm=8)
    with pytest.raises(DoesNotFitError) as caught:
        layout.place(UNIT, tiny, 203)
    assert caught.value.fields["field"] == "code"


def test_a_name_is_never_a_command_and_comes_out_as_it_was_written() -> None:
    name = "^XZ~JR _5E \\& ^FDx Ễ"
    label = Label(code=UNIT.code, lines=(Line(field="name", text=name, points=7, least=4, rows=3),))
    placed = layout.place(label, SHIPPED["unit-dose-50x30"], 203)
    for font in (False, True):
        sent = zpl.of(placed, font=font)
        assert sent.count(b"^XZ") == 1
        assert b"~" not in sent
        assert len(printer_zpl.formats(sent)) == 1
    assert " ".join(printer_zpl.drawn(zpl.of(placed, font=True)).texts) == name


def test_words_sent_as_text_stay_within_the_label() -> None:
    for size in ("unit-dose-38x25", "band-279x25"):
        placed = layout.place(label_for(SHIPPED[size]), SHIPPED[size], 203)
        printed = printer_zpl.drawn(zpl.of(placed, font=True))
        assert printed.texts == tuple(line.text for line in placed.lines)


def test_runs_of_every_length_survive_the_compression() -> None:
    rows = ["0" * 1200, "F" * 1200, "A" + "0" * 1199, "0" * 1199 + "1", "A" * 419 + "B" * 420 + "C" * 361, "0" * 1200, "0" * 1200]
    data = zpl._compressed(rows)
    drawn: Any = printer_zpl._graphic(f",{600 * len(rows)},{600 * len(rows)},600,{data}")
    assert bytes(255 - each for each in drawn.tobytes()) == bytes.fromhex("".join(rows))


def test_a_hospitals_own_sizes_and_printers_are_read_and_every_fault_is_told() -> None:
    found = stock.read(
        {
            "stock": [{"id": "mini", "kind": "unit-dose", "width_mm": 30, "height_mm": 20}],
            "printer": [{"id": "p1", "name": "Dược", "host": "10.0.0.9", "dpi": 300, "stock": "mini"}],
        }
    )
    assert [each.id for each in found.loaded_with("mini")] == ["p1"]
    assert found.loaded_with("badge-54x86") == ()
    with pytest.raises(ConfigError) as caught:
        stock.read({"printer": [{"id": "p1", "name": "x", "host": "h", "dpi": 150}, {"name": 4}], "stok": []})
    assert {where for where, _ in caught.value.problems} == {
        "stok",
        "printer[0].dpi",
        "printer[1].id",
        "printer[1].host",
        "printer[1].name",
    }
