"""What came in from other systems: kept once and whole, taken or told why not, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from pointofcare.errors import ConflictError, NotFoundError
from pointofcare.people import Patient, PatientStatus
from server.store import incoming
from server.store.incoming import Reason, TooLargeError
from server.store.patients import Ward
from server.store.tables import IncomingRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import patients as patient_verbs
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import NOW, PHARMACIST

FEED = Actor(id="feed")


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path_factory.mktemp("store")) as made:
        yield made


def keep(key: str = "MedicationRequest/17/1", payload: bytes = b"{}", *, source: str = "fhir", subject: str = "p1") -> incoming.Kept:
    with transaction(FEED, at=NOW) as tx:
        about = key.rpartition("/")[0]
        return incoming.keep(tx, source=source, kind="MedicationRequest", key=key, payload=payload, about=about, subject=subject)


def test_what_comes_again_is_known_by_its_key_and_keeps_its_first_bytes(app: Flask) -> None:
    first, again = keep(payload=b"\x00whole \xff"), keep(payload=b"another")
    assert (first.is_new, again.is_new, again.item, again.state) == (True, False, first.item, incoming.WAITING)
    assert keep(source="hl7").is_new  # a key is one within its source
    with reading(FEED) as tx:
        item = incoming.get(tx, first.item)
    assert (item.payload, item.payload_bytes, item.repeats) == (b"\x00whole \xff", 8, 1)


def test_what_is_too_large_is_refused_whole_and_never_cut(app: Flask) -> None:
    with pytest.raises(TooLargeError):
        keep(payload=b"x" * (incoming.MOST_BYTES + 1))
    with pytest.raises(TooLargeError):
        keep("k" * 301)
    with transaction(FEED, at=NOW) as tx:
        refused = incoming.keep_refused(tx, source="fhir", kind="Patient", key="Patient/1/1", size=2_000_000)
        item = incoming.get(tx, refused.item)
    assert (item.state, item.payload, item.payload_bytes) == (incoming.REJECTED, None, 2_000_000)
    assert item.reason is not None
    assert item.reason.code == incoming.TOO_LARGE


def test_an_item_that_cannot_be_taken_holds_back_no_other(app: Flask) -> None:
    bad, good = keep("MedicationRequest/1/1"), keep("MedicationRequest/2/1")
    with transaction(FEED, at=NOW) as tx:
        held = incoming.claim(tx, "fhir", limit=10, lease_s=60)
        assert [one.id for one in held] == [bad.item, good.item]
        assert held[0].payload == b"{}"
    with transaction(FEED, at=NOW) as tx:
        assert incoming.claim(tx, "fhir", limit=10, lease_s=60) == ()  # another worker has them
    with transaction(FEED, at=NOW) as tx:
        incoming.wait(tx, bad.item, Reason(code="no-such-patient", field="subject", found="p9"), again_at=NOW + timedelta(hours=1))
        incoming.take(tx, good.item, became="order/2/1", patient="P2")
    with transaction(FEED, at=NOW + timedelta(minutes=1)) as tx:
        assert incoming.claim(tx, "fhir", limit=10, lease_s=60) == ()
        assert incoming.wake(tx, "fhir", "p1") == 1  # the patient came
    with transaction(FEED, at=NOW + timedelta(minutes=1)) as tx:
        (again,) = incoming.claim(tx, "fhir", limit=10, lease_s=60)
        assert (again.id, again.attempts, again.reason) == (bad.item, 1, Reason(code="no-such-patient", field="subject", found="p9"))


def test_what_was_never_tried_comes_before_what_waits_for_somebody(app: Flask) -> None:
    waiting = [keep(f"MedicationRequest/{number}/1").item for number in range(3)]
    with transaction(FEED, at=NOW) as tx:
        for one in waiting:
            incoming.wait(tx, one, Reason(code="patient-awaited"), again_at=NOW)
    stop = keep("MedicationRequest/9/2").item
    with transaction(FEED, at=NOW + timedelta(minutes=1)) as tx:
        assert [one.id for one in incoming.claim(tx, "fhir", limit=2, lease_s=60)] == [stop, waiting[0]]


def test_what_waited_for_days_is_put_away_and_comes_back_with_its_patient(app: Flask) -> None:
    """Known here by the sender's id or by the number, admitted by a feed or by hand; whatever else waits or was put away stays."""
    names = ("by-id", "MRN-P7", "woken", "nobody")
    awaited = {subject: keep(f"MedicationRequest/{subject}/1", subject=subject).item for subject in names}
    young = keep("MedicationRequest/young/1", subject="nobody").item
    fault = keep("MedicationRequest/fault/1", subject="nobody").item
    by_person = keep("MedicationRequest/person/1", subject="by-id").item
    with transaction(FEED, at=NOW) as tx:
        for one in (*awaited.values(), young, by_person):
            incoming.wait(tx, one, Reason(code="patient-awaited", field="subject"), again_at=NOW)
        incoming.wait(tx, fault, Reason(code="emr-unavailable"), again_at=NOW)
        incoming.set_aside(tx, by_person, "an order for at home")

    def state(item: int) -> str:
        with reading(FEED) as tx:
            return incoming.get(tx, item).state

    later = NOW + timedelta(days=8)
    with transaction(FEED, at=later) as tx:
        assert incoming.give_up(tx, "fhir", "patient-awaited", before=NOW) == 0
        tx.session.execute(update(IncomingRow).where(IncomingRow.id == young).values(received_at=later))
        assert incoming.give_up(tx, "fhir", "patient-awaited", before=NOW + timedelta(days=1)) == 4
        reason = incoming.get(tx, awaited["nobody"]).reason
    assert (reason and reason.code, state(young), state(fault)) == (incoming.NOBODY_CAME, incoming.WAITING, incoming.WAITING)
    with transaction(FEED, at=later) as tx:
        patient_verbs.open_ward(tx, Ward(id="W1", name="W1", timezone="Asia/Ho_Chi_Minh"))
        for key, mrn in (("by-id", "MRN-1"), ("P7", "MRN-P7")):
            born = date(1958, 3, 2)
            patient_verbs.receive(
                tx, Patient(id=key, mrn=mrn, name="NGUYỄN VĂN AN", birth_date=born, ward="W1", status=PatientStatus.ADMITTED)
            )
    with transaction(FEED, at=later) as tx:
        assert incoming.recall(tx, "fhir") == 2
        assert incoming.wake(tx, "fhir", "woken") == 1
        assert incoming.recall(tx, "fhir", "nobody-else") == 0
        assert incoming.give_up(tx, "fhir", "patient-awaited", before=later) == 0  # tried first
    assert [state(awaited[name]) for name in names] == [incoming.WAITING] * 3 + [incoming.SET_ASIDE]
    assert state(by_person) == incoming.SET_ASIDE
    with transaction(FEED, at=later) as tx:
        incoming.wait(tx, awaited["by-id"], Reason(code="patient-awaited"), again_at=later)
        assert incoming.give_up(tx, "fhir", "patient-awaited", before=later) == 0  # somebody with this id is here
    with transaction(FEED, at=later + timedelta(days=100)) as tx:
        incoming.prune(tx, before=later + timedelta(days=1))
        assert incoming.known(tx, "fhir", ["MedicationRequest/nobody/1"]) == frozenset()  # so that it is kept anew with the patient


