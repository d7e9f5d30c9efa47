"""One symbol, interpreted: the symbology identifier decides, and nothing is ever guessed."""

from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pointofcare.errors import ConfigError
from pointofcare.labels.scan import BadgeScan, BandScan, DrugScan, LabelKind, Scan, SiteProfile, TextScan, UnreadableLabel, interpret
from pointofcare.labels.symbol import Symbol
from tests.support.gs1_labels import GS, GSRN, GTIN, TODAY

ITEM = "01" + GTIN
BAND = "8018" + GSRN + GS + "80191"
PROFILE = SiteProfile(mrn_pattern=r"[0-9]{2}-[0-9]{6}")


def _scan(identifier: str, content: str | bytes, profile: SiteProfile = PROFILE) -> Scan:
    data = content if isinstance(content, bytes) else content.encode()
    return interpret(Symbol(identifier=identifier, content=data), profile, TODAY)


@pytest.mark.parametrize("carrier", ["]d2", "]C1", "]Q3", "]e0"])
def test_gs1_wristband_names_patient_and_printed_instance(carrier: str) -> None:
    assert _scan(carrier, BAND) == BandScan(gsrn=GSRN, srin="1")
    assert _scan(carrier, "8018" + GSRN) == BandScan(gsrn=GSRN)


@pytest.mark.parametrize("carrier", ["]d2", "]C1", "]Q3", "]e0"])
def test_gs1_pack_gives_lot_expiry_and_serial(carrier: str) -> None:
    expected = DrugScan(gtin=GTIN, lot="A1", expiry=date(2027, 1, 31), serial="S9")
    assert _scan(carrier, ITEM + "1727010010A1" + GS + "21S9") == expected


@pytest.mark.parametrize("identifier", ["]d1", "]C0", "]Q1", "]Q0", "]d0", "]A0", "", "]X9", "]d20"])
def test_gs1_looking_text_in_another_symbol_is_only_text(identifier: str) -> None:
    for text in (ITEM + "1727013110A1", BAND):
        assert _scan(identifier, text) == TextScan(text=text, identifier=identifier)


def test_damaged_patient_number_is_unreadable_and_never_a_patient() -> None:
    assert _scan("]d2", "8018893600000000000126") == UnreadableLabel(
        kind=LabelKind.PATIENT, reason="check-digit", element="8018", text="8018893600000000000126"
    )
    joined = _scan("]d2", "8018" + GSRN + "80191")
    assert isinstance(joined, UnreadableLabel)
    assert joined.kind is LabelKind.PATIENT


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("0108936000000012", LabelKind.DRUG, "check-digit"),
        (ITEM + "10A117270131", LabelKind.DRUG, "ambiguous"),
        (ITEM + "10A1" + GS + "10A2", LabelKind.DRUG, "duplicate-ai"),
        ("1727013110A1", LabelKind.DRUG, "missing-requisite"),
        (GS + "0108936000000012", LabelKind.DRUG, "check-digit"),
        ("00106141411234567897", LabelKind.UNKNOWN, "no-identity"),
        (BAND + GS + ITEM, LabelKind.PATIENT, "two-identities"),
        ("garbage", LabelKind.UNKNOWN, "unknown-ai"),
        ("", LabelKind.UNKNOWN, "empty"),
    ],
)
def test_unreadable_labels_say_what_they_were_and_why(text: str, kind: LabelKind, reason: str) -> None:
    scan = _scan("]d2", text)
    assert isinstance(scan, UnreadableLabel)
    assert (scan.kind, scan.reason) == (kind, reason)


def test_bad_expiry_keeps_the_pack_and_is_named() -> None:
    assert _scan("]d2", ITEM + "17270231" + "10A1") == DrugScan(gtin=GTIN, lot="A1", bad_elements=("17",))


def test_expiry_with_a_time_gives_both() -> None:
    tomorrow = DrugScan(gtin=GTIN, expiry=date(2026, 3, 3), expiry_time=time(18, 30))
    assert _scan("]d2", ITEM + "70032603031830") == tomorrow
    assert _scan("]d2", ITEM + "1726030370032603031830") == tomorrow
    assert _scan("]d2", ITEM + "70032603020030") == DrugScan(gtin=GTIN, expiry=date(2026, 3, 2), expiry_time=time(0, 30))


def test_two_different_expiries_are_both_bad() -> None:
    assert _scan("]d2", ITEM + "1726030370032603021830") == DrugScan(gtin=GTIN, bad_elements=("17", "7003"))


def test_lots_behind_a_lost_separator_are_kept_for_recalls() -> None:
    scan = _scan("]d2", ITEM + "10B772107")
    assert isinstance(scan, DrugScan)
    assert (scan.lot, scan.other_lots) == ("B772107", ("B77",))


