"""The commands for an incident's review and for a change of policy, as strangers run them."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pointofcare.policies import reading
from pointofcare.verdict.facts import Facts
from pointofcare.wire import codec, values
from pointofcare.wire.recompute import StoredVerdict
from simulation import replay_command, verdict_command
from tests.support.builders import facts, local
from tests.support.stored_verdicts import stored
from tests.support.wire_bodies import BODIES, golden_message

LATE = facts(at=local("09:30:00"))


def lines(tmp_path: Path, *found: StoredVerdict, name: str = "verdicts.jsonl") -> Path:
    path = tmp_path / name
    path.write_bytes(b"\n".join(map(values.dump, found)) + b"\n")
    return path


def run(command: str, *arguments: object) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = replay_command.main(command, [str(each) for each in arguments], out=out, err=err)
    return code, out.getvalue(), err.getvalue()


def a_policy(tmp_path: Path, *changes: tuple[str, str], name: str = "new.toml") -> Path:
    text = reading.default_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """The default policy with a window of two hours for what is due more often than daily."""
    return a_policy(
        tmp_path,
        ('version = "default-7"', 'version = "wide-1"'),
        ('[window.frequent]\nvalue = "60 min"', '[window.frequent]\nvalue = "120 min"'),
    )


def test_the_same_again_exits_0(tmp_path: Path) -> None:
    code, out, err = run("replay", lines(tmp_path, stored("r-1", facts()), stored("r-2", LATE)))
    assert code == 0
    assert out.splitlines()[0].startswith("SAME        r-1")
    assert "2 verdicts: 2 the same, 0 differ" in err


def test_a_difference_exits_1_and_is_listed_by_rule(tmp_path: Path) -> None:
    old = replace(stored("r-1", LATE), engine="0.9.0", level="PASS", findings=())
    path = lines(tmp_path, old)
    code, out, _ = run("replay", path)
    assert code == 1
    assert "engine 0.9.0, now" in out
    assert "T1" in out
    assert "said nothing, now says WARN" in out
    code, out, _ = run("replay", "--json", path)
    assert code == 1
    answer = json.loads(out)
    assert (answer["record_id"], answer["same"], answer["engine"]) == ("r-1", False, "0.9.0")
    assert {"rule": "T1", "what": "new", "stored": None, "now": "WARN"} in answer["differences"]


def test_one_record_as_a_cart_sent_it(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(codec.encode(golden_message(BODIES["AdministrationRecorded"])))
    code, out, _ = run("replay", path)
    assert code == 2  # its facts are an example's, and no verdict comes of them
    assert "NOT JUDGED" in out


@pytest.mark.parametrize("facts_text", [None, "AAAA"])
def test_what_cannot_be_judged_exits_2(tmp_path: Path, facts_text: str | None) -> None:
    code, out, err = run("replay", lines(tmp_path, stored("r-1", facts()), replace(stored("r-2", facts()), facts=facts_text)))
    assert code == 2
    assert "NOT JUDGED  r-2" in out
    assert "1 could not be judged" in err


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"record_id": 1}', "\ud800"])
def test_bad_line_is_named_and_does_not_hide_the_others(tmp_path: Path, text: str) -> None:
    path = tmp_path / "verdicts.jsonl"
    path.write_bytes(text.encode("utf-8", "surrogatepass") + b"\n" + values.dump(stored("r-1", facts())) + b"\n")
    code, out, err = run("replay", path)
    assert "SAME        r-1" in out
    assert code == (2 if text else 0)
    assert (f"{path}:1: " in err) == bool(text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    code, _, err = run("replay", tmp_path / "none.jsonl")
    assert code == 2
    assert "none.jsonl" in err


def test_what_if_counts_by_rule_level_and_ward(tmp_path: Path, wide: Path) -> None:
    path = lines(tmp_path, stored("r-1", LATE), stored("r-2", facts()), stored("r-3", LATE, ward="NGOAI"))
    code, out, _ = run("what-if", "--policy", wide, path)
    assert code == 0
    assert "policy wide-1" in out
    assert "3 of 3 verdicts judged" in out
    assert "2 would have changed: WARN -> PASS 2" in out
    assert "r-1 r-3" in out
    code, out, _ = run("what-if", "--policy", wide, "--json", path)
    answer = json.loads(out)
    assert answer["rules"] == [
        {"rule": "T1", "from": "WARN", "to": "PASS", "count": 2, "wards": {"NOI-TH": 1, "NGOAI": 1}, "records": ["r-1", "r-3"]}
    ]


def test_what_if_tells_of_records_without_facts(tmp_path: Path, wide: Path) -> None:
    code, out, _ = run("what-if", "--policy", wide, lines(tmp_path, replace(stored("r-1", LATE), facts=None), stored("r-2", LATE)))
    assert code == 1
    assert "1 of 2 verdicts judged" in out
    assert "r-1" in out


def test_what_if_of_the_same_policy_changes_nothing(tmp_path: Path) -> None:
    code, out, _ = run(
        "what-if", "--policy", a_policy(tmp_path, name="same.toml"), lines(tmp_path, stored("r-1", LATE), stored("r-2", facts()))
    )
    assert code == 0
    assert "0 would have changed" in out


def test_policy_with_a_typing_slip_exits_2_and_names_it(tmp_path: Path) -> None:
    path = a_policy(tmp_path, ("[window.frequent]", "[window.freqent]"))
    code, out, err = run("what-if", "--policy", path, lines(tmp_path, stored("r-1", LATE)))
    assert (code, out) == (2, "")
    assert "freqent" in err


def test_what_if_takes_a_wards_own_policy(tmp_path: Path, wide: Path) -> None:
    path = lines(tmp_path, stored("r-1", LATE), stored("r-2", LATE, ward="NGOAI"))
    code, _, err = run("what-if", "--policy", wide, "--ward-policy", "NGOAI", path)
    assert code == 2
    assert "WARD=FILE.toml" in err


def test_console_command_knows_them(tmp_path: Path, capsys: pytest.CaptureFixture[str], wide: Path) -> None:
    path = lines(tmp_path, stored("r-1", LATE))
    assert verdict_command.main(["replay", str(path)]) == 0
    assert "SAME" in capsys.readouterr().out
    assert verdict_command.main(["what-if", "--policy", str(wide), str(path)]) == 0
    assert "1 would have changed" in capsys.readouterr().out


def test_a_month_is_read_line_by_line(tmp_path: Path, wide: Path) -> None:
    moments: tuple[Facts, ...] = (facts(), LATE)
    kept = [values.dump(stored("x", moment)) for moment in moments]
    path = tmp_path / "month.jsonl"
    with path.open("wb") as file:
        for number in range(400):
            file.write(kept[number % 2].replace(b'"record_id":"x"', f'"record_id":"r-{number}"'.encode()) + b"\n")
    code, out, _ = run("what-if", "--policy", wide, path)
    assert code == 0
    assert "200 would have changed" in out
    assert "192 more (--all)" in out
