"""Coded reasons: the only ones that answer a finding. "Other" alone is none, and clinical judgement needs its text."""

from __future__ import annotations

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


def code_of(reason: str) -> str:
    """The code of a reason; text may follow it after a colon: "clinical-judgement: sleeping well"."""
    return reason.partition(":")[0].strip()


def is_coded(reason: str | None, text: str | None = None) -> bool:
    """Does this reason answer a finding?"""
    if reason is None or code_of(reason) not in REASONS:
        return False
    return code_of(reason) not in NEEDS_TEXT or bool(reason.partition(":")[2].strip() or (text or "").strip())
