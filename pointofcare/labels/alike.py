"""Which patients of a ward are easily taken for one another by their names, whatever marks and case they are written with.

Pure. Must never say that two patients are one: it names pairs for people to look at.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_SHORTEST = 5


def folded(name: str) -> str:
    """Without case, marks and needless blanks, đ as d."""
    plain = unicodedata.normalize("NFD", name.casefold())
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign)).replace("đ", "d")
    return " ".join(bare.split())


def are_alike(one: str, other: str) -> bool:
    """The same name, one letter apart, or the same family and given name around another middle one."""
    return _alike(folded(one), folded(other))


def pairs(patients: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Of (id, name): id -> the ids of those with a name like it, in the order given. Only who has any."""
    return _pairs(tuple(patients))


@lru_cache(maxsize=64)
def _pairs(patients: tuple[tuple[str, str], ...]) -> dict[str, tuple[str, ...]]:
    names = [(each, folded(name)) for each, name in patients]
    found: dict[str, list[str]] = {}
    for place, (one, name) in enumerate(names):
        for other, another in names[place + 1 :]:
            if _alike(name, another):
                found.setdefault(one, []).append(other)
                found.setdefault(other, []).append(one)
    return {each: tuple(others) for each, others in found.items()}


def _alike(one: str, other: str) -> bool:
    if not one or not other:
        return False
    if one == other:
        return True
    first, second = one.split(" "), other.split(" ")
    if len(first) > 1 and len(second) > 1 and (first[0], first[-1]) == (second[0], second[-1]):
        return True
    return min(len(one), len(other)) >= _SHORTEST and _one_apart(one, other)


def _one_apart(one: str, other: str) -> bool:
    """One letter more, less or other, or two neighbours swapped."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    if len(a) == len(b):
        return a[1:] == b[1:] or (len(a) > 1 and a[0] == b[1] and a[1] == b[0] and a[2:] == b[2:])
    return a[1:] == b if len(a) > len(b) else a == b[1:]
