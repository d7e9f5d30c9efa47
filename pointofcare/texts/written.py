"""How each language writes days, times and numbers: the one place where a page, a cart's screen or a printed sheet gets them from.

Vietnamese and French write the day first, in figures; English names the month, for "05/03" is two days to its readers. Numbers have the
language's decimal sign, a zero before it and none after it (ISMP), and thousands are set apart from five digits on. Nothing is rounded.
Source of the signs and names: Unicode CLDR, through Babel.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, localcontext
from functools import lru_cache

from babel.dates import format_date
from babel.numbers import format_decimal

from pointofcare.texts import DEFAULT_LANGUAGE, LANGUAGES

_DAY = {"vi": "dd/MM/y", "fr": "dd/MM/y", "en": "d MMM y"}
_SHORT_DAY = {"vi": "dd/MM", "fr": "dd/MM", "en": "d MMM"}
_DIGITS = 200
# Four digits are written together: nobody reads "1 500" for two numbers.
_GROUPED_FROM = Decimal(10_000)
# As many decimals as a number has: the pattern cuts none off where it is told not to round.
_PLAIN = "#,##0.#"


def day(language: str, value: date) -> str:
    """ "22/11/2026", "22 Nov 2026"."""
    return _day(_known(language), value.year, value.month, value.day)


def short_day(language: str, value: date) -> str:
    """Without its year: "22/11", "22 Nov"."""
    known = _known(language)
    return str(format_date(value, _SHORT_DAY[known], locale=known))


def clock(value: datetime) -> str:
    """ "14:05", of the zone that `value` is in."""
    return f"{value:%H:%M}"


def exact_clock(value: datetime) -> str:
    return f"{value:%H:%M:%S}"


def moment(language: str, value: datetime, *, seconds: bool = False) -> str:
    """ "22/11/2026 14:05", "22 Nov 2026 14:05", of the zone that `value` is in."""
    return f"{day(language, value)} {exact_clock(value) if seconds else clock(value)}"


def short_moment(language: str, value: datetime) -> str:
    """ "22/11 14:05", "22 Nov 14:05"."""
    return f"{short_day(language, value)} {clock(value)}"


def number(language: str, value: Decimal | int) -> str:
    """ "2,5", "2.5", "12.345,5", "12,345.5", "12 345,5"; "1500" in all of them."""
    return _number(_known(language), Decimal(value))


def decimal_sign(language: str) -> str:
    return number(language, Decimal("0.5"))[1]


def _known(language: str) -> str:
    return language if language in LANGUAGES else DEFAULT_LANGUAGE


@lru_cache(maxsize=4096)
def _day(language: str, year: int, month: int, at: int) -> str:
    return str(format_date(date(year, month, at), _DAY[language], locale=language))


@lru_cache(maxsize=4096)
def _number(language: str, value: Decimal) -> str:
    grouped = abs(value) >= _GROUPED_FROM
    with localcontext(prec=_DIGITS):  # a number is never rounded on its way to a person
        return str(format_decimal(value, _PLAIN, locale=language, decimal_quantization=False, group_separator=grouped))
