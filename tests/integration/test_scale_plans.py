"""No page and no call of a facility with many people reads a big table: by PostgreSQL's own plans, and by the rows that it looked at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from pointofcare.labels.scan import SiteProfile
from pointofcare.wire.messages import TableKind
from server.security import permissions
from server.security.access import ENDPOINTS, Scope
from server.store import folding, outbox, views_admission, views_patients
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, tables
from simulation.scale import courses, fill
from simulation.scale.people import facilities, person
from tests.support import province, web
from tests.support.province import FACILITY, person_of_staff

PEOPLE, DAYS = 3000, 12
# A ward of forty with four orders and three days of doses has some 2,000 rows; the facility has ten times as many of each.
MOST_ROWS = 2600
ROLES = ("charge", "nurse", "pharmacist", "doctor", "admin")
KNOWN = {
    "patient_id": "P0000001",
    "order_id": "P0000001-0",
    "ward": "W01",
    "ward_id": "W01",
    "staff_id": fill.member(FACILITY, "nurse"),
    "product_id": "AMOX500",
    "cart_id": "cart-W01-1",
}
SEARCHES = (
    "/patients/?q=nguyen+van+an",
    "/patients/?q=nguyen&all=1",
    "/patients/?q=P0003999&all=1",
    "/patients/?q=003999&all=1",
    "/patients/?ward=W01",
    "/patients/?all=1",
    "/admission/?q=26-0000001",
    "/ward/?ward=W01",
    "/work/",
    "/insurance/?q=000074000007",
    "/orders/new?patient_id=P0000001",
    "/transcription/?patient_id=P0000001",
    "/audit/?subject=patient/P0000001",
    "/audit/?action=administration.record",
    "/api/v1/patients?q=nguyen",
    "/api/v1/patients/P0000001",
    "/api/v1/patients/P0000001/orders",
    "/api/v1/patients/P0000001/administrations",
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with province.filled(province.size(PEOPLE, days=DAYS), tmp_path_factory.mktemp("scale")) as made:
        yield made


def pages(app: Flask, who: Actor, seen: set[str]) -> list[str]:
    """Every address that this person may open with what is known, and that nobody before did."""
    found = []
    for rule in app.url_map.iter_rules():
        line = ENDPOINTS[rule.endpoint]
        is_theirs = line.permission is None or line.permission in permissions.held_by(who.roles)
        if rule.endpoint in seen or not is_theirs or line.scope is Scope.NONE or "GET" not in (rule.methods or ()):
            continue
        if rule.endpoint.startswith("fhir.") or not rule.arguments <= KNOWN.keys():
            continue
        seen.add(rule.endpoint)
        with app.test_request_context():
            _, address = rule.build({name: KNOWN[name] for name in rule.arguments}, append_unknown=False) or ("", "")
        found.append(address)
    return sorted(found)


# What reads more, and why it may: a report of a month, and a count that ends by itself.
BY_DESIGN = {
    "/work/variance.csv": "a report over the days that were asked for",
    "/emr/": "what was sent is counted as far as MOST_COUNTED",
    "/api/v1/outbox": "as above",
}


class Looked:
    """Each statement is looked at once, however many addresses ask it."""

    def __init__(self) -> None:
        self.known: set[str] = set()

    def dear(self, asked: dict[str, Any], *, most: int = MOST_ROWS) -> list[str]:
        """Of the statements those that read a big table without an index, or too much of it."""
        found = []
        for statement, parameters in asked.items():
            if statement in self.known or statement.lstrip().split()[0].upper() not in ("SELECT", "WITH", "UPDATE", "DELETE"):
                continue
            self.known.add(statement)
            for walk in province.walks(statement, parameters):
                if walk.kind == "Seq Scan" or walk.rows > most:
                    what = f"{walk.kind} on {walk.table}, {walk.rows} rows, {walk.condition[:120]}"
                    found.append(f"{what}: {' '.join(statement.split())[:2000]}")
        return found


def test_no_page_and_no_call_of_a_person_reads_a_big_table(app: Flask) -> None:
    seen: set[str] = set()
    looked = Looked()
    wrong: list[str] = []
    opened = 0
    for role in ROLES:
        who = person_of_staff(role)
        browser = web.signed_in(app, who, factor=True)
        for address in (*pages(app, who, seen), *SEARCHES):
            with province.statements() as asked, app.app_context():  # a context of its own, as each request of a server has
                answer = browser.get(address)
            assert answer.status_code < 500, (address, answer.status_code)
            opened += answer.status_code == 200
            most = 10**9 if address in BY_DESIGN else MOST_ROWS
            wrong += [f"{address}: {one}" for one in looked.dear(asked, most=most)]
    assert opened > 60
    assert not wrong, "\n".join(wrong)


def test_no_call_of_carts_gateway_and_dispatcher_reads_a_big_table(app: Flask) -> None:
    first = facilities(province.size(PEOPLE, days=DAYS))[0]
    nurse = person_of_staff("nurse")
    day = timedelta(days=1)
    lifetime = {"lifetime": day, "timezone": "Asia/Ho_Chi_Minh", "site": SiteProfile()}
    with province.statements() as asked:
        with transaction(Actor(id="gateway")) as tx:
            texts = fill.texts_of(first, person(first, 1), 0, tx.at) | {"record": str(uuid4())}
            administrations.record(tx, courses.record(0, tx.at - timedelta(minutes=6), **texts), cart_seq=10**6, epoch="plans")
        with transaction(Actor(id="dispatcher")) as tx:
            outbox.claim(tx, limit=10, lease_s=60)
            outbox.untold(tx)
            outbox.unseen(tx, since=tx.at - day, until=tx.at, limit=20)
            outbox.tell_again(tx, "cart-W01-1", since=tx.at - timedelta(hours=1))
        with reading(nurse) as tx:
            outbox.waiting(tx)
            for kind in TableKind:
                tables.build(tx, "W01", kind, facility=FACILITY, **lifetime)  # type: ignore[arg-type]
            for number in ("26-0000001", person(first, 1).national_id):
                assert [one.id for one in views_admission.left(tx, number)] == ["P0000001"]
    wrong = Looked().dear(asked)
    assert len(asked) > 20
    assert not wrong, "\n".join(wrong)


def test_a_name_without_its_marks_finds_its_people_among_all_and_by_an_index(app: Flask) -> None:
    first = facilities(province.size(PEOPLE, days=DAYS))[0]
    wanted = person(first, PEOPLE - 1)
    typed = f"{folding.folded(wanted.name)} {wanted.number}"
    with province.statements() as asked, reading(person_of_staff("charge")) as tx:
        found = views_patients.find(tx, text=typed, admitted_only=False)
    assert [one.id for one in found] == [wanted.id]
    walks = [walk for statement, parameters in asked.items() for walk in province.walks(statement, parameters)]
    assert {walk.kind for walk in walks if walk.table == "patient_words"} <= {"Index Only Scan", "Index Scan", "Bitmap Heap Scan"}
    assert sum(walk.rows for walk in walks) < MOST_ROWS


def test_the_test_itself_sees_a_walk_through_a_big_table(app: Flask) -> None:
    asked = {"SELECT count(*) FROM patients WHERE name LIKE %(word)s": {"word": "%an%"}}
    assert "patients, 3000 rows" in Looked().dear(asked)[0]
