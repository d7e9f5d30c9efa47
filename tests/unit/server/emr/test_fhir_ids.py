"""Names of ours as FHIR ids: reversible, injective, and said where there is none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.emr import fhir_ids
from server.emr.fhir_ids import NoIdError


@given(st.text(min_size=1, max_size=70))
def test_a_name_comes_back_from_its_id_or_has_none(name: str) -> None:
    try:
        found = fhir_ids.to_id(name)
    except NoIdError:
        assert len(name.encode("utf-8", "surrogatepass")) > 21
        return
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", found)
    assert fhir_ids.from_id(found) == name or max(name) >= "\ud800"


@given(st.text(alphabet="aZ9-.%2f/_\u00e9", max_size=12), st.text(alphabet="aZ9-.%2f/_\u00e9", max_size=12))
def test_two_names_never_share_an_id(first: str, second: str) -> None:
    if first and second and first != second:
        assert fhir_ids.to_id(first) != fhir_ids.to_id(second)
        assert fhir_ids.to_id(first, ".o1") != fhir_ids.to_id(second)


@pytest.mark.parametrize("found", ["", ".", "a.", "a.4", "a.4G", "a.61", "a b", "é", "x" * 65, "a.o1", "a/b", "a.ff"])
def test_what_we_never_write_is_no_name(found: str) -> None:
    assert fhir_ids.from_id(found) is None


def test_a_tail_is_taken_off_again() -> None:
    assert fhir_ids.split(fhir_ids.to_id("a_b", ".o12"), "o") == ("a_b", "12")
    assert fhir_ids.split("a_b", "o") is None
