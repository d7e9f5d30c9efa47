"""The quality page: its tables, its files and its charts say the same, nobody is named, and small groups are not shown."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import event

from pointofcare.people import StaffRole
from server.store import staff_wards
from server.store.database import db
from server.store.transaction import Actor, transaction
from server.usecases import quality_count, staff
from simulation import quality_month
from tests.support import server_ward, web
from tests.support.server_ward import CHARGE, IMPORT, PHARMACIST, WARD

ZONE = "Asia/Ho_Chi_Minh"
TODAY = datetime.now(UTC).astimezone(ZoneInfo(ZONE)).date()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    directory: Path = tmp_path_factory.mktemp("quality")
    with web.ward_app(directory) as found:
        with found.app_context():
            made = quality_month.days(3, TODAY - timedelta(days=1), weeks=6)
            with transaction(IMPORT) as tx:
                quality_month.put(tx, made)
                nurse = Actor(id="CN3", name="Charge nurse of surgery", roles=frozenset({StaffRole.CHARGE_NURSE}))
                staff.receive(tx, server_ward.a_member(nurse))
                staff_wards.add(tx, staff="CN3", ward="NGOAI-CT", kind=staff_wards.HOME)
        yield found


class Tables(HTMLParser):
    """The tables of a page by id: rows of texts, and of the raw values that charts are drawn from."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.raw: dict[str, list[list[str]]] = {}
        self._table = ""
        self._cell: list[str] | None = None
        self._skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        if tag == "table":
            self._table = (held.get("id") or "").removesuffix("-table")
            self.tables[self._table], self.raw[self._table] = [], []
        elif tag == "tr" and self._table:
            self.tables[self._table].append([])
            self.raw[self._table].append([])
        elif tag in ("td", "th") and self._table:
            self._cell = []
            if "data-v" in held:
                self.raw[self._table][-1].append(held["data-v"] or "")
        elif tag == "span" and self._cell is not None:
            self._skip += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._table = ""
        elif tag == "span" and self._skip:
            self._skip -= 1
        elif tag in ("td", "th") and self._cell is not None:
            self.tables[self._table][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None and not self._skip:
            self._cell.append(data)


def tables(text: str) -> Tables:
    found = Tables()
    found.feed(text)
    return found


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_every_file_holds_what_its_table_on_the_page_says(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    for where in ("?weeks=13", f"?weeks=8&ward={WARD}"):
        shown = tables(client.get(f"/quality/{where}").text)
        assert len(shown.tables) >= 13
        for code in shown.tables:
            told = rows(client.get(f"/quality/{code}.csv{where}").text)
            head, *lines = told
            assert head[:-1] == shown.tables[code][0], code
            assert len(lines) == len(shown.tables[code]) - 1, code
            for line, row, raw in zip(lines, shown.tables[code][1:], shown.raw[code][1:], strict=True):
                assert line[0] == row[0], code
                assert (line[1:-1] if raw else []) == raw, (code, row)


def test_the_file_of_everything_holds_every_figure(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    whole = rows(client.get("/quality/all.csv").text)
    for code in tables(client.get("/quality/").text).tables:
        lines = rows(client.get(f"/quality/{code}.csv").text)
        assert any(whole[place : place + len(lines)] == lines for place in range(len(whole))), code
    assert client.get("/quality/nonsense.csv").status_code == 404


def test_every_chart_has_its_table_its_words_and_its_definition(app: Flask) -> None:
    text = web.signed_in(app, PHARMACIST).get("/quality/").text
    shown = tables(text)
    drawn = re.findall(r'<canvas data-chart="\w+" data-table="([\w-]+)-table" data-drawn="([\w -]+)"[^>]*aria-label="([^"]+)"', text)
    assert len(drawn) >= 11
    for code, columns, label in drawn:
        assert code in shown.tables
        assert label
        for column in columns.split():
            assert f'data-column="{column}"' in text
    assert text.count("How is this counted?") == len(shown.tables)
    for code in shown.tables:
        assert f"quality-how-{code}" not in text  # a definition without a text would show its code
        assert f'id="{code}"' in text
    assert re.search(r"<script(?! src=)|style=|onclick=", text) is None


def test_no_person_is_named_on_the_page_or_in_the_files(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    whole = client.get("/quality/").text.split("<main", 1)[1] + client.get("/quality/all.csv").text
    tokens = {quality_count.token("h1", f"{ward}-N{number}") for ward in (WARD, "NHI", "HSTC", "NGOAI-CT") for number in range(1, 10)}
    for person in (*tokens, f"{WARD}-N1", f"{WARD}-P1", "NGUYỄN"):
        assert person not in whole


def test_hours_with_too_few_people_are_not_shown(app: Flask) -> None:
    text = web.signed_in(app, PHARMACIST).get(f"/quality/?ward={WARD}&weeks=4").text
    hours = {row[0]: row[1:] for row in tables(text).tables["due-hour"][1:]}
    # Three nurses share the nights.
    assert hours["02:00–02:59"] == ["not shown: the group is too small"]
    assert len(hours["08:00–08:59"]) == 6


def test_a_ward_of_four_people_shows_nothing_but_that(app: Flask) -> None:
    config = app.config["POINTOFCARE_CONFIG"]
    app.config["POINTOFCARE_CONFIG"] = replace(config, quality=replace(config.quality, min_people=50))
    try:
        text = web.signed_in(app, PHARMACIST).get("/quality/").text
    finally:
        app.config["POINTOFCARE_CONFIG"] = config
    # Nothing but groups in which nothing ever was.
    assert {value for raw in tables(text).raw.values() for row in raw for value in row} <= {"", "0"}


def test_a_charge_nurse_sees_the_figures_of_her_wards_only(app: Flask) -> None:
    own = Actor(id="CN3", name="Charge nurse of surgery", roles=frozenset({StaffRole.CHARGE_NURSE}))
    client = web.signed_in(app, own)
    text = client.get("/quality/").text
    assert "NGOAI-CT" in text
    assert "HSTC" not in text
    # Another ward in the address is left aside: the figures are hers.
    hers = tables(text).raw["scan-kind"]
    assert tables(client.get("/quality/?ward=HSTC").text).raw["scan-kind"] == hers
    assert tables(web.signed_in(app, PHARMACIST).get("/quality/?ward=HSTC").text).raw["scan-kind"] != hers
    assert web.signed_in(app, server_ward.NURSE).get("/quality/").status_code == 403


def test_the_hospital_is_the_sum_of_its_wards(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    of = [int(tables(client.get(f"/quality/?ward={ward}").text).raw["scan-kind"][1][1]) for ward in (WARD, "NHI", "HSTC", "NGOAI-CT")]
    assert int(tables(client.get("/quality/").text).raw["scan-kind"][1][1]) == sum(of)


def test_the_page_says_that_figures_are_made_up_and_when_they_were_counted(app: Flask) -> None:
    text = web.signed_in(app, CHARGE).get("/quality/").text
    assert "are simulated" in text
    assert "Last counted at" in text


def test_a_time_without_figures_says_so(app: Flask) -> None:
    text = web.signed_in(app, CHARGE).get("/quality/?until=2020-01-01&weeks=4").text
    assert "No figures for this time" in text
    assert "<canvas" not in text


@pytest.mark.parametrize(
    "query", ["weeks=9999", "weeks=x", "until=0001-01-01", "until=9999-12-31", "until=%00", "ward=' OR 1=1", "weeks=-4"]
)
def test_an_address_that_makes_no_sense_is_answered_with_the_usual_time(app: Flask, query: str) -> None:
    answer = web.signed_in(app, CHARGE).get(f"/quality/?{query}")
    assert answer.status_code == 200
    assert '<option value="13" selected>' in answer.text


def test_the_page_speaks_three_languages_and_writes_numbers_as_they_do(app: Flask) -> None:
    client = web.signed_in(app, PHARMACIST)
    for language, word, number in (("vi", "Chất lượng", r"\d,\d %"), ("fr", "Qualité", r"\d,\d %"), ("en", "Quality", r"\d\.\d %")):
        with client.session_transaction() as session:
            session["language"] = language
        text = client.get("/quality/").text
        assert word in text
        assert re.search(number, text)
        assert "quality-" not in re.sub(r"<[^>]+>", "", text), "a code is left over"


def test_what_a_request_reads_does_not_grow_with_the_doses(app: Flask) -> None:
    seen: list[str] = []

    def remember(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    client = web.signed_in(app, PHARMACIST)
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", remember)
        client.get("/quality/?weeks=52")
        event.remove(db.engine, "before_cursor_execute", remember)
    assert not [one for one in seen if "FROM administrations" in one or "FROM attempts" in one]
    assert sum("quality_days" in one for one in seen) <= 4


def test_made_up_weeks_are_the_same_for_the_same_seed_and_only_for_a_demonstration(app: Flask, tmp_path: Path) -> None:
    one, same, other = (quality_month.days(seed, TODAY, weeks=1) for seed in (5, 5, 6))
    assert [(day.ward, day.day, day.cells) for day in one] == [(day.ward, day.day, day.cells) for day in same]
    assert [day.cells for day in one] != [day.cells for day in other]
    settings = tmp_path / "server.toml"
    settings.write_text(
        'database_url = "sqlite:///x.sqlite"\nfacility = "h1"\nsecret_key = "' + "k" * 40 + '"\npassword_salt = "' + "s" * 40 + '"\n'
    )
    assert quality_month.main([str(settings)]) == 2
    assert not (tmp_path / "x.sqlite").exists()


def test_a_rule_that_is_always_passed_over_cries_wolf(app: Flask) -> None:
    text = web.signed_in(app, PHARMACIST).get("/quality/?weeks=13").text
    flagged = re.findall(r'<th scope="row">(\w+)[^<]*<span class="tag warn">', text)
    assert "T1" in flagged
    assert "D1" not in flagged
