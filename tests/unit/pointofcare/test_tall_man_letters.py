"""Names in tall man letters differ from what was written in the case of their letters alone, and minutes are said as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.texts import LANGUAGES, tall_man
from pointofcare.texts.findings import sentence, span
from pointofcare.verdict.finding import Finding, Level


@pytest.mark.parametrize(
    ("plain", "spelled"),
    [
        ("Vincristine 1 mg/mL", "vinCRIStine 1 mg/mL"),
        ("VINBLASTINE", "vinBLAStine"),
        ("Ceftriaxon 1 g, 1 g, IV", "cefTRIAXon 1 g, 1 g, IV"),  # as a Vietnamese box writes it
        ("prednisolone/prednisone", "prednisoLONE/predniSONE"),
        ("Paracetamol 500 mg", "Paracetamol 500 mg"),
        ("", ""),
    ],
)
def test_a_listed_name_is_spelled_as_published_and_no_other(plain: str, spelled: str) -> None:
    assert tall_man.written(plain) == spelled


@given(st.text())
def test_nothing_but_the_case_of_letters_changes(text: str) -> None:
    assert tall_man.written(text, {"losec": "loSEC"}).casefold() == text.casefold()


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=5))
def test_a_hospitals_pairs_change_nothing_but_the_case(pairs: list[tuple[str, str]]) -> None:
    for plain, spelled in tall_man.of_pairs(pairs).items():
        assert spelled.casefold() == plain.casefold()


def test_the_names_of_a_hospitals_pair_differ_where_their_letters_do() -> None:
    made = tall_man.of_pairs([("Furosemid", "Torasemid"), ("Novorapid", "Novomix 30")])
    assert made == {"furosemid": "FUROsemid", "torasemid": "TORAsemid", "novorapid": "novoRAPID", "novomix": "novoMIX"}
    assert tall_man.written("Furosemid 20 mg/2 mL", made) == "FUROsemid 20 mg/2 mL"


def test_the_published_spelling_of_a_name_is_kept_before_a_made_one() -> None:
    assert "metformin" not in tall_man.of_pairs([("metformin", "metronidazole")])


def test_names_that_look_like_nothing_of_each_other_stay() -> None:
    assert tall_man.of_pairs([("Losec", "Aspirin")]) == {}


def test_each_published_name_stands_once_and_has_both_cases() -> None:
    assert len({name.casefold() for name in tall_man.NAMES}) == len(tall_man.NAMES)
    assert all(name != name.lower() and name != name.upper() for name in tall_man.NAMES)


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, "0 phút"), (119, "119 phút"), (120, "2 giờ"), (240, "4 giờ"), (255, "4 giờ 15 phút"), (4000, "2 ngày 18 giờ")],
)
def test_minutes_become_hours_and_days(minutes: int, said: str) -> None:
    assert span("vi", minutes) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_finding_says_hundreds_of_minutes(language: str) -> None:
    finding = Finding(rule="N2", level=Level.STOP, facts={"minutes": 130, "interval": 240})
    what, _ = sentence(language, finding)
    assert "240" not in what
    assert span(language, 240) in what
