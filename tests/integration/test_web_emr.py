"""The EMR worklist: why each record waits, in words; sent again one by one or all of one reason; and what is late is seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from pointofcare.errors import EmrOutcomeUnknownError, EmrRejectedError, EmrUnavailableError, QuantityError
from pointofcare.texts import LANGUAGES, Catalogue
from server.emr.dispatcher import ACTOR, InvalidBundleError, OtherFormError
from server.emr.port import EmrUnclearError, NotTakenError, StartMissingError
from server.emr.tryton import SignInRefusedError
from server.store import beside, mapping_record, outbox
from server.store.transaction import reading, transaction
from tests.support import web
from tests.support.emr import an_administration
from tests.support.server_ward import CHARGE, NURSE, PHARMACIST

CODES = (
    *(one.code for one in (EmrUnavailableError, EmrUnclearError, EmrOutcomeUnknownError, EmrRejectedError, InvalidBundleError)),
    *(one.code for one in (OtherFormError, StartMissingError, NotTakenError, QuantityError)),
    *(outbox.SENDING, outbox.MISSING, outbox.SEVERAL, SignInRefusedError.code, "program-fault"),
)
REJECTED, UNKNOWN = EmrRejectedError.code, EmrOutcomeUnknownError.code


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as found:
        yield found


def _parked(app: Flask, first: int, count: int, code: str) -> list[int]:
    with app.app_context(), transaction(ACTOR) as tx:
        records = [an_administration(first + number, facility=tx.facility) for number in range(count)]
        for record in records:
            document = mapping_record.to_document(record)
            outbox.put(tx, record_id=record.record_id, cart="c1", ordering_key=record.record_id, document=document)
        tx.session.flush()
        items = [outbox.of_record(tx, record.record_id) for record in records]
        found = [item.id for item in items if item is not None]
        for item in found:
            outbox.mark_parked(tx, item, error="why it was", code=code)
    return found


def _states(app: Flask, items: list[int]) -> set[str]:
    with app.app_context(), reading() as tx:
        return {outbox.get(tx, item).state for item in items}


def test_every_reason_has_words_in_every_language() -> None:
    catalogue = Catalogue("server.web.texts")
    lacking = [(language, code) for language in LANGUAGES for code in CODES if not catalogue.has(language, f"emr-fault-{code}")]
    assert lacking == []


def test_all_of_one_reason_go_again_with_one_press_and_nothing_else(app: Flask) -> None:
    mended, other = _parked(app, 1, 3, REJECTED), _parked(app, 10, 1, "emr-bundle-invalid")
    client = web.signed_in(app, PHARMACIST)
    page = client.get("/emr/").text
    assert "The EMR does not take this record." in page
    assert "Send 3 again" in page
    answer = web.post(client, "/emr/requeue", "/emr/", code=REJECTED)
    assert "3 records are sent again." in answer.text
    assert _states(app, mended) == {"pending"}
    assert _states(app, other) == {"parked"}
    assert "nothing to send again" in web.post(client, "/emr/requeue", "/emr/", code=REJECTED).text


def test_a_reason_that_nobody_wrote_words_for_is_told_by_its_code(app: Flask) -> None:
    _parked(app, 1, 1, "adapter-says-odd")
    assert "Another reason (adapter-says-odd)." in web.signed_in(app, PHARMACIST).get("/emr/").text.replace("\u2068", "").replace(
        "\u2069", ""
    )


def test_what_the_emr_may_have_is_looked_up_one_by_one(app: Flask) -> None:
    items = _parked(app, 1, 2, UNKNOWN)
    client = web.signed_in(app, PHARMACIST)
    page = client.get("/emr/").text
    assert "Look for each of them in the EMR" in page
    assert "Send 2 again" not in page
    web.post(client, "/emr/requeue", "/emr/", code=UNKNOWN)
    assert _states(app, items) == {"parked"}
    web.post(client, f"/emr/{items[0]}/requeue", "/emr/")
    assert _states(app, items) == {"parked", "pending"}


def test_a_nurse_sends_nothing_again(app: Flask) -> None:
    items = _parked(app, 1, 1, REJECTED)
    client = web.signed_in(app, NURSE)
    assert web.post(client, "/emr/requeue", "/", code=REJECTED).status_code == 403
    assert _states(app, items) == {"parked"}


def test_what_waits_too_long_is_seen_on_the_first_page_and_on_the_list(app: Flask) -> None:
    record = an_administration(1)
    document = mapping_record.to_document(record)
    with app.app_context(), transaction(ACTOR, at=datetime.now(UTC) - timedelta(minutes=4)) as tx:
        outbox.put(tx, record_id=record.record_id, cart="c1", ordering_key=record.record_id, document=document)
    client = web.signed_in(app, CHARGE)
    assert "more than five minutes" not in client.get("/").text
    late = an_administration(2)
    with app.app_context(), transaction(ACTOR, at=datetime.now(UTC) - timedelta(minutes=6)) as tx:
        outbox.put(tx, record_id=late.record_id, cart="c1", ordering_key=late.record_id, document=mapping_record.to_document(late))
    assert "more than five minutes" in client.get("/").text
    assert "A record has waited" in client.get("/emr/").text


def test_a_cart_and_a_stopped_dose_are_told_as_what_they_are(app: Flask) -> None:
    with app.app_context(), transaction(ACTOR) as tx:
        device = beside.cart_device(tx.facility, "c7")
        outbox.put_once(tx, kind=outbox.DEVICE, record_id=device.record_id, cart="c7", document=beside.device_document(device))
        outbox.put_once(tx, kind=outbox.DEVICE, record_id=device.record_id, cart="c7", document=beside.device_document(device))
    page = web.signed_in(app, PHARMACIST).get("/emr/").text
    assert page.count("cart c7") == 1
