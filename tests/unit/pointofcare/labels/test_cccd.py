"""What the QR code of an identity card says, in the forms that cards and cheap readers give it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.errors import LabelError
from pointofcare.labels import cccd

CHIP = "022190123456|012345678|Nguyễn Thị Bích Thủy|05031990|Nữ|Tổ 1, Bãi Cháy, Hạ Long, Quảng Ninh|15042021"


def test_the_chip_card_of_2021_gives_number_name_birth_date_and_sex() -> None:
    card = cccd.parse(CHIP)
    assert (card.number, card.name, card.birth_date, card.sex) == ("022190123456", "NGUYỄN THỊ BÍCH THỦY", date(1990, 3, 5), "female")
    assert card.doubts == ()


@pytest.mark.parametrize(
    "text",
    [
        CHIP.replace("|012345678|", "||"),
        CHIP.replace("012345678|", ""),
        CHIP.replace("05031990", "05/03/1990"),
        "\ufeff" + CHIP + "\r\n",
        CHIP + "|15042031|NGUYỄN VĂN A|BÙI THỊ B|||",
        "CCCD: 022190123456|CMND: 012345678|Họ tên: NGUYỄN THỊ BÍCH THỦY|Ngày sinh: 05031990|Giới tính: Nữ|Địa chỉ: Hạ Long|15042021",
    ],
)
def test_other_forms_of_the_card_say_the_same(text: str) -> None:
    assert cccd.parse(text) == cccd.parse(CHIP)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_reader_that_types_utf8_byte_by_byte_is_put_together_again(encoding: str) -> None:
    name = "TRẦN ĐÌNH ANH" if encoding == "latin-1" else "Nguyễn Hoàng"
    text = CHIP.replace("Nguyễn Thị Bích Thủy", name)
    garbled = text.encode().decode(encoding, errors="strict" if encoding == "latin-1" else "replace")
    if "\ufffd" in garbled:
        with pytest.raises(LabelError):
            cccd.parse(garbled)
    else:
        assert cccd.parse(garbled).name == name.upper()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "fields"),
        ("https://vneid.example/abc", "fields"),
        (CHIP.replace("022190123456", "02219012345"), "number"),
        (CHIP.replace("05031990", "31021990"), "date"),
        (CHIP.replace("Nguyễn Thị Bích Thủy", "Nguy?n Th? 1"), "name"),
        ("x" * 3000, "too-long"),
    ],
)
def test_what_is_no_card_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(LabelError) as refused:
        cccd.parse(text)
    assert refused.value.fields["reason"] == reason


def test_a_number_that_contradicts_sex_or_year_is_a_doubt_and_no_refusal() -> None:
    assert cccd.parse(CHIP.replace("|Nữ|", "|Nam|")).doubts == ("sex",)
    assert cccd.parse(CHIP.replace("05031990", "05031991")).doubts == ("birth-year",)


@given(st.text(max_size=200))
def test_no_text_makes_it_raise_anything_else(text: str) -> None:
    try:
        card = cccd.parse(text)
    except LabelError:
        return
    assert cccd.is_number(card.number)
    assert card.name
