"""Which names of a ward are easily taken for one another."""

from __future__ import annotations

import pytest

from pointofcare.labels import alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("NGUYỄN VĂN AN", "Nguyễn Văn Ân"),
        ("ĐỖ THỊ LÀNH", "DO THI LANH"),
        ("TRẦN VĂN HÙNG", "TRẦN QUỐC HÙNG"),
        ("LÊ THỊ MAI", "LÊ THỊ MAY"),
        ("PHẠM VĂN SƠN", "PHẠM VĂN SNƠ"),
        ("CON BÀ LÊ THỊ MAI 1", "CON BÀ LÊ THỊ MAI 2"),
    ],
)
def test_same_and_similar_names_are_alike_whatever_their_marks(one: str, other: str) -> None:
    assert alike.are_alike(one, other)
    assert alike.are_alike(other, one)


@pytest.mark.parametrize(("one", "other"), [("NGUYỄN VĂN AN", "TRẦN VĂN AN"), ("LÊ AN", "LÊ TÚ"), ("", ""), ("NGUYỄN VĂN AN", "")])
def test_other_names_are_not(one: str, other: str) -> None:
    assert not alike.are_alike(one, other)


def test_pairs_name_each_side() -> None:
    found = alike.pairs([("p1", "NGUYỄN VĂN AN"), ("p2", "LÊ THỊ HOA"), ("p3", "NGUYEN VAN AN")])
    assert found == {"p1": ("p3",), "p3": ("p1",)}
