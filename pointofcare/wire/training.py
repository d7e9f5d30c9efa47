"""Which facilities have patients who are not real: told from the facility's id alone, which is in every topic and every signed table.

A program of one kind can therefore not be spoken to by one of the other, and no message says anything new.
"""

from __future__ import annotations

SUFFIX = "-training"


def is_training(facility: str) -> bool:
    """Does `facility` have made-up patients alone? Whatever the case of its letters: an id that a person could take for one is one."""
    return facility.casefold().endswith(SUFFIX)
