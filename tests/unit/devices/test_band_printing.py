"""A printed wristband, read back from the page as a scanner at the bedside reads it."""

from __future__ import annotations

from datetime import date

import pypdfium2
import pytest
import zxingcpp

from devices.printers import band
from pointofcare.labels import gs1, scan
from pointofcare.labels.scan import BandScan, SiteProfile
from pointofcare.labels.symbol import Symbol

TODAY = date(2026, 3, 2)
GSRN = "89360000000000001" + gs1.check_digit("89360000000000001")
PRINTED = band.Band(gsrn=GSRN, srin="12", name="NGUYỄN THỊ BÍCH THỦY", mrn="26-000123", birth_date=date(1958, 4, 11), lines=("nữ",))


@pytest.mark.parametrize("size", band.SIZES)
def test_every_symbol_on_every_size_of_band_reads_as_the_band_that_it_is(size: str) -> None:
    page = pypdfium2.PdfDocument(band.pdf(PRINTED, band.SIZES[size]))[0]
    width, height = page.get_size()
    assert (round(height / 72 * 25.4), round(width / 72 * 25.4)) == (band.SIZES[size].width_mm, band.SIZES[size].length_mm)
    found = zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())
    assert len(found) >= 2
    for symbol in found:
        read = scan.interpret(Symbol(identifier=symbol.symbology_identifier, content=bytes(symbol.bytes)), SiteProfile(), TODAY)
        assert read == BandScan(gsrn=PRINTED.gsrn, srin="12")


def test_the_words_on_the_band_are_text_with_all_their_marks() -> None:
    page = pypdfium2.PdfDocument(band.pdf(PRINTED, band.SIZES["adult"]))[0]
    words = page.get_textpage().get_text_range()
    for told in ("NGUYỄN THỊ BÍCH THỦY", "11/04/1958", "26-000123"):
        assert told in words


def test_a_name_of_any_length_stays_on_the_band() -> None:
    long = band.Band(gsrn=PRINTED.gsrn, srin="1", name="CON BÀ " + "NGUYỄN THỊ " * 12, mrn="26-000123")
    page = pypdfium2.PdfDocument(band.pdf(long, band.SIZES["infant"]))[0]
    assert "CON BÀ NGUYỄN THỊ" in page.get_textpage().get_text_range()
    assert zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())
