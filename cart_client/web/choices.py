"""The coded choices that the kiosk's forms offer: reasons, sites, sets. Codes only; their words are texts."""

from __future__ import annotations

from cart_client.inbox import MISTAKES

# Coded reasons to give in spite of a REASON finding (rule S1 and the override reasons of the rule table).
OVERRIDE_REASONS = (
    "emergency",
    "prescriber-confirmed",
    "pharmacist-confirmed",
    "label-unreadable",
    "label-missing",
    "label-unknown",
    "scanner-fault",
    "network-down",
    "battery",
    "clinical-judgement",
)
# Why it is not given: the action and the reason in one choice.
DECLINE_REASONS = (
    "refuse:refused",
    "not-given:off-ward",
    "not-given:unavailable",
    "not-given:procedure",
    "hold:npo",
    "hold:prescriber-confirmed",
    "not-given:vomited",
    "hold:clinical-judgement",
)
# Why an infusion is paused or ended before its bag is empty, why an entry is withdrawn, why nobody counts now.
INFUSION_REASONS = ("prescriber-confirmed", "procedure", "off-ward", "refused", "emergency", "clinical-judgement")
UNDO_REASONS = (*MISTAKES, "clinical-judgement")
COUNT_REASONS = ("emergency", "drawer-closed", "counted-by-another")
BAND_REASONS = ("band-missing", "band-unreadable", "band-isolation", "scanner-fault")
LATE_REASONS = ("emergency", "network-down", "battery", "scanner-fault", "clinical-judgement")
DROP_FACTORS = (10, 15, 20, 60)

# Where something is injected or put on, by route.
_LIMBS = ("left-upper-arm", "right-upper-arm", "left-thigh", "right-thigh")
SITES = {
    "IM": (*_LIMBS, "left-buttock", "right-buttock"),
    "SC": ("abdomen", *_LIMBS),
    "ID": ("left-forearm", "right-forearm"),
    "TD": ("left-chest", "right-chest", "left-upper-arm", "right-upper-arm", "back"),
}
