"""What the pharmacy issues: products, and the hospital's policy."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from server.store.columns import UtcDateTime
from server.store.database import Model


class ProductRow(Model):
    """`document` is the whole product as canonical JSON; the columns beside it are those that are searched (`search` folded, see
    `server.store.folding`). `version` is that of its newest row in `product_versions`; `pack_of` the product that this is another
    pack of, whose changes it follows."""

    __tablename__ = "products"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    gtin: Mapped[str] = mapped_column(String(14))
    name: Mapped[str] = mapped_column(String(200))
    form: Mapped[str] = mapped_column(String(32))
    document: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    pack_of: Mapped[str | None] = mapped_column(String(64))
    search: Mapped[str] = mapped_column(Text, server_default="")

    __table_args__ = (
        Index("ix_products_gtin", "facility", "gtin", unique=True),
        Index("ix_products_pack_of", "facility", "pack_of"),
        Index("ix_products_name", "facility", "name", "id"),
    )


class ProductVersionRow(Model):
    """What a product was from `at` on, append-only: who wrote it and why. `document` None: it was taken out of the formulary."""

    __tablename__ = "product_versions"

    facility: Mapped[str] = mapped_column(String(64), primary_key=True)
    product: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    gtin: Mapped[str] = mapped_column(String(14))
    pack_of: Mapped[str | None] = mapped_column(String(64))
    document: Mapped[str | None] = mapped_column(Text)
    action: Mapped[str] = mapped_column(String(32))
    why: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_product_versions_at", "facility", "at"),)


class BarcodeSightingRow(Model):
    """One label that gave a nurse trouble, append-only: `cause` is unknown, unreadable or typed. `kind` and `key` are those of the
    task that stands for all sightings of one code; `text` is what was read or typed."""

    __tablename__ = "barcode_sightings"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String)
    kind: Mapped[str] = mapped_column(String)
    key: Mapped[str] = mapped_column(String)
    record_id: Mapped[str] = mapped_column(String)
    cause: Mapped[str] = mapped_column(String)
    text: Mapped[str] = mapped_column(String)
    reason: Mapped[str | None] = mapped_column(String)
    ward: Mapped[str] = mapped_column(String)
    cart: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_barcode_sightings_key", "facility", "kind", "key", "at"),
        Index("ix_barcode_sightings_record", "facility", "record_id", "kind", "key", unique=True),
    )


class PolicyRow(Model):
    """What came into force, append-only: `ward` "" is the hospital. In a ward that row holds which has the highest `id` of the
    hospital's and the ward's own, for a change of the hospital's writes the wards' anew. `document` is the whole policy as
    canonical JSON, `version` names the files it was made of."""

    __tablename__ = "policies"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    ward: Mapped[str] = mapped_column(String(64), server_default="")
    version: Mapped[str] = mapped_column(String(64))
    document: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_policies_ward", "facility", "ward", "id", unique=True),)


class PolicyFileRow(Model):
    """One version of the hospital's file (`ward` "") or of a ward's, as it was written. A draft's text may change, and `revision`
    rises with it; what was once activated never changes. Of a ward one is active at most."""

    __tablename__ = "policy_files"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facility: Mapped[str] = mapped_column(String(64))
    ward: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    drafted_by: Mapped[str] = mapped_column(String(64))
    drafted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    approved_by: Mapped[str | None] = mapped_column(String(64))
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    activated_by: Mapped[str | None] = mapped_column(String(64))
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retired_by: Mapped[str | None] = mapped_column(String(64))
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_policy_files_version", "facility", "ward", "version", unique=True),
        Index(
            "ix_policy_files_active",
            "facility",
            "ward",
            unique=True,
            sqlite_where=sql("state = 'active'"),
            postgresql_where=sql("state = 'active'"),
        ),
    )
