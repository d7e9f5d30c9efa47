"""The formulary and the barcode fix queue: what is written, who may, what two people at once do, and what the carts get."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from pointofcare.errors import ConflictError, NotPermittedError
from pointofcare.labels.scan import SiteProfile
from pointofcare.products import HighAlert, Product
from pointofcare.quantity import Quantity
from pointofcare.wire.messages import TableKind
from pointofcare.wire.tables import FormularyBody
from server.store import barcodes, formulary, tasks, versions
from server.store.tables import AuditRow
from server.store.transaction import Actor, reading, transaction
from server.usecases import barcodes as fix
from server.usecases import formulary as verbs
from server.usecases import pharmacy, recalls, tables, task_kinds
from server.usecases import tasks as task_verbs
from tests.support import server_ward, web, work
from tests.support.databases import KINDS, migrated_app
from tests.support.server_ward import AMOXICILLIN, CHARGE, NOW, NURSE, PHARMACIST, WARD
from tests.support.work import MORPHINE, SECOND, UNKNOWN_GTIN

LATER = NOW + timedelta(minutes=20)
OTHER_GTIN = "08936000001001"


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path) as found:
        server_ward.open_ward(patient_count=2)
        work.open_work()
        yield found


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Flask]:
    with web.ward_app(tmp_path) as found:
        with found.app_context():
            work.open_work()
        yield found


def carried(ward: str = WARD) -> tuple[Product, ...]:
    """The products of the formulary that the ward's carts get now."""
    with reading() as tx:
        built = tables.build(
            tx, ward, TableKind.FORMULARY, facility="h1", lifetime=timedelta(hours=24), timezone="Asia/Ho_Chi_Minh", site=SiteProfile()
        )
    assert isinstance(built.body, FormularyBody)
    return built.body.products


def version_of(ward: str = WARD) -> int:
    with reading() as tx:
        return versions.of_ward(tx, ward)[TableKind.FORMULARY]


def held(product: str = AMOXICILLIN.id) -> formulary.Held:
    with reading() as tx:
        found = formulary.get(tx, product)
    assert found is not None
    return found


def change(product: Product, who: Actor = PHARMACIST, *, version: int | None = None, why: str = "new pack leaflet") -> int:
    with transaction(who, at=LATER) as tx:
        return verbs.change(tx, who, product, version=held(product.id).version if version is None else version, why=why)


def match(task: tasks.Task, product: str, who: Actor = PHARMACIST, code: str = "link") -> tasks.Task:
    with transaction(who, at=LATER) as tx:
        return task_verbs.answer(tx, who, task.id, revision=task.revision, code=code, words="pack in hand", product=product)


def the_task(kind: str = task_kinds.UNKNOWN_BARCODE) -> tasks.Task:
    (found,) = work.open_tasks(kind)
    return found


def test_a_change_reaches_every_cart_as_a_new_formulary_and_stays_in_the_history(app: Flask) -> None:
    before = version_of()
    assert change(replace(AMOXICILLIN, name="Amoxicillin 500 mg viên", high_alert=HighAlert.LABEL)) == 2
    assert version_of() == before + 1
    assert {product.name for product in carried()} >= {"Amoxicillin 500 mg viên"}
    with reading() as tx:
        newest, first = formulary.versions(tx, AMOXICILLIN.id)
        (detail,) = tx.session.scalars(select(AuditRow.detail).where(AuditRow.action == "product.change")).all()
    assert (newest.version, newest.action, newest.why, newest.by, newest.by_name, newest.at) == (
        2, "changed", "new pack leaflet", PHARMACIST.id, PHARMACIST.name, LATER,
    )  # fmt: skip
    assert first.product == AMOXICILLIN
    assert newest.product is not None
    assert newest.product.high_alert is HighAlert.LABEL
    assert detail["before"] == {"name": AMOXICILLIN.name, "high_alert": 0}
    assert detail["why"] == "new pack leaflet"


def test_of_two_editors_at_once_the_second_is_refused_and_nothing_of_the_first_is_lost(app: Flask) -> None:
    seen = held().version
    change(replace(AMOXICILLIN, name="First"), version=seen)
    with pytest.raises(ConflictError, match="changed meanwhile"):
        change(replace(AMOXICILLIN, name="Second"), SECOND, version=seen)
    assert held().product.name == "First"
    assert held().version == seen + 1


