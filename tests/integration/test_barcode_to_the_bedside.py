"""A barcode that a cart does not know: stopped at the bed, mended by a pharmacist on the page, and given by the same cart, over a real
broker."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cart_client import inbox
from pointofcare.labels.symbol import Symbol
from server.store import tasks
from server.store.transaction import reading
from server.usecases.task_kinds import UNKNOWN_BARCODE
from tests.support import web
from tests.support.bedside_line import Cart, line, ready
from tests.support.server_ward import AMOXICILLIN, PHARMACIST
from tests.support.work import UNKNOWN_GTIN


def scan(cart: Cart) -> None:
    cart.show(Symbol(identifier="]d2", content=f"01{UNKNOWN_GTIN}1731013110B7".encode()))


def waiting() -> tuple[tasks.Task, ...]:
    with reading() as tx:
        return tasks.listed(tx, kinds=(UNKNOWN_BARCODE,))


def known_at(cart: Cart) -> set[str]:
    return {product.gtin for product in cart.chart.products(datetime.now(UTC))}


def test_an_unknown_code_is_stopped_mended_once_and_passes_at_the_same_cart(tmp_path: Path) -> None:
    with web.ward_app(tmp_path, verified=True) as app, app.app_context():
        ready()
        with line("mosquitto", tmp_path, app, carts=("c1", "c2")) as ground:
            cart, other = ground.carts["c1"], ground.carts["c2"]
            cart.sign_in()
            cart.open()
            scan(cart)
            cart.until(lambda view: view.session.state.value == "stopped")
            assert UNKNOWN_GTIN in cart.words()
            assert cart.press(inbox.ClosePatient) == ""
            cart.until(lambda _view: bool(waiting()))
            (task,) = waiting()

            page = web.signed_in(app, PHARMACIST)
            here = f"/barcodes/{task.id}"
            assert UNKNOWN_GTIN in page.get("/barcodes/").text
            fields = {"answer": "link", "revision": task.revision, "product": AMOXICILLIN.id, "sure": "yes"}
            assert "Matched" in web.post(page, here, here, **fields).text
            assert waiting() == ()
            for each in (cart, other):
                each.until(lambda _view, each=each: UNKNOWN_GTIN in known_at(each))

            cart.open()
            scan(cart)
            cart.until(lambda view: view.session.state.value == "giving")
            record_id = str(cart.bedside.view.session.record_id)
            assert cart.press(inbox.Confirm, record_id=record_id) == ""
            cart.until(lambda view: bool(view.recorded) and view.recorded[0].standing.at_server)
