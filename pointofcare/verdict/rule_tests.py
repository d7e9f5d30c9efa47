"""Which scenarios and tests prove each rule. Written by `python -m simulation.rules`: change nothing here."""

from __future__ import annotations

from collections.abc import Mapping

# fmt: off
# Rule -> ids of the open suite.
SCENARIOS: Mapping[str, tuple[str, ...]] = {
    "P1": (
        "band-unknown", "band-of-two", "band-not-gs1-symbol", "keyed-unknown", "p1-exactly-one",
        "sr-p6-other-birth-date", "sr-p6-no-second", "sr-em-no-patient", "no-band-scanned", "band-of-nobody",
        "band-check-digit-wrong", "typed-birth-date-of-another",
    ),
    "P2": (
        "keyed-bed", "bed-as-second-identifier", "bed-label-qr", "p2-typed-number-and-birth-date", "sr-p2-bed",
        "bed-is-no-patient",
    ),
    "P3": (
        "srin-unknown", "srin-revoked", "srin-absent", "srin-absent-reasoned", "srin-absent-all-revoked",
        "band-status-unknown", "band-null-srin-revoked", "band-null-srin-active", "band-null-srin-unknown",
        "p3-reprinted-band", "sr-p3-band-unknown", "revoked-band", "unknown-copy", "band-without-instance",
    ),
    "P4": (
        "p4-named", "p4-both-have-the-drug", "refuse-wrong-patient", "order-of-another-patient",
        "p4-the-scanned-patients-order", "i2-rate-neighbours-infusion", "sr-p4", "neighbours-order",
    ),
    "P5": (
        "idle-5-01", "idle-between-scans", "drug-between-bands", "drug-before-band", "sr-p5-before-band",
        "sr-p5-other-band", "sr-p5-scan-from-tomorrow", "session-ran-out", "session-longer-by-policy",
        "tray-prepared-first", "next-patient-clears",
    ),
    "P6": (
        "keyed-ok", "keyed-no-reason", "keyed-reason-null-intent-reason", "keyed-reason-satisfies-only-p6",
        "keyed-reason-plus-intent", "keyed-with-reason", "p6-band-was-scanned", "sr-p6-typed", "sr-p6-uncoded",
        "sr-p6-reason-elsewhere", "typed-patient", "typed-patient-reason", "typed-reason-answers-only-itself",
        "typed-birth-date-of-another",
    ),
    "P7": (
        "discharged", "deceased", "transferred-71h", "transferred-72h", "transferred-71-59-59", "transferred-73h",
        "transferred-when-unknown", "p7-admitted", "sr-p7-71h", "sr-p7-73h", "sr-p7-unknown", "sr-p7-future",
        "sr-p7-status-unknown", "discharged-yesterday", "moved-this-morning", "moved-three-days-ago",
        "status-not-known",
    ),
    "P8": (
        "student", "student-with-witness", "student-witnessed-by-student", "witness-only", "unlicensed",
        "p8-charge-nurse", "sr-p8-nobody", "sr-p8-student", "student-alone", "student-with-nurse", "licence-lapsed",
    ),
    "D1": (
        "drug-not-ordered", "wrong-form", "combination-for-single", "single-for-combination", "one-of-two", "too-much",
        "mixed-drugs", "stopped", "on-hold-named", "ean13-bad", "lost-gs", "lost-gs-serial", "gtin-check", "garbage",
        "two-gtins", "feb-30", "unknown-gtin", "expired-order-beside-none", "another-patients-band",
        "d1-emergency-drug", "d1-emergency-drug-at-the-limit", "d1-emergency-drug-over-the-limit",
        "d1-emergency-drug-drawn-volume", "d1-emergency-drug-no-reason", "d1-emergency-drug-other-reason",
        "d1-emergency-drug-no-dose", "d1-emergency-drug-no-route", "d1-emergency-drug-other-route",
        "d1-emergency-drug-not-listed", "d1-emergency-listed-by-class", "d1-emergency-expired", "d1-emergency-allergy",
        "d1-emergency-more-than-scanned", "d1-emergency-after-completed-order", "sr-g-lost-separator",
        "sr-em-route-not-listed", "sr-em-other-finding-too", "sr-em-zero", "not-ordered", "form-differs",
        "order-does-not-exist", "unknown-product",
    ),
    "D2": (
        "stopped", "stopped-named", "completed-order", "ended", "ends-now", "named-stopped-beside-active",
        "bag-of-stopped-order", "expired-order-beside-none", "d2-a-second-before-the-end", "i2-rate-of-stopped-order",
        "sr-d2-status-unknown", "stopped-order", "order-over", "order-status-unknown",
    ),
    "D3": (
        "starts-tomorrow", "starts-past-edge", "d3-starts-at-the-end-of-the-early-window", "sr-d3-edge", "sr-d3-over",
        "starts-this-evening",
    ),
    "D4": (
        "on-hold", "on-hold-named", "bag-on-hold-order", "d4-lifted-hold", "d1-emergency-held-order", "prescriber-hold",
    ),
    "D5": (
        "given-already", "given-already-on-utc", "refused-already", "stopped-closes", "shown-older", "already-given",
        "screen-is-old", "given-by-colleague", "error-entry-does-not-count", "no-dose-at-ten",
    ),
    "D6": (
        "unverified", "unverified-stat", "satisfies-a-stop", "d6-verified", "shadow-of-an-old-rule-is-none",
        "not-verified", "stat-not-verified", "stat-not-verified-with-reason", "unverified-allowed-here",
    ),
    "D7": (
        "lasa", "d7-nothing-alike", "d7-listed-pair", "look-alike",
    ),
    "D8": (
        "two-orders", "two-orders-same", "two-orders-chosen", "hold-two-orders-scan", "sr-d8-two-orders",
        "two-lines-match", "two-lines-and-a-reason", "two-lines-nurse-chose",
    ),
    "D9": (
        "route-product", "route-intent", "route-intent-compatible-but-other", "vinca-syringe", "d9-one-of-two-routes",
        "sr-d9-vinca", "sr-d9-route", "tablet-into-a-vein", "route-chosen-wrong", "vincristine-in-a-syringe",
    ),
    "D10": (
        "allergy-exact", "allergy-exact-tolerated", "allergy-exact-reason", "allergy-case", "allergy-class",
        "drug-allergy-unknown", "allergy-unknown-reasoned", "allergy-in-combination", "bag-additive-allergy",
        "allergy-unknown", "d1-emergency-allergy", "sr-d10-tolerated", "sr-d10-unknown", "sr-reason-two-asking",
        "sr-reason-not-coded", "sr-reason-needs-text", "sr-em-other-finding-too", "typed-reason-answers-only-itself",
        "allergic", "allergies-not-read", "one-reason-two-questions", "both-named",
    ),
    "D11": (
        "allergy-class", "allergy-class-tolerated", "allergy-class-reason", "allergy-tolerated-and-not",
        "d11-allergy-to-another-class", "sr-p6-reason-elsewhere", "sr-d11-tolerated", "class-allergy",
        "class-tolerated", "related-opioid",
    ),
    "D12": (
        "d12-none", "d12-overridden", "shadow-is-not-shown",
    ),
    "D13": (
        "d13-own-medicine-ordered", "d13-own-medicine-not-ordered", "d13-own-medicine-not-ordered-with-reason",
        "d13-neighbours-medicine", "d13-neighbours-medicine-with-reason", "d13-hospital-stock-for-own-supply",
        "d13-bag-of-another-patient",
    ),
    "D14": (
        "d14-to-be-clarified", "d14-to-be-clarified-no-reason-helps", "d14-dose-and-range",
        "d14-dosages-beside-own-dose", "d14-one-dosage-instruction", "d14-refusal-is-charted", "sr-d14-range-reversed",
        "sr-d14-range-units", "sr-d14-zero-dose", "sr-d14-dose-is-a-time", "sr-d14-times-and-every",
        "sr-d14-ends-first", "sr-shadow-of-d14", "sr-i5-range-reversed", "sr-i5-zero-ordered",
    ),
    "D15": (
        "d15-record-as-expected", "d15-record-in-the-future", "d15-record-just-ahead", "d15-dose-before-order",
        "d15-dose-in-early-window", "d15-two-active-versions", "d15-older-version-stopped", "d15-one-version-twice",
        "d15-patient-twice", "sr-d15-future", "sr-d15-two-active", "sr-shadow-of-d15",
    ),
    "D16": (
        "d16-not-listed", "d16-missing", "d16-missing-with-reason", "d16-negative", "d16-of-another-drug", "d16-old",
        "d16-doubtful", "d16-positive", "d16-positive-then-negative", "d16-listed-by-class", "d16-second-dose",
        "d16-second-dose-positive",
    ),
    "T1": (
        "prn-first", "unverified-stat", "stat", "stat-with-times", "once-with-times", "prn-with-times", "t4-named",
        "madrid-gap-edge-out", "madrid-fold-bd", "madrid-every-8h-out", "early-out", "late-edge", "daily-early-out",
        "daily-late-edge", "critical-early-out", "critical-late-edge", "q3h-window-30", "q4h-out", "q23h-window-60",
        "six-times-uneven-3h", "early-half-exact", "early-more-than-half", "early-more-than-half-named",
        "early-more-than-half-reason", "once-no-window", "on-call", "late-is-quiet", "dst-madrid-spring",
        "t1-listed-time-critical", "t1-not-listed", "t1-day-of-the-week", "t1-other-day-of-the-week",
        "sr-t1-first-instant", "sr-t1-last-instant", "sr-t1-last-second", "sr-t1-early-half-exactly",
        "sr-t1-early-more-than-half", "sr-dst-gap", "sr-dst-gap-late", "sr-dst-twice", "sr-dst-every-elapsed",
        "sr-dst-lord-howe", "sr-zone-absent", "sr-days-monday", "sr-days-sunday", "an-hour-late", "window-opens",
        "far-too-early", "zone-unknown", "insulin-is-time-critical",
    ),
    "T2": (
        "t2-earlier-after-later", "t2-no-later", "t2-later-refused", "sr-t2", "later-one-was-given",
    ),
    "T3": (
        "t3-exactly-120", "t3-refused", "t3-other-strength-same-item", "t3-a-minute-past-two-hours", "sr-t3-120-min",
        "sr-t3-121-min", "sr-t3-refused", "same-drug-by-another-order",
    ),
    "T4": (
        "t4-named", "t4-late-but-far-from-the-next", "next-dose-is-near",
    ),
    "T5": (
        "dst-madrid-spring",
    ),
    "T6": (
        "t6-61", "t6-60.5", "t6-minus", "t6-online-301", "t6-offline-300", "t6-offline-301", "t6-offline-minus-301",
        "t6-sixty-seconds", "sr-t6-60-online", "sr-t6-61-online", "sr-t6-300-offline", "sr-t6-301-offline",
        "sr-t6--301-offline", "clock-two-minutes-off", "clock-wrong-offline",
    ),
    "O1": (
        "o1-241", "o1-240.5", "o1-1440", "o1-1441", "o1-online-old", "one-reason-two-findings", "satisfies-one",
        "satisfies-both", "offline-chart-five-hours", "sr-o1-240-min", "sr-o1-241-min", "sr-o1-1440-min",
        "sr-o1-1441-min", "chart-four-hours", "chart-a-day", "one-reason-two-questions", "both-named",
    ),
    "O2": (
        "keyed-reason-satisfies-only-p6", "keyed-reason-plus-intent", "o2-none-offline", "o2-other-offline",
        "o2-other-online", "o2-reason", "o3-and-o2", "o3-witness-leaves-o2", "o3-both-satisfied",
        "one-reason-two-findings", "satisfies-one", "satisfies-both", "satisfies-other", "satisfies-without-reason",
        "witness-does-not-satisfy-reason", "judgement-without-text", "satisfies-empty-list", "sr-o2-offline-none",
        "sr-o2-online-other", "sr-o3-and-o2", "sr-o3-and-o2-both", "other-cart-online", "no-lease-offline",
        "no-lease-online",
    ),
    "O3": (
        "o3-high-alert", "o3-high-alert-witness", "o3-controlled", "o3-precursor", "o3-and-o2", "o3-witness-leaves-o2",
        "o3-both-satisfied", "o3-high-alert-2", "offline-pressor-alone", "sr-o3-and-o2", "sr-o3-and-o2-both",
        "potassium-offline", "morphine-offline",
    ),
    "Q1": (
        "unit-iu-vs-mg", "unit-mmol-vs-meq", "unit-mmol-vs-mg", "dose-drawn-from-vial", "sr-q-dose-zero",
        "sr-q-product-zero", "sr-ins-drawn", "sr-ins-u", "units-do-not-compare", "combination-unclear",
    ),
    "Q2": (
        "tablet-unit-one", "tablet-unit-three", "half-scanned-whole-intended", "intent-dose-above-order", "range-over",
        "range-under", "liquid-decimal-slip", "liquid-too-little", "insulin-1mL", "q7-heavy", "q7-light",
        "combination-two-tablets", "one-of-two", "too-much", "q5-capsule-vomited", "q5-one-of-two-refused",
        "q5-no-reason", "puffs-twenty", "dose-ten-times-drawn", "d1-emergency-more-than-scanned", "q5-vomited-part",
        "q2-taper-second-step", "q2-taper-first-step", "sr-q-stated-zero", "sr-q2-range-low-end",
        "sr-q2-range-high-end", "sr-q2-range-over", "sr-q4-half-tablet", "sr-q7-tenfold", "sr-ins-drawn",
        "sr-ins-tenfold", "sr-q3-one-serial-twice", "sr-taper-border-new", "sr-taper-border-old",
        "sr-taper-before-border", "sr-taper-before-border-new", "one-more-tablet", "one-tablet-too-many",
        "partly-given-with-reason", "range-too-much", "range-within",
    ),
    "Q3": (
        "dose-drawn-from-vial", "sr-ins-drawn", "sr-ins-unsaid", "vial-without-amount", "one-scan-for-two",
        "same-unit-twice",
    ),
    "Q4": (
        "half-not-divisible", "half-extended", "liquid-part", "sr-q4-extended", "sr-q4-cytotoxic", "sr-q4-half-tablet",
        "capsule-halved", "extended-release-halved",
    ),
    "Q5": (
        "q5-vomited-part", "q5-whole-dose", "q5-infusion-stopped-early", "q5-infusion-stopped-early-no-reason",
        "q5-infusion-run-in",
    ),
    "Q6": (
        "q6-3g-plus-1g", "q6-4g-plus-1g", "q6-24h-ago-inside", "q6-routes-and-combos", "q6-combination-counts",
        "q6-stopped-counts", "q6-dose-unknown", "q6-volume-history", "q6-soft-reason", "q6-future-entry",
        "sr-q6-24h-exactly-excluded", "sr-q6-one-second-inside", "sr-q6-soft-exactly", "sr-q6-combination-counts",
        "sr-q6-bag-counts", "sr-q6-bag-within", "paracetamol-over-four-grams", "paracetamol-over-soft",
        "a-day-ago-exactly",
    ),
    "Q7": (
        "q7-old", "q7-missing", "q7-null", "i5-mass-weight-not-known", "sr-q7-7-days", "sr-q7-older", "sr-q7-in-grams",
        "sr-q7-future", "sr-q7-zero", "sr-q7-rate-no-weight", "sr-q7-rate", "by-weight-unknown", "by-weight-old",
        "by-weight-fresh",
    ),
    "N1": (
        "prn-no-reason", "prn-other-reason", "prn-other-reason-coded", "sr-n1-missing", "sr-n1-due",
        "as-needed-for-pain", "as-needed-without-reason", "as-needed-other-reason",
    ),
    "N2": (
        "prn-opioid-soon", "prn-ibu-soon", "prn-para-soon", "prn-sedative-soon", "prn-para-from-combination",
        "prn-para-from-scheduled-iv", "prn-opioid-too-soon", "sr-n2-exactly", "sr-n2-other-order", "sr-n2-other-drug",
        "sr-n2-combination", "as-needed-for-pain", "paracetamol-too-soon", "other-drug-too-soon",
    ),
    "N3": (
        "prn-max-24h", "n3-exactly-the-most", "sr-n3-exactly", "sr-n3-over", "as-needed-over-its-day",
    ),
    "N4": (
        "n4-effect-owed", "n4-effect-charted", "n4-effect-not-owed-yet", "n4-effect-owed-by-route", "n4-too-long-ago",
        "n4-assess", "n4-assess-unknown-record", "n4-assess-neighbours-record", "n4-assess-scheduled-dose",
        "n4-assess-without-effect",
    ),
    "H1": (
        "h1-49", "h1-49-witnessed", "h1-missing", "h1-stale", "h1-latest-counts", "h1-other-code",
        "h1-observations-absent", "h1-systolic-bad", "h1-respiratory-rate-bad", "h1-spo2-bad", "h1-glucose-bad",
        "h1-potassium-bad", "h1-level-WARN", "h1-level-REASON", "h1-two-holds", "two-of-same-rule",
        "two-of-same-rule-unnamed", "h1-listed-hold", "sr-h1-exactly-max-age", "sr-h1-one-second-older",
        "sr-h1-at-limit", "sr-h1-below", "sr-h1-future", "sr-h1-other-unit", "sr-h1-stale-and-low", "sr-h1-no-value",
        "heart-rate-missing", "heart-rate-old", "heart-rate-just-fresh", "heart-too-slow",
    ),
    "H2": (
        "insulin", "insulin-mL", "serial-multidose", "o3-high-alert", "o3-high-alert-witness", "o3-high-alert-2",
        "satisfies-a-witness", "h2-3", "h2-3-valid", "h2-3-pharmacist", "h2-3-witness-only", "h3-self", "h3-student",
        "h3-unlicensed", "h3-off-shift", "h3-shift-absent", "h3-licence-absent", "h3-rule-named",
        "h2-3-reason-does-not-help", "h2-2", "h2-2-reason", "h2-order", "bag-kcl-additive-high-alert",
        "offline-pressor-alone", "witness-given", "h2-listed-high-alert", "h2-list-is-never-milder", "h2-not-listed",
        "sr-o3-and-o2-both", "sr-h3-same", "sr-h3-student", "sr-h3-unlicensed", "sr-h3-off-shift",
        "sr-h3-shift-unknown", "sr-h3-licence-unknown", "sr-h3-valid", "potassium-alone", "potassium-witnessed",
        "heparin-skipped", "order-wants-two", "own-witness", "potassium-offline",
    ),
    "H3": (
        "h3-rule-named", "witness-given", "sr-h3-same", "sr-h3-student", "sr-h3-unlicensed", "sr-h3-off-shift",
        "sr-h3-shift-unknown", "sr-h3-licence-unknown", "sr-h5-own-witness", "own-witness", "witness-off-shift",
    ),
    "H5": (
        "h5-agrees", "h5-agrees-units", "h5-differs", "h5-range-differs", "h5-rate", "h5-rate-differs",
        "h5-not-asked-for", "h5-missing", "h5-witness-without-value", "h5-value-without-witness", "h5-both-agree",
        "h5-both-differ", "h5-rate-missing", "h5-rate-agrees", "h5-fixed-dose", "sr-h5-grams", "sr-h5-volume",
        "sr-h5-tenfold", "sr-h5-own-witness", "second-calculation-differs",
    ),
    "H6": (
        "h6-read-by-machine", "h6-band-typed", "h6-band-typed-witness", "h6-no-blood",
    ),
    "G1": (
        "feb-30", "month-13", "feb-30-reason", "expiry-letters", "expired-yesterday", "expiry-next-local-day",
        "expired-lot", "expiry-in-fifteen-years", "expiry-too-far", "d1-emergency-expired", "sr-g-expires-today",
        "sr-g-expired-yesterday", "sr-g-day-00-february", "sr-g-day-00-march", "sr-g-february-30",
        "sr-g-local-midnight", "sr-g-local-last-second", "expired", "last-day", "february-thirty",
    ),
    "G2": (
        "gs1-recalled", "g2-another-lot-is-recalled", "sr-g-recalled-lot", "recalled",
    ),
    "G3": (
        "g3-fresh", "g3-past", "g3-28d-1s", "g3-other-serial", "sr-ins-vial-open-29-d", "sr-ins-vial-open-tomorrow",
        "vial-open-too-long",
    ),
    "G4": (
        "serial-charted", "serial-charted-other-patient", "serial-multidose", "sr-g-serial-charted",
        "sr-g-serial-in-error", "empty-pack-again",
    ),
    "G5": (
        "unknown-gtin", "sr-g-check-digit", "sr-g-brackets", "sr-g-not-gs1", "sr-g-conflicting-gtin", "unknown-product",
        "gtin-check-digit-wrong", "read-again",
    ),
    "G6": (
        "ean13", "gs1-no-lot", "no-lot-recalled", "g6-lot-in-the-label", "sr-g-recalled-no-lot", "sr-g-no-lot",
        "no-lot", "no-lot-and-a-recall",
    ),
    "G7": (
        "own-label", "own-label-of-this-patient", "own-label-offline", "own-label-void", "own-label-beside-a-void-one",
        "own-label-forged", "own-label-no-table", "own-label-slip", "own-label-other-lot", "own-label-other-expiry",
        "own-label-other-product", "own-label-of-another-patient", "own-label-twice-in-the-table", "own-label-expired",
        "own-label-used", "makers-serial",
    ),
    "I1": (
        "bag-unknown", "bag-as-ordered", "foreign-bag",
    ),
    "I2": (
        "bag-completed", "bag-missing", "i2-rate-of-prepared-bag", "i2-rate-by-record", "i2-rate-nothing-runs",
        "i2-stop-of-unknown-record", "i2-stop-of-stopped-order", "sr-i2-completed", "sr-i2-unknown", "bag-run-empty",
    ),
    "I3": (
        "bag-old-version-identical", "bag-rate", "bag-volume", "bag-additive", "bag-rate-and-volume",
        "bag-same-version-differs", "bag-rate-changed", "i3-rate-warns", "i3-rate-stops-by-policy",
        "i3-rate-is-a-note-by-policy", "i3-additives-warn-by-policy", "sr-i3-volume", "bag-as-ordered",
        "bag-reprinted-same", "bag-other-volume",
    ),
    "I4": (
        "bag-second", "i4-the-other-bag-has-ended", "sr-i4", "second-bag",
    ),
    "I5": (
        "i5-start-at-ordered-rate", "i5-start-without-words", "i5-start-tenfold", "i5-start-a-tenth",
        "i5-start-too-fast", "i5-start-too-slow", "i5-drops-to-the-nearest", "i5-drops-one-more", "i5-drops-wrong-set",
        "i5-drops-without-factor", "i5-range-low-end", "i5-range-high-end", "i5-range-above", "i5-range-not-stated",
        "i5-change-within-range", "i5-change-out-of-range", "i5-change-without-rate", "i5-other-kind-of-rate",
        "i5-mass-and-weight", "i5-mass-and-weight-too-fast", "i5-mass-and-weight-tenfold", "i5-mass-weight-not-known",
        "i5-mass-bag-not-known", "sr-drops-13", "sr-drops-12", "sr-drops-14", "sr-drops-130", "sr-drops-zero",
        "sr-q7-rate", "sr-q7-rate-tenfold",
    ),
    "I6": (
        "i6-as-ordered", "i6-other-drug", "i6-other-rate", "i6-idle-pump", "i6-same-concentration",
        "i6-other-concentration", "i6-stale-association", "i6-association-at-the-limit", "i6-association-of-neighbour",
        "i6-association-with-old-bag", "i6-other-channel", "sr-i6-associated-tomorrow",
    ),
    "I7": (
        "i7-within-hang-time", "i7-hang-time-over", "i7-start-not-known", "i7-fresh-bag", "sr-i7-end-included",
        "sr-i7-one-second-left", "sr-i7-started-tomorrow",
    ),
    "S1": (
        "hold-no-reason", "refuse-no-reason", "not-given-no-reason", "held-without-reason", "held-for-surgery",
        "judgement-without-words",
    ),
    "S2": (
        "s2-own-record", "s2-charge-nurse", "s2-colleague", "s2-giver-not-known", "s2-no-reason", "s2-unknown-record",
        "s2-withdrawn-already", "s2-removal", "s2-removal-other-patch-on", "sr-s2-colleague-reason", "sr-s2-free-text",
    ),
    "S3": (
        "s3-once-not-given-yet", "once-is-once",
    ),
    "S4": (
        "patch-not-removed", "patch-not-removed-of-old-order", "patch-scheduled-category", "s4-removal-in-its-time",
        "s4-removal-early", "s4-removal-early-edge", "s4-removal-late", "s4-removal-of-another-record", "sr-s4-on",
        "sr-s4-off", "sr-s4-off-later", "old-patch-on", "old-patch-off",
    ),
    "S6": (
        "given-late-15", "given-late-16", "given-future", "given-late-reasoned", "sr-s6-15-min", "sr-s6-more",
        "sr-s6-future", "sr-reason-two-asking", "charted-from-memory", "charted-before-giving",
    ),
    "C1": (
        "c1-unaccounted", "c1-short", "c2-no-witness", "c1-too-much-accounted", "c1-returned-on-the-record",
        "sr-c-one-missing", "sr-c-waste-unsaid", "morphine-whole", "morphine-rest-missing",
    ),
    "C2": (
        "c2-no-witness", "c2-witness", "c2-invalid-witness", "c1-volumes", "waste-action-controlled",
        "waste-without-witness", "c2-listed-controlled", "sr-c-balanced", "sr-c-returned", "sr-c-drawn",
        "sr-c-no-witness", "morphine-whole", "morphine-wasted-alone", "morphine-wasted-seen",
    ),
}

