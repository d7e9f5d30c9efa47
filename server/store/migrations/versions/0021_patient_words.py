"""The words by which patients are found, folded and indexed; and indexes for who was born on a day and who is here."""

from __future__ import annotations

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BATCH = 1_000
_APART = re.compile(r"[^\W_]+")


def upgrade() -> None:
    word = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    words = op.create_table(
        "patient_words",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("word", word, nullable=False),
        sa.Column("here", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"], name="fk_patient_words_facility_patients"),
        sa.PrimaryKeyConstraint("facility", "patient", "word", name="pk_patient_words"),
    )
    _fill(words)
    op.create_index("ix_patient_words_word", "patient_words", ["facility", "here", "word", "patient"])
    op.create_index("ix_patients_born", "patients", ["facility", "birth_date"])
    op.create_index("ix_patients_status", "patients", ["facility", "status", "id"])


def _fill(words: sa.Table) -> None:
    """Every patient there is, in batches: a hospital's names are never in memory at once."""
    patients = sa.table("patients", *(sa.column(name, sa.String()) for name in ("facility", "id", "name", "mrn", "status")))
    bind = op.get_bind()
    last = ("", "")
    while True:
        query = sa.select(patients).where(sa.tuple_(patients.c.facility, patients.c.id) > last)
        batch = bind.execute(query.order_by(patients.c.facility, patients.c.id).limit(BATCH)).all()
        if not batch:
            return
        last = (batch[-1].facility, batch[-1].id)
        rows = [
            {"facility": one.facility, "patient": one.id, "word": word, "here": one.status == "admitted"}
            for one in batch
            for word in sorted(_words(one.name, one.mrn, one.id))
        ]
        if rows:
            bind.execute(words.insert(), rows)


def _words(name: str, mrn: str, patient: str) -> set[str]:
    """As the program makes them of what it writes from now on."""
    found = {word[:64] for part in (name, mrn, patient) for word in _APART.findall(_folded(part))}
    numbers = [word for word in _APART.findall(_folded(mrn)) if word.isdigit()]
    return found | {number[-last:] for number in numbers for last in range(3, 7) if last < len(number)}


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).replace("\u0111", "d")
