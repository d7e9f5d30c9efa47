"""An order comes over the wire and stands on the ward's chart; its stop comes over the wire, and it may not be given any more."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from pointofcare.labels.scan import SiteProfile
from pointofcare.orders import timing
from pointofcare.orders.order import Order, OrderStatus
from pointofcare.wire import tables as wire_tables
from pointofcare.wire.messages import TableKind
from server.store import patients, versions
from server.store.transaction import reading
from server.usecases import tables
from tests.support.databases import FACILITY, config_for, migrated_app
from tests.support.hl7_in import FEED, SAMPLES, ZONE, Line, adt, code, control_only, rde, stock

WARD = "NOI-TH"


def charted(number: str) -> Order | None:
    """The order as the carts of the ward get it: from the signed table's own bytes."""
    with reading(FEED) as tx:
        table = tables.build(
            tx, WARD, TableKind.PATIENT_CHART, facility=FACILITY, lifetime=timedelta(hours=1), timezone=ZONE, site=SiteProfile()
        )
    body = wire_tables.read_claims(wire_tables.claims(table)).body
    assert isinstance(body, wire_tables.PatientChartBody)
    return next((order for order in body.orders if order.id == number), None)


def chart_version() -> int:
    with reading(FEED) as tx:
        return versions.of_ward(tx, WARD)[TableKind.PATIENT_CHART]


@contextmanager
def program(folder: Path, *arguments: str) -> Iterator[int]:
    """`pointofcare-server hl7 run` as a process of its own; its port."""
    run = subprocess.Popen(
        [sys.executable, "-m", "server", "hl7", "run", "--config", str(folder / "server.toml"), *arguments],
        stdout=subprocess.PIPE, text=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    with run:
        try:
            assert run.stdout is not None
            ready = run.stdout.readline()
            port = re.search(r"port (\d+)", ready)
            assert port, ready
            yield int(port[1])
        finally:
            run.send_signal(signal.SIGTERM)
            assert run.wait(20) == 0


def settings(app: Flask, folder: Path) -> None:
    config = app.config["POINTOFCARE_CONFIG"]
    (folder / "server.toml").write_text(
        f'database_url = "{config.database_url}"\nfacility = "{config.facility}"\nsecret_key = "{config.secret_key}"\n'
        f'password_salt = "{config.password_salt}"\ntimezone = "{ZONE}"\n'
    )
    (folder / "hl7-in.toml").write_text(f'port = 0\nprofiles = ["{SAMPLES / "his-general.toml"}"]\n')


def test_an_order_over_the_wire_is_on_the_chart_until_its_stop_comes(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with migrated_app("sqlite", tmp_path) as app:
        stock(app)
        settings(app, tmp_path)
        with program(tmp_path) as port, Line(port) as line:
            assert code(line.send(adt("A01", "1", at=now - timedelta(hours=1)))) == "AA"
            with reading(FEED) as tx:
                assert patients.find_by_mrn(tx, "26-000123") is not None
            before = chart_version()
            assert code(line.send(rde("2", at=now, timing="TQ1|1||Q6H"))) == "AA"
            order = charted("ORD1")
            assert order is not None
            assert order.status is OrderStatus.ACTIVE
            assert timing.next_due(order, ZONE, now) is not None
            assert chart_version() > before
            before = chart_version()
        # The listener is started anew, as after a failure of power; the sender says its last word again, then stops the order.
        with program(tmp_path) as port, Line(port) as line:
            assert code(line.send(rde("2", at=now, timing="TQ1|1||Q6H"))) == "AA"
            assert chart_version() == before
            assert code(line.send(control_only("3", "DC", at=now + timedelta(minutes=1)))) == "AA"
            stopped = charted("ORD1")
            assert stopped is None or stopped.status is OrderStatus.STOPPED
            assert chart_version() > before


def test_a_listener_without_its_settings_says_what_to_write(tmp_path: Path) -> None:
    config = config_for(f"sqlite:///{tmp_path / 'x.sqlite'}", tmp_path)
    (tmp_path / "server.toml").write_text(
        f'database_url = "{config.database_url}"\nfacility = "h1"\n'
        f'secret_key = "{config.secret_key}"\npassword_salt = "{config.password_salt}"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "server", "hl7", "run", "--config", str(tmp_path / "server.toml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "docs/hl7.md" in done.stderr
