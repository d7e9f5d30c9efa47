"""`pointofcare-server setup`: every part is tried for real, each fault names its setting and the remedy, nothing that stands is lost."""

from __future__ import annotations

import io
import socket
import stat
import tomllib
from pathlib import Path

import pytest

from pointofcare.errors import ConfigError
from server import __main__ as program
from server import config as configuration
from server.bare import bare_app
from server.setup import checks, writing
from server.store import migrate, patients, staff
from server.store.database import db
from server.store.transaction import reading
from tests.support.brokers import running_broker
from tests.support.databases import _database

PASSWORD = "seven quiet rivers meet"
ANSWERS = """
facility = "h1"

[http]
port = 0

[mqtt]
enabled = false

[[wards]]
id = "icu"
name = "Hồi sức tích cực"

[administrator]
username = "anna.le"
full_name = "Lê Thị Anna"
"""


def setup(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str, text: str = PASSWORD + "\n"
) -> tuple[int, str]:
    answers = directory / "answers.toml"
    if not answers.exists():
        answers.write_text(ANSWERS, encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    given = ["setup", "--config", str(directory / "server.toml"), *more]
    code = program.main([*given, *(() if "--facility" in more else ("--answers", str(answers)))])
    told = capsys.readouterr()
    return code, told.out + told.err


@pytest.fixture
def bed(tmp_path: Path) -> Path:
    return tmp_path


def people(directory: Path) -> tuple[object, object]:
    with bare_app(configuration.load(directory / "server.toml")).app_context():
        with reading() as tx:
            found = patients.wards(tx), staff.find(tx, "anna.le")
        db.session.remove()
        db.engine.dispose()
    return found


def test_from_answers_to_a_server_that_starts_and_again_without_losing_anything(
    bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = setup(bed, monkeypatch, capsys)
    assert code == 0, told
    path = bed / "server.toml"
    for name in ("server.toml", "signing-key.json", "pointofcare.sqlite"):
        assert stat.S_IMODE((bed / name).stat().st_mode) == 0o600
    assert PASSWORD not in path.read_text()
    wards, member = people(bed)
    assert [(ward.id, ward.name, ward.timezone) for ward in wards] == [("icu", "Hồi sức tích cực", "Asia/Ho_Chi_Minh")]  # type: ignore[attr-defined]
    before = path.read_text(), (bed / "signing-key.json").read_text(), member
    # Somebody adds a line of their own; the second run needs no password, for the administrator is there.
    path.write_text(before[0] + "# ours\nread_back_per_minute = 7\n")
    code, told = setup(bed, monkeypatch, capsys, "--emr", "folder", text="")
    assert code == 0, told
    assert "left as they are" in told
    assert path.read_text() == before[0] + "# ours\nread_back_per_minute = 7\n"
    assert (bed / "signing-key.json").read_text() == before[1]
    assert people(bed)[1] == before[2]
    # A ward gets another name and a second one comes: the first is not asked of anew.
    code, told = setup(bed, monkeypatch, capsys, "--facility", "h1", "--ward", "icu=ICU", "--ward", "noi=Nội", text="")
    assert code == 0, told
    assert [(ward.id, ward.name) for ward in people(bed)[0]] == [("icu", "ICU"), ("noi", "Nội")]  # type: ignore[attr-defined]
    code, told = setup(bed, monkeypatch, capsys, "--facility", "other", text="")
    assert code == 2
    assert "cannot be changed" in told or "leave h1" in told


def test_secrets_that_stand_are_never_replaced_and_a_link_to_the_settings_stays_one(
    bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (bed / "etc").mkdir()
    (bed / "server.toml").symlink_to(bed / "etc" / "real.toml")
    assert setup(bed, monkeypatch, capsys)[0] == 0
    before = (bed / "etc" / "real.toml").read_text()
    (bed / "answers.toml").write_text(f'secret_key = "{"x" * 40}"\npassword_salt = "{"y" * 40}"\n{ANSWERS}')
    code, told = setup(bed, monkeypatch, capsys, text="")
    assert code == 2
    assert "secret_key" in told
    assert "password_salt" in told
    (bed / "answers.toml").write_text(ANSWERS)
    assert setup(bed, monkeypatch, capsys, "--emr", "folder", "--later", "emr", text="")[0] == 0
    assert (bed / "server.toml").is_symlink()
    assert (bed / "etc" / "real.toml").read_text() == before


def test_a_training_database_is_refused_before_anything_is_written(
    bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (bed / "answers.toml").write_text(ANSWERS.replace('"h1"', '"h1-training"'))
    code, told = setup(bed, monkeypatch, capsys)
    assert code == 0, told
    (bed / "server.toml").unlink()
    (bed / "answers.toml").write_text(f'database_url = "sqlite:///training.sqlite"\n{ANSWERS}')
    code, told = setup(bed, monkeypatch, capsys)
    assert code == 1
    assert "training" in told
    assert not (bed / "server.toml").exists()


def test_a_check_changes_nothing_at_all(bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = setup(bed, monkeypatch, capsys, "--check", text="")
    assert code == 0, told
    assert sorted(path.name for path in bed.iterdir()) == ["answers.toml"]


def test_each_part_that_fails_names_its_setting_and_the_remedy_and_nothing_is_written(
    bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and nobody listens
        closed = nobody.getsockname()[1]
        text = ANSWERS.replace("port = 0", f"port = {taken.getsockname()[1]}").replace("enabled = false", f"port = {closed}")
        text = f'database_url = "postgresql+psycopg://app:hunter-two-secret@127.0.0.1:{closed}/poc"\n{text}'
        (bed / "answers.toml").write_text(f'{text}\n[emr]\ntarget = "fhir"\nbase_url = "http://127.0.0.1:{closed}/fhir"\n')
        monkeypatch.setattr(checks, "_is_ours", lambda _host, _port: False)
        code, told = setup(bed, monkeypatch, capsys, "--later", "emr")
    assert code == 1
    assert "hunter-two-secret" not in told
    faults = {line.split()[1].rstrip(":") for line in told.splitlines() if line.startswith(("FAULT", "later"))}
    assert faults == {"database", "broker", "emr", "pages"}
    for field in ("database_url:", "mqtt.host:", "emr.base_url:", "http.port:"):
        assert f"       {field}" in told, field
    assert not (bed / "server.toml").exists()
    assert not (bed / "signing-key.json").exists()


def test_a_medical_record_that_is_not_there_yet_may_come_later(
    bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (bed / "answers.toml").write_text(ANSWERS + '\n[emr]\ntarget = "fhir"\nbase_url = "http://127.0.0.1:9/fhir"\n')
    assert setup(bed, monkeypatch, capsys)[0] == 1
    code, told = setup(bed, monkeypatch, capsys, "--later", "emr")
    assert code == 0, told
    assert setup(bed, monkeypatch, capsys, "--later", "emr", "--check")[0] == 1  # a check tells the truth


@pytest.mark.parametrize("more", [(), ("--emr", "folder"), ("--emr", "hl7v2")])
def test_an_address_that_no_medical_record_takes_is_refused_and_not_passed_over(
    more: tuple[str, ...], bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = setup(bed, monkeypatch, capsys, "--emr-url", "https://emr.example/fhir", *more)
    assert (code, "--emr-url: goes with --emr fhir" in told) == (2, True), told
    assert not (bed / "server.toml").exists()


def test_the_medical_records_new_address_alone_changes_the_one_that_stands(
    bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (bed / "answers.toml").write_text(ANSWERS + '\n[emr]\ntarget = "fhir"\nbase_url = "http://127.0.0.1:9/fhir"\n')
    assert setup(bed, monkeypatch, capsys, "--later", "emr")[0] == 0
    (bed / "answers.toml").write_text("")
    code, told = setup(bed, monkeypatch, capsys, "--later", "emr", "--emr-url", "http://127.0.0.1:9/new")
    assert code == 0, told
    emr = tomllib.loads((bed / "server.toml").read_text())["emr"]
    assert (emr["target"], emr["base_url"]) == ("fhir", "http://127.0.0.1:9/new")


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_a_broker_is_tried_with_the_accounts_password_and_its_rights(kind: str) -> None:
    with running_broker(kind) as (broker, passwords):
        settings = configuration.MqttConfig(port=broker.port, username="server", password=passwords["server"])
        assert checks.broker(settings, "h1").is_fine
        wrong = checks.broker(configuration.MqttConfig(port=broker.port, username="server", password="wrong"), "h1", wait_s=4)
        assert not wrong.is_fine
        assert wrong.remedy
        assert "wrong" not in wrong.said
        if kind == "nats":  # Mosquitto says yes to every subscription, and then sends nothing
            other = checks.broker(configuration.MqttConfig(port=broker.port, username="c1", password=passwords["c1"]), "h1", wait_s=4)
            assert not other.is_fine


def test_a_postgresql_database_is_tried_filled_and_found_again(
    bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with _database("postgresql", bed, template="template0") as url:
        (bed / "answers.toml").write_text(f'database_url = "{url}"\n{ANSWERS}')
        code, told = setup(bed, monkeypatch, capsys)
        assert code == 0, told
        assert "connected, still empty" in told
        assert people(bed)[1] is not None
        code, told = setup(bed, monkeypatch, capsys, "--check", text="")
        assert (code, f"at schema {migrate.head()}" in told) == (0, True), told
    code, told = setup(bed, monkeypatch, capsys, "--check", text="")
    assert code == 1
    assert "does not exist" in told


def test_faults_of_the_answers_are_told_all_at_once(bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (bed / "answers.toml").write_text('[[wards]]\nid = "a b"\nname = "x"\n[[wards]]\nid = "b"\n[administrator]\npassword = "x"\n')
    code, told = setup(bed, monkeypatch, capsys)
    assert code == 2
    for field in ("wards[0].id", "wards[1].name", "administrator.password", "administrator.username"):
        assert field in told
    (bed / "answers.toml").write_text('facility = "h 1"\ntimezone = "Mars"\n[mqtt]\nport = 0\nspeling = 1\n')
    code, told = setup(bed, monkeypatch, capsys)
    assert code == 2
    for field in ("facility", "timezone", "mqtt.port", "mqtt.speling"):
        assert field in told


@pytest.mark.parametrize("answer", ["short\n", "password1234\n", ""])
def test_an_easy_password_is_refused_and_the_next_run_goes_on(
    answer: str, bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = setup(bed, monkeypatch, capsys, text=answer)
    assert code == 2
    assert "at least 12" in told
    assert people(bed)[1] is None
    assert setup(bed, monkeypatch, capsys)[0] == 0


def test_a_role_is_no_administrator(bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (bed / "answers.toml").write_text(ANSWERS.replace("anna.le", "admin"))
    assert setup(bed, monkeypatch, capsys)[0] == 2
    assert not (bed / "server.toml").exists()


def test_a_power_cut_while_the_settings_are_written_leaves_the_ones_before(
    bed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert setup(bed, monkeypatch, capsys)[0] == 0
    before = (bed / "server.toml").read_text()

    def cut(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(writing.os, "fsync", cut)
    with pytest.raises(ConfigError):
        writing.put(bed / "server.toml", "facility = 'x'\n")
    monkeypatch.undo()
    assert (bed / "server.toml").read_text() == before
    assert not list(bed.glob(".server*"))


@pytest.mark.parametrize(
    "text",
    [
        'facility = "h1"\nmqtt = {host = "a", port = 1}\n',
        'facility = "h1"\nmqtt.host = "a"\n',
        'facility = "h1"\n[mqtt]\nhost = """\na\n"""\n',
        'facility = "h1"\nother = """\n[mqtt]\nhost = 1\n"""\n',
    ],
)
def test_settings_written_in_another_way_are_changed_whole_or_refused(text: str) -> None:
    changes = {"facility": "h1", "mqtt": {"host": "broker.example"}}
    before = tomllib.loads(text)
    try:
        made = writing.with_changes(text, changes)
    except ConfigError as exc:
        made, remedy = text, exc.remedy
    else:
        remedy = ""
    assert tomllib.loads(made) == (before if remedy else writing.merged(before, changes))
    assert not remedy or "mqtt.host" in remedy


def test_a_comment_behind_a_setting_stays_when_the_setting_changes() -> None:
    text = 'facility = "h#1" # "ours" # since 2020\n[mqtt]\nhost = "a"\t#b\nport = 1\n'
    made = writing.with_changes(text, {"facility": 'h"2', "mqtt": {"host": "c#d", "port": 2}})
    assert made == 'facility = "h\\"2" # "ours" # since 2020\n[mqtt]\nhost = "c#d"\t#b\nport = 2\n'


def test_settings_keep_their_comments_and_their_order() -> None:
    text = '# top\nfacility = "h1"  # ours\n\n[mqtt]\n# the old one\nhost = "a"\nport = 1\n\n# of the record\n[emr]\ntarget = "folder"\n'
    made = writing.with_changes(text, {"mqtt": {"host": 'b"\\é', "username": "x"}, "http": {"port": 8081}, "demo": True})
    assert tomllib.loads(made)["mqtt"] == {"host": 'b"\\é', "port": 1, "username": "x"}
    for line in ("# top", 'facility = "h1"  # ours', "# the old one", "# of the record"):
        assert line in made.splitlines()
    assert writing.with_changes(made, {"mqtt": {"port": 1}}) == made
