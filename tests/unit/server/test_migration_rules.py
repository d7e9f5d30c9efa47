"""Every migration since the first release says what it does to servers of the release before, and does no more than it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.store import migrate, steps
from server.store.steps import Change
from tests import releases
from tests.support.migration_rules import faults

VERSIONS = migrate.DIRECTORY / "versions"
# The steps up to here were drawn before the first release: no server ran while they were applied.
BEFORE_RELEASES = "0041"
SINCE = sorted(path for path in VERSIONS.glob("0*.py") if path.name.partition("_")[0] > BEFORE_RELEASES)


@pytest.mark.parametrize("path", SINCE, ids=lambda path: path.stem)
def test_a_migration_does_to_older_servers_what_it_says(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


def a_migration(body: str, head: str = 'change = "expand"') -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f'"""Made up."""\n{head}\n\n\ndef upgrade() -> None:\n{lines}\n\n\ndef downgrade() -> None:\n    op.drop_column("t", "c")\n'


BREAKING = {
    "drops a column": 'op.drop_column("administrations", "facts")',
    "drops a table": 'op.drop_table("outbox")',
    "renames a column": 'op.alter_column("outbox", "state", new_column_name="status")',
    "renames a table": 'op.rename_table("outbox", "sent")',
    "makes a column NOT NULL": 'op.alter_column("outbox", "state", nullable=False)',
    "adds NOT NULL without a default": 'op.add_column("outbox", sa.Column("lane", sa.String(8), nullable=False))',
    "adds a unique column": 'op.add_column("outbox", sa.Column("lane", sa.String(8), unique=True))',
    "adds a foreign key": 'op.add_column("outbox", sa.Column("ward", sa.String(8), sa.ForeignKey("wards.id")))',
    "constrains": 'op.create_unique_constraint("uq", "outbox", ["lane"])',
    "copies a table on SQLite": 'with op.batch_alter_table("outbox") as batch_op:\n    batch_op.drop_column("lane")',
    "deletes": 'op.execute("DELETE FROM outbox")',
    "changes every row": 'op.execute(sa.text("UPDATE outbox SET lane = 1"))',
    "says SQL that nobody can read": "op.execute(statement)",
    "keeps writers out for an index": 'op.create_index("ix", "administrations", ["cart"])',
}


@pytest.mark.parametrize("body", BREAKING.values(), ids=BREAKING)
def test_what_an_older_server_does_not_survive_must_be_called_a_contraction(body: str) -> None:
    assert faults(a_migration(body))
    assert faults(a_migration(body, 'change = "contract"\noldest_release = "0.2.0"')) == []


EXPANDING = {
    "adds a column": 'op.add_column("outbox", sa.Column("lane", sa.String(8), nullable=True))',
    "adds a column with a default": 'op.add_column("outbox", sa.Column("lane", sa.String(8), nullable=False, server_default=""))',
    "makes a table": 'op.create_table("lanes", sa.Column("id", sa.Integer(), primary_key=True))\nop.create_index("ix", "lanes", ["id"])',
    "builds an index online": 'online.build_index("ix", "administrations", ["cart"])',
    "brings rows": 'op.execute("INSERT INTO roles VALUES (1)")',
}


@pytest.mark.parametrize("body", EXPANDING.values(), ids=EXPANDING)
def test_what_an_older_server_survives_may_be_called_an_expansion(body: str) -> None:
    assert faults(a_migration(body)) == []


@pytest.mark.parametrize("head", ["", 'change = "other"', 'change = "contract"', 'change = "contract"\noldest_release = "soon"'])
def test_a_migration_says_what_it_is_and_a_contraction_what_may_run_afterwards(head: str) -> None:
    assert faults(a_migration(EXPANDING["adds a column"], head))


def test_contractions_of_this_release_come_last_so_that_they_hold_nothing_back() -> None:
    kept = [step for step in migrate.all_steps() if step.change is Change.CONTRACT and step.oldest_release == steps.release()]
    assert list(migrate.all_steps()[len(migrate.all_steps()) - len(kept) :]) == kept


def test_a_contraction_takes_away_only_what_the_last_release_does_without() -> None:
    """The release that stops using something comes first; what takes it away names that release, never a later one."""
    for step in migrate.all_steps():
        assert not steps.is_older(steps.release(), step.oldest_release), step.revision
        if step.change is Change.CONTRACT and step.revision > releases.last().schema:
            assert step.oldest_release, step.revision


@pytest.mark.parametrize(("one", "other"), [("0.1.0", "0.2.0"), ("0.9.0", "0.10.0"), ("1.2", "1.2.1"), ("", "0.0.1"), ("unknown", "0.0.0")])
def test_releases_are_compared_by_number(one: str, other: str) -> None:
    assert steps.is_older(one, other)
    assert not steps.is_older(other, one)
    assert not steps.is_older(one, one)
