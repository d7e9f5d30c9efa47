"""G1, G2, G3, G4, G6: the pack itself: not expired, not recalled, not open too long, not used already, and traceable.

Source: GS1 General Specifications 7.12 (day 00 is the month's last day); Scan4Safety. Hazard: an expired or recalled pack; one
pack charted twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from pointofcare.errors import ZoneUnknownError
from pointofcare.orders import timing
from pointofcare.verdict import index
from pointofcare.verdict.finding import Finding, Level
from pointofcare.verdict.moment import TAKEN, Moment, Pack, plain
from pointofcare.verdict.rule import Rule

EXPIRY = Rule(
    id="G1",
    title="The pack has not expired",
    levels=(Level.NOTE, Level.WARN, Level.REASON, Level.STOP),
    looks_at="the expiry date in the label, the ward's date",
    passes_when="the last day has not ended in the ward and is at most fifteen years off; a label without a date is a note",
    source="GS1 General Specifications 7.12",
    hazard="expired drug",
    remedies={"take-other-pack": (), "read-expiry": ()},
    facts=("cause", "expiry"),
    origin="scan",
)
RECALL = Rule(
    id="G2",
    title="The lot is not recalled",
    levels=(Level.STOP,),
    looks_at="the lot in the label, the product's recalled lots",
    passes_when="the lot is not among them",
    source="Scan4Safety",
    hazard="recalled drug",
    remedies={"quarantine": ("lot",)},
    facts=("lot",),
    origin="scan",
)
OPENED = Rule(
    id="G3",
    title="An opened container is within its time",
    levels=(Level.REASON, Level.STOP),
    looks_at="when the container was opened, the product's time after opening",
    passes_when="not opened, or that time has not run out",
    source="local choice; maker's instruction",
    hazard="spoiled multi-dose container",
    remedies={"take-other-pack": ()},
    facts=("opened", "until"),
    origin="product",
)
SERIAL = Rule(
    id="G4",
    title="The pack was not charted before",
    levels=(Level.REASON, Level.STOP),
    looks_at="the serial number in the label, the record",
    passes_when="it is new, or the container holds several doses",
    source="Koppel 2008, workaround 11; Scan4Safety",
    hazard="an empty pack scanned again",
    remedies={"take-other-pack": ()},
    facts=("serial", "at"),
    origin="scan",
    origins={"at": "record"},
)
LOT = Rule(
    id="G6",
    title="The lot is known",
    levels=(Level.NOTE, Level.REASON),
    looks_at="the lot in the label, whether any lot of the product is recalled",
    passes_when="the label gives a lot",
    source="EHR-S FM CP.6.1#10",
    hazard="a recalled lot that nobody can find",
    remedies={"read-lot": ()},
    facts=("cause", "name"),
    origin="scan",
    origins={"name": "product"},
)


# No medicine keeps so long: a year of two digits that is read into the wrong century, or a date of something else.
_LONGEST_LIFE = timedelta(days=15 * 365 + 4)
_DATES = frozenset({"17", "7003"})


def _packs(moment: Moment) -> tuple[Pack, ...]:
    return moment.session.packs if moment.giving else ()


def check_expiry(moment: Moment) -> Iterator[Finding]:
    for pack in _packs(moment):
        expiry = pack.scan.expiry
        if expiry is None and not _DATES.isdisjoint(pack.scan.bad_elements):
            yield EXPIRY.finding(Level.REASON, "read-expiry", facts={"cause": "unreadable", "expiry": ""}, unknown=True)
        elif expiry is None:
            yield EXPIRY.finding(Level.NOTE, "read-expiry", facts={"cause": "none", "expiry": ""})
        else:
            expired = _expired(pack, expiry, moment)
            facts = {"cause": "expired", "expiry": expiry.isoformat()}
            if expired:
                yield EXPIRY.finding(Level.STOP, "take-other-pack", facts=facts)
            elif expired is None:
                yield EXPIRY.finding(Level.REASON, "read-expiry", facts=facts | {"cause": "timezone"}, unknown=True)
            elif "17" in pack.scan.bad_elements:
                yield EXPIRY.finding(Level.REASON, "read-expiry", facts=facts | {"cause": "unreadable"}, unknown=True)
            elif expiry - moment.when.date() > _LONGEST_LIFE:
                yield EXPIRY.finding(Level.WARN, "read-expiry", facts=facts | {"cause": "far"})


def _expired(pack: Pack, expiry: date, moment: Moment) -> bool | None:
    """Has its last day, or the hour on it, ended in the ward? None when the ward's date decides it and is not known."""
    try:
        today = timing.ward_date(moment.when, moment.facts.timezone)
    except (ZoneUnknownError, OverflowError):
        # No zone is more than a day away from UTC.
        today = min(max(moment.when.date(), date(2, 1, 1)), date(9998, 12, 30))
        if expiry < today - timedelta(days=1):
            return True
        return False if expiry > today + timedelta(days=1) else None
    if expiry == today and pack.scan.expiry_time is not None:
        return moment.when >= timing.instant_of(expiry, pack.scan.expiry_time, moment.facts.timezone)
    return expiry < today


