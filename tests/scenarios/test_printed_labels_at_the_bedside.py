"""Labels that the system printed are read by the system: from the batch over the printer's wire, in front of a camera, through the
cart's decoders to a verdict, with a network and without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image, ImageOps

from cart_client import inbox
from cart_client.inbox import Link, LinkTold, TablesChanged
from devices import registry
from devices.ports import Frame
from devices.printers import layout, network, zpl
from devices.printers.stock import SHIPPED, Printer
from pointofcare.labels.scan import SiteProfile
from pointofcare.labels.symbol import Symbol
from pointofcare.texts import findings
from pointofcare.verdict.finding import Finding, Level
from pointofcare.wire.messages import TableKind
from pointofcare.wire.tables import FormularyBody, Table
from server.store import labels
from server.store.labels import UnitLabel
from server.store.transaction import reading, transaction
from server.usecases import labels as verbs
from server.usecases import tables as table_verbs
from server.web import label_words
from simulation import frames
from simulation.devices.label_printer import LabelPrinter
from tests.support.cart_ward import ZONE, Stand, a_table, band, issued, products
from tests.support.server_ward import PHARMACIST, WARD
from tests.support.web import ward_app

EXPIRY = date(2031, 1, 31)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    (tmp_path / "server").mkdir()
    with ward_app(tmp_path / "server", verified=True) as made:
        yield made


@pytest.fixture
def seen() -> Callable[[Image.Image, int], list[Symbol]]:
    """What the cart's decoders make of a printed label that a hand holds before the camera."""
    decoder = registry.decoder()

    def look(printed: Image.Image, seed: int) -> list[Symbol]:
        paper = ImageOps.expand(printed.convert("L"), 10, 255).convert("RGB")
        paper = paper.resize((paper.width * 3, paper.height * 3), Image.Resampling.LANCZOS)
        image = frames.frame_with(paper, seed, difficulty=0.1, fill=0.7)
        return decoder.decode(Frame(image=image, number=seed, taken_at=datetime.now(UTC)))

    return look


def printed(app: Flask, found: tuple[UnitLabel, ...]) -> list[Image.Image]:
    """Over the wire to a printer, and out of its tray."""
    printer = LabelPrinter().start()
    try:
        with app.test_request_context("/", headers={"Accept-Language": "vi"}):
            drawn = [layout.place(label_words.unit_dose(one), SHIPPED["unit-dose-38x25"], 203) for one in found]
        to = Printer(id="p", name="p", host="127.0.0.1", port=printer.port)
        network.send(to, [zpl.of(one) for one in drawn], len(drawn), patience=network.Patience(answer_s=20.0, poll_s=0.0))
        return [one.picture for one in printer.printed]
    finally:
        printer.stop()


def table(app: Flask, stand: Stand, version: int) -> Table:
    """The formulary as the server would sign it now, with the products of the cart's ward."""
    with app.app_context(), reading() as tx:
        made = table_verbs.build(
            tx, WARD, TableKind.FORMULARY, facility="x", lifetime=timedelta(hours=24), timezone=ZONE, site=SiteProfile()
        )
    assert isinstance(made.body, FormularyBody)
    body = replace(made.body, products=products())
    return a_table(TableKind.FORMULARY, body, version=version, issued_at=stand.clock.at)


def take(app: Flask, stand: Stand, version: int) -> None:
    assert stand.chart.take(issued(table(app, stand, version)), stand.clock.at)
    stand.put(TablesChanged(kind=TableKind.FORMULARY))


def g7(stand: Stand) -> Finding | None:
    verdict = stand.view.session.verdict
    return next((finding for finding in verdict.findings if finding.rule == "G7"), None) if verdict is not None else None


def test_labels_printed_by_the_system_are_read_by_the_system_and_only_those(
    app: Flask, tmp_path: Path, seen: Callable[[Image.Image, int], list[Symbol]]
) -> None:
    with app.app_context():
        with transaction(PHARMACIST) as tx:
            batch = verbs.of_product(
                tx, PHARMACIST, product="AMOX500", lot="A1", expiry=EXPIRY, count=3, ward=WARD, stock="unit-dose-38x25"
            )
        with transaction(PHARMACIST) as tx:
            made = verbs.take_unprinted(tx, PHARMACIST, batch.id)
    forged = replace(made[0], serial=verbs.new_serial())
    pictures = printed(app, (*made, forged))
    first, second, third, false = (seen(picture, 11 + place) for place, picture in enumerate(pictures))
    assert [len(symbols) for symbols in (first, second, third, false)] == [1, 1, 1, 1]

    stand = Stand(tmp_path / "cart")
    take(app, stand, 2)
    stand.sign_in()
    stand.hold(band("P1"))
    stand.lease("P1")
    stand.hold(*false)
    finding = g7(stand)
    assert finding is not None
    assert finding.level is Level.STOP
    assert finding.facts["cause"] == "unknown"
    stand.press(inbox.ClearDrugs)
    stand.hold(*first)
    verdict = stand.view.session.verdict
    assert verdict is not None
    assert (verdict.level, verdict.findings) == (Level.PASS, ())
    stand.press(inbox.Confirm, record_id=stand.view.session.record_id)

    # The Wi-Fi goes. The second label is of the table that the cart holds, and the first is empty now.
    stand.put(LinkTold(link=Link.OFFLINE))
    stand.hold(band("P2"))
    stand.hold(*second)
    verdict = stand.view.session.verdict
    assert verdict is not None
    assert verdict.level < Level.STOP
    assert not {"G1", "G4", "G5", "G7"} & {each.rule for each in verdict.findings}
    stand.press(inbox.ClearDrugs)
    stand.hold(*first)
    assert "G4" in stand.rules
    stand.press(inbox.ClearDrugs)

    # The third is withdrawn; the cart learns it when it is back.
    with app.app_context(), transaction(PHARMACIST) as tx:
        verbs.withdraw(tx, PHARMACIST, batch.id, [made[2].serial], reason="mất nhãn")
    take(app, stand, 3)
    stand.hold(*third)
    finding = g7(stand)
    assert finding is not None
    assert (finding.level, finding.facts["cause"]) == (Level.STOP, "void")
    assert "ĐÃ BỊ HỦY" in findings.sentence("vi", finding)[0]
    with app.app_context(), reading() as tx:
        assert [label.state for label in labels.of_batch(tx, batch.id)] == ["printed", "printed", "void"]
