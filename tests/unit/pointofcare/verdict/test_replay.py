"""The scans of a bedside replayed in their order: what opens a session, what clears it, what counts in it and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pointofcare.labels.scan import BadgeScan, BandScan, Keyed, LabelKind, Scan, TextScan, UnreadableLabel
from pointofcare.products import Bag
from pointofcare.verdict import replay
from pointofcare.verdict.moment import Session
from pointofcare.verdict.policy import Policy
from tests.support.builders import NOW, OTHER_GSRN, a_band_scan, a_drug_scan, a_product, facts, scanned

BAND = a_band_scan()
OTHER = a_band_scan(gsrn=OTHER_GSRN)
PACK = a_drug_scan(serial="S1")
TYPED = Keyed(value="24-000123", kind=LabelKind.PATIENT, second_identifier="1958-04-11", reason="band-unreadable")
TYPED_DRUG = Keyed(value="AMOX", kind=LabelKind.DRUG, reason="label-missing")
TORN_BAND = UnreadableLabel(kind=LabelKind.PATIENT, reason="check-digit", text="8018")
TORN = UnreadableLabel(kind=LabelKind.DRUG, reason="check-digit", text="01")
BAGS = (Bag(id="BAG1", order="O1", order_version=1), Bag(id="BAG2", order="O1", order_version=1))


def session(*scans: Scan, products: tuple[object, ...] = (a_product(),), **changes: object) -> Session:
    return replay.session(facts(scans=scanned(*scans), bags=BAGS, products=products, **changes))


def test_nothing_scanned_is_an_unopened_session_without_idle_time() -> None:
    assert session() == Session()
    assert session(BadgeScan(badge="N1")) == Session()
    assert len(session(BAND, BadgeScan(badge="N1"), PACK).packs) == 1


@pytest.mark.parametrize("first", [BAND, TYPED, TORN_BAND])
def test_a_band_in_any_way_opens_the_session_and_only_that(first: Scan) -> None:
    opened = session(first)
    assert opened.opened
    assert (opened.band, opened.keyed, opened.unread_band) == tuple(first if first is each else None for each in (BAND, TYPED, TORN_BAND))
    assert not session(PACK).opened


def test_what_comes_before_the_band_is_counted_and_does_not_count() -> None:
    early = session(PACK, TextScan(text="BAG1"), TORN, TYPED_DRUG, TextScan(text="H012"), BAND)
    assert (early.uncounted, early.strays) == (5, ("BAG1", "H012"))
    assert not early.has_drug
    alone = session(PACK)
    assert (alone.uncounted, alone.strays, alone.packs) == (1, (), ())


def test_another_band_clears_what_was_scanned_and_counts_it() -> None:
    cleared = session(BAND, PACK, TextScan(text="BAG1"), TextScan(text="x"), TYPED_DRUG, OTHER)
    assert cleared.band == OTHER
    assert not cleared.has_drug
    assert (cleared.uncounted, cleared.strays) == (4, ())
    again = session(TextScan(text="early"), BAND, PACK, OTHER, PACK, BAND)
    assert (again.uncounted, again.strays) == (3, ("early",))
    assert session(BAND, PACK, TYPED).keyed == TYPED
    assert session(BAND, TORN, OTHER).uncounted == 1


def test_the_same_band_again_keeps_what_was_scanned() -> None:
    for band in (BAND, TYPED):
        kept = session(band, PACK, band)
        assert (len(kept.packs), kept.uncounted) == (1, 0)
    reread = session(TORN_BAND, BAND, PACK, BAND)
    assert (reread.band, reread.unread_band, len(reread.packs)) == (BAND, None, 1)
    assert session(BAND, PACK, TORN_BAND).packs == ()


def test_each_pack_is_kept_in_its_order_with_its_product_and_its_moment() -> None:
    other = replace(PACK, serial="S2")
    held = session(BAND, PACK, other)
    assert [pack.scan for pack in held.packs] == [PACK, other]
    assert [pack.product for pack in held.packs] == [a_product(), a_product()]
    assert [pack.at for pack in held.packs] == [NOW - timedelta(seconds=20), NOW - timedelta(seconds=10)]
    assert held.has_drug


def test_a_pack_of_no_product_or_of_two_is_of_none() -> None:
    assert session(BAND, PACK, products=()).packs[0].product is None
    assert session(BAND, PACK, products=(a_product(), a_product(id="OTHER"))).packs[0].product is None


def test_one_serial_number_is_one_unit_and_each_repetition_is_counted() -> None:
    held = session(BAND, PACK, PACK, PACK)
    assert (len(held.packs), held.twice) == (1, 2)
    assert len(session(BAND, a_drug_scan(), a_drug_scan()).packs) == 2
    several = session(BAND, PACK, PACK, products=(a_product(multi_dose=True),))
    assert (len(several.packs), several.twice) == (2, 0)
    foreign = session(BAND, PACK, PACK, products=())
    assert (len(foreign.packs), foreign.twice) == (1, 1)
    elsewhere = replace(PACK, gtin="08936000000028")
    assert len(session(BAND, PACK, elsewhere).packs) == 2


def test_a_label_that_is_read_at_last_takes_the_place_of_those_that_were_not() -> None:
    torn = replace(TORN, text="012")
    assert session(BAND, TORN, torn).unread == (TORN, torn)
    assert session(BAND, TORN, PACK).unread == ()
    assert session(BAND, TORN, TextScan(text="BAG1")).unread == ()
    assert session(BAND, TORN, TextScan(text="x")).unread == (TORN,)


def test_bags_stand_in_the_order_of_their_last_scan_and_each_once() -> None:
    one, two = TextScan(text="BAG1"), TextScan(text=" BAG2 ")
    assert [bag.id for bag in session(BAND, one, two).bags] == ["BAG1", "BAG2"]
    assert [bag.id for bag in session(BAND, one, two, one).bags] == ["BAG2", "BAG1"]
    assert replay.session(facts(scans=scanned(BAND, one), bags=(BAGS[0], BAGS[0]))).foreign == ("BAG1",)


def test_foreign_texts_and_typed_drugs_are_kept_in_their_order() -> None:
    held = session(BAND, TextScan(text="x"), TextScan(text="y"), TYPED_DRUG, replace(TYPED_DRUG, value="B"))
    assert held.foreign == ("x", "y")
    assert held.keyed_drugs == (TYPED_DRUG, replace(TYPED_DRUG, value="B"))


def _apart(*seconds: float, scans: tuple[Scan, ...] = (BAND, PACK, PACK), idle_s: float = 0) -> Session:
    moments = scanned(*scans[: len(seconds) + 1])
    at, times = NOW, []
    for scan_gap in reversed((0.0, *seconds)):
        times.append(at)
        at -= timedelta(seconds=scan_gap)
    times.reverse()
    asked = facts(
        at=NOW + timedelta(seconds=idle_s),
        scans=tuple(replace(each, at=time) for each, time in zip(moments, times, strict=True)),
        policy=Policy(session_idle=timedelta(minutes=5)),
    )
    return replay.session(asked)


def test_the_session_runs_out_after_the_idle_time_and_not_at_it() -> None:
    assert not _apart(300, scans=(BAND, PACK)).lapsed
    late = _apart(301, scans=(BAND, PACK))
    assert (late.lapsed, late.packs, late.uncounted) == (True, (), 1)
    assert not _apart(10, scans=(BAND, PACK), idle_s=300).lapsed
    asked_late = _apart(10, scans=(BAND, PACK), idle_s=301)
    assert (asked_late.lapsed, asked_late.idle) == (True, timedelta(seconds=301))
    assert _apart(10, scans=(BAND, PACK), idle_s=-5).idle == timedelta(0)


def test_the_same_band_revives_nothing_and_starts_anew() -> None:
    anew = _apart(10, 301, scans=(BAND, PACK, BAND))
    assert (anew.lapsed, anew.packs, anew.uncounted) == (False, (), 1)


def test_what_was_never_opened_cannot_run_out() -> None:
    assert not replay.session(facts(at=NOW + timedelta(hours=1), scans=scanned(PACK))).lapsed
    badge = replay.session(facts(at=NOW, scans=scanned(BAND, BadgeScan(badge="N1"), every=timedelta(minutes=4))))
    assert badge.lapsed, "a badge keeps no patient's session open"
    assert isinstance(badge.band, BandScan)
