"""Labels for tests: valid GS1 elements by the table, as Hypothesis strategies, and the few keys that many tests name."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from pointofcare.labels import gs1
from pointofcare.labels.application_identifiers import CHARACTERS, IDENTIFIERS, Component

TODAY = date(2026, 3, 2)
GTIN = "08936000000011"
GSRN = "893600000000000125"
GS = gs1.GS


def _characters(component: Component) -> st.SearchStrategy[str]:
    alphabet = st.sampled_from(sorted(CHARACTERS[component.charset]))
    return st.text(alphabet, min_size=component.shortest, max_size=component.longest)


def _component(component: Component) -> st.SearchStrategy[str]:
    match component.rule:
        case "key":
            size = component.longest - 1
            return st.integers(1, 10**size - 1).map(lambda number: gs1.with_check_digit(str(number).zfill(size)))
        case "date":
            return st.dates(date(1980, 1, 1), date(2070, 12, 31)).map(lambda day: f"{day:%y%m%d}")
        case "date-or-month":
            day = st.dates(date(1980, 1, 1), date(2070, 12, 31))
            return st.one_of(day.map(lambda day: f"{day:%y%m%d}"), day.map(lambda day: f"{day:%y%m}00"))
        case "time":
            sizes = [size for size in range(component.shortest, component.longest + 1) if size % 2 == 0]
            return st.tuples(st.times(), st.sampled_from(sizes)).map(lambda pair: f"{pair[0]:%H%M%S}"[: pair[1]])
        case "piece":
            return st.tuples(st.integers(1, 99), st.integers(1, 99)).map(lambda pair: f"{min(pair):02}{max(pair):02}")
    return _characters(component)


def value_of(ai: str) -> st.SearchStrategy[str]:
    return st.tuples(*(_component(component) for component in IDENTIFIERS[ai].components)).map("".join)


@st.composite
def item_elements(draw: st.DrawFn) -> list[tuple[str, str]]:
    """A medicine: (01) and a few others, in any order."""
    others = draw(
        st.lists(
            st.sampled_from(["10", "11", "15", "17", "21", "30", "240", "710", "714", "7003", "8008", "91", "99", "3103", "422"]),
            unique=True,
            max_size=5,
        )
    )
    codes = draw(st.permutations(["01", *others]))
    return [(code, draw(value_of(code))) for code in codes]
