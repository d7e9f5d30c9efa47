"""Vietnamese codes: what is read, what is refused and why, and that nothing is filled in."""

from __future__ import annotations

import re
import tomllib
from datetime import date, timedelta
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.errors import ConfigError, NotFoundError
from pointofcare.products import Controlled
from pointofcare.vietnam import claims, codes, insurance, lettering, lists, registration, retention, routes, strength
from pointofcare.vietnam.fault import CodeError
from pointofcare.vietnam.insurance import Form

DAY = date(2026, 11, 22)
QR = f"DN4790123456789|{'Nguyễn Văn An'.encode().hex()}|11/04/1958|1|{'Tổ 1, Bãi Cháy'.encode().hex()}|22-001|01/01/2026|31/12/2026|x|$"


def why(call: object, *args: object, **named: object) -> str:
    with pytest.raises(CodeError) as refused:
        call(*args, **named)  # type: ignore[operator]
    return refused.value.reason


def test_every_list_names_its_decision_and_its_source_and_no_two_hold_on_one_day() -> None:
    assert {one.name for one in lists.everything()} >= {"routes", "xml2", "catalogue", "retention", "ward-shape"}
    for one in lists.everything():
        assert one.decision
        assert one.source
    for name in lists.FILES:
        tomllib.loads(resources.files("pointofcare.vietnam.data").joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    twice = '[[list]]\nname="a"\ndecision="x"\nsource="y"\n[[list]]\nname="a"\ndecision="x"\nsource="y"\nvalid_from=2026-01-01\n'
    for text in (twice, '[[list]]\nname="a"\ndecision="x"\n'):
        with pytest.raises(ConfigError):
            lists.read(text, "a.toml")


def test_an_old_day_has_the_list_of_its_time() -> None:
    assert codes.ward("K02.D35", date(2026, 8, 1)) == "K02.D35"
    assert why(codes.ward, "K88", date(2026, 8, 1)) == "shape"
    assert codes.ward("K88", date(2026, 7, 31)) == "K88"
    longest = {column.name: column.longest for column in claims.shape(date(2026, 6, 30)).columns}
    later = {column.name: column.longest for column in claims.shape(date(2026, 7, 1)).columns}
    assert (longest["MUC_HUONG"], later["MUC_HUONG"]) == (3, 4)
    with pytest.raises(NotFoundError):
        claims.shape(date(2019, 1, 1))  # its columns are not established


@pytest.mark.parametrize(
    ("text", "number", "form"),
    [
        ("DN4790123456789", "DN4790123456789", Form.CARD),
        ("dn 4 79 01234.56789", "DN4790123456789", Form.CARD),
        ("0123456789", "0123456789", Form.NUMBER),
        ("022-190-123456", "022190123456", Form.NATIONAL_ID),
    ],
)
def test_an_insurance_card_is_read_in_its_three_forms(text: str, number: str, form: Form) -> None:
    card = insurance.parse(text)
    assert (card.number, card.form) == (number, form)
    assert card.insurance_number == (None if form is Form.NATIONAL_ID else "0123456789")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "empty"), ("DN6790123456789", "level"), ("DN479012345678", "length"), ("1N4790123456789", "letters"), ("Đ", "characters")],
)
def test_what_is_no_insurance_number_says_why(text: str, reason: str) -> None:
    assert why(insurance.parse, text) == reason


def test_a_refusal_never_quotes_the_number() -> None:
    with pytest.raises(CodeError) as refused:
        insurance.parse("DN6790123456789")
    assert "6790123456789" not in str(refused.value)


def test_the_old_cards_code_gives_dates_and_never_the_address() -> None:
    card = insurance.parse(QR)
    assert (card.name, card.birth_date, card.sex, card.facility) == ("NGUYỄN VĂN AN", date(1958, 4, 11), "male", "22001")
    assert (card.valid_from, card.valid_to) == (date(2026, 1, 1), date(2026, 12, 31))
    assert "Bãi" not in repr(card)
    assert (card.holder_kind, card.benefit_level, card.province) == ("DN", 4, "79")
    assert insurance.looks_like_code(QR)
    assert not insurance.looks_like_code("022190123456|012345678|Nguyễn Văn An|05031990|Nam|Hạ Long|15042021")
    assert why(insurance.parse, QR.replace("31/12/2026", "31/12/2020")) == "validity"


