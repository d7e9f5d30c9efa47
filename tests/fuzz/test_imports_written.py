"""What the readers of import files accept can be written, and what is written can be told to the carts: on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.labels.scan import SiteProfile
from pointofcare.wire import tables as wire_tables
from pointofcare.wire.messages import TableKind
from server.store.transaction import reading
from server.usecases import imports, tables
from tests.fuzz.test_parsers import CSV, SAMPLES, sheets
from tests.support import rubbish
from tests.support.databases import FACILITY, KINDS, migrated_app
from tests.support.server_ward import IMPORT, WARD

ZONE = "Asia/Ho_Chi_Minh"
GOOD = dict(CSV)
BUNDLE = (SAMPLES / "bundle.json").read_bytes()


@pytest.fixture(scope="module", params=KINDS if rubbish.LONG else KINDS[-1:])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with migrated_app(request.param, tmp_path_factory.mktemp("imports")) as made:
        yield made


def test_no_file_leaves_a_ward_whose_tables_cannot_be_made(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "hash_pin", lambda _pin: "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA")  # slow on purpose
    monkeypatch.setattr(imports, "hash_password", lambda _password: "hash")
    files = st.sampled_from(sorted(GOOD)).flatmap(lambda name: sheets(GOOD[name]).map(lambda content: (f"{name}.csv", content)))
    bundles = rubbish.payloads(BUNDLE).map(lambda content: ("bundle.json", content))

    @rubbish.examples(0.25, of=5)
    @given(st.one_of(files, bundles))
    def imported(file: tuple[str, bytes]) -> None:
        others = [(f"{name}.csv", content) for name, content in GOOD.items() if f"{name}.csv" != file[0]]
        imports.run(IMPORT, [*others, file], timezone=ZONE, skip_bad=True)
        with reading(IMPORT) as tx:
            for kind in TableKind:
                table = tables.build(tx, WARD, kind, facility=FACILITY, lifetime=timedelta(hours=1), timezone=ZONE, site=SiteProfile())
                assert wire_tables.read_claims(wire_tables.claims(table)).kind is kind

    imported()


def test_the_samples_are_good_ones() -> None:
    assert Path(SAMPLES).is_dir()
    assert imports.read([(f"{name}.csv", content) for name, content in GOOD.items()], ZONE).problems == ()
