"""What a hospital sets of its documents, the codes on paper, and which facts make two documents the same."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pointofcare.errors import ConfigError
from pointofcare.quantity import Quantity
from server.usecases.documents import examples, issuing, press, settings, templates, words
from server.usecases.documents.issuing import Site
from server.usecases.documents.kinds import KINDS
from server.usecases.documents.settings import Settings

DOCUMENT = Path(__file__).parents[4] / "docs" / "documents.md"


def test_the_example_of_the_manual_is_one_that_can_be_read(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    text = next(block for block in blocks if "[hospital]" in block)
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    (tmp_path / "forms").mkdir()
    found = settings.read(tomllib.loads(text), anchor=tmp_path)
    assert [one.id for one in found.signers] == ["hospital", "person"]
    assert [column.heading for column in found.kinds["medication"].columns][-1] == "Ký nhận"
    assert found.kinds["medication"].columns[-1].width == 20


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        settings.read(
            {
                "hospitl": {},
                "hospital": {"name": 3, "logo": "logo.gif"},
                "lookup": {"address": "ftp://x"},
                "files": {"keep_days": 0, "templates": "none"},
                "form": {"medication": {"columns": ["due", "due", "nothing"], "paper": "letter"}, "nothing": {}},
                "signing": {"with_validation": True},
                "signer": [{"id": "a", "kind": "remote", "url": "http://far.example"}, {"id": "b", "kind": "hsm"}],
            },
            anchor=tmp_path,
        )
    told = {where for where, _ in caught.value.problems}
    assert told >= {
        "hospitl", "hospital.name", "hospital.logo", "lookup.address", "files.keep_days", "files.templates", "form.medication.columns",
        "form.medication.paper", "form.nothing", "signing.with_validation", "signer[0].url", "signer[0].cert_file", "signer[1].kind",
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_has_a_template_that_names_the_patient_or_the_ward_and_its_columns(kind: str) -> None:
    html, assets = examples.page(kind, settings=Settings(), site=Site(facility="h1", zone="Asia/Ho_Chi_Minh", training=True))
    assert KINDS[kind].title in html
    assert all(column.heading in html for column in KINDS[kind].columns)
    assert "TẬP HUẤN" in html
    assert assets["qr"][1].startswith(b"<svg")
    wanted = set(re.findall(r"asset:([\w.-]+)", html))
    assert wanted - set(assets) - {font.name for font in press.FONTS.glob("*.ttf")} == set()


def test_what_is_written_by_people_is_escaped() -> None:
    content = examples.content(KINDS["record"]) | {"doubts": ["<script>x</script>"]}
    at = datetime.now(UTC)
    html, _ = issuing.page(
        KINDS["record"], content, settings=Settings(), site=Site(facility="<b>", zone="UTC"), code="A" * 16,
        actor=issuing.Actor(id="x", name="<i>"), at=at, version=1, since=at, until=at + timedelta(days=1), zone=ZoneInfo("UTC"),
    )  # fmt: skip
    assert "<script>" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;" in html


def test_a_code_is_read_however_a_person_or_a_reader_wrote_it() -> None:
    code = issuing.new_code()
    for typed in (code, code.lower(), issuing.shown(code), f" {issuing.shown(code)} ", f"https://poc.example/documents/{code}"):
        assert issuing.plain_code(typed) == code
    for wrong in ("", code[:-1], code + "2", "O" * 16, "../" + code[:-1], "%" * 16):
        assert issuing.plain_code(wrong) == ""
    assert len({issuing.new_code() for _ in range(100)}) == 100


def test_only_facts_make_a_document_another_one() -> None:
    content = examples.content(KINDS["medication"])
    same = content | {"patient": {**content["patient"], "bed": "H999", "weight": "60 kg", "ward": "Khác"}}
    assert issuing.digest_of(content) == issuing.digest_of(same)
    for name in ("name", "mrn", "born", "sex"):
        other = content | {"patient": {**content["patient"], name: "khác"}}
        assert issuing.digest_of(content) != issuing.digest_of(other), name
    row = content["days"][0]["groups"][0]["rows"][0]
    cells = {**row["cells"], "at": "khác"}
    assert issuing.digest_of({"rows": [row]}) != issuing.digest_of({"rows": [{**row, "cells": cells}]}), "a cell is a fact by any name"


def test_amounts_are_written_as_vietnamese_writes_them() -> None:
    pairs = {"0.5 mg": "0,5 mg", "1 {tablet}": "1 viên", "40 mL/h": "40 ml/giờ", "20 [drp]/min": "20 giọt/phút", "5 ug": "5 mcg"}
    for given, wanted in pairs.items():
        assert words.amount(Quantity.parse(given)) == wanted
    assert words.amount(Quantity(value=Decimal("1500"), unit="mg")) == "1500 mg"
    assert words.word("route", "PO") == "uống"
    assert words.word("nothing", "NEW") == "NEW", "a code without a word stays visible"


def test_the_templates_of_the_hospital_are_named(tmp_path: Path) -> None:
    (tmp_path / "record.html").write_text("x")
    assert templates.own(tmp_path) == ("record.html",)
    assert templates.own(None) == ()
