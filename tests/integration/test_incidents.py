"""Incidents and near misses: told from a page and from a cart, kept once, looked at by who reviews them, without a name where asked."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.administration.incident import HARM, KINDS
from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError, PointOfCareError
from pointofcare.people import StaffRole
from pointofcare.wire.messages import BedsideNoted, NoteKind
from server.store import audit, bedside_notes, incidents, sequences
from server.store.incidents import CLOSED, LOOKING, NEW
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, staff
from server.usecases import bedside_notes as notes
from server.usecases import incidents as verbs
from tests.integration.test_bedside_notes import CART, a_note
from tests.support.databases import KINDS as DATABASES
from tests.support.databases import migrated_app
from tests.support.server_ward import CHARGE, IMPORT, NOW, NURSE, PHARMACIST, WARD, a_member, a_record, open_ward
from tests.support.web import signed_in, ward_app

FORM = "0a8b2f6e-3c1d-4f5a-9b7e-1234567890ab"
FACTS = {"verdict": {"level": "STOP", "engine": "9", "policy": "p1", "findings": [{"rule": "P1", "level": "STOP"}]}, "online": False}


def a_report(record_id: str = "i1", **details: object) -> BedsideNoted:
    told = {"kind": "wrong-drug", "reached": "no", "words": "Hai ống giống nhau", "order": "O1", "facts": FACTS, **details}
    return a_note(record_id, kind=NoteKind.INCIDENT.value, details=told)


def told(**changes: object) -> verbs.Told:
    plain = verbs.Told(form=FORM, kind="label", reached="no", words="tem mờ", anonymous=False, page="patients.show", patient="P1")
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture(params=DATABASES)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=2)
        yield made


def come(note: BedsideNoted) -> bool:
    with transaction(CART, at=NOW + timedelta(minutes=1)) as tx:
        return notes.record(tx, note, sender="c1").duplicate


def one(report: str, who: Actor = PHARMACIST) -> incidents.Report | None:
    with reading(who) as tx:
        return incidents.get(tx, report)


def test_a_report_of_a_cart_is_kept_once_with_its_facts_and_out_of_the_patients_record(app: Flask) -> None:
    assert [come(a_report()), come(a_report())] == [False, True]
    kept = one("i1")
    assert kept is not None
    assert (kept.kind, kept.reached, kept.words, kept.patient, kept.order, kept.state) == (
        "wrong-drug", "no", "Hai ống giống nhau", "P1", "O1", NEW,
    )  # fmt: skip
    assert (kept.facts["verdict"], kept.facts["online"], kept.reporter) == (FACTS["verdict"], False, "N1")
    with reading() as tx:
        assert bedside_notes.of_patient(tx, "P1", since=NOW - timedelta(days=1)) == ()
        assert sequences.received(tx, "c1", "e1", above=0) == (1,), "its number must not look lost"


def test_another_story_under_the_same_id_changes_nothing_and_is_audited(app: Flask) -> None:
    come(a_report())
    assert come(a_report(words="etwas anderes"))
    kept = one("i1")
    assert kept is not None
    assert kept.words == "Hai ống giống nhau"
    with reading() as tx:
        assert "record.other-story" in [entry.action for entry in audit.listed(tx, limit=20)]


def test_what_a_cart_sends_that_nobody_understands_is_kept_all_the_same(app: Flask) -> None:
    odd: list[dict[str, object]] = [{"kind": 7}, {"kind": "newer"}, {"reached": []}, {"words": "x" * 5000}, {"facts": {"a": "b" * 90_000}}]
    for number, details in enumerate(odd):
        assert not come(replace(a_report(f"odd{number}", **details), seq=number + 1))
    found = [one(f"odd{number}") for number in range(len(odd))]
    assert [each.kind for each in found if each] == ["other", "newer", "wrong-drug", "wrong-drug", "wrong-drug"]
    assert found[2] is not None
    assert found[2].reached == "unknown"
    assert found[4] is not None
    assert found[4].facts["too_long"] is True


def test_without_a_name_nobody_but_the_audit_knows_who_it_was(app: Flask) -> None:
    come(a_report(anonymous=True))
    with transaction(NURSE) as tx:
        verbs.report(tx, NURSE, told(anonymous=True))
    for report in ("i1", FORM):
        kept = one(report)
        assert kept is not None
        assert kept.reporter == ""
    with reading() as tx:
        assert incidents.own(tx, "N1") == ()
        entries = [entry for entry in audit.listed(tx, limit=20) if entry.action == "incident.report"]
        assert {entry.actor for entry in entries} == {"N1", CART.id}
        assert [entry.detail["nurse"] for entry in entries if entry.actor == CART.id] == ["N1"]


def test_a_report_from_a_page_attaches_the_recorded_verdict_and_a_double_tap_is_one(app: Flask) -> None:
    with transaction(Actor(id="gateway")) as tx:
        administrations.record(tx, a_record(record_id="r1"), reevaluate=False)
    for is_new in (True, False):
        with transaction(NURSE) as tx:
            assert verbs.report(tx, NURSE, told(patient="", record="r1")) is is_new
    kept = one(FORM)
    assert kept is not None
    assert (kept.patient, kept.ward) == ("P1", WARD)
    assert kept.facts["verdict"]["what"] == "dose"
    assert {"level", "findings", "engine", "policy"} <= set(kept.facts["verdict"])


def test_a_patient_outside_ones_wards_is_named_and_gets_no_facts(app: Flask) -> None:
    with transaction(Actor(id="gateway")) as tx:
        administrations.record(tx, a_record(record_id="r1"), reevaluate=False)
    far = replace(NURSE, wards=frozenset({"elsewhere"}))
    with transaction(far) as tx:
        assert verbs.report(tx, far, told(record="r1"))
    kept = one(FORM)
    assert kept is not None
    assert kept.patient == "P1"
    assert "verdict" not in kept.facts
    assert kept.facts["patient_not_reached"] is True


@pytest.mark.parametrize("changes", [{"kind": "blame"}, {"reached": "maybe"}, {"words": "x" * 401}])
def test_a_form_that_is_none_is_refused(app: Flask, changes: dict[str, object]) -> None:
    with pytest.raises(PointOfCareError), transaction(NURSE) as tx:
        verbs.report(tx, NURSE, told(**changes))


def test_it_is_taken_closed_with_harm_and_outcome_and_opened_again(app: Flask) -> None:
    come(a_report())
    with transaction(CHARGE) as tx:
        assert verbs.move(tx, CHARGE, "i1", revision=1, state=LOOKING, words="").state == LOOKING
    for harm, words in (("", "why"), ("Z", "why"), ("B", "  ")):
        with pytest.raises(PointOfCareError), transaction(CHARGE) as tx:
            verbs.move(tx, CHARGE, "i1", revision=2, state=CLOSED, words=words, harm=harm)
    with transaction(PHARMACIST) as tx:
        done = verbs.move(tx, PHARMACIST, "i1", revision=2, state=CLOSED, words="tách hai thuốc", harm="B")
    assert (done.state, done.harm, done.outcome) == (CLOSED, "B", "tách hai thuốc")
    with pytest.raises(ConflictError), transaction(CHARGE) as tx:
        verbs.move(tx, CHARGE, "i1", revision=2, state=LOOKING, words="late")
    with transaction(CHARGE) as tx:
        verbs.move(tx, CHARGE, "i1", revision=3, state=LOOKING, words="lại xảy ra")
    with reading(CHARGE) as tx:
        assert [step.state for step in incidents.steps(tx, "i1")] == [LOOKING, CLOSED, LOOKING]


def test_only_reviewers_of_the_ward_see_and_move_it(app: Flask) -> None:
    come(a_report())
    with pytest.raises(NotPermittedError), transaction(NURSE) as tx:
        verbs.move(tx, NURSE, "i1", revision=1, state=LOOKING, words="")
    far = replace(CHARGE, wards=frozenset({"elsewhere"}))
    assert one("i1", far) is None
    with pytest.raises(NotFoundError), transaction(far) as tx:
        verbs.move(tx, far, "i1", revision=1, state=LOOKING, words="")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Flask]:
    with ward_app(tmp_path, verified=True) as made:
        yield made


def test_any_page_leads_to_the_form_with_what_it_is_about_and_back(web: Flask) -> None:
    client = signed_in(web, NURSE)
    address = re.search(r'href="(/incidents/report[^"]*)"', client.get("/patients/P1").text)
    assert address is not None
    page = client.get(address[1].replace("&amp;", "&")).text
    fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', page))
    assert (fields["patient"], fields["page"], fields["back"]) == ("P1", "patients.show", "/patients/P1")
    answer = client.post("/incidents/report", data={**fields, "kind": "label", "words": "tem mờ"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/patients/P1")
    with web.app_context():
        kept = one(fields["form"])
    assert kept is not None
    assert (kept.patient, kept.kind, kept.reached) == ("P1", "label", "unknown")


def test_a_form_never_leads_out_of_the_site_and_a_broken_one_stores_nothing(web: Flask) -> None:
    client = signed_in(web, NURSE)
    assert 'value="//evil' not in client.get("/incidents/report?of=//evil.example").text
    page = client.get("/incidents/report").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    assert client.post("/incidents/report", data={"csrf_token": token[1], "form": "x", "kind": "label"}).status_code == 303
    again = client.post("/incidents/report", data={"csrf_token": token[1], "form": FORM, "kind": "label", "words": "w" * 900, "back": "/"})
    assert again.status_code == 200
    assert f'value="{FORM}"' in again.text
    with web.app_context(), reading(PHARMACIST) as tx:
        assert incidents.listed(tx) == ()


def test_a_form_that_comes_back_with_another_story_is_never_called_sent_and_becomes_a_report_of_its_own(web: Flask) -> None:
    client = signed_in(web, NURSE)
    fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', client.get("/incidents/report").text))
    first = {**fields, "kind": "label", "words": "tem mờ"}
    for _ in range(2):  # a double tap
        assert client.post("/incidents/report", data=first).status_code == 303
    again = client.post("/incidents/report", data={**fields, "kind": "wrong-patient", "words": "nhầm người bệnh"})
    assert (again.status_code, "nhầm người bệnh" in again.text) == (200, True)
    anew = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', again.text))
    assert client.post("/incidents/report", data={**anew, "kind": "wrong-patient", "words": "nhầm người bệnh"}).status_code == 303
    with web.app_context(), reading(PHARMACIST) as tx:
        assert sorted(each.kind for each in incidents.listed(tx)) == ["label", "wrong-patient"]


def test_what_reached_a_patient_and_what_waits_longest_is_read_however_many_came_since(app: Flask) -> None:
    for number, reached in enumerate(("yes", "no", "no", "no")):
        come(replace(a_report(f"i{number}", reached=reached), seq=number + 1, at=NOW + timedelta(hours=number)))
    with reading(PHARMACIST) as tx:
        assert [each.id for each in incidents.listed(tx, state=incidents.OPEN, limit=2, pressing=True)] == ["i0", "i1"]


def test_a_revision_that_no_database_takes_is_one_that_has_gone_by(web: Flask) -> None:
    with web.app_context(), transaction(CART) as tx:
        notes.record(tx, a_report(), sender="c1")
    client = signed_in(web, CHARGE)
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/incidents/i1").text)
    assert token is not None
    for revision in ("9" * 30, "99999999999", "-1", "x"):
        told = {"csrf_token": token[1], "revision": revision, "state": LOOKING}
        assert client.post("/incidents/i1", data=told).status_code == 303
    kept = one_of(web)
    assert (kept.state, kept.revision) == (NEW, 1)


def one_of(web: Flask) -> incidents.Report:
    with web.app_context():
        kept = one("i1")
    assert kept is not None
    return kept


def test_an_export_names_whom_it_shows_as_a_list_does(web: Flask) -> None:
    now = datetime.now(UTC)
    with web.app_context(), transaction(CART) as tx:
        notes.record(tx, replace(a_report(), at=now, recorded_at=now), sender="c1")
    signed_in(web, CHARGE).get("/incidents/incidents.csv")
    with web.app_context(), reading() as tx:
        details = [entry.detail for entry in audit.listed(tx, limit=20) if entry.action == "view.download"]
    assert [detail["patients"] for detail in details] == [["P1"]]


def test_the_list_puts_what_reached_a_patient_first_and_counts_by_kind_and_month(web: Flask) -> None:
    now = datetime.now(UTC)
    with web.app_context(), transaction(CART) as tx:
        for number, reached in enumerate(("no", "yes")):
            note = replace(a_report(f"i{number}", reached=reached, words=f"w-{reached}"), seq=number + 1, at=now, recorded_at=now)
            notes.record(tx, note, sender="c1")
    client = signed_in(web, CHARGE)
    page = client.get("/incidents/").text
    assert page.index("w-yes") < page.index("w-no")
    assert ">2</text>" in page
    assert client.get("/incidents/?state=closed").text.count("w-yes") == 0
    shown = client.get("/incidents/i1").text
    assert "P1 · STOP" in shown
    assert "O1" in shown
    rows = list(csv.DictReader(io.StringIO(client.get("/incidents/incidents.csv").get_data().decode("utf-8-sig"))))
    assert {row["reached"] for row in rows} == {"no", "yes"}
    assert len(rows) == 2


def test_who_reviews_is_called_by_the_first_page_until_somebody_looks_at_it(app: Flask) -> None:
    come(a_report("i1"))
    come(replace(a_report("i2", reached="yes"), seq=2))
    waits = partial(incidents.waiting, late=NOW - timedelta(days=2))
    with reading(PHARMACIST) as tx:
        assert waits(tx) == (2, 1)
        assert incidents.waiting(tx, late=NOW + timedelta(days=2)) == (2, 2)
    with reading(replace(CHARGE, wards=frozenset({"elsewhere"}))) as tx:
        assert waits(tx) == (0, 0)
    with transaction(PHARMACIST) as tx:
        verbs.move(tx, PHARMACIST, "i2", revision=1, state=LOOKING, words="")
    with reading(PHARMACIST) as tx:
        assert waits(tx) == (2, 0)


def test_the_first_page_of_a_reviewer_leads_to_what_waits(web: Flask) -> None:
    with web.app_context(), transaction(CART) as tx:
        notes.record(tx, a_report(reached="yes"), sender="c1")
    assert 'href="/incidents/"' in signed_in(web, CHARGE).get("/").text
    assert "Reports not closed" in signed_in(web, CHARGE).get("/", headers={"Accept-Language": "en"}).text


def test_a_reporter_reads_what_became_of_the_report_and_a_nurse_reads_nobody_elses(web: Flask) -> None:
    with web.app_context():
        with transaction(NURSE) as tx:
            verbs.report(tx, NURSE, told())
        with transaction(PHARMACIST) as tx:
            verbs.move(tx, PHARMACIST, FORM, revision=1, state=CLOSED, words="đổi loại tem", harm="A")
        other = Actor(id="N55", name="Other", roles=frozenset({StaffRole.NURSE}))
        with transaction(IMPORT) as tx:
            staff.receive(tx, a_member(other))
    assert "đổi loại tem" in signed_in(web, NURSE).get("/incidents/report").text
    assert "đổi loại tem" not in signed_in(web, other).get("/incidents/report").text
    assert signed_in(web, NURSE).get("/incidents/").status_code == 403


def test_every_kind_and_harm_has_its_words_in_three_languages() -> None:
    from pointofcare.texts import Catalogue

    catalogue = Catalogue("server.web.texts")
    codes = [f"incident-kind-{kind}" for kind in KINDS] + [f"incident-harm-{harm.lower()}" for harm in HARM]
    assert [(language, code) for language in ("vi", "en", "fr") for code in codes if not catalogue.has(language, code)] == []
