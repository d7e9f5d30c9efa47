"""The catalogue's page for every signed-in person, and a stored verdict judged again for those who review."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from fluent.syntax import FluentParser, ast

from pointofcare.texts import LANGUAGES
from pointofcare.verdict import catalogue
from pointofcare.wire.recompute import StoredVerdict
from server.store.transaction import Actor, transaction
from server.usecases import administrations
from server.web import rules
from tests.support import web
from tests.support.builders import facts, local
from tests.support.server_ward import NOW, NURSE, PHARMACIST, a_record
from tests.support.stored_verdicts import stored
from tests.support.web import EVERYBODY

LATE = facts(at=local("09:30:00"))
TEXTS = Path(rules.__file__).parent / "rule_texts"


def give(record_id: str, judged: StoredVerdict, *, keep: bool = True) -> None:
    made = a_record(
        record_id=record_id,
        recorded_at=NOW,
        level=judged.level,
        findings=judged.findings,
        engine=judged.engine,
        policy=judged.policy,
        order_version=judged.order_version,
        due=judged.due,
    )
    with transaction(Actor(id="gateway"), at=NOW) as tx:
        administrations.record(tx, made, verdict_facts=judged.facts if keep else None)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("web")) as found:
        with found.app_context():
            late = stored("same", LATE)
            give("same", late)
            give("older", replace(late, engine="0.9.0", level="PASS", findings=()))
            give("changed", replace(late, level="PASS", findings=()))
            give("lost", late, keep=False)
        yield found


@pytest.mark.parametrize("actor", EVERYBODY, ids=lambda actor: actor.id)
def test_every_signed_in_person_reads_the_rules(app: Flask, actor: Actor) -> None:
    page = web.signed_in(app, actor).get("/rules/")
    assert page.status_code == 200
    for entry in catalogue.entries():
        assert f'id="{entry.id}"' in page.text


def test_a_stranger_is_asked_to_sign_in(app: Flask) -> None:
    assert app.test_client().get("/rules/").status_code == 302
    assert app.test_client().get("/rules/replay/administration/same").status_code == 302


def test_one_kind_can_be_chosen_and_rubbish_shows_all(app: Flask) -> None:
    client = web.signed_in(app, NURSE)
    assert 'id="S5"' in client.get("/rules/?kind=task").text
    assert 'id="P4"' not in client.get("/rules/?kind=task").text
    assert 'id="P4"' in client.get("/rules/?kind=<script>").text


@pytest.mark.parametrize(
    ("record_id", "said"),
    [
        ("same", "The same again"),
        ("older", "The engine was 0.9.0 then"),
        ("changed", "The engine is the same as then, so this must not be"),
        ("lost", "The facts of this verdict were not kept"),
    ],
)
def test_a_stored_verdict_is_shown_beside_the_one_of_today(app: Flask, record_id: str, said: str) -> None:
    page = web.signed_in(app, PHARMACIST).get(f"/rules/replay/administration/{record_id}")
    assert page.status_code == 200
    assert said in page.text
    assert ("30 min" in page.text or "late" in page.text) or record_id == "lost"


def test_only_who_reviews_may_judge_again(app: Flask) -> None:
    assert web.signed_in(app, NURSE).get("/rules/replay/administration/same").status_code == 403


@pytest.mark.parametrize("address", ["administration/nobody", "attempt/same", "x/same", "administration/%00"])
def test_what_is_not_there_is_404(app: Flask, address: str) -> None:
    assert web.signed_in(app, PHARMACIST).get(f"/rules/replay/{address}").status_code == 404


def test_the_review_page_leads_to_rules_and_replay(app: Flask) -> None:
    page = web.signed_in(app, PHARMACIST).get("/review/").text
    assert "/rules/replay/administration/" in page
    assert 'class="foot" href="/rules/"' in web.signed_in(app, NURSE).get("/").text


def _codes(language: str) -> dict[str, set[str]]:
    """Code -> its parameters."""
    source = FluentParser().parse((TEXTS / f"{language}.ftl").read_text(encoding="utf-8"))
    found: dict[str, set[str]] = {}
    for entry in source.body:
        assert not isinstance(entry, ast.Junk), f"{language}: {entry.content}"
        if isinstance(entry, ast.Message):
            assert entry.id.name not in found, f"{language}: {entry.id.name} twice"
            found[entry.id.name] = {node.id.name for node in _variables(entry)}
    return found


def _variables(node: object) -> Iterator[ast.VariableReference]:
    if isinstance(node, ast.VariableReference):
        yield node
    for value in vars(node).values() if isinstance(node, ast.BaseNode) else ():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, ast.BaseNode):
                yield from _variables(inner)


def test_every_text_is_there_in_every_language_with_its_parameters() -> None:
    english = _codes("en")
    own = {f"{entry.id}-{entry.kind}-{part}".lower() for entry in catalogue.entries() for part in ("title", "looks", "passes")}
    for language in LANGUAGES:
        page = {code: names for code, names in _codes(language).items() if code not in own}
        assert page == english, language


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_rule_says_its_words_in_every_language(language: str) -> None:
    known = _codes(language)
    wanted = {f"{entry.id}-{entry.kind}-{part}".lower() for entry in catalogue.entries() for part in ("title", "looks", "passes")}
    page = set(_codes("en"))
    assert wanted - set(known) == set()
    assert set(known) - page - wanted == set(), "words of rules that are gone"