def test_a_worker_that_dies_with_an_item_in_hand_leaves_it_to_the_next(app: Flask) -> None:
    kept = keep()
    with transaction(FEED, at=NOW) as tx:
        incoming.claim(tx, "fhir", limit=10, lease_s=60)
    with transaction(FEED, at=NOW + timedelta(seconds=61)) as tx:
        assert [one.id for one in incoming.claim(tx, "fhir", limit=10, lease_s=60)] == [kept.item]


def test_older_versions_that_waited_are_set_aside_when_a_newer_one_is_taken(app: Flask) -> None:
    old, new, other = keep("MedicationRequest/17/1"), keep("MedicationRequest/17/2"), keep("MedicationRequest/18/1")
    with transaction(FEED, at=NOW) as tx:
        incoming.reject(tx, old.item, Reason(code="clarify"))
        incoming.take(tx, new.item, became="order/17/1")
        states = [incoming.get(tx, one.item).state for one in (old, new, other)]
        reason = incoming.get(tx, old.item).reason
        newest = incoming.newest_taken(tx, "fhir", "MedicationRequest/17")
    assert states == [incoming.SET_ASIDE, incoming.TAKEN, incoming.WAITING]
    assert reason == Reason(code=incoming.NEWER)
    assert newest is not None
    assert newest.key == "MedicationRequest/17/2"


def test_what_was_settled_meanwhile_is_not_taken_by_the_worker_that_was_slow(app: Flask) -> None:
    old, new, put_away = keep("MedicationRequest/17/1"), keep("MedicationRequest/17/2"), keep("MedicationRequest/18/1")
    with transaction(FEED, at=NOW) as tx:
        incoming.take(tx, new.item, became="order/17/2")
    with transaction(PHARMACIST, at=NOW) as tx:
        incoming.set_aside(tx, put_away.item, "the ward knows")
    for late in (old, new, put_away):
        with pytest.raises(ConflictError), transaction(FEED, at=NOW) as tx:
            incoming.take(tx, late.item, became="order/17/1")
        with transaction(FEED, at=NOW) as tx:
            assert not incoming.reject(tx, late.item, Reason(code="clarify"))
    with reading(FEED) as tx:
        items = [incoming.get(tx, one.item) for one in (old, new, put_away)]
    assert [one.state for one in items] == [incoming.SET_ASIDE, incoming.TAKEN, incoming.SET_ASIDE]
    assert [one.became for one in items] == [None, "order/17/2", None]


