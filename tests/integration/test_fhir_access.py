"""Who may read what over FHIR: every type by every role and every scope, wards, other hospitals, revoked programs, statements that lie."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from pointofcare.errors import ConflictError, MessageError, NotPermittedError
from pointofcare.people import StaffRole
from server.app import bare_app
from server.security import permissions, programs, sign_in
from server.store import audit, staff_wards
from server.store.database import db
from server.store.patients import Ward
from server.store.transaction import Actor, reading, transaction
from server.usecases import administrations, fhir_clients, fhir_kinds, fhir_scopes, pharmacy, staff
from server.usecases import patients as patient_verbs
from server.usecases.fhir_kinds import KINDS
from tests.support import fhir_reader, server_ward, web
from tests.support.databases import config_for
from tests.support.fhir_reader import Reader
from tests.support.server_ward import IMPORT, WARD, a_record

ACTORS = tuple(Actor(id=f"R-{role.value}", name=role.value, roles=frozenset({role})) for role in StaffRole)
OTHER_WARD = "KHAC"
GATEWAY = Actor(id="gateway")
SIGNER = fhir_reader.key()
# One of each type that is there.
ONES = {
    "Patient": "P1", "Encounter": "P1", "MedicationRequest": "O1", "MedicationAdministration": "given", "Provenance": "given",
    "Medication": "AMOX500", "Practitioner": "N1", "Location": WARD, "AuditEvent": "1",
}  # fmt: skip


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web.ward_app(tmp_path_factory.mktemp("fhir-access"), verified=True) as made:
        with made.app_context():
            sign_in.limiter.enabled = False
            with transaction(IMPORT) as tx:
                patient_verbs.open_ward(tx, Ward(id=OTHER_WARD, name="Khoa khác", timezone="Asia/Ho_Chi_Minh"))
                patient_verbs.receive(tx, replace(server_ward.a_patient(9), ward=OTHER_WARD))
                for actor in ACTORS:
                    staff.receive(tx, server_ward.a_member(actor))
                staff_wards.add(tx, staff="R-nurse", ward=WARD, kind=staff_wards.HOME)
            with transaction(GATEWAY) as tx:
                administrations.record(tx, a_record(1, record_id="given"), cart_seq=1, epoch="e")
                administrations.record(tx, a_record(9, record_id="other", ward=OTHER_WARD, order=None), cart_seq=2, epoch="e")
        fhir_reader.register(made, signer=SIGNER)
        yield made
        sign_in.limiter.enabled = True


def test_the_types_name_permissions_that_are_there() -> None:
    assert {one for kind in KINDS.values() for one in kind.permissions} <= frozenset().union(*permissions.PERMISSIONS.values())
    assert fhir_kinds.SEE_PATIENTS == permissions.SEE_PATIENTS


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: actor.name)
def test_each_role_reads_the_types_that_it_sees_on_pages_and_no_other(app: Flask, actor: Actor) -> None:
    reader = fhir_reader.person(app, actor)
    held = permissions.held_by(actor.roles)
    for name, kind in KINDS.items():
        expected = 200 if kind.permissions & held else 403
        assert reader.get(name).status_code == expected, name
        if name in ONES:
            assert reader.get(f"{name}/{ONES[name]}").status_code == expected, name
    assert reader.get("Patient/P1/$everything").status_code == (200 if permissions.SEE_PATIENTS in held else 403)
    answer = reader.get("$export", Prefer="respond-async")
    assert answer.status_code == 403, "no person exports"


def test_everybody_else_gets_nothing(app: Flask) -> None:
    strangers = ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}, {"Authorization": f"Bearer {programs.PREFIX}x.y.z"})
    for headers in strangers:
        for address in ("Patient", "Patient/P1", "Patient/$everything", "$export", "_export/x", "_export/x/0.ndjson"):
            answer = Reader(app, headers).get(address)
            assert (answer.status_code, answer.json["issue"][0]["code"]) == (401, "login"), (address, headers)
            assert "Bearer" in answer.headers["WWW-Authenticate"]
    assert web.signed_in(app, server_ward.PHARMACIST).get("/fhir/R4/Patient").status_code == 401, "a browser's cookie asks for nothing"
    for address in ("metadata", ".well-known/smart-configuration"):
        assert Reader(app, {}).get(address).status_code == 200


SCOPES = {
    "system/{}.rs": {"r", "s"}, "system/{}.r": {"r"}, "system/{}.s": {"s"}, "system/{}.read": {"r", "s"}, "system/{}.cruds": {"r", "s"},
    "system/{}.*": {"r", "s"}, "system/{}.c": set(), "system/{}.write": set(), "user/{}.rs": set(), "patient/{}.rs": set(),
    "system/{}.sr": set(), "system/{}.rs?status=active": set(), "System/{}.rs": set(), "system/{}": set(),
}  # fmt: skip


def test_each_scope_opens_its_own_type_in_its_own_way_and_nothing_else() -> None:
    for kind in KINDS:
        for pattern, letters in SCOPES.items():
            assert fhir_scopes.parsed(pattern.format(kind), context="system") == ({kind: frozenset(letters)} if letters else {}), pattern
    assert fhir_scopes.parsed("system/Binary.rs", context="system") == {}
    assert fhir_scopes.parsed("system/*.read", context="system").keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_reads_what_its_token_is_for(app: Flask, kind: str) -> None:
    for letters in ("r", "s"):
        reader = fhir_reader.program(app, SIGNER, scope=f"system/{kind}.{letters}")
        for other in KINDS:
            assert reader.get(other).status_code == (200 if (other, letters) == (kind, "s") else 403), (other, letters)
            if other in ONES:
                assert reader.get(f"{other}/{ONES[other]}").status_code == (200 if (other, letters) == (kind, "r") else 403), (
                    other,
                    letters,
                )


def test_an_include_brings_nothing_that_the_token_is_not_for(app: Flask) -> None:
    reader = fhir_reader.program(app, SIGNER, scope="system/MedicationAdministration.rs")
    page = reader.ok("MedicationAdministration?_id=given&_include=MedicationAdministration:*&_revinclude=Provenance:target")
    assert {one["resource"]["resourceType"] for one in page["entry"]} == {"MedicationAdministration", "OperationOutcome"}
    assert reader.get("Patient/P1/$everything").status_code == 403
    both = fhir_reader.program(app, SIGNER, scope="system/Patient.rs system/MedicationAdministration.rs")
    assert {one["resourceType"] for one in both.every("Patient/P1/$everything")} == {"Patient", "MedicationAdministration"}


def test_a_nurse_reads_her_wards_and_a_program_those_that_it_was_given(app: Flask) -> None:
    nurse = fhir_reader.person(app, ACTORS[0])
    fhir_reader.register(app, "one-ward", signer=SIGNER, wards=(WARD,))
    for reader in (nurse, fhir_reader.program(app, SIGNER, "one-ward")):
        assert set(reader.ids("Patient")) == {"P1", "P2"}
        assert reader.ids("MedicationAdministration") == ["given"]
        assert reader.ids("Provenance") == ["given"]
        assert reader.get("Patient/P9").status_code == 403, "and the audit says that somebody tried"
        for address in (
            "MedicationAdministration/other",
            "Encounter/P9",
            "Provenance/other",
            "Patient?_id=P9",
            "AllergyIntolerance?patient=P9",
        ):
            answer = reader.get(address)
            assert answer.status_code == 404 or answer.json.get("total") == 0, address
        assert "other" not in reader.get("Patient/$everything?_count=200").text
        assert reader.get("MedicationAdministration?patient=P9&_summary=count").json["total"] == 0
        assert reader.get("MedicationAdministration?_id=given&_include=MedicationAdministration:*").status_code == 200
    for address in ("AuditEvent", "AuditEvent/1", "AuditEvent?patient=P9"):
        assert fhir_reader.program(app, SIGNER, "one-ward").get(address).status_code == 403, "the audit names patients of every ward"
    assert set(fhir_reader.program(app, SIGNER).ids("Patient")) == {"P1", "P2", "P9"}


def test_another_hospital_in_the_same_database_is_never_read(app: Flask) -> None:
    config = app.config["POINTOFCARE_CONFIG"]
    there = bare_app(replace(config_for(config.database_url, config.data_dir), facility="h2"))
    with there.app_context():
        with transaction(IMPORT) as tx:
            patient_verbs.open_ward(tx, Ward(id="W2", name="kept to ourselves", timezone="Asia/Ho_Chi_Minh"))
            pharmacy.receive_product(tx, replace(server_ward.AMOXICILLIN, id="THEIRS"))
            patient_verbs.receive(tx, replace(server_ward.a_patient(7), ward="W2"))
        with transaction(GATEWAY) as tx:
            administrations.record(tx, a_record(7, record_id="secret", ward="W2", order=None, facility="h2"), cart_seq=1, epoch="e")
        with transaction(web.ADMIN) as tx:
            fhir_clients.register(tx, web.ADMIN, client="theirs", name="Theirs", jwks=fhir_reader.jwks(SIGNER), scopes="system/*.rs")
        db.session.remove()
        db.engine.dispose()
    reader = fhir_reader.program(app, SIGNER)
    for kind in KINDS:
        for page in reader.pages(f"{kind}?_count=200"):
            text = str(page)
            assert not [one for one in ("P7", "secret", "THEIRS", "kept to ourselves", "24-000007") if one in text], kind
    for address in ("Patient/P7", "MedicationAdministration/secret", "Medication/THEIRS", "Location/W2", "Provenance/secret"):
        assert reader.get(address).status_code == 404, address
    assert fhir_reader.asked(app, fhir_reader.statement(SIGNER, "theirs")).status_code == 401


def test_a_revoked_program_reads_nothing_from_the_next_request_on(app: Flask) -> None:
    fhir_reader.register(app, "short", signer=SIGNER)
    reader = fhir_reader.program(app, SIGNER, "short")
    assert reader.get("Patient/P1").status_code == 200
    fhir_reader.revoke(app, "short")
    assert reader.get("Patient/P1").status_code == 401
    assert fhir_reader.asked(app, fhir_reader.statement(SIGNER, "short")).status_code == 401
    with pytest.raises(ConflictError, match="taken"):
        fhir_reader.register(app, "short", signer=SIGNER)


def test_a_token_ends_by_itself_opens_nothing_else_and_cannot_be_made_up(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fhir_reader.program(app, SIGNER)
    client = app.test_client()
    for address in ("/patients/", "/api/v1/patients", "/staff/", "/account/", "/api/v1/carts"):
        assert client.get(address, headers=reader.headers).status_code in (302, 401), address
    config = app.config["POINTOFCARE_CONFIG"]
    claims = {"iss": "h1", "sub": "his", "scope": "system/*.rs", "exp": int(time.time()) + 200}
    forged = {
        "another key": jwt.encode({"alg": "HS256", "typ": "at+jwt"}, claims, OctKey.import_key(b"x" * 32)),
        "over": jwt.encode({"alg": "HS256", "typ": "at+jwt"}, claims | {"exp": int(time.time()) - 1}, programs._key(config)),
        "of another hospital": jwt.encode({"alg": "HS256", "typ": "at+jwt"}, claims | {"iss": "h2"}, programs._key(config)),
        "no token": jwt.encode({"alg": "HS256"}, claims, programs._key(config)),
        "nobody's": jwt.encode({"alg": "HS256", "typ": "at+jwt"}, claims | {"sub": "nobody"}, programs._key(config)),
    }
    for why, token in forged.items():
        assert Reader(app, {"Authorization": f"Bearer {programs.PREFIX}{token}"}).get("Patient").status_code == 401, why
    assert (
        Reader(
            app,
            {"Authorization": f"Bearer {programs.PREFIX}{jwt.encode({'alg': 'HS256', 'typ': 'at+jwt'}, claims, programs._key(config))}"},
        )
        .get("Patient")
        .status_code
        == 200
    )
    monkeypatch.setattr(programs, "LIFETIME_S", -1)
    assert fhir_reader.program(app, SIGNER).get("Patient").status_code == 401


def test_a_statement_is_good_once_and_for_what_it_says(app: Flask) -> None:
    now = int(time.time())
    once = fhir_reader.statement(SIGNER)
    assert [fhir_reader.asked(app, once).status_code for _ in range(2)] == [200, 401]
    lies = {
        "another key": fhir_reader.statement(fhir_reader.key()),
        "nobody": fhir_reader.statement(SIGNER, "nobody"),
        "sub": fhir_reader.statement(SIGNER, sub="else"),
        "aud": fhir_reader.statement(SIGNER, aud="http://elsewhere.example/token"),
        "no aud": fhir_reader.statement(SIGNER, aud=None),
        "too far ahead": fhir_reader.statement(SIGNER, exp=now + 3600),
        "over": fhir_reader.statement(SIGNER, exp=now - 120),
        "no exp": fhir_reader.statement(SIGNER, exp=None),
        "exp in words": fhir_reader.statement(SIGNER, exp="soon"),
        "not yet": fhir_reader.statement(SIGNER, nbf=now + 600),
        "no jti": fhir_reader.statement(SIGNER, jti=None),
        "rubbish": "a.b.c",
        "nothing": ".",
        "other kind of key": jwt.encode({"alg": "RS384", "kid": "k1"}, {"iss": "his"}, RSAKey.generate_key(2048), algorithms=["RS384"]),
        "alg none": "eyJhbGciOiJub25lIn0.eyJpc3MiOiJoaXMifQ.",
        "public key as secret": jwt.encode(
            {"alg": "HS256", "kid": "k1"}, {"iss": "his"}, OctKey.import_key(fhir_reader.jwks(SIGNER).encode())
        ),
    }
    for why, signed in lies.items():
        answer = fhir_reader.asked(app, signed)
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client"), why
        assert answer.headers["Cache-Control"] == "no-store"
    known = fhir_reader.asked(app, fhir_reader.statement(fhir_reader.key())).json
    assert known == fhir_reader.asked(app, fhir_reader.statement(fhir_reader.key(), "nobody")).json, "a stranger learns no names"
    assert fhir_reader.asked(app, fhir_reader.statement(SIGNER), scope="system/Patient.c").json["error"] == "invalid_scope"
    assert fhir_reader.asked(app, fhir_reader.statement(SIGNER), grant_type="password").json["error"] == "unsupported_grant_type"
    assert fhir_reader.asked(app, fhir_reader.statement(SIGNER), client_assertion_type="x").json["error"] == "invalid_request"
    assert app.test_client().post("/fhir/token", json={}).json["error"] == "invalid_request"
    granted = fhir_reader.asked(app, fhir_reader.statement(SIGNER), scope="system/Patient.cruds user/Patient.rs launch").json
    assert (granted["scope"], granted["token_type"], granted["expires_in"]) == ("system/Patient.rs", "bearer", 300)


def test_only_public_keys_that_are_strong_enough_are_registered_and_by_administrators_alone(app: Flask) -> None:
    whole = SIGNER.as_dict(private=True) | {"kid": "k1"}
    refused = (
        "", "[]", "{}", '{"keys": []}', '{"keys": [1]}', '{"keys": [{"kty": "oct", "k": "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4", "kid": "a"}]}',
        f'{{"keys": [{json.dumps(whole)}]}}',
        fhir_reader.jwks(SIGNER, SIGNER),
        fhir_reader.jwks(SIGNER).replace('"kid": "k1"', '"kid": ""'),
    )  # fmt: skip
    for jwks in refused:
        with pytest.raises(MessageError):
            fhir_clients.public_keys(jwks)
    with app.app_context(), transaction(web.ADMIN) as tx:
        with pytest.raises(MessageError) as caught:
            fhir_clients.register(tx, web.ADMIN, client="a b", name="", jwks="{}", scopes="system/Patient.c", wards=["NOWHERE"])
        assert {field for field, _ in caught.value.problems} == {"client", "name", "jwks", "scopes", "wards"}
    with app.app_context(), transaction(server_ward.NURSE) as tx, pytest.raises(NotPermittedError):
        fhir_clients.register(tx, server_ward.NURSE, client="mine", name="Mine", jwks=fhir_reader.jwks(SIGNER), scopes="system/*.rs")


def test_who_read_whom_is_in_the_audit(app: Flask) -> None:
    reader = fhir_reader.program(app, SIGNER)
    reader.ok("Patient/P1")
    reader.ok("MedicationAdministration?patient=P1")
    fhir_reader.person(app, ACTORS[0]).get("Patient/P9")
    with app.app_context(), reading() as tx:
        lines = audit.listed(tx, limit=30)
    found = [(one.actor, one.action, one.subject, one.detail.get("patient"), one.detail.get("patients")) for one in lines]
    assert ("program:his", "view.fhir", "fhir/Patient/P1", "P1", None) in found
    assert ("program:his", "view.fhir", "fhir/MedicationAdministration", None, ["P1"]) in found
    assert ("R-nurse", "view.refused", "fhir/Patient/P9", None, None) in found
    assert ("program:his", "fhir.token", "fhir-client/his", None, None) in found


def test_a_statement_for_another_server_is_none_here_whatever_host_the_caller_names(app: Flask) -> None:
    told = {"grant_type": "client_credentials", "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    elsewhere = fhir_reader.statement(SIGNER, aud="https://training.example/fhir/token")
    config = app.config["POINTOFCARE_CONFIG"]
    app.config["POINTOFCARE_CONFIG"] = replace(config, http=replace(config.http, address="https://poc.example"))
    try:
        client = app.test_client()
        answers = [
            client.post(
                "/fhir/token", base_url=host, data={**told, "scope": "system/Patient.rs", "client_assertion": statement}
            ).status_code
            for host, statement in (
                ("https://training.example", elsewhere),
                ("https://training.example", fhir_reader.statement(SIGNER, aud="https://poc.example/fhir/token")),
            )
        ]
    finally:
        app.config["POINTOFCARE_CONFIG"] = config
    assert answers == [401, 200]