def test_only_a_pharmacist_changes_the_formulary(app: Flask) -> None:
    for who in (NURSE, CHARGE):
        with pytest.raises(NotPermittedError):
            change(replace(AMOXICILLIN, name="x"), who)
    assert held().product == AMOXICILLIN


def test_an_unknown_code_at_a_cart_is_matched_once_and_the_next_formulary_of_every_cart_knows_it(app: Flask) -> None:
    work.attempt(work.stopped_by())
    work.attempt(work.stopped_by(ward="KHOA-2", cart="c9"))
    assert UNKNOWN_GTIN not in {product.gtin for product in carried()}
    task = the_task()
    with reading() as tx:
        seen = barcodes.summaries(tx, [(task.kind, task.key)])[(task.kind, task.key)]
    assert (seen.times, {(one.ward, one.times) for one in seen.wards}) == (2, {(WARD, 1), ("KHOA-2", 1)})
    before = version_of()
    assert not match(task, AMOXICILLIN.id).is_open
    assert version_of() > before
    (pack,) = [product for product in carried() if product.gtin == UNKNOWN_GTIN]
    assert replace(pack, id=AMOXICILLIN.id, gtin=AMOXICILLIN.gtin) == AMOXICILLIN
    assert held().packs == (UNKNOWN_GTIN,)
    work.attempt(work.stopped_by())  # a cart whose formulary is older than ours
    assert work.open_tasks(task_kinds.UNKNOWN_BARCODE) == ()


def test_a_pack_follows_its_product_and_keeps_its_own_recalls(app: Flask) -> None:
    work.attempt(work.stopped_by())
    match(the_task(), AMOXICILLIN.id)
    with transaction(PHARMACIST, at=LATER) as tx:
        recalls.recall(tx, PHARMACIST, gtin=UNKNOWN_GTIN, lots=("B1",), reason="notice")
    change(replace(AMOXICILLIN, high_alert=HighAlert.LABEL))
    pack = held(f"{AMOXICILLIN.id}.{UNKNOWN_GTIN}").product
    assert (pack.high_alert, pack.recalled_lots, pack.gtin) == (HighAlert.LABEL, ("B1",), UNKNOWN_GTIN)
    assert held().product.recalled_lots == ()
    with transaction(server_ward.IMPORT, at=LATER) as tx:
        pharmacy.receive_product(tx, replace(AMOXICILLIN, name="By the file"))
    assert held(pack.id).product.name == "By the file"


def test_a_wrong_match_is_withdrawn_from_every_cart_and_the_code_waits_again(app: Flask) -> None:
    work.attempt(work.stopped_by())
    task = match(the_task(), AMOXICILLIN.id)
    with transaction(SECOND, at=LATER) as tx:
        again = fix.withdraw(tx, SECOND, task.id, revision=task.revision, why="the pack holds 250 mg")
    assert again.is_open
    assert UNKNOWN_GTIN not in {product.gtin for product in carried()}
    with pytest.raises(ConflictError), transaction(SECOND, at=LATER) as tx:
        fix.withdraw(tx, SECOND, task.id, revision=task.revision, why="twice")
    assert match(again, MORPHINE.id, code="propose-link").status == tasks.ACCEPTED
    with reading() as tx:
        told = formulary.versions(tx, f"{AMOXICILLIN.id}.{UNKNOWN_GTIN}")
    assert [(one.action, one.by) for one in told] == [("unlinked", SECOND.id), ("linked", PHARMACIST.id)]


def test_a_code_of_a_controlled_drug_takes_two_pharmacists(app: Flask) -> None:
    work.attempt(work.stopped_by())
    task = the_task()
    with pytest.raises(NotPermittedError, match="two pharmacists"):
        match(task, MORPHINE.id)
    proposed = match(task, MORPHINE.id, code="propose-link")
    with pytest.raises(NotPermittedError, match="own match"):
        match(proposed, MORPHINE.id)
    with pytest.raises(ConflictError, match="was proposed"):
        match(proposed, AMOXICILLIN.id, SECOND)
    assert UNKNOWN_GTIN not in {product.gtin for product in carried()}
    assert not match(proposed, MORPHINE.id, SECOND).is_open
    assert UNKNOWN_GTIN in {product.gtin for product in carried()}


