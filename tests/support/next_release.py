"""A release that nobody has written yet: this tree's code that calls itself newer, with migrations of its own behind ours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.store import migrate, steps

VERSION = "9.0.0"
EXPANDS = {
    "0901": """
    op.add_column("administrations", sa.Column("of_tomorrow", sa.String(64), nullable=True))
    op.add_column("outbox", sa.Column("lane_of_tomorrow", sa.String(8), nullable=False, server_default="a"))
    op.create_table("tomorrow", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("at", sa.DateTime(timezone=True)))
""",
    "0902": """
    online.build_index("ix_administrations_of_tomorrow", "administrations", ["facility", "of_tomorrow"])
""",
}
CONTRACTS = {
    "0950": """
    op.drop_table("drawer_pending")
"""
}
_TEXT = '''"""Made up: {revision}."""
import sqlalchemy as sa
from alembic import op

from server.store import online

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None
change = "{change}"
{oldest}


def upgrade() -> None:{body}'''


@contextmanager
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, *, contracts: bool = False) -> Iterator[None]:
    """Meanwhile this process is the next release. Another process that is started is not."""
    copy = folder / f"migrations-{contracts}"
    if not copy.exists():
        before = migrate.head()
        shutil.copytree(migrate.DIRECTORY, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for revision, body in (EXPANDS | (CONTRACTS if contracts else {})).items():
            is_contract = revision in CONTRACTS
            change, oldest = ("contract", f'oldest_release = "{VERSION}"') if is_contract else ("expand", "")
            text = _TEXT.format(revision=revision, before=before, change=change, oldest=oldest, body=body)
            (copy / "versions" / f"{revision}_tomorrow.py").write_text(text, encoding="utf-8")
            before = revision
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "DIRECTORY", copy)
        patched.setattr(steps, "release", lambda: VERSION)
        yield
