"""EAN and UPC become a GTIN by the format that was read: eight digits alone do not say which."""

from __future__ import annotations

from datetime import date

import pytest
import zxingcpp

from pointofcare.errors import LabelError
from pointofcare.labels import gs1, retail
from pointofcare.labels.scan import DrugScan, SiteProfile, UnreadableLabel, interpret
from pointofcare.labels.symbol import Symbol


@pytest.mark.parametrize(
    ("digits", "format_", "gtin"),
    [
        ("8936000000011", "EAN13", "08936000000011"),
        ("049000006346", "UPCA", "00049000006346"),
        ("04963406", "UPCE", "00049000006346"),
        ("01234565", "EAN8", "00000001234565"),
        ("01234565", "UPCE", "00012345000065"),
        ("96385074", "EAN8", "00000096385074"),
        ("00012345678905", "ITF14", "00012345678905"),
    ],
)
def test_a_number_becomes_the_gtin_of_its_format(digits: str, format_: str, gtin: str) -> None:
    assert retail.gtin14(digits, format_) == gtin


@pytest.mark.parametrize(
    ("digits", "format_", "reason"),
    [
        ("04963406", "EAN8", "check-digit"),
        ("96385074", "UPCE", "check-digit"),
        ("96385075", "EAN8", "check-digit"),
        ("96385074", "EAN13", "length"),
        ("9638507", "EAN8", "length"),
        ("٩٦٣٨٥٠٧٤", "EAN8", "charset"),
        ("00000000", "EAN8", "check-digit"),
        ("96385074", "", "length"),
        ("96385074", "Code128", "length"),
    ],
)
def test_what_is_no_number_of_its_format_is_refused(digits: str, format_: str, reason: str) -> None:
    with pytest.raises(LabelError) as caught:
        retail.gtin14(digits, format_)
    assert caught.value.fields["reason"] == reason


def test_eight_digits_that_are_right_as_both_name_two_things_and_the_scan_goes_by_the_format() -> None:
    both = [
        digits
        for number in range(100_000, 100_400)
        if gs1.is_valid_key((digits := f"0{number}" + gs1.check_digit(f"0{number}")).zfill(14)) and _is_upc_e(digits)
    ]
    assert both
    for digits in both:
        assert retail.gtin14(digits, "EAN8") != retail.gtin14(digits, "UPCE")
        read = interpret(Symbol(identifier="]E4", content=digits.encode()), SiteProfile(), date(2026, 11, 22))
        assert read == DrugScan(gtin=retail.gtin14(digits, "EAN8"))
        unknown = interpret(Symbol(identifier="]E0", content=digits.encode()), SiteProfile(), date(2026, 11, 22))
        assert isinstance(unknown, UnreadableLabel)


def _is_upc_e(digits: str) -> bool:
    try:
        retail.gtin14(digits, "UPCE")
    except LabelError:
        return False
    return True


def test_zxing_expands_a_upc_e_as_this_does() -> None:
    code = zxingcpp.create_barcode("04963406", zxingcpp.BarcodeFormat.UPCE)
    assert retail.gtin14("04963406", "UPCE")[1:] == code.text.zfill(13)