@pytest.mark.parametrize(
    ("identifier", "digits", "gtin"),
    [
        ("]E0", "4006381333931", "04006381333931"),
        ("]E0", "036000291452", "00036000291452"),
        ("]E4", "96385074", "00000096385074"),
        ("]I1", GTIN, GTIN),
    ],
)
def test_retail_symbols_give_a_pack_without_lot(identifier: str, digits: str, gtin: str) -> None:
    assert _scan(identifier, digits) == DrugScan(gtin=gtin)


@pytest.mark.parametrize(
    ("identifier", "content", "reason"),
    [
        ("]E0", "4006381333932", "check-digit"),
        ("]E0", "04963406", "length"),  # UPC-E or EAN-8: the reader must expand it
        ("]E4", "4006381333931", "length"),
        ("]I1", "4006381333931", "length"),
        ("]E0", "٤٠٠٦٣٨١٣٣٣٩٣١", "length"),
        ("]E0", b"400638133393\xff", "charset"),
        ("]E0", "", "length"),
        ("]E4", "00000000", "check-digit"),
    ],
)
def test_damaged_retail_symbols_are_unreadable_packs(identifier: str, content: str | bytes, reason: str) -> None:
    scan = _scan(identifier, content)
    assert isinstance(scan, UnreadableLabel)
    assert (scan.kind, scan.reason) == (LabelKind.DRUG, reason)


@pytest.mark.parametrize("identifier", ["]C0", "]Q0", "]Q1", "]Q2", ""])
def test_plain_band_is_a_patient_only_by_site_profile(identifier: str) -> None:
    assert _scan(identifier, "24-000123") == BandScan(mrn="24-000123")
    assert _scan(identifier, "24-000123", SiteProfile()) == TextScan(text="24-000123", identifier=identifier)


@pytest.mark.parametrize("text", ["24-0001234", "x24-000123", "24-000123\n", " 24-000123", "٢٤-٠٠٠١٢٣"])
def test_plain_band_must_match_as_a_whole(text: str) -> None:
    assert _scan("]C0", text) == TextScan(text=text, identifier="]C0")


def test_patient_number_of_a_longer_text_is_its_named_group() -> None:
    profile = SiteProfile(mrn_pattern=r"MRN=(?P<mrn>[0-9]+);WARD=[A-Z]+")
    assert _scan("]Q1", "MRN=77;WARD=ICU", profile) == BandScan(mrn="77")


def test_patient_number_in_another_kind_of_symbol_is_only_text() -> None:
    assert _scan("]A0", "24-000123") == TextScan(text="24-000123", identifier="]A0")


def test_badge_by_prefix() -> None:
    assert _scan("]Q1", "BADGE:N1") == BadgeScan(badge="N1")
    assert _scan("]Q1", "BADGE:", PROFILE) == UnreadableLabel(kind=LabelKind.UNKNOWN, reason="badge", text="BADGE:")
    assert _scan("]Q1", "BADGE:N1", SiteProfile(badge_prefix="")) == TextScan(text="BADGE:N1", identifier="]Q1")
    assert _scan("]d2", "8017" + GSRN) == BadgeScan(badge=GSRN)


def test_bag_label_is_text() -> None:
    assert _scan("]d1", "BAG-40C1") == TextScan(text="BAG-40C1", identifier="]d1")
    assert _scan("]Q2", "Túi truyền 7") == TextScan(text="Túi truyền 7", identifier="]Q2")


@pytest.mark.parametrize("identifier", ["]d2", "]E0", "]C0", "", "]"])
@pytest.mark.parametrize("content", [b"", b"\x00", b"\xff\xfe\xfa", b"0" * 1_000_000, b"10" * 500_000, b"\x1d" * 50])
def test_rubbish_is_unreadable_or_text_and_stays_short(identifier: str, content: bytes) -> None:
    scan = _scan(identifier, content)
    assert isinstance(scan, UnreadableLabel | TextScan)
    assert len(scan.text) <= 7089


@given(
    st.sampled_from(["]d2", "]C1", "]Q3", "]e0", "]E0", "]E4", "]I1", "]C0", "]Q1", "]d1", ""]) | st.text(max_size=4),
    st.binary(max_size=120),
    st.dates(),
)
@example("]d2", ITEM.encode() + b"17000100", date.min)
def test_interpret_never_raises(identifier: str, content: bytes, today: date) -> None:
    interpret(Symbol(identifier=identifier, content=content), PROFILE, today)


def test_profile_with_a_broken_pattern_is_refused_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        SiteProfile(mrn_pattern="[0-9")
    assert caught.value.problems[0][0] == "mrn_pattern"