@given(st.text(max_size=120))
def test_no_text_makes_a_card_raise_anything_else(text: str) -> None:
    try:
        card = insurance.parse(text)
    except CodeError:
        return
    assert re.fullmatch(r"[0-9]{10}|[0-9]{12}|[A-Z]{2}[1-5][0-9]{12}", card.number)


@pytest.mark.parametrize(
    ("number", "controlled"),
    [
        ("893110123424", Controlled.NONE),
        ("893111123424", Controlled.NARCOTIC),
        ("893112123424", Controlled.PSYCHOTROPIC),
        ("893113123424", Controlled.PRECURSOR),
        ("893114123424", None),
        ("893119123424", None),
        ("VD-25123-18", None),
        ("1234/QLD-KD", None),
    ],
)
def test_the_class_of_control_is_what_the_number_says_and_never_none_by_silence(number: str, controlled: Controlled | None) -> None:
    assert registration.parse(number, DAY).controlled is controlled


def test_a_drug_code_keeps_its_zeros() -> None:
    assert registration.medicine("40.10") != registration.medicine("40.1")
    assert registration.medicine(" 40.17 + 40.33 ") == "40.17+40.33"
    assert why(registration.medicine, "40,1") == "characters"
    assert why(registration.parse, "89311012342", DAY) == "digits"
    assert why(registration.parse, "ABC", DAY) == "prefix"


def test_codes_of_prescriptions_places_and_people() -> None:
    found = codes.prescription("01CXUpzrizjk-c", DAY)
    assert (found.facility, found.kind) == ("01CXU", "other")
    assert why(codes.prescription, "01CXUpzrizjk", DAY) == "length"
    assert why(codes.prescription, "01CXUPZRIZJK-C", DAY) == "shape"
    assert codes.facility("22001", DAY) == "22001"
    assert why(codes.facility, "2201", DAY) == "shape"
    assert codes.bed("h012") == "H012"
    assert why(codes.bed, "X012") == "shape"
    assert codes.licence("000123/QNI-CCHN") == "000123/QNI-CCHN"
    assert why(codes.licence, "CCHN") == "shape"
    assert codes.stay_kind("03", DAY) == "03"
    assert why(codes.stay_kind, "3", DAY) == "not-listed"


def test_a_weak_route_fits_and_settles_nothing() -> None:
    injected = routes.get("2.10", DAY)
    assert injected.weak
    assert injected.route is None
    assert all(injected.fits(one) for one in ("IM", "IV", "SC"))
    assert routes.get("2.01", DAY).route == "IM"
    assert not routes.get("2.01", DAY).fits("IV")
    assert why(routes.get, "1.1", DAY) == "shape"
    assert why(routes.get, "9.99", DAY) == "not-listed"
    assert len({one.code for one in routes.listed(DAY)}) == len(routes.listed(DAY))


@pytest.mark.parametrize(
    ("text", "names", "unit", "injected", "amounts", "volume"),
    [
        ("500mg", 1, "Viên", False, ("500 mg",), None),
        ("0,5 g", 1, "Lọ", True, ("0.5 g",), None),
        ("10mcg", 1, "Viên", False, ("10 ug",), None),
        ("1g/100ml", 1, "Chai", True, ("1 g",), "100 mL"),
        ("40mg/0,4ml", 1, "Bơm tiêm", True, ("40 mg",), "0.4 mL"),
        ("250mg + 31,25mg", 2, "Gói", False, ("250 mg", "31.25 mg"), None),
        ("500mg/125mg", 2, "Viên", False, ("500 mg", "125 mg"), None),
        ("100IU/ml; 10ml", 1, "Lọ", True, ("1000 [IU]",), "10 mL"),
        ("(250mg + 62,5mg)/5ml; 60ml", 2, "Chai", False, ("3000 mg", "750 mg"), "60 mL"),
    ],
)
def test_a_strength_is_computed(text: str, names: int, unit: str, injected: bool, amounts: tuple[str, ...], volume: str | None) -> None:
    found = strength.parse(text, names=names, unit=unit, injected=injected)
    assert tuple(str(one) for one in found.amounts) == amounts
    assert (str(found.volume) if found.volume is not None else None) == volume


