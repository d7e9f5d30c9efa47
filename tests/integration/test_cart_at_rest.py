"""What lies on the cart's disk: encrypted, under one key, through kills and power cuts, and never begun anew over what is there."""

from __future__ import annotations

import ast
import ctypes
import io
import os
import platform
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlcipher3 import dbapi2 as sqlcipher

from cart_client import at_rest, key_sources, sealed
from cart_client.__main__ import main
from cart_client.at_rest import AtRest, Unlocked
from cart_client.journal import Journal
from cart_client.key_sources import Protection, Source
from cart_client.sealed import AtRestError, Key
from tests.integration.test_cart_journal import a_record
from tests.support.cart_ward import NOW

ROOT = Path(__file__).parents[2]
_ADD_KEY = {"x86_64": 248, "aarch64": 217}
NAME = "Nguyễn Thị Mốc-Đánh-Dấu"
ROWS = 60
STEPS = ("link", "fsync", "unlink", "replace", "write", "open")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def fill(db: sqlite3.Connection | sqlcipher.Connection) -> None:
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE entry (seq INTEGER PRIMARY KEY, who TEXT NOT NULL) STRICT")
    db.execute("CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'append-only'); END")
    db.execute("PRAGMA user_version=2")
    db.executemany("INSERT INTO entry (who) VALUES (?)", [(f"{NAME} {number}",) for number in range(ROWS)])


def in_clear(path: Path) -> None:
    """As an older program left it, killed: the newest rows only in the write-ahead file."""
    child = os.fork()
    if child == 0:
        fill(sqlite3.connect(path, isolation_level=None))
        os._exit(0)
    os.waitpid(child, 0)
    assert path.with_name(path.name + "-wal").exists()


def rows(path: Path, key: Key) -> int:
    with sealed.reading(path, key) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == 2
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone()[0] == 1
        return int(db.execute("SELECT count(*) FROM entry WHERE who LIKE ?", (f"{NAME}%",)).fetchone()[0])


def on_disk(folder: Path, text: str = NAME) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def unlocked(data: Path, settings: AtRest | None = None) -> Key:
    found = at_rest.unlock(data, settings or AtRest())
    found.close()
    return found.key


def why(data: Path, settings: AtRest | None = None) -> str:
    with pytest.raises(AtRestError) as raised:
        at_rest.unlock(data, settings or AtRest())
    assert raised.value.remedy
    return raised.value.why


def test_nothing_of_a_patient_is_readable_on_the_disk(data: Path) -> None:
    key = unlocked(data)
    db = sealed.connect(data / at_rest.JOURNAL, key)
    fill(db)
    assert data.joinpath("journal.sqlite-wal").stat().st_size > 0
    assert on_disk(data) == []
    db.close()
    assert on_disk(data) == []
    assert b"SQLite" not in (data / at_rest.JOURNAL).read_bytes()
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(data / at_rest.JOURNAL).execute("SELECT * FROM entry")


def test_the_first_start_draws_a_private_key_beside_the_folder_and_says_that_it_is_in_clear(data: Path) -> None:
    found = at_rest.unlock(data, AtRest())
    file = Path(found.source.name)
    assert file == data.parent / "data.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert found.protection is Protection.CLEAR
    assert any("IN CLEAR" in line for line in found.told)
    assert found.key.value.hex() not in " ".join((repr(found), *found.told))
    found.close()
    assert unlocked(data) == found.key