def test_labels_that_do_not_read_are_grouped_by_their_gtin_with_how_often(app: Flask) -> None:
    broken = f"01{AMOXICILLIN.gtin}17991345"
    for cause, text in (("unreadable", broken), ("typed", AMOXICILLIN.gtin), ("unreadable", broken + "10X")):
        (finding,) = work.stopped_by().findings
        work.attempt(work.stopped_by(findings=(replace(finding, facts={"cause": cause, "barcode": text}),)))
    task = the_task(task_kinds.LABEL_TROUBLE)
    assert (task.detail["barcode"], task.product) == (AMOXICILLIN.gtin, AMOXICILLIN.id)
    with reading() as tx:
        seen = barcodes.summaries(tx, [(task.kind, task.key)])[(task.kind, task.key)]
    assert (seen.times, dict(seen.causes)) == (3, {"unreadable": 2, "typed": 1})


def test_the_same_attempt_again_is_one_sighting(app: Flask) -> None:
    attempt = work.stopped_by()
    work.attempt(attempt)
    work.attempt(attempt)
    task = the_task()
    with reading() as tx:
        assert barcodes.summaries(tx, [(task.kind, task.key)])[(task.kind, task.key)].times == 1


def test_search_ignores_marks_and_case_and_finds_a_product_by_a_packs_barcode(app: Flask) -> None:
    change(replace(AMOXICILLIN, name="Đạm Dưỡng Amoxicillin"))
    work.attempt(work.stopped_by())
    match(the_task(), AMOXICILLIN.id)
    with reading() as tx:
        for text in ("dam duong", "ĐẠM", "penicillin amox", UNKNOWN_GTIN, AMOXICILLIN.gtin[4:]):
            assert [one.product.id for one in formulary.search(tx, text)] == [AMOXICILLIN.id], text
        assert formulary.search(tx, "100%") == ()
        assert formulary.search(tx, "_") == ()


def test_a_product_that_was_taken_out_is_stopped_by_the_carts_and_can_come_back(app: Flask) -> None:
    with transaction(PHARMACIST, at=LATER) as tx:
        verbs.remove(tx, PHARMACIST, AMOXICILLIN.id, version=held().version, why="not bought any more")
    assert AMOXICILLIN.gtin not in {product.gtin for product in carried()}
    with transaction(PHARMACIST, at=LATER) as tx:
        assert verbs.create(tx, PHARMACIST, AMOXICILLIN, why="bought again") == 3
    assert AMOXICILLIN in carried()


def form_of(page: str) -> dict[str, str]:
    """The fields of the product form as they stand on the page."""
    form = page[page.index('class="panel product-form"') :]
    found = {name: unescape(value) for name, value in re.findall(r'<input class="form-control[^>]* name="([^"]+)" value="([^"]*)"', form)}
    found |= {
        name: unescape(text) for name, text in re.findall(r'<textarea class="form-control" id="[^"]+" name="([^"]+)"[^>]*>([^<]*)<', form)
    }
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, flags=re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen.group(1) if chosen else ""
    version = re.search(r'name="version" value="([0-9]+)"', form)
    assert version
    return found | {"version": version.group(1), "routes": "PO"}


def test_the_form_names_each_faulty_field_and_writes_nothing(pages: Flask) -> None:
    client = web.signed_in(pages, PHARMACIST)
    address = f"/formulary/{AMOXICILLIN.id}/edit"
    cells = form_of(client.get(address).text)
    wrong = {
        "gtin": "08936000000012",
        "name": "",
        "ingredient-1-amount": "500",
        "max-1-ingredient": "paracetamol",
        "max-1-hard": "4 g",
        "hold-1-code": "potassium",
        "hold-1-below": "3 kg",
        "hold-1-level": "STOP",
        "volume": "1.000 mL",
        "why": "",
    }
    token = web.token_of(client.get(address).text)
    answer = client.post(address, data={"csrf_token": token, **cells, **wrong})
    assert answer.status_code == 422
    for name in ("gtin", "name", "ingredient-1-amount", "max-1-ingredient", "hold-1-below", "volume", "why"):
        assert f'id="f-{name}"' in answer.text, name
    assert 'value="3 kg"' in answer.text
    with pages.app_context():
        assert held().version == 1


