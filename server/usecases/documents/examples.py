"""Made-up content of every form, so that a hospital can look at its own templates before a patient's facts go into them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from server.store.transaction import Actor
from server.usecases.documents import issuing
from server.usecases.documents.issuing import Site
from server.usecases.documents.kinds import KINDS, Kind
from server.usecases.documents.settings import Settings

_ROWS = 12
_LONG = "Nguyễn Thị Hoàng Quỳnh Phương Trâm Anh"
_PATIENT = {
    "name": "NGUYỄN THỊ HOÀNG QUỲNH PHƯƠNG TRÂM ANH (MẪU)",
    "mrn": "00-000000",
    "born": "01/01/1950",
    "sex": "Nữ",
    "ward": "Khoa mẫu",
    "bed": "H001",
    "weight": "52,5 kg",
    "allergies": "penicillin; hải sản",
}


def page(kind: str, *, settings: Settings, site: Site) -> tuple[str, dict[str, tuple[str, bytes]]]:
    """Raises: ConfigError, SigningError."""
    at = datetime.now(UTC)
    return issuing.page(
        KINDS[kind],
        content(KINDS[kind]),
        settings=settings,
        site=site,
        code="MAU2MAU3MAU4MAU5",
        actor=Actor(id="example", name=_LONG),
        at=at,
        version=1,
        since=at - timedelta(days=1),
        until=at,
        zone=ZoneInfo(site.zone),
    )


def content(kind: Kind) -> dict[str, Any]:
    """Of the shape that the form's builder gives, with long names and more rows than a page holds."""
    cells = {column.id: f"{column.heading}: {_LONG}" for column in kind.columns}
    rows = [{"struck": place % 7 == 3, "open": place % 7 == 5, "cells": cells} for place in range(_ROWS)]
    group = {"title": "1. Thuốc mẫu 500 mg", "about": "1 viên · uống · 08:00", "order": "", "now": "ngày dùng thứ 3", "rows": rows}
    return {
        "patient": _PATIENT,
        "ward": {"name": "Khoa mẫu", "at": ""},
        "doubts": [],
        "days": [{"day": "01/01/2026", "groups": [group], "confirmations": [f"08:00: điều dưỡng {_LONG} đã công khai thuốc"]}],
        "groups": [group],
        "rows": rows,
        "books": [{"title": "Thuốc mẫu 10 mg/ml", "about": "Xe tiêm mẫu", "opening": "10", "closing": "7", "rows": rows}],
    }
