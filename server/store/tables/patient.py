"""Wards and patients, with bands, allergies, observations and weights."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKeyConstraint, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import UtcDateTime
from server.store.database import Model


class WardRow(Model):
    __tablename__ = "wards"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64))


class PatientRow(Model):
    """`allergies_known` False: the list was not available, which is not the same as "none known"."""

    __tablename__ = "patients"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    mrn: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    birth_date: Mapped[date | None] = mapped_column(Date)
    sex: Mapped[str | None] = mapped_column(String(16))
    ward: Mapped[str | None] = mapped_column(String(64))
    bed: Mapped[str | None] = mapped_column(String(32))
    status: Mapped[str | None] = mapped_column(String(16))
    transferred_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    allergies_known: Mapped[bool] = mapped_column(default=False)
    emr_id: Mapped[str | None] = mapped_column(String(128))
    encounter_emr_id: Mapped[str | None] = mapped_column(String(128))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_patients_mrn", "facility", "mrn", unique=True),
        Index("ix_patients_ward", "facility", "ward", "status"),
        Index("ix_patients_born", "facility", "birth_date"),
        Index("ix_patients_status", "facility", "status", "id"),
        Index("ix_patients_updated", "facility", "updated_at", "id"),
    )


class PatientWordRow(Model):
    """A word by which a patient is found, folded (`server.store.patient_words`). `here`: is admitted. Words are compared by their bytes,
    so that an index finds those that begin alike in any language of the database."""

    __tablename__ = "patient_words"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    patient: Mapped[str] = mapped_column(String(64), primary_key=True)
    word: Mapped[str] = mapped_column(String(64).with_variant(String(64, collation="C"), "postgresql"), primary_key=True)
    here: Mapped[bool] = mapped_column()

    __table_args__ = (
        ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"]),
        Index("ix_patient_words_word", "facility", "here", "word", "patient"),
    )


def _of_patient() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["facility", "patient"], ["patients.facility", "patients.id"])


class BandRow(Model):
    """`srin` "" stands for a band without an instance number."""

    __tablename__ = "bands"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    gsrn: Mapped[str] = mapped_column(String(18), primary_key=True)
    srin: Mapped[str] = mapped_column(String(10), primary_key=True, default="")
    patient: Mapped[str] = mapped_column(String(64))
    status: Mapped[str | None] = mapped_column(String(16))
    printed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (_of_patient(), Index("ix_bands_patient", "facility", "patient"))


class AllergyRow(Model):
    __tablename__ = "allergies"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    patient: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    substance: Mapped[str] = mapped_column(String(200), primary_key=True)
    severity: Mapped[str | None] = mapped_column(String(16))
    tolerated_before: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (_of_patient(),)


class ObservationRow(Model):
    """`value` is an amount with its UCUM unit: "58 /min". `record_id` and `cart` are of one that was measured at a bedside."""

    __tablename__ = "observations"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    patient: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(32))
    value: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str | None] = mapped_column(String(64))
    record_id: Mapped[str | None] = mapped_column(String)
    cart: Mapped[str | None] = mapped_column(String)

    __table_args__ = (
        _of_patient(),
        Index("ix_observations_latest", "facility", "patient", "code", "at", unique=True),
    )


class WeightRow(Model):
    __tablename__ = "weights"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    patient: Mapped[str] = mapped_column(String(64))
    value: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (_of_patient(), Index("ix_weights_latest", "facility", "patient", "at", unique=True))
