"""Doses into a running GNU Health: one line each beside the order of their own patient, whatever happens on the way."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import update

from pointofcare.administration.record import AdministrationRecord
from pointofcare.errors import ConfigError, EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError
from pointofcare.quantity import Quantity
from server.config import EmrConfig
from server.emr import contract, form_of, open_emr, retry
from server.emr.contract import Result, Sample, Trial
from server.emr.dispatcher import ACTOR, Dispatcher
from server.emr.forms import Form
from server.emr.gnuhealth import GnuHealthEmr
from server.emr.port import EmrPort
from server.emr.tryton import Place, SignInRefusedError, Tryton
from server.store import mapping_record, outbox
from server.store.observations import Measurement
from server.store.tables import OutboxRow
from server.store.transaction import reading, transaction
from simulation import gnuhealth_peer
from simulation.gnuhealth_peer import CLERK, DATABASE, NURSE, PASSWORDS
from tests.integration.test_broker_tls import Authority
from tests.support.emr import CASES, CONTEXT, LossyProxy, a_store
from tests.support.gnuhealth import Ward, ward
from tests.support.hospital_day import wait_until

__all__ = ["ward"]
AT = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)


def config_at(base_url: str, user: str = NURSE, **changes: object) -> EmrConfig:
    settings = {"language": "en", "units": {"unit": "[IU]"}}
    values: dict[str, object] = {
        "base_url": base_url,
        "database": DATABASE,
        "username": user,
        "password": PASSWORDS.get(user),
        "settings": settings,
    }
    return EmrConfig(target="gnuhealth", **{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def emr(ward: Ward) -> Iterator[EmrPort]:
    with closing(open_emr(config_at(ward.running.base_url), facility="bv1")) as opened:
        yield opened


@pytest.fixture(scope="module")
def form() -> Form:
    return form_of(config_at("http://127.0.0.1"), facility="bv1")


def a_record(puid: str, medication: int, case: str = "given", **changes: object) -> AdministrationRecord:
    values = {"record_id": str(uuid4()), "mrn": puid, "order": f"gnuhealth-{medication}", **changes}
    return replace(CASES[case], **values)  # type: ignore[arg-type]


def submitted(emr: EmrPort, form: Form, record: AdministrationRecord, *chain: AdministrationRecord) -> str:
    payload = form.build(record, replace(CONTEXT, chain=chain))
    assert form.problems(payload) == ()
    return emr.submit(payload, record.record_id).emr_id


def test_a_dose_stands_in_the_log_with_who_when_how_much_and_everything_else_in_words(ward: Ward, emr: EmrPort, form: Form) -> None:
    emr.check()
    puid, medication = ward.ordered()
    ward.desk.professional("Thị Mai", "Trần", f"S-{puid}", f"N-{puid}")
    record = a_record(puid, medication, "given-overridden", nurse=f"N-{puid}", dose=Quantity.parse("0.5 g"))
    emr_id = submitted(emr, form, record)
    line = ward.log(medication)[0]
    assert emr_id == f"gnuhealth.inpatient.medication.log,{line['id']}"
    assert (line["dose"], line["dose_unit."]["code"]) == (500, "mg"), "in the unit of the order, so that doses add up"
    assert line["admin_time"] == AT
    assert line["health_professional."]["code"] == f"N-{puid}"
    remarks = str(line["remarks"])
    assert remarks.startswith(f"[BCMA {record.record_id}] GIVEN: 0.5 g\n")
    for words in ("LOT A1+b", "GTIN 08936000000012", "SN S1", "second person: N2", "T1 REASON", "đã hỏi bác sĩ", "route: PO"):
        assert words in remarks, words
    found = emr.read_back(record.record_id)
    assert found is not None
    assert found["remarks"] == remarks


def test_it_keeps_what_every_adapter_must(ward: Ward, emr: EmrPort, form: Form) -> None:
    puid, medication = ward.ordered()
    sample = Sample(facility="bv1", mrn=puid, order=f"gnuhealth-{medication}")
    away = open_emr(config_at("http://127.0.0.1:9"), facility="bv1")
    trial = Trial(emr=emr, form=form, context=CONTEXT, sample=sample, away=away)
    with closing(away):
        assert [(one.name, one.words) for one in contract.run(trial) if one.result is not Result.KEPT] == []


def test_a_connection_is_trusted_by_the_hospitals_own_authority_alone(tmp_path: Path, form: Form) -> None:
    if not gnuhealth_peer.installed():
        pytest.skip("no GNU Health: bash deploy/setup.sh gnuhealth")
    authority, stranger = Authority.make(tmp_path / "ca"), Authority.make(tmp_path / "other")
    running = gnuhealth_peer.start(tmp_path / "gh", tls=authority.issue("127.0.0.1", ExtendedKeyUsageOID.SERVER_AUTH))
    try:
        with closing(open_emr(config_at(running.base_url, ca_file=authority.ca), facility="bv1")) as emr:
            emr.check()
        for ca_file in (stranger.ca, None):
            with (
                closing(open_emr(config_at(running.base_url, ca_file=ca_file), facility="bv1")) as emr,
                pytest.raises(EmrUnavailableError, match="certificate"),
            ):
                emr.check()
    finally:
        running.stop()
    with pytest.raises(ConfigError, match="authority"):
        open_emr(config_at(running.base_url, ca_file=tmp_path / "nowhere.pem"), facility="bv1")


def test_the_same_dose_twice_is_one_line(ward: Ward, emr: EmrPort, form: Form) -> None:
    puid, medication = ward.ordered()
    record = a_record(puid, medication)
    payload = form.build(record, CONTEXT)
    first, again = emr.submit(payload, record.record_id), emr.submit(payload, record.record_id)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.emr_id == again.emr_id
    assert len(ward.log(medication)) == 1
    assert emr.read_back(str(uuid4())) is None


def test_what_was_not_given_has_the_dose_nought_and_says_why(ward: Ward, emr: EmrPort, form: Form) -> None:
    puid, medication = ward.ordered()
    for case in ("refused", "held", "not-given-no-reason"):
        submitted(emr, form, a_record(puid, medication, case))
    lines = ward.log(medication)
    assert [(line["dose"], line["dose_unit."]["code"]) for line in lines] == [(0, "mg")] * 3
    assert [str(line["remarks"]).partition("] ")[2].partition("\n")[0] for line in lines] == [
        "NOT GIVEN: the patient refused. The dose is 0.", "NOT GIVEN: held. The dose is 0.", "NOT GIVEN. The dose is 0.",
    ]  # fmt: skip
    assert "HA 85/50" in str(lines[1]["remarks"])


def test_an_infusion_counts_as_given_only_at_its_end(ward: Ward, emr: EmrPort, form: Form) -> None:
    puid, medication = ward.ordered(route="IV")
    start = a_record(puid, medication, "infusion-started", rate=Quantity.parse("80 mL/h"))
    rate = a_record(puid, medication, "infusion-started", action="rate", rate=Quantity.parse("120 mL/h"), continues=start.record_id)
    pause = a_record(puid, medication, "infusion-started", action="rate", status="on-hold", dose=None, continues=start.record_id)
    stop = a_record(puid, medication, "infusion-stopped", continues=start.record_id)
    for record in (start, rate, pause, stop):
        submitted(emr, form, record, start)
    lines = ward.log(medication)
    assert [line["dose"] for line in lines] == [None, None, None, 320]
    heads = [str(line["remarks"]).partition("] ")[2].partition("\n")[0] for line in lines]
    assert heads[0].startswith("INFUSION STARTED at 80 mL/h")
    assert heads[1].startswith("RATE CHANGED to 120 mL/h")
    assert heads[2].startswith("INFUSION PAUSED")
    assert heads[3] == "INFUSION STOPPED EARLY. Given in all: 320 mL"
    assert f"goes on with line [BCMA {start.record_id}]" in str(lines[3]["remarks"])


def test_waste_and_a_second_person_are_told(ward: Ward, emr: EmrPort, form: Form) -> None:
    puid, medication = ward.ordered(route="IV")
    submitted(emr, form, a_record(puid, medication, "with-waste"))
    line = ward.log(medication)[0]
    assert line["dose"] == 7.5
    assert "wasted: 2.5 mg" in str(line["remarks"])
    assert "second person: N2" in str(line["remarks"])


def test_a_correction_is_a_line_of_its_own_and_the_first_line_says_that_it_does_not_count(ward: Ward, emr: EmrPort, form: Form) -> None:
    puid, medication = ward.ordered()
    first = a_record(puid, medication)
    submitted(emr, form, first)
    correction = a_record(puid, medication, "correction", amends=first.record_id)
    for _ in range(2):
        submitted(emr, form, correction, first)
    old, new = ward.log(medication)
    assert (old["dose"], new["dose"]) == (500, 250)
    assert f"CORRECTION: line [BCMA {first.record_id}]" in str(new["remarks"])
    assert str(old["remarks"]).endswith(f"DOES NOT COUNT: corrected by line [BCMA {correction.record_id}]")
    assert str(old["remarks"]).count("DOES NOT COUNT") == 1
    withdrawal = a_record(puid, medication, "withdrawal", amends=correction.record_id)
    submitted(emr, form, withdrawal, first, correction)
    lines = ward.log(medication)
    assert lines[2]["dose"] == 0
    assert "WITHDRAWN" in str(lines[2]["remarks"])
    assert "DOES NOT COUNT" in str(lines[1]["remarks"])


def test_no_line_is_written_beside_the_order_of_another_patient(ward: Ward, emr: EmrPort, form: Form) -> None:
    _, medication = ward.ordered()
    stranger, _, _ = ward.admitted()
    with pytest.raises(EmrRejectedError, match="another patient"):
        submitted(emr, form, a_record(stranger, medication))
    assert ward.log(medication) == []


def test_an_order_that_gnu_health_does_not_have_is_a_persons(ward: Ward, emr: EmrPort, form: Form) -> None:
    puid, medication = ward.ordered()
    with pytest.raises(EmrRejectedError, match="no order 999999"):
        submitted(emr, form, a_record(puid, 999_999))
    for order in (None, "O17", "gnuhealth-", "gnuhealth-1x"):
        with pytest.raises(EmrRejectedError, match="by hand"):
            form.build(a_record(puid, medication, order=order), CONTEXT)


def test_an_amount_in_a_unit_that_gnu_health_lacks_is_told_in_words_and_counted_nowhere(ward: Ward, emr: EmrPort, form: Form) -> None:
    puid, medication = ward.ordered()
    submitted(emr, form, a_record(puid, medication, dose=Quantity.parse("2 {tablet}")))
    submitted(emr, form, a_record(puid, medication, dose=Quantity.parse("6 [IU]")))
    tablets, insulin = ward.log(medication)
    assert tablets["dose"] is None
    assert "GIVEN: 2 tablet" in str(tablets["remarks"])
    assert (insulin["dose"], insulin["dose_unit."]["code"]) == (6, "unit")


def test_a_measurement_is_a_rounding_of_the_stay(ward: Ward, emr: EmrPort, form: Form) -> None:
    puid, _, stay = ward.admitted()
    for code, value in (("heart-rate", "88 /min"), ("temperature", "38.5 Cel"), ("potassium", "4.2 mmol/L")):
        measured = Measurement(
            record_id=str(uuid4()), facility="bv1", ward="W3", cart="c01", patient="P1", mrn=puid, code=code, value=Quantity.parse(value),
            at=AT, nurse="N1", recorded_at=AT,
        )  # fmt: skip
        payload = form.build(measured, CONTEXT)
        first, again = emr.submit(payload, measured.record_id), emr.submit(payload, measured.record_id)
        assert (first.emr_id, again.replayed) == (again.emr_id, True)
    names = ("bpm", "temperature", "evaluation_start", "state", "round_summary")
    pulse, fever, potassium = ward.desk.rows("gnuhealth.patient.rounding", [["registration", "=", stay]], *names)
    assert (pulse["bpm"], pulse["evaluation_start"], pulse["state"]) == (88, AT, "done")
    assert float(fever["temperature"]) == 38.5
    assert "4.2 mmol/L" in str(potassium["round_summary"])


def test_an_answer_that_was_lost_leads_to_no_second_line(ward: Ward, form: Form) -> None:
    puid, medication = ward.ordered()
    record = a_record(puid, medication)
    payload = form.build(record, CONTEXT)
    proxy = LossyProxy(ward.running.base_url)
    try:
        with closing(open_emr(config_at(proxy.base_url), facility="bv1")) as emr:
            emr.submit(form.build(other := a_record(puid, medication), CONTEXT), other.record_id)
            proxy.posts = 0
            emr.submit(form.build(other := a_record(puid, medication), CONTEXT), other.record_id)
            writing = proxy.posts - 1  # the last but one
            proxy.faults.extend([*[None] * (writing - 1), "lose-answer"])
            with pytest.raises(EmrOutcomeUnknownError) as told:
                emr.submit(payload, record.record_id)
            assert isinstance(retry.decide(told.value, 1, idempotent=emr.idempotent, chance=0.5), retry.Again)
            assert len(ward.log(medication)) == 3, "it had arrived"
            assert emr.submit(payload, record.record_id).replayed
    finally:
        proxy.close()
    assert len(ward.log(medication)) == 3


def test_a_measurement_whose_answer_did_not_come_is_not_made_again_while_it_may_still_be_on_its_way(ward: Ward, form: Form) -> None:
    """The first may be written there after the next look: it is looked for again only when it must have ended."""
    puid, _, stay = ward.admitted()
    measured = Measurement(
        record_id=str(uuid4()), facility="bv1", ward="W3", cart="c01", patient="P1", mrn=puid, code="heart-rate",
        value=Quantity.parse("88 /min"), at=AT, nurse="N1", recorded_at=AT,
    )  # fmt: skip
    payload = form.build(measured, CONTEXT)
    proxy = LossyProxy(ward.running.base_url)
    try:
        with closing(open_emr(config_at(proxy.base_url), facility="bv1")) as emr:
            emr.submit(form.build(replace(measured, record_id=(other := str(uuid4()))), CONTEXT), other)
            proxy.posts = 0
            emr.submit(form.build(replace(measured, record_id=(other := str(uuid4()))), CONTEXT), other)
            proxy.faults.extend([*[None] * (proxy.posts - 2), "lose-answer"])  # the writing, the last but one
            with pytest.raises(EmrUnavailableError) as told:
                emr.submit(payload, measured.record_id)
            decision = retry.decide(told.value, 1, idempotent=emr.idempotent, chance=0.5)
            assert isinstance(decision, retry.Again)
            assert decision.after_s >= 300
            assert emr.submit(payload, measured.record_id).replayed
    finally:
        proxy.close()
    assert len(ward.desk.rows("gnuhealth.patient.rounding", [["registration", "=", stay]], "id")) == 3


class _Overtaken(Tryton):
    """Something else happens in GNU Health between the look-up and the writing."""

    between = staticmethod(lambda: None)

    def call(self, method: str, *arguments: object, writes: bool = False, context: object = None) -> object:
        if writes:
            type(self).between()
        return super().call(method, *arguments, writes=writes, context=context)  # type: ignore[arg-type]


def test_a_line_that_arrives_between_look_up_and_writing_is_not_written_twice(ward: Ward, emr: EmrPort, form: Form) -> None:
    puid, medication = ward.ordered()
    ordered_at = datetime.now(UTC)
    # On SQLite, GNU Health keeps the time of a change in whole seconds (on PostgreSQL to the microsecond).
    wait_until(lambda: datetime.now(UTC) - ordered_at > timedelta(seconds=1.2), "the next second")
    record = a_record(puid, medication)
    payload = form.build(record, CONTEXT)
    place = Place(base_url=ward.running.base_url, database=DATABASE, username=NURSE, password=PASSWORDS[NURSE])
    with closing(GnuHealthEmr(_Overtaken(place))) as late:
        _Overtaken.between = staticmethod(lambda: emr.submit(payload, record.record_id))
        with pytest.raises(EmrUnavailableError, match="somebody else"):
            late.submit(payload, record.record_id)
        _Overtaken.between = staticmethod(lambda: None)
        assert late.submit(payload, record.record_id).replayed
    assert len(ward.log(medication)) == 1


def test_a_session_that_ended_is_opened_anew_without_a_word(ward: Ward, emr: EmrPort, form: Form) -> None:
    puid, medication = ward.ordered()
    emr.check()
    emr._tryton._session = base64.b64encode(b"bedside:2:gone").decode()  # type: ignore[attr-defined]
    submitted(emr, form, a_record(puid, medication))
    assert len(ward.log(medication)) == 1


def test_a_wrong_password_waits_and_is_not_tried_again_at_once(ward: Ward, form: Form) -> None:
    puid, medication = ward.ordered()
    record = a_record(puid, medication)
    proxy = LossyProxy(ward.running.base_url)
    try:
        with closing(open_emr(config_at(proxy.base_url, "nobody", password="wrong-1234"), facility="bv1")) as emr:
            for _ in range(3):
                with pytest.raises(SignInRefusedError) as told:
                    emr.submit(form.build(record, CONTEXT), record.record_id)
            decided = retry.decide(told.value, 5, idempotent=True, chance=0.0)
            assert isinstance(decided, retry.Again)
            assert decided.after_s > 30
            with pytest.raises(SignInRefusedError, match=r"emr\.password"):
                emr.check()
        assert proxy.posts == 1, "Tryton counts wrong passwords and locks the account"
    finally:
        proxy.close()


def test_an_account_that_is_no_health_professional_is_told_before_anything_is_sent(ward: Ward, form: Form) -> None:
    puid, medication = ward.ordered()
    with closing(open_emr(config_at(ward.running.base_url, CLERK), facility="bv1")) as emr:
        with pytest.raises(EmrRejectedError):
            emr.check()
        with pytest.raises(EmrRejectedError):
            submitted(emr, form, a_record(puid, medication))
    assert ward.log(medication) == []


def test_an_unknown_database_waits_and_says_which_setting(ward: Ward) -> None:
    with (
        closing(open_emr(config_at(ward.running.base_url, database="nowhere"), facility="bv1")) as emr,
        pytest.raises(EmrUnavailableError),
    ):
        emr.check()


def test_a_server_that_does_not_answer_is_waited_for(ward: Ward, form: Form) -> None:
    puid, medication = ward.ordered()
    place = Place(base_url=ward.running.base_url, database=DATABASE, username=NURSE, password=PASSWORDS[NURSE], timeout_s=0.5)
    record = a_record(puid, medication)
    payload = form.build(record, CONTEXT)
    with closing(GnuHealthEmr(Tryton(replace(place, timeout_s=20.0)))) as emr:
        emr.check()
        emr._tryton._http.timeout = 0.5
        with ward.running.paused(), pytest.raises(EmrUnavailableError):
            emr.submit(payload, record.record_id)
        emr._tryton._http.timeout = 20.0
        emr.submit(payload, record.record_id)
    assert len(ward.log(medication)) == 1


def _put(scope: object, records: list[AdministrationRecord]) -> None:
    with scope(), transaction(ACTOR) as tx:  # type: ignore[operator]
        for record in records:
            document = mapping_record.to_document(record)
            outbox.put(tx, record_id=record.record_id, cart="c01", ordering_key=record.amends or record.record_id, document=document)


@contextmanager
def _a_dispatcher(base_url: str, form: Form, path: Path) -> Iterator[tuple[Dispatcher, object]]:
    with a_store(f"sqlite:///{path / 'store.sqlite'}") as scope, closing(open_emr(config_at(base_url), facility="bv1")) as emr:
        yield Dispatcher(emr, CONTEXT, scope=scope, form=form, chance=lambda: 0.0), scope


def test_the_outbox_empties_into_gnu_health_and_a_bad_row_holds_back_nobody(ward: Ward, form: Form, tmp_path: Path) -> None:
    puid, medication = ward.ordered()
    first = a_record(puid, medication)
    records = [a_record(puid, medication, order="O1"), first, a_record(puid, medication, "correction", amends=first.record_id)]
    with _a_dispatcher(ward.running.base_url, form, tmp_path) as (dispatcher, scope):
        _put(scope, records)
        for _ in range(3):
            dispatcher.drain_once()
        with scope(), reading(ACTOR) as tx:  # type: ignore[operator]
            states = {item.record_id: (item.state, item.last_error_code) for item in outbox.worklist(tx)}
    assert [states[record.record_id][0] for record in records] == ["parked", "sent", "sent"]
    assert [line["dose"] for line in ward.log(medication)] == [500, 250]


def test_a_dose_that_comes_after_its_withdrawal_does_not_count_in_gnu_health(ward: Ward, form: Form, tmp_path: Path) -> None:
    puid, medication = ward.ordered()
    first = a_record(puid, medication)
    undo = a_record(puid, medication, "withdrawal", amends=first.record_id)
    with _a_dispatcher(ward.running.base_url, form, tmp_path) as (dispatcher, scope):
        _put(scope, [undo])
        dispatcher.drain_once()
        assert ward.log(medication) == []
        _put(scope, [first])
        with scope(), transaction(ACTOR) as tx:  # type: ignore[operator]
            tx.session.execute(update(OutboxRow).values(next_attempt_at=tx.at))  # its next attempt is now
        for _ in range(3):
            dispatcher.drain_once()
    dose, withdrawal = ward.log(medication)
    assert (dose["dose"], withdrawal["dose"]) == (500, 0)
    assert "DOES NOT COUNT" in str(dose["remarks"])


def test_bytes_that_were_built_for_another_emr_are_never_sent_to_gnu_health(ward: Ward, form: Form, tmp_path: Path) -> None:
    puid, medication = ward.ordered()
    record = a_record(puid, medication)
    with _a_dispatcher(ward.running.base_url, form, tmp_path) as (dispatcher, scope):
        _put(scope, [record])
        with scope(), transaction(ACTOR) as tx:  # type: ignore[operator]
            item = outbox.worklist(tx)[0]
            outbox.keep_payload(tx, item.id, b'{"resourceType":"Bundle"}')
        dispatcher.drain_once()
        with scope(), reading(ACTOR) as tx:  # type: ignore[operator]
            assert outbox.worklist(tx)[0].last_error_code == "emr-other-form"
    assert ward.log(medication) == []


def test_a_restart_of_gnu_health_in_the_middle_loses_and_doubles_nothing(tmp_path: Path, form: Form) -> None:
    if not gnuhealth_peer.installed():
        pytest.skip("no GNU Health: bash deploy/setup.sh gnuhealth")
    running = gnuhealth_peer.start(tmp_path / "gh")
    with closing(running.client()) as tryton:
        here = Ward(running=running, tryton=tryton, desk=gnuhealth_peer.Desk(tryton))
        puid, medication = here.ordered()
    records = [a_record(puid, medication, effective_at=AT + timedelta(minutes=number)) for number in range(6)]
    with _a_dispatcher(running.base_url, form, tmp_path) as (dispatcher, scope):
        _put(scope, records[:3])
        dispatcher.drain_once()
        running.kill()
        _put(scope, records[3:])
        dispatcher.drain_once()
        running = gnuhealth_peer.start(tmp_path / "gh", port=running.port)
        try:
            with scope(), transaction(ACTOR) as tx:  # type: ignore[operator]
                waiting = [item for item in outbox.worklist(tx) if item.state != "sent"]
                assert [item.last_error_code for item in waiting] == ["emr-unavailable"] * 3
                for item in waiting:
                    outbox.mark_waiting(tx, item.id, error="", code="", next_attempt_at=tx.at)
            dispatcher.drain_once()
            with closing(running.client()) as tryton:
                names = ("remarks",)
                rows = gnuhealth_peer.Desk(tryton).rows("gnuhealth.inpatient.medication.log", [["medication", "=", medication]], *names)
        finally:
            running.stop()
    found = sorted(str(row["remarks"])[6:42] for row in rows)
    assert found == sorted(record.record_id for record in records)


def test_made_up_settings_are_refused_at_the_start() -> None:
    for settings in ({"language": "de"}, {"units": "mg"}, {"unit": {}}):
        with pytest.raises(ConfigError):
            open_emr(config_at("http://127.0.0.1", settings=settings), facility="bv1")
    with pytest.raises(ConfigError, match=r"emr\.password"):
        open_emr(config_at("http://127.0.0.1", password=None), facility="bv1")
