"""The commands about policies: faults with file and line, differences in words, a draft that somebody answers for, what holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointofcare.policies import layers, reading
from pointofcare.verdict.policy import Policy
from server.__main__ import main
from server.app import bare_app
from server.config import load
from server.store import migrate, policies
from server.store.database import db
from server.store.transaction import reading as looking
from server.store.transaction import transaction
from server.usecases import policies as verbs
from tests.support import server_ward
from tests.support.policies import SECOND, text, value
from tests.support.server_ward import PHARMACIST


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A server's configuration over a migrated database with one ward."""
    path = tmp_path / "server.toml"
    assert main(["init", "--config", str(path)]) == 0
    with bare_app(load(path)).app_context():
        migrate.upgrade()
        server_ward.open_ward(patient_count=1, verified=True)
        db.session.remove()
        db.engine.dispose()
    return path


def write(path: Path, content: str) -> str:
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_check_names_every_fault_with_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = write(tmp_path / "bad.toml", text("h-1", "[session.idle]", 'value = "3 minutes"', "[colour]"))
    assert main(["policy", "check", bad]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{bad}:3", f"{bad}:4", f"{bad}:5"]
    assert "Use s, min, h or d" in lines[1]


def test_check_holds_a_wards_file_against_the_hospitals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hospital = write(tmp_path / "h.toml", text("h-1"))
    ward = write(tmp_path / "w.toml", text("w-1", value("session.idle", "2 min")))
    assert main(["policy", "check", hospital]) == 0
    assert main(["policy", "check", hospital, "--ward", ward]) == 1
    assert "does not let a ward change this" in capsys.readouterr().out
    write(tmp_path / "h.toml", text("h-1", 'wards_may_change = ["session.idle"]'))
    assert main(["policy", "check", hospital, "--ward", ward]) == 0


def test_check_of_the_examples_finds_nothing() -> None:
    assert main(["policy", "check", str(Path(__file__).parents[2] / "simulation" / "policy.toml")]) == 0


def test_a_file_that_cannot_be_read_is_told_and_no_crash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    for name in ("x.toml", "none.toml", "."):
        assert main(["policy", "check", str(tmp_path / name)]) == 2
        assert "cannot be read" in capsys.readouterr().err


def test_diff_says_in_words_what_changed_and_which_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = write(tmp_path / "new.toml", text("h-2", value("window.time_critical", "20 min")))
    assert main(["policy", "diff", "default", new, "--language", "vi"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "Cửa sổ thuốc giờ nghiêm ngặt, trước và sau: 30 phút → 20 phút (chặt hơn)"
    bad = write(tmp_path / "bad.toml", "nonsense")
    assert main(["policy", "diff", "default", bad]) == 2


def test_a_draft_from_the_command_line_is_somebodys_and_needs_somebody_else(
    settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "new.toml", text("h-2", value("session.idle", "3 min")))
    config = ["--config", str(settings)]
    assert main(["policy", "import", file, "--by", "N1", *config]) == 1  # a nurse
    assert main(["policy", "import", file, "--by", "nobody", *config]) == 1
    capsys.readouterr()
    assert main(["policy", "import", file, "--by", PHARMACIST.id, *config]) == 0
    assert "h-2 is a draft of PH1" in capsys.readouterr().out
    assert main(["policy", "import", file, "--by", PHARMACIST.id, *config]) == 1  # the name was used
    assert main(["policy", "show", *config]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# in force: default-7")
    assert layers.layered(reading.read(shown)) == Policy()
    with bare_app(load(settings)).app_context():
        with looking() as tx:
            (made,) = policies.listed(tx, "")
        with transaction(SECOND) as tx:
            verbs.approve(tx, SECOND, made.id, revision=1)
            verbs.activate(tx, SECOND, made.id, revision=1)
        db.session.remove()
        db.engine.dispose()
    assert main(["policy", "show", "--ward", server_ward.WARD, *config]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# in force: h-2")
    assert 'value = "3 min"' in shown