def test_a_database_in_clear_is_encrypted_at_the_start_with_all_its_rows(data: Path) -> None:
    in_clear(data / at_rest.JOURNAL)
    in_clear(data / at_rest.CHART)
    assert on_disk(data)
    key = unlocked(data)
    assert rows(data / at_rest.JOURNAL, key) == rows(data / at_rest.CHART, key) == ROWS
    assert on_disk(data) == []
    assert sorted(file.name for file in data.iterdir()) == ["at-rest.json", "at-rest.lock", "chart.sqlite", "journal.sqlite"]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A file system without a disk, where there is one: a kill of the process is tried here, and a hundred times."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def killed(work: Callable[[Path, AtRest], Unlocked], data: Path, at: int) -> bool:
    """Does the work in a process of its own, which is killed after its `at`th step; False when it was done before that."""
    child = os.fork()
    if child == 0:
        counted = iter(range(1, at))

        def step(call: Callable[..., object]) -> Callable[..., object]:
            def counting(*given: object, **named: object) -> object:
                found = call(*given, **named)
                if next(counted, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                return found

            return counting

        for name in STEPS:
            setattr(os, name, step(getattr(os, name)))
        for name in ("_export", "_overwrite"):
            setattr(sealed, name, step(getattr(sealed, name)))
        try:
            work(data, AtRest())
        except BaseException:  # noqa: BLE001 - nothing of the test may run on in the child
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def test_a_kill_at_any_step_of_the_encryption_loses_no_row(memory: Path) -> None:
    steps = 0
    for at in range(1, 200):
        data = memory / str(at) / "data"
        data.mkdir(parents=True)
        in_clear(data / at_rest.JOURNAL)
        if not killed(at_rest.unlock, data, at):
            break
        steps += 1
        key = unlocked(data)
        assert rows(data / at_rest.JOURNAL, key) == ROWS, at
        assert on_disk(data) == [], at
    assert 10 < steps < 190


def test_a_kill_at_any_step_of_a_change_of_the_key_loses_no_row(memory: Path) -> None:
    steps = 0
    for at in range(1, 200):
        data = memory / str(at) / "data"
        data.mkdir(parents=True)
        first = unlocked(data)
        for name in at_rest.DATABASES:
            db = sealed.connect(data / name, first)
            fill(db)
            db.close()
        if not killed(at_rest.rotate, data, at):
            break
        steps += 1
        key = unlocked(data)
        assert rows(data / at_rest.JOURNAL, key) == rows(data / at_rest.CHART, key) == ROWS, at
        assert len(key_sources.read(at_rest.default_source(data), None)) == 1
    assert 10 < steps < 190


@pytest.fixture
def recorded(data: Path) -> Iterator[Path]:
    db = sealed.connect(data / at_rest.JOURNAL, unlocked(data))
    fill(db)
    db.close()
    before = (data / at_rest.JOURNAL).read_bytes()
    yield data
    assert (data / at_rest.JOURNAL).read_bytes() == before


def test_a_missing_key_begins_no_new_database_over_the_old_one(recorded: Path) -> None:
    file = Path(at_rest.default_source(recorded).name)
    away = file.rename(file.with_suffix(".away"))
    assert why(recorded) == "key-missing"
    (recorded / at_rest.NOTE).unlink()
    assert why(recorded) == "key-missing"
    assert not file.exists()
    away.rename(file)
    assert rows(recorded / at_rest.JOURNAL, unlocked(recorded)) == ROWS


def test_a_wrong_key_is_told_from_a_damaged_journal(recorded: Path) -> None:
    file = Path(at_rest.default_source(recorded).name)
    right = file.read_text()
    key_sources.write(file, (sealed.draw(),))
    assert why(recorded) == "key-wrong"
    file.write_text(right)
    content = (recorded / at_rest.JOURNAL).read_bytes()
    (recorded / at_rest.JOURNAL).write_bytes(b"\xff" * len(content))
    assert why(recorded) == "damaged"
    (recorded / at_rest.JOURNAL).write_bytes(content)


@pytest.mark.parametrize("content", ["", "not hexadecimal", "ab" * 16])
def test_a_key_file_without_a_key_is_refused(recorded: Path, content: str) -> None:
    Path(at_rest.default_source(recorded).name).write_text(content)
    assert why(recorded) == "key-unreadable"


def test_a_key_file_that_others_may_read_is_refused(recorded: Path) -> None:
    Path(at_rest.default_source(recorded).name).chmod(0o644)
    assert why(recorded) == "key-unreadable"


def test_a_named_file_is_never_drawn_so_that_a_volume_that_is_not_in_stays_empty(data: Path, tmp_path: Path) -> None:
    stick = Source(kind="file", name=str(tmp_path / "stick" / "cart.key"))
    assert why(data, AtRest(source=stick)) == "key-missing"
    assert not Path(stick.name).exists()


def test_a_credential_of_systemd_is_read_from_its_folder(data: Path, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    key = sealed.draw()
    (credentials / "poc-cart").write_text(key.value.hex() + "\n")
    settings = AtRest(source=Source(kind="credential", name="poc-cart"), credentials=credentials)
    assert unlocked(data, settings) == key
    assert not (data.parent / "data.key").exists()
    assert why(data, AtRest(source=settings.source)) == "key-missing"


def test_another_source_in_the_configuration_moves_the_databases_under_its_key(data: Path, tmp_path: Path) -> None:
    first = unlocked(data)
    db = sealed.connect(data / at_rest.JOURNAL, first)
    fill(db)
    db.close()
    elsewhere = Source(kind="file", name=str(tmp_path / "elsewhere.key"))
    second = sealed.draw()
    key_sources.write(Path(elsewhere.name), (second,))
    assert unlocked(data, AtRest(source=elsewhere)) == second
    assert rows(data / at_rest.JOURNAL, second) == ROWS
    assert not sealed.fits(data / at_rest.JOURNAL, first)


def test_nothing_is_changed_while_another_program_has_the_databases_open(data: Path) -> None:
    held = at_rest.unlock(data, AtRest())
    assert unlocked(data) == held.key
    with pytest.raises(AtRestError) as raised:
        at_rest.rotate(data, AtRest())
    assert raised.value.why == "in-use"
    held.close()
    after = at_rest.rotate(data, AtRest())
    after.close()
    assert after.key != held.key


def test_a_library_that_does_not_encrypt_is_noticed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "sqlcipher", sqlite3)
    with pytest.raises(AtRestError) as raised:
        sealed.connect(data / "x.sqlite", sealed.draw())
    assert raised.value.why == "no-cipher"


def test_a_damaged_database_in_clear_is_left_as_it_is(data: Path) -> None:
    in_clear(data / at_rest.JOURNAL)
    db = sqlite3.connect(data / at_rest.JOURNAL)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = bytearray((data / at_rest.JOURNAL).read_bytes())
    content[4096 : 4096 * 2] = os.urandom(4096)
    (data / at_rest.JOURNAL).write_bytes(content)
    assert why(data) == "damaged"
    assert (data / at_rest.JOURNAL).read_bytes() == content


def command(monkeypatch: pytest.MonkeyPatch, data: Path, *words: str, typed: str = "") -> int:
    settings = data.parent / "cart.toml"
    if not settings.exists():
        settings.write_text('cart = "cart-1"\nfacility = "f"\nward = "w"\n')
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return main([*words, "--config", str(settings)])


@pytest.fixture
def journalled(data: Path) -> Key:
    """One record that the server has not received."""
    key = unlocked(data)
    journal = Journal(data / at_rest.JOURNAL, cart="cart-1", at_rest=key)
    journal.append(a_record(), message_id="m1")
    journal.close()
    return key


def unsent(data: Path, key: Key) -> int:
    journal = Journal(data / at_rest.JOURNAL, cart="cart-1", at_rest=key)
    try:
        return journal.unsent_count()
    finally:
        journal.close()


def test_the_key_is_changed_and_moved_by_command_and_shown_never(
    data: Path, tmp_path: Path, journalled: Key, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, data, "key", "rotate") == 0
    second = unlocked(data)
    assert second != journalled
    assert command(monkeypatch, data, "key", "move", "--to", "file:stick.key") == 0
    assert not (tmp_path / "data.key").exists()
    third = unlocked(data)  # cart.toml does not name it yet: the cart starts, and says so
    assert third == key_sources.read(Source(kind="file", name=str(tmp_path / "stick.key")), None)[0]
    assert unsent(data, third) == 1
    assert command(monkeypatch, data, "key", "status") == 0
    told = capsys.readouterr()
    assert "journal.sqlite: encrypted" in told.out
    for key in (journalled, second, third):
        assert key.value.hex() not in told.out + told.err
    assert command(monkeypatch, data, "key", "draw", "--to", "file:stick.key") == 1
    assert command(monkeypatch, data, "key", "move", "--to", "keyring:poc-not-there") == 1
    assert command(monkeypatch, data, "key", "move") == 2
    assert unlocked(data) == third


def test_a_cart_with_unsent_records_is_not_wiped_unless_that_is_said(
    data: Path, journalled: Key, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, data, "wipe", "--yes") == 1
    assert "1 records" in capsys.readouterr().err
    assert command(monkeypatch, data, "wipe", "--lose-unsent", typed="cart-2\n") == 1
    assert unsent(data, journalled) == 1
    assert command(monkeypatch, data, "wipe", "--lose-unsent", typed="cart-1\n") == 0
    assert [file.name for file in data.iterdir()] == ["at-rest.lock"]
    assert not (data.parent / "data.key").exists()


def test_a_cart_whose_key_is_gone_is_not_wiped_without_a_word(data: Path, journalled: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    (data.parent / "data.key").unlink()
    assert command(monkeypatch, data, "wipe", "--yes") == 1
    assert (data / at_rest.JOURNAL).exists()
    assert command(monkeypatch, data, "wipe", "--yes", "--lose-unsent") == 0


def test_a_cart_that_sent_everything_is_wiped_with_its_certificate(data: Path, journalled: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(data / at_rest.JOURNAL, cart="cart-1", at_rest=journalled)
    journal.settle("r-1", at=NOW)
    journal.close()
    identity = data.parent / "identity"
    identity.mkdir()
    # A power cut while a key or a certificate was written leaves it beside its place.
    for left in (identity / "cart.pem", identity / "cart.pem.new", identity / "pending.key.new", data.parent / "data.key.new"):
        left.write_text("private")
    (data.parent / "cart.toml").write_text('cart = "cart-1"\nfacility = "f"\nward = "w"\nidentity_dir = "identity"\n')
    assert command(monkeypatch, data, "wipe", "--yes") == 0
    assert list(identity.iterdir()) == []
    assert not list(data.parent.glob("data.key*"))


def test_a_key_on_another_partition_of_the_same_disk_is_in_clear(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes the disk takes both. The kernel's own names: a disk with two partitions, LVM on one of them, and a stick."""
    blocks, disks = tmp_path / "block", tmp_path / "devices"
    for number, place in ((1, "sda/sda1"), (2, "sda/sda2"), (17, "sdb/sdb1"), (253, "dm-0")):
        (disks / place).mkdir(parents=True)
        if "/" in place:
            (disks / place / "partition").write_text("1")
        blocks.mkdir(exist_ok=True)
        (blocks / f"8:{number}").symlink_to(disks / place)
    (disks / "dm-0/slaves").mkdir()
    (disks / "dm-0/slaves/sda2").symlink_to(disks / "sda/sda2")
    monkeypatch.setattr(key_sources, "_BLOCKS", blocks)
    found = {}
    for key, held in ((1, 2), (1, 253), (17, 253), (17, 2), (2, 2)):
        monkeypatch.setattr(key_sources, "_device", lambda path, key=key, held=held: os.makedev(8, held if path == data else key))
        found[(key, held)] = key_sources.protection(Source(kind="file", name=str(tmp_path / "k.key")), data).value
    assert found == {(1, 2): "clear", (1, 253): "clear", (17, 253): "apart", (17, 2): "apart", (2, 2): "clear"}


def test_a_crash_of_the_cart_program_leaves_no_memory_on_the_disk() -> None:
    script = "from cart_client import __main__ as m; m._leave_no_dump(); import ctypes, resource; "
    script += "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[0])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "0"]


def test_the_keyring_of_the_kernel_gives_a_key_until_it_is_revoked(data: Path) -> None:
    source = Source(kind="keyring", name=f"poc-test-{os.getpid()}")
    assert key_sources.read(source, None) == ()
    key = sealed.draw()
    text = key.value.hex().encode()
    number = _ADD_KEY.get(platform.machine())
    if number is None or ctypes.CDLL(None).syscall(number, b"user", source.name.encode(), text, len(text), -4) < 0:
        pytest.skip("this kernel gives no keyring")
    try:
        assert unlocked(data, AtRest(source=source)) == key
        assert key_sources.protection(source, data) is Protection.APART
    finally:
        assert key_sources.destroy(source)
    assert why(data, AtRest(source=source)) == "key-missing"


def test_no_program_opens_a_database_of_the_cart_in_clear() -> None:
    """Without a key the file would be plain, and everything would work."""
    for package in ("cart_client", "simulation"):
        for module in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Journal", "Chart"):
                    assert "at_rest" in {keyword.arg for keyword in node.keywords}, f"{module.name}:{node.lineno}"