def test_a_person_sets_aside_or_has_it_tried_again_and_is_named(app: Flask) -> None:
    kept = keep()
    with transaction(FEED, at=NOW) as tx:
        incoming.reject(tx, kept.item, Reason(code="other-birth-date"))
    with transaction(PHARMACIST, at=NOW) as tx:
        incoming.set_aside(tx, kept.item, "the ward knows")
        with pytest.raises(ConflictError):
            incoming.set_aside(tx, kept.item, "twice")
        item = incoming.get(tx, kept.item)
        assert (item.state, item.decided_by, item.decided_at, item.comment) == (incoming.SET_ASIDE, PHARMACIST.id, NOW, "the ward knows")
        incoming.requeue(tx, kept.item)
        assert incoming.get(tx, kept.item).state == incoming.WAITING
        with pytest.raises(ConflictError):
            incoming.requeue(tx, kept.item)
        with pytest.raises(NotFoundError):
            incoming.requeue(tx, 4711)


def test_what_waits_for_anybody_is_never_pruned(app: Flask) -> None:
    waits, rejected, taken, aside = (keep(f"MedicationRequest/{number}/1") for number in range(4))
    with transaction(FEED, at=NOW) as tx:
        incoming.reject(tx, rejected.item, Reason(code="clarify"))
        incoming.take(tx, taken.item, became="order/2/1")
        incoming.pass_over(tx, aside.item, Reason(code="nothing-here"))
    with transaction(FEED, at=NOW + timedelta(days=400)) as tx:
        assert incoming.prune(tx, before=NOW) == 0
        assert incoming.prune(tx, before=NOW + timedelta(days=30)) == 2
        assert {one.id for one in incoming.listed(tx)} == {waits.item, rejected.item, taken.item, aside.item}
        assert [incoming.get(tx, one.item).payload for one in (waits, rejected, taken, aside)] == [b"{}", b"{}", None, None]
        counts = incoming.counts(tx)
    assert counts.by_state == {incoming.WAITING: 1, incoming.REJECTED: 1}
    assert counts.oldest_waiting_at == NOW


def test_what_was_forgotten_is_still_known_when_it_comes_again_and_older_versions_are_gone(app: Flask) -> None:
    old, new, message = keep("MedicationRequest/1/1"), keep("MedicationRequest/1/2"), keep("LAB|4711")
    with transaction(FEED, at=NOW) as tx:
        for each in (old, new, message):
            incoming.take(tx, each.item, became="order/1/1")
    with transaction(FEED, at=NOW + timedelta(days=400)) as tx:
        assert incoming.prune(tx, before=NOW + timedelta(days=30)) == 3
        assert incoming.prune(tx, before=NOW + timedelta(days=30)) == 0
        assert [one.id for one in incoming.listed(tx)] == [new.item]
    assert not keep("MedicationRequest/1/2").is_new


def test_a_list_goes_page_by_page_without_the_payloads(app: Flask) -> None:
    ids = [keep(f"MedicationRequest/{number}/1").item for number in range(5)]
    with reading(FEED) as tx:
        first = incoming.listed(tx, state=incoming.WAITING, source="fhir", limit=3)
        second = incoming.listed(tx, state=incoming.WAITING, source="fhir", before=first[-1].id, limit=3)
        assert incoming.known(tx, "fhir", ["MedicationRequest/1/1", "MedicationRequest/1/2"]) == {"MedicationRequest/1/1"}
    assert [one.id for one in (*first, *second)] == ids[::-1]
    assert {one.payload for one in first} == {None}


def test_a_feed_says_how_far_it_has_read_and_what_keeps_it(app: Flask) -> None:
    with transaction(FEED, at=NOW) as tx:
        incoming.looked(tx, "fhir", "Patient", mark_at=NOW - timedelta(hours=1))
    with transaction(FEED, at=NOW + timedelta(minutes=1)) as tx:
        incoming.looked(tx, "fhir", "Patient", fault="emr-unavailable", told="away")
    with reading(FEED) as tx:
        (feed,) = incoming.feeds(tx, "fhir")
    assert (feed.mark_at, feed.succeeded_at, feed.looked_at) == (NOW - timedelta(hours=1), NOW, NOW + timedelta(minutes=1))
    assert feed.fault == "emr-unavailable"
