"""Coded reasons: the only ones that answer a finding. "Other" alone is none, and clinical judgement needs its text."""

from __future__ import annotations

import re

REASONS = (
    "emergency",
    "prescriber-confirmed",
    "pharmacist-confirmed",
    "off-ward",
    "npo",
    "procedure",
    "refused",
    "vomited",
    "unavailable",
    "band-missing",
    "band-unreadable",
    "band-isolation",
    "label-unreadable",
    "label-missing",
    "label-unknown",
    "scanner-fault",
    "network-down",
    "battery",
    "clinical-judgement",
)
NEEDS_TEXT = frozenset({"clinical-judgement"})
# The patient took less than what was brought (rule Q5).
PARTLY_TAKEN = frozenset({"refused", "vomited"})


_CODED = re.compile(r"\s*([a-z-]*[a-z])(?:\s*[:;,(\u2013\s]\s*(.*))?", re.DOTALL)


def code_of(reason: str) -> str:
    """The code of a reason; text may follow it, best after a colon: "clinical-judgement: sleeping well"."""
    return _parts(reason)[0]


def _parts(reason: str) -> tuple[str, str]:
    match = _CODED.fullmatch(reason)
    return (match[1], (match[2] or "").strip(" -:)")) if match else ("", "")


def is_coded(reason: str | None, text: str | None = None) -> bool:
    """Does this reason answer a finding?"""
    code, words = _parts(reason or "")
    return code in REASONS and (code not in NEEDS_TEXT or bool(words or (text or "").strip()))
