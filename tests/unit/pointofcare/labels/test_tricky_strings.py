"""Strings that parsers get wrong, one a line: what each says here, by symbology identifier and data, on 2 March 2026.

"-" is refused whole; "text" is no GS1 and means nothing by itself; else the elements that are believed, and behind "!" those that are
present and not valid.
"""

from __future__ import annotations

from datetime import date

import pytest

from pointofcare.errors import LabelError
from pointofcare.labels import gs1, scan
from pointofcare.labels.scan import BadgeScan, BandScan, DrugScan, Scan, SiteProfile, TextScan, UnreadableLabel
from pointofcare.labels.symbol import Symbol

TODAY = date(2026, 3, 2)
G = "\x1d"
GTIN = "08936000000011"
ITEM = "01" + GTIN
GSRN = "893600000000000125"
ARABIC = "".join(chr(0x660 + int(digit)) for digit in GTIN)

TRICKY = [
    # the symbology identifier is looked at first
    ("]d2", ITEM, "gtin"),
    ("]C1", ITEM, "gtin"),
    ("]Q3", ITEM, "gtin"),
    ("]e0", ITEM, "gtin"),
    ("]d1", ITEM, "text"),
    ("]C0", ITEM, "text"),
    ("]Q1", ITEM, "text"),
    ("", ITEM, "text"),
    ("]d1", "8018" + GSRN, "text"),
    ("]C0", "8018" + GSRN, "text"),
    # check digits: the patient, the pack, the carton, the person
    ("]d2", "8018" + GSRN, "band"),
    ("]d2", "8018893600000000000126", "-"),
    ("]d2", "8018" + GSRN[::-1], "-"),
    ("]d2", "8018" + "0" * 18, "-"),
    ("]d2", "0108936000000012", "-"),
    ("]d2", "01" + "0" * 14, "-"),
    ("]d2", "8017" + GSRN, "badge"),
    ("]d2", "8017893600000000000126", "-"),
    ("]C1", "00189360000000000012", "-"),
    ("]C1", "00189360000000000014" + ITEM, "-"),
    # separators
    ("]d2", G + ITEM, "gtin"),
    ("]d2", ITEM + G, "gtin"),
    ("]d2", ITEM + "10A1" + G + "17270131", "gtin lot expiry"),
    ("]d2", ITEM + "17270131" + G + "10A1", "gtin lot expiry"),
    ("]d2", ITEM + G + G + "10A1", "-"),
    ("]d2", "8018" + GSRN + G + "80191", "band srin"),
    ("]d2", "8018" + GSRN + "80191", "-"),
    ("]d2", ITEM + "10LOT917270131", "-"),
    ("]d2", ITEM + "10LOT921SER7", "-"),
    ("]d2", ITEM + "17270131" + "10" + "A" * 25, "gtin expiry !10"),
    # twice, not together, not without
    ("]d2", ITEM + ITEM, "-"),
    ("]d2", ITEM + "0108936123000011", "-"),
    ("]d2", ITEM + "10A1" + G + "10A1", "-"),
    ("]d2", "8017" + GSRN + G + "8018" + GSRN, "-"),
    ("]d2", ITEM + "8018" + GSRN, "-"),
    ("]d2", "21SER", "-"),
    ("]d2", "17270131", "-"),
    ("]d2", "10A1", "-"),
    ("]d2", "80191", "-"),
    # dates
    ("]d2", ITEM + "17270200", "gtin expiry=2027-02-28"),
    ("]d2", ITEM + "17280200", "gtin expiry=2028-02-29"),
    ("]d2", ITEM + "17280229", "gtin expiry=2028-02-29"),
    ("]d2", ITEM + "17270229", "gtin !17"),
    ("]d2", ITEM + "17270431", "gtin !17"),
    ("]d2", ITEM + "17271301", "gtin !17"),
    ("]d2", ITEM + "17270001", "gtin !17"),
    ("]d2", ITEM + "17000000", "gtin !17"),
    ("]d2", ITEM + "17760131", "gtin expiry=2076-01-31"),
    ("]d2", ITEM + "17770131", "gtin expiry=1977-01-31"),
    ("]d2", ITEM + "70032701311200", "gtin expiry=2027-01-31"),
    ("]d2", ITEM + "70032701001200", "gtin !7003"),
    ("]d2", ITEM + "70032701312400", "gtin !7003"),
    ("]d2", ITEM + "17270131" + "70032702011200", "gtin !17,7003"),
    # characters
    ("]d2", "01" + ARABIC, "-"),
    ("]d2", ITEM + "10LÔ1", "-"),
    ("]d2", ITEM + "10A 1", "gtin !10"),
    ("]d2", ITEM + "21" + "Z" * 21, "gtin !21"),
    ("]d2", ITEM + "10", "gtin !10"),
    ("]d2", f"(01){GTIN}(17)270131", "-"),
    ("]d2", "https://id.gs1.org/01/" + GTIN, "-"),
    ("]d2", "05" + GTIN, "-"),
    ("]d2", "01893600000001", "-"),
    ("]d2", "", "-"),
    # retail: a number and nothing more
    ("]E0", "8936000000011", "gtin"),
    ("]E0", "8936000000012", "-"),
    ("]E4", "01234565", "gtin"),
    ("]E4", "04963406", "-"),
]


