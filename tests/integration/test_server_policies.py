"""Policies in the store, on both databases: two people, layers, versions that rise with the change, and the way back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text as sql

from pointofcare.errors import ConflictError, NotFoundError, NotPermittedError, PointOfCareError
from pointofcare.policies.fault import PolicyFileError
from pointofcare.verdict.policy import Policy
from pointofcare.wire import tables as wire_tables
from pointofcare.wire.messages import TableKind
from pointofcare.wire.tables import PolicyBody
from server.security import signing
from server.store import audit, bedside, migrate, policies, versions
from server.store.database import db
from server.store.policies import State
from server.store.transaction import Actor, Transaction, reading, transaction
from server.usecases import patients as patient_verbs
from server.usecases import policies as verbs
from server.usecases import tables
from server.usecases.facts import Site
from tests.support.databases import KINDS, empty_app, migrated_app
from tests.support.policies import SECOND, THIRD, approved, drafted, in_force, text, value
from tests.support.server_ward import CHARGE, IMPORT, NOW, NURSE, PHARMACIST, WARD, open_ward

ICU = "ICU"


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as made:
        open_ward(patient_count=1, verified=True)
        with transaction(IMPORT) as tx:
            from server.store.patients import Ward

            patient_verbs.open_ward(tx, Ward(id=ICU, name="Hồi sức", timezone="Asia/Ho_Chi_Minh"))
        yield made


def does(actor: Actor, verb: Callable[[Transaction], object]) -> object:
    with transaction(actor, at=NOW) as tx:
        return verb(tx)


def holds(ward: str = "") -> Policy:
    with reading() as tx:
        return policies.in_force(tx, ward)


def policy_versions() -> dict[str, int]:
    with reading() as tx:
        return {ward: versions.of_ward(tx, ward)[TableKind.POLICY] for ward in (WARD, ICU)}


def test_nothing_was_chosen_so_the_default_holds(app: Flask) -> None:
    assert holds() == holds(WARD) == Policy()


def test_a_file_holds_only_after_another_person_approved_it(app: Flask) -> None:
    made = drafted(text("h-1", value("session.idle", "3 min")))
    with pytest.raises(NotPermittedError):
        does(PHARMACIST, lambda tx: verbs.activate(tx, PHARMACIST, made.id, revision=1))
    with pytest.raises(NotPermittedError, match="nobody approves what they wrote"):
        does(PHARMACIST, lambda tx: verbs.approve(tx, PHARMACIST, made.id, revision=1))
    assert holds() == Policy()
    does(SECOND, lambda tx: verbs.approve(tx, SECOND, made.id, revision=1))
    assert holds() == Policy()
    does(PHARMACIST, lambda tx: verbs.activate(tx, PHARMACIST, made.id, revision=1))
    assert (holds(WARD).version, holds(WARD).session_idle) == ("h-1", timedelta(minutes=3))


@pytest.mark.parametrize("actor", [NURSE, CHARGE, Actor(id="gateway")], ids=lambda actor: actor.id)
def test_only_a_pharmacist_or_an_administrator_changes_the_policy(app: Flask, actor: Actor) -> None:
    made = approved(text("h-1"))
    for verb in (
        lambda tx: verbs.draft(tx, actor, text("h-2")),
        lambda tx: verbs.edit(tx, actor, made.id, text("h-2"), revision=1),
        lambda tx: verbs.approve(tx, actor, made.id, revision=1),
        lambda tx: verbs.activate(tx, actor, made.id, revision=1),
        lambda tx: verbs.withdraw(tx, actor, made.id, revision=1),
        lambda tx: verbs.again(tx, actor, made.id),
    ):
        with pytest.raises(NotPermittedError):
            does(actor, verb)
    assert holds() == Policy()


def test_a_text_that_was_edited_after_the_approval_needs_a_new_one(app: Flask) -> None:
    made = approved(text("h-1"))
    does(SECOND, lambda tx: verbs.edit(tx, SECOND, made.id, text("h-1", value("session.idle", "60 min")), revision=1))
    with pytest.raises(NotPermittedError):
        does(PHARMACIST, lambda tx: verbs.activate(tx, PHARMACIST, made.id, revision=2))
    with pytest.raises(NotPermittedError):  # whoever wrote the last word cannot approve it
        does(SECOND, lambda tx: verbs.approve(tx, SECOND, made.id, revision=2))
    does(PHARMACIST, lambda tx: verbs.approve(tx, PHARMACIST, made.id, revision=2))


def test_only_the_text_that_was_on_the_screen_is_approved_or_activated(app: Flask) -> None:
    made = drafted(text("h-1"))
    does(PHARMACIST, lambda tx: verbs.edit(tx, PHARMACIST, made.id, text("h-1", value("session.idle", "60 min")), revision=1))
    for verb in (verbs.approve, verbs.activate, verbs.withdraw):
        with pytest.raises(ConflictError):
            does(SECOND, lambda tx, verb=verb: verb(tx, SECOND, made.id, revision=1))  # type: ignore[misc]


def test_a_file_with_a_fault_is_never_stored(app: Flask) -> None:
    for bad in ("", "nonsense", text("h-1", value("session.idle", "0 min")), text("h-1", "[session.idle]", 'value = "3 min"')):
        with pytest.raises(PolicyFileError):
            drafted(bad)
    with reading() as tx:
        assert policies.listed(tx, "") == ()


def test_a_version_name_is_used_once(app: Flask) -> None:
    drafted(text("h-1"))
    with pytest.raises(ConflictError):
        drafted(text("h-1", value("session.idle", "3 min")))
    drafted(text("h-1"), ward=ICU)  # a ward's file is another file


def test_a_new_hospital_version_raises_the_table_of_every_ward_once(app: Flask) -> None:
    before = policy_versions()
    in_force(text("h-1"))
    assert policy_versions() == {ward: version + 1 for ward, version in before.items()}


def test_a_wards_version_raises_its_own_table_alone(app: Flask) -> None:
    in_force(text("h-1", 'wards_may_change = ["session.idle"]'))
    before = policy_versions()
    in_force(text("icu-1", value("session.idle", "2 min")), ward=ICU)
    assert policy_versions() == before | {ICU: before[ICU] + 1}
    assert (holds(ICU).version, holds(ICU).session_idle) == ("h-1/icu-1", timedelta(minutes=2))
    assert (holds(WARD).version, holds(WARD).session_idle) == ("h-1", Policy().session_idle)


def test_a_wards_file_stays_over_the_hospitals_next_version(app: Flask) -> None:
    in_force(text("h-1", 'wards_may_change = ["session.idle"]'))
    in_force(text("icu-1", value("session.idle", "2 min")), ward=ICU)
    in_force(text("h-2", 'wards_may_change = ["session.idle"]', value("clock.note", "30 s")))
    assert (holds(ICU).version, holds(ICU).session_idle, holds(ICU).clock_note) == (
        "h-2/icu-1",
        timedelta(minutes=2),
        timedelta(seconds=30),
    )
    assert holds(WARD).version == "h-2"


def test_a_hospital_version_that_a_wards_file_does_not_fit_is_refused_with_the_wards_faults(app: Flask) -> None:
    made = approved(text("h-2"))
    in_force(text("h-1", 'wards_may_change = ["session.idle"]'))
    in_force(text("icu-1", value("session.idle", "2 min")), ward=ICU)
    before = policy_versions()
    with pytest.raises(PolicyFileError) as caught:
        does(PHARMACIST, lambda tx: verbs.activate(tx, PHARMACIST, made.id, revision=1))
    assert [fault.path for fault in caught.value.faults] == ["ICU icu-1: session.idle"]
    assert (holds(ICU).version, policy_versions()) == ("h-1/icu-1", before)


def test_a_ward_may_not_draft_what_the_hospital_kept(app: Flask) -> None:
    with pytest.raises(PolicyFileError):
        drafted(text("icu-1", value("session.idle", "2 min")), ward=ICU)
    with pytest.raises(NotFoundError):
        drafted(text("x-1"), ward="NOWHERE")


def test_what_holds_is_what_the_carts_of_the_ward_get_signed(app: Flask, tmp_path: Path) -> None:
    in_force(text("h-1", 'wards_may_change = ["session.idle"]'))
    in_force(text("icu-1", value("session.idle", "2 min")), ward=ICU)
    key = signing.load_or_generate(tmp_path / "key.pem")
    for ward, version in ((ICU, "h-1/icu-1"), (WARD, "h-1")):
        with reading() as tx:
            table = tables.build(
                tx, ward, TableKind.POLICY, facility="h1", lifetime=timedelta(hours=24), timezone="Asia/Ho_Chi_Minh", site=Site().profile
            )
            body = wire_tables.load(TableKind.POLICY, wire_tables.dump(TableKind.POLICY, table.body))
            assert signing.sign(key, table).version == versions.of_ward(tx, ward)[TableKind.POLICY]
        assert isinstance(body, PolicyBody)
        assert body.policy.version == version


def test_the_server_judges_a_patient_by_the_policy_of_the_ward(app: Flask) -> None:
    in_force(text("h-1", 'wards_may_change = ["session.idle"]'))
    in_force(text("nt-1", value("session.idle", "2 min")), ward=WARD)
    with reading() as tx:
        found = bedside.of_patient(tx, "P1").policy
        assert found is not None
        assert found.version == "h-1/nt-1"
        record = bedside.for_record(
            tx, record_id="x", patient="P1", ward=ICU, order=None, at=NOW, gsrns=(), gtins=(), products=(), staff=()
        )
        assert record.policy is not None
        assert record.policy.version == "h-1"


def test_the_way_back_is_an_earlier_text_under_a_new_name_by_two_people(app: Flask) -> None:
    first = in_force(text("h-1", value("session.idle", "3 min")))
    in_force(text("h-2", value("session.idle", "10 min")))
    made = does(PHARMACIST, lambda tx: verbs.again(tx, PHARMACIST, first.id))
    assert isinstance(made, policies.StoredFile)
    assert (made.version, made.state, made.approved_by) == ("h-1-r2", State.DRAFT, None)
    assert holds().version == "h-2"
    does(SECOND, lambda tx: verbs.approve(tx, SECOND, made.id, revision=1))
    does(SECOND, lambda tx: verbs.activate(tx, SECOND, made.id, revision=1))
    assert (holds().version, holds().session_idle) == ("h-1-r2", timedelta(minutes=3))
    with reading() as tx:
        states = {file.version: file.state for file in policies.listed(tx, "")}
        assert policies.of_version(tx, "h-2") is not None
    assert states == {"h-1": State.RETIRED, "h-2": State.RETIRED, "h-1-r2": State.ACTIVE}


def test_a_withdrawn_or_active_file_can_no_longer_be_changed(app: Flask) -> None:
    done, gone = in_force(text("h-1")), drafted(text("h-2"))
    does(PHARMACIST, lambda tx: verbs.withdraw(tx, PHARMACIST, gone.id, revision=1))
    for file in (done, gone):
        for verb in (
            lambda tx, file=file: verbs.edit(tx, THIRD, file.id, text("h-9"), revision=1),
            lambda tx, file=file: verbs.approve(tx, THIRD, file.id, revision=1),
            lambda tx, file=file: verbs.activate(tx, THIRD, file.id, revision=1),
            lambda tx, file=file: verbs.withdraw(tx, THIRD, file.id, revision=1),
        ):
            with pytest.raises(ConflictError):
                does(THIRD, verb)


def test_each_step_is_in_the_audit(app: Flask) -> None:
    in_force(text("h-1"))
    with reading() as tx:
        found = [(entry.action, entry.subject, entry.actor) for entry in audit.listed(tx) if entry.action.startswith("policy.")]
    assert sorted(found) == [
        ("policy.activate", "policy/h-1", "PH1"),
        ("policy.approve", "policy/h-1", "PH2"),
        ("policy.draft", "policy/h-1", "PH1"),
    ]


def test_two_people_who_activate_at_once_leave_one_version_in_force(app: Flask) -> None:
    files = [approved(text("h-1", value("session.idle", "3 min"))), approved(text("h-2", value("session.idle", "4 min")))]
    start, failed = threading.Barrier(2), []

    def activates(actor: Actor, number: int) -> None:
        with app.app_context():
            start.wait()
            try:
                with transaction(actor) as tx:
                    verbs.activate(tx, actor, number, revision=1)
            except PointOfCareError as exc:
                failed.append(exc)
            db.session.remove()

    threads = [threading.Thread(target=activates, args=(actor, file.id)) for actor, file in zip((SECOND, THIRD), files, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading() as tx:
        active = [file.version for file in policies.listed(tx, "") if file.state is State.ACTIVE]
        assert active == [policies.in_force(tx).version]
    assert all(isinstance(exc, ConflictError) for exc in failed)


def test_what_may_follow_is_known_for_every_ward_before_it_holds(app: Flask) -> None:
    in_force(text("h-1", 'wards_may_change = ["session.idle"]'))
    in_force(text("icu-1", value("session.idle", "2 min")), ward=ICU)
    next_hospital = drafted(text("h-2", 'wards_may_change = ["session.idle"]', value("clock.note", "30 s")))
    next_ward = drafted(text("icu-2", value("session.idle", "4 min")), ward=ICU)
    with reading() as tx:
        over = verbs.effective_by_ward(tx, next_hospital)
        assert [over(ward).version for ward in (WARD, ICU)] == ["h-2", "h-2/icu-1"]
        under = verbs.effective_by_ward(tx, next_ward)
        assert [under(ward).version for ward in (WARD, ICU)] == ["h-1", "h-1/icu-2"]
    assert holds().version == "h-1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_of_before_the_files_stays_the_hospitals(kind: str, tmp_path: Path) -> None:
    from alembic import command

    with empty_app(kind, tmp_path):
        command.upgrade(migrate._config(), "0003")
        from server.store import mapping

        document = mapping.policy_document(Policy(version="old-1"))
        with db.engine.begin() as connection:
            row = {"facility": "h1", "version": "old-1", "document": document, "at": "2026-01-01 00:00:00+00:00"}
            connection.execute(
                sql("INSERT INTO policies (facility, version, document, by, at) VALUES (:facility, :version, :document, 'PH1', :at)"), row
            )
        migrate.upgrade()
        assert holds("ANY").version == "old-1"
        assert migrate.differences() == ""