def test_two_people_with_one_form_lose_nothing_and_are_told_of_each_other(pages: Flask) -> None:
    first, second = web.signed_in(pages, PHARMACIST), web.signed_in(pages, SECOND)
    address = f"/formulary/{AMOXICILLIN.id}/edit"
    mine, theirs = form_of(first.get(address).text), form_of(second.get(address).text)
    told = {"lasa": "ampicillin", "name": "Amoxicillin A", "why": "look-alike"}
    done = first.post(address, data={"csrf_token": web.token_of(first.get(address).text), **mine, **told}, follow_redirects=True)
    assert "Saved" in done.text
    token = web.token_of(second.get(address).text)
    met = second.post(address, data={"csrf_token": token, **theirs, "name": "Amoxicillin B", "high_alert": "1", "why": "label"})
    assert met.status_code == 409
    assert "Somebody else changed this product" in met.text
    assert "look-alike" in met.text
    assert "The other person wrote: Amoxicillin A" in met.text
    together = form_of(met.text)
    assert (together["lasa"], together["name"], together["high_alert"]) == ("ampicillin", "Amoxicillin B", "1")
    saved = second.post(address, data={"csrf_token": token, **together, "why": "label"}, follow_redirects=True)
    assert "Saved" in saved.text
    with pages.app_context():
        now = held().product
    assert (now.name, now.lasa, now.high_alert) == ("Amoxicillin B", ("ampicillin",), HighAlert.LABEL)


def test_what_the_form_does_not_touch_stays_as_it_was(pages: Flask) -> None:
    rich = replace(
        MORPHINE,
        max_daily=(),
        discard_after_opening=timedelta(hours=24),
        multi_dose=True,
        hang_time=timedelta(minutes=90),
        lasa=("hydromorphone",),
    )
    with pages.app_context():
        change(rich)
    client = web.signed_in(pages, PHARMACIST)
    address = f"/formulary/{MORPHINE.id}/edit"
    cells = form_of(client.get(address).text) | {"routes": ["IV", "SC"], "multi_dose": "yes", "divisible": "yes", "volume": "2 mL"}
    answer = client.post(
        address, data={"csrf_token": web.token_of(client.get(address).text), **cells, "why": "ampoule of 2 mL"}, follow_redirects=True
    )
    assert "Saved" in answer.text
    with pages.app_context():
        assert held(MORPHINE.id).product == replace(rich, volume=Quantity.parse("2 mL"))


def test_the_fix_queue_is_walked_on_the_pages_and_wants_a_comparison(pages: Flask) -> None:
    with pages.app_context():
        work.attempt(work.stopped_by())
        task = the_task()
    client = web.signed_in(pages, PHARMACIST)
    listed = client.get("/barcodes/").text
    assert UNKNOWN_GTIN in listed
    assert "Nội tổng hợp" in listed
    here = f"/barcodes/{task.id}"
    found = client.get(here, query_string={"q": "AMOXI"}).text
    assert f"product={AMOXICILLIN.id}" in found
    chosen = client.get(here, query_string={"product": AMOXICILLIN.id}).text
    assert "Compare the pack in your hand" in chosen
    assert "500 mg" in chosen
    fields = {"answer": "link", "revision": task.revision, "product": AMOXICILLIN.id}
    assert "Tick that you have compared" in web.post(client, here, here, **fields).text
    assert "Matched. Every cart knows it" in web.post(client, here, here, **fields, sure="yes").text
    with pages.app_context():
        assert UNKNOWN_GTIN in {product.gtin for product in carried()}
    shown = client.get(f"/formulary/{AMOXICILLIN.id}").text
    assert UNKNOWN_GTIN in shown
    assert "No label waits" in client.get("/barcodes/").text


def test_a_recall_shows_who_got_it_and_who_is_due(pages: Flask) -> None:
    with pages.app_context():
        work.record(server_ward.a_record(1, lot="A1"))
    client = web.signed_in(pages, PHARMACIST)
    fields = {"gtin": AMOXICILLIN.gtin, "lots": "A1", "reason": "notice", "sure": "yes"}
    shown = web.post(client, "/recalls/", "/recalls/", **fields).text
    assert "Who is due for it (2)" in shown
    got, due = shown.split("Who is due for it", 1)
    assert "NGUYỄN VĂN 1" in got
    assert "NGUYỄN VĂN 2" in due
    assert "cart" in shown
    file = client.get("/recalls/1/due.csv").text
    assert file.count("\n") == 3
    assert "24-000002" in file
    with pages.app_context():
        assert "A1" in next(product for product in carried() if product.id == AMOXICILLIN.id).recalled_lots
