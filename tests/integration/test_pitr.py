"""PostgreSQL as it was at a moment, by pgBackRest on a cluster of its own: the drill's figures, a restore that goes into use, and the dose
that was given after the moment, which comes back from the cart."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cart_client import inbox
from server.__main__ import main
from server.bare import bare_app
from server.config import MqttConfig
from server.mqtt.gateway import Gateway
from server.security import sealing, signing
from server.store import migrate, wal_archive
from server.store.database import db
from server.store.transaction import Actor, transaction
from server.usecases import sequences
from server.usecases.facts import Site
from tests.support.bedside_line import ZONE, line, ready
from tests.support.brokers import SERVER
from tests.support.databases import FACILITY, config_for
from tests.support.own_cluster import Cluster
from tests.support.server_ward import open_ward

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    if shutil.which("pgbackrest") is None:
        pytest.skip("no pgBackRest: apt-get install pgbackrest")
    # Memory where there is enough of it: the files are copied four times.
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 * 1024**3
    directory = Path(tempfile.mkdtemp(prefix="poc-pitr-", dir=memory if roomy else "/tmp"))
    made = Cluster(directory)
    try:
        yield made
    finally:
        if (made.data / "postmaster.pid").exists():
            made.stop("immediate")
        shutil.rmtree(directory, ignore_errors=True)


class Command:
    """`pointofcare-server pitr`; `apart` as a program of its own while carts run here, for as root it is another user for moments."""

    def __init__(self, config: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._options, self._capsys = ("--config", str(config), "--pgbackrest", str(file)), capsys

    def __call__(self, action: str, *words: str, code: int = 0) -> str:
        told = main(["pitr", action, *words, *self._options])
        out, err = self._capsys.readouterr()
        assert told == code, out + err
        return out + err

    def apart(self, action: str, *words: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "server", "pitr", action, *words, *self._options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2], timeout=120)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


def test_a_hospital_comes_back_as_it_was_at_a_moment_and_the_dose_after_it_from_the_cart(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config, repository = tmp_path / "server.toml", cluster.directory / "repository"
    assert main(["init", "--config", str(config), "--facility", FACILITY]) == 0
    config.write_text(config.read_text().replace("sqlite:///pointofcare.sqlite", cluster.url))
    pitr = Command(config, cluster.directory / "etc" / "pgbackrest.conf", capsys)
    place = ("--data", str(cluster.data), "--repository", str(repository), "--socket", str(cluster.directory), "--superuser", "postgres")
    assert "start it again" in pitr("setup", *place, code=1)
    app = bare_app(config_for(cluster.url, tmp_path))
    with app.app_context():
        migrate.upgrade()
        told = wal_archive.state()
        assert told is not None
        assert (told.is_on, told.works) == (False, False)
        db.engine.dispose()
    cluster.stop()
    cluster.start()
    assert "base backup" in pitr("setup", *place)
    assert "restores to any moment after" in pitr("status")
    monkeypatch.setattr(sequences, "ASKED_AFTER", timedelta(seconds=1))
    with app.app_context():
        open_ward(patient_count=2)
        ready()
        sealer = sealing.Sealer(signing.load(tmp_path / "signing-key.json"), scope=app.app_context)
        shutil.copy2(tmp_path / "signing-key.json", tmp_path / "key.json")
        with line("mosquitto", tmp_path, app) as ground:
            cart = ground.carts["c1"]
            cart.sign_in()
            sealer.drain()

            def given(number: int) -> str:
                cart.open(number)
                record_id = cart.verify()
                assert cart.press(inbox.Confirm, record_id=record_id) == ""
                cart.until(lambda view: view.recorded and view.recorded[0].standing.at_server)
                assert cart.press(inbox.ClosePatient) == ""
                return record_id

            first = given(1)
            sealer.drain()
            time.sleep(0.05)  # no commit of before shares the moment's millisecond
            moment = datetime.now(UTC)
            second = given(2)
            sealer.drain()
            assert set(doses(cluster)) == {first, second}

            # What would be lost, and words for a moment that nothing brings back.
            cluster.ask("SELECT pg_switch_wal()")
            until_archived(cluster)
            report = tmp_path / "drill.json"
            assert "PASSED: 1 doses" in pitr.apart("drill", "--at", moment.isoformat(), "--json", str(report))
            figures = json.loads(report.read_text())["figures"]
            assert figures["lost_doses"] == 1
            assert 0 < figures["rpo_s"] < 60
            assert 0 < figures["rto_s"] < 120
            assert "no base backup from before" in pitr.apart("drill", "--at", (moment - timedelta(hours=1)).isoformat(), code=1)

            # The disk is gone; the folder of the restore takes its place.
            ground.gateway.stop()
            db.session.remove()
            db.engine.dispose()
            into = cluster.directory / "restored"
            assert "Carts send what it lacks" in pitr.apart("restore", "--at", moment.isoformat(), "--into", str(into))
            cluster.stop("immediate")
            cluster.data.rename(cluster.directory / "lost")
            into.rename(cluster.data)
            shutil.copy2(cluster.directory / "lost" / "pg_hba.conf", cluster.data)
            cluster.start()
            assert doses(cluster) == [first]
            assert cluster.ask("SHOW archive_mode") == [("off",)]
            monkeypatch.setattr(type(cart.uplink), "_interval_s", property(lambda _uplink: 1.0))
            again = Gateway(
                MqttConfig(host=ground.broker.host, port=ground.broker.port, username=SERVER, password=ground.passwords[SERVER]),
                facility=FACILITY,
                key=signing.load(tmp_path / "key.json"),
                site=Site(timezone=ZONE),
                lifetime=timedelta(hours=24),
                version="test",
                scope=app.app_context,
            )
            again.start()
            try:
                until(lambda: set(doses(cluster)) == {first, second}, "the dose after the moment, from the cart")
            finally:
                again.stop()
        sealer.drain()
        assert sealing.from_command_line("verify", signing.load(tmp_path / "key.json"), output=None, kept=None) == 0
        db.session.remove()
        db.engine.dispose()

    # Archived again, in a line of its own; a repository that is away is told, and the figures say so.
    assert "does not archive" in pitr("status", code=1)
    assert "still to come" in pitr("restore", "--at", "2999-01-01T00:00+07:00", "--into", str(tmp_path / "x"), code=2)
    assert "not empty" in pitr("restore", "--into", str(cluster.data), code=2)
    pitr("setup", code=1)
    cluster.stop()
    cluster.start()
    pitr("setup")
    repository.rename(cluster.directory / "away")
    with app.app_context():
        with transaction(Actor(id="N1")) as tx:
            tx.audit("patient.view", "patient/P1", {})
        cluster.ask("SELECT pg_switch_wal()")
        until(lambda: failing(), "a failed try to archive")
        db.session.remove()
        db.engine.dispose()
    assert "is its disk there?" in pitr("backup", code=2)


def failing() -> bool:
    found = wal_archive.state()
    return found is not None and found.is_on and not found.works and found.waiting_s > 0


def doses(cluster: Cluster) -> list[object]:
    return [row[0] for row in cluster.ask("SELECT record_id FROM administrations")]


def until_archived(cluster: Cluster) -> None:
    (name,) = cluster.ask("SELECT pg_walfile_name(pg_current_wal_lsn())")[0]
    until(
        lambda: str(cluster.ask("SELECT last_archived_wal FROM pg_stat_archiver")[0][0]) >= f"{int(str(name), 16) - 1:024X}", "the archive"
    )


def until(true: object, what: str, *, within_s: float = 40.0) -> None:
    ends = time.monotonic() + within_s
    while not true():  # type: ignore[operator]
        assert time.monotonic() < ends, what
        time.sleep(0.1)
