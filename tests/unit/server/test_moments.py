"""Moments as people type them: day and month are never changed for one another."""

from __future__ import annotations

import pytest

from server.web import moments


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("05/03/2026 08:30", "2026-03-05T08:30:00"),
        (" 5/3/2026  8h30 ", "2026-03-05T08:30:00"),
        ("22.11.2026 18h", "2026-11-22T18:00:00"),
        ("22-11-2026, 18g05", "2026-11-22T18:05:00"),
        ("2026-03-05T08:30", "2026-03-05T08:30:00"),
        ("03/22/2026 08:30", None),  # the month first
        ("5/3/26 08:30", None),
        ("05/03/2026", None),
        ("2026-03-05", None),
        ("05/03/2026 24:30", None),
        ("31/02/2026 08:00", None),
        ("05/03/2026 8", None),
        ("", None),
    ],
)
def test_the_day_comes_first_and_nothing_is_guessed(text: str, at: str | None) -> None:
    found = moments.typed(text)
    assert (found.isoformat() if found is not None else None) == at
    if found is not None:
        assert moments.typed(moments.shown(found)) == found