# "Rule kind" -> names of test functions.
TESTS: Mapping[str, tuple[str, ...]] = {
    "P1 screen": (
        "test_a_band_that_names_nobody_stops_at_once", "test_the_right_dose_is_verified_then_given_then_recorded",
    ),
    "P5 transition": (
        "test_another_band_clears_the_session_and_the_same_band_does_not",
        "test_a_new_pack_forgets_the_reason_and_the_witness_of_the_old_question",
    ),
    "D1 task": (
        "test_a_drug_without_an_order_owes_the_prescribers_acknowledgement",
        "test_nobody_acknowledges_a_drug_that_they_gave_themselves",
    ),
    "D6 transition": (
        "test_only_a_pharmacist_verifies_and_only_the_newest_version",
        "test_a_change_of_content_is_unverified_again_and_a_hold_is_not",
    ),
    "T4 task": (
        "test_a_late_dose_that_leaves_too_little_time_is_proposed_for_re_timing",
    ),
    "T5 transition": (
        "test_missing_times_move_by_the_gap_and_doubled_ones_are_due_once",
        "test_every_wall_clock_time_is_due_once_a_day_in_every_zone",
        "test_window_includes_its_first_instant_and_excludes_its_last",
    ),
    "T7 task": (
        "test_an_overdue_dose_stays_until_a_person_closes_it_with_a_reason",
        "test_only_a_charge_nurse_closes_an_overdue_dose", "test_time_alone_never_closes_a_dose",
    ),
    "Q8 screen": (
        "test_written_without_trailing_zero_or_exponent", "test_no_trailing_zero_a_leading_zero_and_no_bare_unit",
    ),
    "N4 task": (
        "test_the_effect_of_a_dose_as_needed_is_owed_until_somebody_says_it",
        "test_the_effect_that_is_owed_is_asked_for_and_recorded",
    ),
    "N5 screen": (
        "test_last_four_gives_are_at_hand_with_amount_reason_and_site",
    ),
    "H3 transition": (
        "test_a_witness_who_may_not_be_one_is_raised_and_stands_in_the_receipt", "test_no_invalid_witness_ever_passes",
    ),
    "H4 transition": (
        "test_stricter_of_product_and_list_counts", "test_line_means_an_ingredient_or_a_class",
    ),
    "G2 task": (
        "test_a_recall_stops_the_lot_on_every_cart_and_asks_each_ward_that_had_it",
        "test_a_lot_is_recalled_once_and_by_a_pharmacist_only",
        "test_a_recall_on_the_page_lists_who_got_it_and_exports_no_formula",
    ),
    "G5 task": (
        "test_an_unknown_barcode_is_one_task_however_often_it_is_scanned",
    ),
    "I2 transition": (
        "test_the_acts_on_a_bag_give_its_state_in_whatever_order_they_come",
    ),
    "I5 transition": (
        "test_a_started_bag_infuses_at_its_rate", "test_a_rate_set_after_the_end_does_not_make_it_run_again",
    ),
    "S2 transition": (
        "test_the_giver_or_a_charge_nurse_withdraws_a_record_by_a_new_one", "test_nobody_else_withdraws_a_record",
        "test_a_record_is_withdrawn_once_and_never_without_a_reason",
    ),
    "S5 task": (
        "test_a_dose_that_is_not_there_asks_the_pharmacy_in_the_same_commit_and_with_a_clock",
        "test_the_pharmacys_answer_reaches_the_carts_with_a_new_chart",
    ),
    "C1 task": (
        "test_what_is_not_accounted_for_is_a_task_with_its_amount_and_its_time",
        "test_the_nurse_who_gave_it_does_not_explain_it_away",
    ),
    "C3 task": (
        "test_a_count_that_agrees_raises_nothing_and_one_that_differs_says_by_how_much",
    ),
    "C4 screen": (
        "test_analytics_show_waste_by_person_with_numbers_and_a_picture",
    ),
}