@pytest.mark.parametrize(
    ("text", "names", "unit", "injected", "reason"),
    [
        ("5%", 1, "Chai", True, "percent"),
        ("1.000mg", 1, "Lọ", True, "two-readings"),
        ("250mg + 62,5mg/5ml", 2, "Ống", False, "two-readings"),
        ("100IU/ml", 1, "Lọ", True, "per-volume"),
        ("250mg/5ml", 1, "Chai", False, "whole-bottle"),
        ("250mg", 1, "Chai", False, "whole-bottle"),
        ("5 g", 1, "Tuýp", False, "unit-of-use"),
        ("250mg + 31mg", 1, "Viên", False, "number-of-parts"),
        ("500mg", 2, "Viên", False, "number-of-parts"),
        ("1 tỷ bào tử", 1, "Gói", False, "not-understood"),
        ("5xx", 1, "Viên", False, "unit"),
        ("0mg", 1, "Viên", False, "zero"),
        ("", 1, "Viên", False, "empty"),
    ],
)
def test_what_does_not_compute_is_asked_and_never_guessed(text: str, names: int, unit: str, injected: bool, reason: str) -> None:
    assert why(strength.parse, text, names=names, unit=unit, injected=injected) == reason


@given(st.text(alphabet="0123456789.,+/;()% mgculIUxl", max_size=24), st.integers(1, 3), st.sampled_from(("Viên", "Chai", "Ống", "Tuýp")))
def test_no_strength_makes_it_raise_anything_else_or_gives_nothing(text: str, names: int, unit: str) -> None:
    try:
        found = strength.parse(text, names=names, unit=unit, injected=False)
    except CodeError:
        return
    assert len(found.amounts) == names
    assert all(amount.value > 0 for amount in found.amounts)


def test_ingredients_are_parted_and_a_decimal_comma_is_none() -> None:
    assert strength.ingredients("Amoxicilin + Acid clavulanic") == ("Amoxicilin", "Acid clavulanic")
    assert strength.ingredients("Vitamin B1, B6; B12") == ("Vitamin B1", "B6", "B12")


@pytest.mark.parametrize(
    ("text", "font"),
    [
        ("Thuèc tiªm", "TCVN3"), ("§Æt d­íi l­ìi", "TCVN3"), ("Thuoác tieâm", "VNI"), ("Dung dòch tieâm truyeàn", "VNI"),
        ("Thuoác", "VNI"), ("Hạt ngoáy", None),
        ("Thuốc tiêm", None), ("Paracetamol 500µg", None), ("Panadol®", None), ("Hoá chất", None), ("Toàn thân", None), ("Besançon", None),
        ("Köln Pharma", None), ("Nghiên cứu", None), ("Khoáng chất", None), ("Ngoài da", None),
        ("Laboratoires Réunis", None), ("5µg/ml", None), ("", None),
    ],
)  # fmt: skip
def test_text_of_an_old_font_is_told_apart(text: str, font: str | None) -> None:
    assert lettering.old_font(text) == font


def test_decomposed_text_is_put_together() -> None:
    assert lettering.clean("Vie\u0302n  ne\u0301n\u200b") == "Viên nén"


def test_a_record_is_kept_to_the_end_of_the_year_that_the_law_names() -> None:
    assert retention.kept("inpatient", DAY).until == date(2036, 12, 31)
    assert retention.kept("transplant", DAY).until == date(2056, 12, 31)
    assert retention.kept("incident", DAY).until is None
    assert retention.kept("access-log", DAY).at_least
    with pytest.raises(NotFoundError):
        retention.kept("anything", DAY)
    with pytest.raises(NotFoundError):
        retention.kept("inpatient", date(2025, 7, 1) - timedelta(days=1))
    assert retention.kept("inpatient", date(2020, 1, 1), today=DAY).until == date(2030, 12, 31)


def test_a_value_that_is_longer_than_its_column_is_refused_and_never_cut() -> None:
    shape = claims.shape(DAY)
    assert [name for name, _ in claims.line({"STT": "1"}, shape)] == [column.name for column in shape.columns]
    assert why(claims.line, {"TT_THAU": "x" * 51}, shape) == "too-long"
    assert why(claims.line, {"NGUOI_THUC_HIEN": "x"}, shape) == "column"
