"""The scans in their order, replayed into a session (rule P5).

A band opens the session; drugs before it do not count; another band clears it; it runs out when nothing was scanned for the
idle time of the policy. The same band again neither clears nor revives what it has. Must never reorder scans.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pointofcare.labels.scan import BadgeScan, BandScan, DrugScan, Keyed, LabelKind, TextScan, UnreadableLabel
from pointofcare.products import Bag, Product
from pointofcare.verdict.facts import Facts, Scanned
from pointofcare.verdict.moment import Pack, Session


def session(facts: Facts) -> Session:
    state = Session()
    last_at = None
    for scanned in facts.scans:
        if isinstance(scanned.scan, BadgeScan):
            continue
        if last_at is not None and scanned.at - last_at > facts.policy.session_idle:
            state = replace(state, lapsed=True)
        last_at = scanned.at
        state = _with_patient(state, scanned) if _is_patient(scanned) else _with_drug(state, scanned, facts)
    if last_at is None:
        return state
    idle = facts.at - last_at
    # Scans from after now are no session of now.
    over = idle > facts.policy.session_idle or -idle > facts.policy.clock_stop
    return replace(state, lapsed=state.lapsed or (state.opened and over), idle=max(idle, timedelta(0)))


def _is_patient(scanned: Scanned) -> bool:
    scan = scanned.scan
    if isinstance(scan, Keyed | UnreadableLabel):
        return scan.kind is LabelKind.PATIENT
    return isinstance(scan, BandScan)


def _with_patient(state: Session, scanned: Scanned) -> Session:
    scan = scanned.scan
    same = scan in (state.band, state.keyed) and not state.lapsed
    if same and state.unread_band is None:
        return state
    return Session(
        band=scan if isinstance(scan, BandScan) else None,
        keyed=scan if isinstance(scan, Keyed) else None,
        unread_band=scan if isinstance(scan, UnreadableLabel) else None,
        uncounted=state.uncounted + _count(state),
        strays=state.strays,
    )


def _count(state: Session) -> int:
    return len(state.packs) + len(state.bags) + len(state.unread) + len(state.foreign) + len(state.keyed_drugs)


def _with_drug(state: Session, scanned: Scanned, facts: Facts) -> Session:
    scan = scanned.scan
    if not state.opened or state.lapsed:
        strays = (*state.strays, scan.text) if isinstance(scan, TextScan) else state.strays
        return replace(state, uncounted=state.uncounted + 1, strays=strays)
    if isinstance(scan, UnreadableLabel):
        return replace(state, unread=(*state.unread, scan))
    # A label that is read after one that was not takes its place: the nurse tried again.
    if isinstance(scan, DrugScan):
        pack = Pack(scan=scan, product=_product(scan.gtin, facts), at=scanned.at)
        if _already(pack, state):
            return replace(state, unread=(), twice=state.twice + 1)
        return replace(state, unread=(), packs=(*state.packs, pack))
    if isinstance(scan, TextScan):
        bags = [bag for bag in facts.bags if bag.id == scan.text.strip()]
        if len(bags) == 1:
            return replace(state, unread=(), bags=(*_without(state.bags, bags[0]), bags[0]))
        return replace(state, foreign=(*state.foreign, scan.text))
    if isinstance(scan, Keyed):
        return replace(state, keyed_drugs=(*state.keyed_drugs, scan))
    return state


def _without(bags: tuple[Bag, ...], bag: Bag) -> tuple[Bag, ...]:
    return tuple(each for each in bags if each.id != bag.id)


def _already(pack: Pack, state: Session) -> bool:
    """One serial number is one unit, however often it is held before the camera (rule Q3)."""
    if pack.scan.serial is None or (pack.product is not None and pack.product.multi_dose):
        return False
    return any(each.scan.gtin == pack.scan.gtin and each.scan.serial == pack.scan.serial for each in state.packs)


def _product(gtin: str, facts: Facts) -> Product | None:
    found = [product for product in facts.products if product.gtin == gtin]
    return found[0] if len(found) == 1 else None
