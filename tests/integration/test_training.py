"""Training and real care never meet: databases, folders, configurations, signed tables, and every page says which it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from cart_client import config as cart_config
from cart_client.chart import Chart, TableRefusedError
from pointofcare.errors import ConfigError
from pointofcare.wire.tables import TableKind
from pointofcare.wire.training import is_training
from server import config as configuration
from server.app import bare_app, create_app
from server.config import ServerConfig
from server.emr import folder, open_emr
from server.security.headers import TRAINING_HEADER
from server.store import audit, migrate, training
from server.store.database import db
from server.store.tables import AuditRow, WardRow
from server.store.transaction import Actor, reading, transaction
from tests.support import cart_ward
from tests.support.databases import KINDS, _database, config_for

REAL, TRAINING = "h1", "h1-training"
ANYBODY = Actor(id="somebody")


def of_kind(url: str, directory: Path, facility: str, **settings: object) -> ServerConfig:
    return config_for(url, directory, facility=facility, training=facility == TRAINING, **settings)


def migrated(config: ServerConfig) -> None:
    with bare_app(config).app_context():
        migrate.upgrade()
        db.engine.dispose()


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_server_marks_an_empty_database_and_a_real_one_then_refuses_it(kind: str, tmp_path: Path) -> None:
    with _database(kind, tmp_path) as url:
        migrated(of_kind(url, tmp_path, TRAINING))
        with bare_app(of_kind(url, tmp_path, TRAINING)).app_context():
            migrate.require_current()
            with reading(ANYBODY) as tx:
                assert [line.action for line in audit.listed(tx)] == [training.BEGUN]
            db.engine.dispose()
        with bare_app(of_kind(url, tmp_path, REAL)).app_context():
            for refused in (migrate.require_current, migrate.upgrade):
                with pytest.raises(ConfigError, match="training database"):
                    refused()
            with pytest.raises(ConfigError, match="not real"), transaction(ANYBODY):
                pytest.fail("a real server wrote among made-up patients")
            db.engine.dispose()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("facility", [REAL, TRAINING])
def test_a_training_server_refuses_a_database_in_use_that_it_never_marked(kind: str, facility: str, tmp_path: Path) -> None:
    with _database(kind, tmp_path) as url:
        with bare_app(config_for(url, tmp_path)).app_context():
            with db.engine.begin() as connection:
                connection.execute(insert(WardRow).values(facility=facility, id="W1", name="W1", timezone="UTC"))
            db.engine.dispose()
        with bare_app(of_kind(url, tmp_path, TRAINING)).app_context():
            for refused in (migrate.require_current, migrate.upgrade):
                with pytest.raises(ConfigError, match="may hold real patients"):
                    refused()
            with pytest.raises(ConfigError, match="empty database"), transaction(ANYBODY):
                pytest.fail("a training server wrote among real patients")
            with db.engine.connect() as connection:
                assert connection.execute(select(AuditRow.id)).first() is None, "nothing was written, not even a mark"
            db.engine.dispose()


def test_a_mark_is_of_one_facility_and_real_rows_beside_it_are_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'one.sqlite'}"
    migrated(of_kind(url, tmp_path, TRAINING))
    with bare_app(config_for(url, tmp_path, facility="h2-training", training=True)).app_context():
        with pytest.raises(ConfigError):
            migrate.require_current()
        with db.engine.begin() as connection:
            connection.execute(insert(WardRow).values(facility=REAL, id="W1", name="W1", timezone="UTC"))
    with bare_app(of_kind(url, tmp_path, TRAINING)).app_context():
        with pytest.raises(ConfigError, match="real patients"):
            migrate.require_current()
        with db.engine.begin() as connection:
            connection.execute(delete(WardRow))
        migrate.require_current()


def test_a_database_of_an_older_schema_is_judged_and_marked_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    with bare_app(of_kind(url, tmp_path, TRAINING)).app_context():
        migrate.upgrade("0001")
    migrated(of_kind(url, tmp_path, TRAINING))
    with bare_app(of_kind(url, tmp_path, REAL)).app_context(), pytest.raises(ConfigError):
        migrate.upgrade()


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"facility": REAL, "training": True}, "facility"),
        ({"facility": TRAINING}, "facility"),
        ({"facility": "H1-Training"}, "facility"),
        ({"facility": TRAINING, "training": True, "emr": {"target": "fhir", "base_url": "https://emr.example/fhir"}}, "emr.target"),
        ({"facility": TRAINING, "training": True, "emr": {"token": "t"}}, "emr.base_url"),
    ],
)
def test_a_server_of_two_kinds_does_not_start(settings: dict[str, object], where: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config_for("sqlite:///x", tmp_path, **settings)
    assert where in {problem for problem, _ in caught.value.problems}


def test_init_writes_a_usable_configuration_of_either_kind(tmp_path: Path) -> None:
    for facility in (REAL, TRAINING):
        path = tmp_path / f"{facility}.toml"
        path.write_text(configuration.fresh(facility=facility), encoding="utf-8")
        made = configuration.load(path, {})
        assert made.training is is_training(facility)
    assert configuration.load(tmp_path / f"{REAL}.toml", {}).database_url != made.database_url
    assert configuration.load(tmp_path / f"{REAL}.toml", {}).emr.folder != made.emr.folder


def test_practice_goes_into_a_folder_of_its_own_and_real_records_never_there(tmp_path: Path) -> None:
    url = "sqlite:///x"
    trained, real = (of_kind(url, tmp_path, each, emr={"folder": "out"}).emr for each in (TRAINING, REAL))
    open_emr(trained, facility=TRAINING).close()
    open_emr(trained, facility=TRAINING).close()
    assert (tmp_path / "out" / folder.MARK).read_text(encoding="utf-8").strip() == TRAINING
    with pytest.raises(ConfigError, match="not real"):
        open_emr(real, facility=REAL)
    used = of_kind(url, tmp_path, TRAINING, emr={"folder": "used"}).emr
    used.folder.mkdir()
    (used.folder / "R1.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"emr\.folder"):
        open_emr(used, facility=TRAINING)
    assert not (used.folder / folder.MARK).exists()
    open_emr(of_kind(url, tmp_path, REAL, emr={"folder": "used"}).emr, facility=REAL).close()


def test_a_cart_is_of_the_kind_that_its_facility_says() -> None:
    given = {"cart": "c1", "ward": "W1", "broker": {}}
    assert cart_config.read({**given, "facility": TRAINING}, {}, beside=Path()).training
    assert cart_config.read({**given, "facility": TRAINING, "training": True}, {}, beside=Path()).training
    assert not cart_config.read({**given, "facility": REAL, "training": False}, {}, beside=Path()).training
    for facility, said in ((REAL, True), (TRAINING, False)):
        with pytest.raises(ConfigError) as caught:
            cart_config.read({**given, "facility": facility, "training": said}, {}, beside=Path())
        assert [where for where, _ in caught.value.problems] == ["training"]


@pytest.mark.parametrize(("cart", "server"), [(REAL, TRAINING), (TRAINING, REAL)])
def test_a_cart_takes_no_table_of_a_server_of_the_other_kind(cart: str, server: str, tmp_path: Path) -> None:
    chart = Chart(tmp_path / "chart.sqlite", facility=cart, ward=cart_ward.WARD, key=cart_ward.PUBLIC)
    table = cart_ward.a_table(TableKind.PATIENT_CHART, cart_ward.chart_body(), facility=server)
    with pytest.raises(TableRefusedError) as caught:
        chart.take(cart_ward.issued(table), cart_ward.NOW)
    assert caught.value.why == "other-facility"


@pytest.mark.parametrize("facility", [REAL, TRAINING])
def test_every_page_and_answer_of_a_training_server_says_so_and_no_other(facility: str, tmp_path: Path) -> None:
    app = create_app(of_kind(f"sqlite:///{tmp_path / 'pages.sqlite'}", tmp_path, facility))
    with app.app_context():
        migrate.upgrade()
    trained = facility == TRAINING
    client = app.test_client()
    for language, words in (("vi", "ĐÀO TẠO"), ("en", "TRAINING"), ("fr", "FORMATION")):
        for address in ("/sign-in", "/nowhere", "/wall"):
            answer = client.get(address, headers={"Accept-Language": language}, follow_redirects=True)
            assert (f"<strong>{words} – " in answer.text) is trained, (address, language)
            assert ("training.css" in answer.text) is trained
            assert (TRAINING_HEADER in answer.headers) is trained
    for address in ("/api/v1/patients", "/api/openapi.json", "/healthz", "/api/v1/nothing"):
        assert (TRAINING_HEADER in client.get(address).headers) is trained
    assert ("TRAINING" in client.get("/api/", headers={"Accept-Language": "en"}).text) is trained
    with app.app_context():
        db.engine.dispose()