def check_recall(moment: Moment) -> Iterator[Finding]:
    for pack in _packs(moment):
        if pack.product is None or pack.scan.lot is None:
            continue
        recalled = {plain(each) for each in pack.product.recalled_lots}
        # A lot that the label would show with a lost separator counts too: a recall is never missed for it.
        for lot in (pack.scan.lot, *pack.scan.other_lots):
            if plain(lot) in recalled:
                yield RECALL.finding(Level.STOP, "quarantine", facts={"lot": lot}, params={"lot": lot})
                break


def check_opened(moment: Moment) -> Iterator[Finding]:
    for pack in _packs(moment):
        product = pack.product
        if product is None or product.discard_after_opening is None:
            continue
        opened = [
            container
            for container in moment.facts.containers
            if container.gtin == pack.scan.gtin
            and (container.serial == pack.scan.serial or container.serial is None or pack.scan.serial is None)
        ]
        past = [
            container
            for container in opened
            if moment.when - container.opened_at >= product.discard_after_opening or moment.is_ahead(container.opened_at)
        ]
        if past:
            # Opened after now is a contradiction: how long it has been open is not known.
            certain = len(past) == len(opened) and not any(moment.is_ahead(container.opened_at) for container in past)
            first = min(container.opened_at for container in past)
            try:
                until = moment.local(first + product.discard_after_opening)
            except OverflowError:
                until = ""
            yield OPENED.finding(
                Level.STOP if certain else Level.REASON,
                "take-other-pack",
                facts={"opened": moment.local(first), "until": until},
                unknown=not certain,
            )


def check_serial(moment: Moment) -> Iterator[Finding]:
    known = index.products(moment.facts.products).by_id
    for pack in _packs(moment):
        serial = pack.scan.serial
        if "21" in pack.scan.bad_elements:
            yield SERIAL.finding(Level.REASON, "take-other-pack", facts={"serial": "", "at": ""}, unknown=True)
            continue
        if serial is None or (pack.product is not None and pack.product.multi_dose):
            continue
        used = [
            entry
            for entry in index.history(moment.facts.history).with_serial(serial)
            if entry.status in TAKEN and all(each.gtin == pack.scan.gtin for each in known.get(entry.product or "", ())[-1:])
        ]
        if used:
            last = max(entry.at for entry in used)
            yield SERIAL.finding(Level.STOP, "take-other-pack", facts={"serial": serial, "at": moment.local(last)})


def check_lot(moment: Moment) -> Iterator[Finding]:
    for pack in _packs(moment):
        if pack.product is None or pack.scan.lot is not None:
            continue
        facts = {"cause": "none", "name": pack.product.name}
        if "10" in pack.scan.bad_elements:
            yield LOT.finding(Level.REASON, "read-lot", facts=facts | {"cause": "unreadable"}, unknown=True)
        elif pack.product.recalled_lots:
            yield LOT.finding(Level.REASON, "read-lot", facts=facts | {"cause": "recalls"}, unknown=True)
        else:
            yield LOT.finding(Level.NOTE, "read-lot", facts=facts)