def _said(found: Scan) -> str:
    match found:
        case TextScan():
            return "text"
        case UnreadableLabel():
            return "-"
        case BadgeScan():
            return "badge"
        case BandScan():
            return "band" + " srin" * (found.srin is not None)
        case DrugScan():
            parts = ["gtin", *(name for name in ("lot", "serial") if getattr(found, name) is not None)]
            parts += [f"expiry={found.expiry}"] if found.expiry is not None else []
            return " ".join([*parts, *(["!" + ",".join(found.bad_elements)] if found.bad_elements else [])])
    raise AssertionError(found)


@pytest.mark.parametrize(("identifier", "data", "means"), TRICKY, ids=range(len(TRICKY)))
def test_each_tricky_string_says_what_it_says_and_no_more(identifier: str, data: str, means: str) -> None:
    said = _said(scan.interpret(Symbol(identifier=identifier, content=data.encode()), SiteProfile(), TODAY))
    if means.endswith("expiry") or "expiry " in means:
        said = said.split("=")[0] + said[said.index("=") + 11 :]
    assert said == means


def test_the_century_follows_the_day_that_is_handed_in_and_no_clock() -> None:
    assert gs1.parse(ITEM + "17270131", date(1990, 1, 1)).day("17") == date(2027, 1, 31)
    assert gs1.parse(ITEM + "17270131", date(2090, 1, 1)).day("17") == date(2127, 1, 31)


def test_brackets_are_read_only_when_a_person_typed_them() -> None:
    text = f"(01){GTIN}(17)270131(10)A1(21)S7"
    found = gs1.typed(text, TODAY)
    assert [found.get(ai) for ai in ("01", "17", "10", "21")] == [GTIN, "270131", "A1", "S7"]
    for bad in (
        text[:-1] + "(",
        f"01{GTIN}",
        f"(01){GTIN}x)",
        f"(1){GTIN}",
        f"(01){ARABIC}",
        f"(05){GTIN}",
        "(01)08936000000012",
        "",
        "(21)S7",
    ):
        with pytest.raises(LabelError):
            gs1.typed(bad, TODAY)


@pytest.mark.parametrize(
    ("text", "mrn"),
    [
        ("BN24000123", "24000123"),
        ("24-000123|NGUYỄN VĂN AN|1958", "24-000123"),
        ("0000123", "0000123"),
        ("BN24000123|x", None),
        ("x24-000123|A|1958", None),
    ],
)
def test_a_hospital_may_print_several_kinds_of_bands(text: str, mrn: str | None) -> None:
    profile = SiteProfile(mrn_pattern="BN(?P<mrn>[0-9]{8})", mrn_patterns=(r"(?P<mrn>[0-9]{2}-[0-9]{6})\|[^|]{1,80}\|[0-9]{4}", "[0-9]{7}"))
    found = scan.interpret(Symbol(identifier="]Q1", content=text.encode()), profile, TODAY)
    assert found == (BandScan(mrn=mrn) if mrn is not None else TextScan(text=text, identifier="]Q1"))


def test_a_band_out_of_which_two_profiles_read_two_numbers_is_nobodys() -> None:
    profile = SiteProfile(mrn_patterns=("A(?P<mrn>[0-9]+)", "(?P<mrn>A[0-9]+)"))
    found = scan.interpret(Symbol(identifier="]Q1", content=b"A123"), profile, TODAY)
    assert isinstance(found, UnreadableLabel)
    assert (found.kind, found.reason) == (scan.LabelKind.PATIENT, "two-identities")
