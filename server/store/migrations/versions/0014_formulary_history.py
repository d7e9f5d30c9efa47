"""Formulary history and unknown barcodes."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("products", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("products", sa.Column("pack_of", sa.String(64), nullable=True))
    op.add_column("products", sa.Column("search", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_products_pack_of", "products", ["facility", "pack_of"])
    op.create_index("ix_products_name", "products", ["facility", "name", "id"])
    versions = op.create_table(
        "product_versions",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("gtin", sa.String(14), nullable=False),
        sa.Column("pack_of", sa.String(64), nullable=True),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("facility", "product", "version"),
    )
    op.create_index("ix_product_versions_at", "product_versions", ["facility", "at"])
    op.create_table(
        "barcode_sightings",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("facility", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("ward", sa.String(), nullable=False),
        sa.Column("cart", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_barcode_sightings_key", "barcode_sightings", ["facility", "kind", "key", "at"])
    op.create_index("ix_barcode_sightings_record", "barcode_sightings", ["facility", "record_id", "kind", "key"], unique=True)
    _first_versions(versions)


def _first_versions(versions: sa.Table) -> None:
    """What stood in the formulary so far is its first version; a pack that a pharmacist linked is known by its id."""
    products = sa.table(
        "products",
        *(sa.column(name, sa.String()) for name in ("facility", "id", "gtin", "name", "document", "search", "pack_of")),
        sa.column("updated_at", sa.DateTime(timezone=True)),
    )
    bind = op.get_bind()
    rows = bind.execute(sa.select(products)).mappings().all()
    known = {(row["facility"], row["id"]) for row in rows}
    for row in rows:
        base = row["id"].removesuffix(f".{row['gtin']}")
        pack_of = base if base != row["id"] and (row["facility"], base) in known else None
        bind.execute(
            sa.update(products)
            .where(products.c.facility == row["facility"], products.c.id == row["id"])
            .values(search=_search(row["id"], row["gtin"], row["document"]), pack_of=pack_of)
        )
        bind.execute(
            versions.insert().values(
                facility=row["facility"],
                product=row["id"],
                version=1,
                gtin=row["gtin"],
                pack_of=pack_of,
                document=row["document"],
                action="kept",
                why="",
                by="migration",
                at=row["updated_at"],
            )
        )


def _search(key: str, gtin: str, document: str) -> str:
    from server.store.folding import folded

    held = json.loads(document)
    parts = [str(held.get("name", "")), key, gtin]
    for one in held.get("ingredients") or ():
        parts += [str(one.get("name", "")), *(str(each) for each in one.get("classes") or ())]
    return folded("\n".join(parts))
