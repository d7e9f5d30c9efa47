"""One finding as two sentences: what is the matter, and what would make it pass. The cart, the server and the command all use
this, so that a rule says the same everywhere. Must never leave a sentence empty: an unknown code shows as itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

from pointofcare.texts import clinical, orders, quantity, written
from pointofcare.verdict.finding import Finding

_COUNTED = re.compile(r"(?<=[0-9] )\{([a-z]+)\}")  # the braces of "2 {tablet}" are UCUM's, not a nurse's
# Parameters that hold a code which has words of its own: parameter -> prefix of the text's id.
_CODED = {"observation": "observation", "action": "action"}
# Parameters that are a number of minutes: nobody reads "240 min" as four hours.
_MINUTES = frozenset({"minutes", "interval"})


NOTHING = "none"  # the word by which the texts select an empty value


def sentence(language: str, finding: Finding, names: Mapping[str, str] | None = None) -> tuple[str, str]:
    """(what, remedy) in `language`; the remedy is "" when there is none. `names` maps ids (of patients, orders, nurses) to what
    a person calls them."""
    words = clinical()
    known = names or {}
    values = shown(
        language,
        {name: known.get(value, value) if isinstance(value, str) else value for name, value in {**finding.facts, **finding.params}.items()},
    )
    code = "finding-broken" if "fault" in finding.facts else f"finding-{finding.rule}"
    values.setdefault("rule", finding.rule)
    what = words.text(language, code, values)
    remedy = words.text(language, f"remedy-{finding.remedy}", values) if finding.remedy else ""
    return what, remedy


def shown(language: str, values: Mapping[str, object]) -> dict[str, object]:
    """Times as the ward's clock reads, amounts with the language's decimal sign, coded words in the language."""
    return {name: _shown(language, name, value) for name, value in values.items()}


def span(language: str, minutes: float) -> str:
    """ "40 min", "4 h", "4 h 15 min", "2 d 3 h"; the last minutes of days are left out."""
    whole = int(abs(minutes))
    days, hours, rest = whole // 1440, whole % 1440 // 60, whole % 60
    if whole < 120:
        parts: tuple[tuple[str, int], ...] = (("minutes", whole),)
    elif whole < 2880:
        parts = (("hours", whole // 60), ("minutes", rest))
    else:
        parts = (("days", days), ("hours", hours))
    return " ".join(clinical().text(language, f"span-{unit}", {"count": count}) for unit, count in parts if count or whole < 120)


def _shown(language: str, name: str, value: object) -> object:
    if name in _MINUTES and isinstance(value, int | float) and not isinstance(value, bool):
        return span(language, value)
    if not isinstance(value, str):
        return value
    if not value:
        return NOTHING
    if name in _CODED:
        code = f"{_CODED[name]}-{value}"
        words = clinical()
        return words.text(language, code) if words.has(language, code) else value
    if name == "unclear":
        return orders.words(language, value)
    amount = quantity.displayed(language, value)
    return amount if amount is not None else _time(language, _COUNTED.sub(r"\1", value))


def _time(language: str, value: str) -> str:
    """ISO time -> "02/03/2026 14:20", ISO date -> "02/03/2026", as the language writes them; anything else as it is."""
    if len(value) < 10 or value[4:5] != "-":
        return value
    try:
        if len(value) == 10:
            return written.day(language, date.fromisoformat(value))
        return written.moment(language, datetime.fromisoformat(value))
    except ValueError:
        return value
