"""Programs that others wrote read our FHIR face over HTTP: they page, search and export as they would with any other server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import waitress
from fhir.resources.R4B import get_fhir_model_class
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound
from flask import Flask

from cart_client.web import serving
from server.security import sign_in
from server.store.transaction import Actor, transaction
from server.usecases import administrations
from tests.support import fhir_reader, web
from tests.support.server_ward import a_record

SIGNER = fhir_reader.key()


@dataclass(frozen=True, slots=True)
class Running:
    app: Flask
    base: str
    token: str


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with web.ward_app(tmp_path_factory.mktemp("fhir-clients"), verified=True, patient_count=5) as app:
        with app.app_context():
            sign_in.limiter.enabled = False
            for number in range(1, 6):
                with transaction(Actor(id="gateway")) as tx:
                    administrations.record(tx, a_record(number, record_id=f"given-{number}"), cart_seq=number, epoch="e")
        fhir_reader.register(app, signer=SIGNER)
        server = waitress.create_server(app, host="127.0.0.1", port=0, threads=2, clear_untrusted_proxy_headers=True)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        base = f"http://127.0.0.1:{server.effective_port}/fhir/R4"
        try:
            smart = httpx.get(f"{base}/.well-known/smart-configuration", trust_env=False).json()
            address = smart["token_endpoint"]
            answer = httpx.post(
                address,
                data={
                    "grant_type": "client_credentials",
                    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    "client_assertion": fhir_reader.statement(SIGNER, aud=address),
                    "scope": "system/*.rs",
                },
                trust_env=False,
            )
            yield Running(app, base, answer.json()["access_token"])
        finally:
            serving.stop(server)
            thread.join(10)
            sign_in.limiter.enabled = True


@pytest.fixture
def client(running: Running) -> SyncFHIRClient:
    return SyncFHIRClient(running.base, authorization=f"Bearer {running.token}")


def test_a_client_pages_through_everything_once(client: SyncFHIRClient) -> None:
    found = [one["id"] for one in client.resources("MedicationAdministration").limit(2)]
    assert sorted(found) == [f"given-{number}" for number in range(1, 6)]
    assert len(client.resources("Patient").limit(2).fetch_all()) == 5
    assert client.resources("Patient").count() == 5


def test_a_client_searches_follows_references_and_reads_what_is_not_there(client: SyncFHIRClient) -> None:
    dose = client.resources("MedicationAdministration").search(patient="P3", status="completed").first()
    patient = dose["subject"].to_resource()
    assert patient["name"][0]["text"] == "NGUYỄN VĂN 3"
    assert client.reference("MedicationRequest", "O3").to_resource()["status"] == "active"
    with pytest.raises(ResourceNotFound):
        client.reference("Patient", "nobody").to_resource()
    with pytest.raises(OperationOutcome):
        client.resources("Patient").search(birthdate="yesterday").fetch()
    for one in client.resources("MedicationAdministration").include("MedicationAdministration", "patient").fetch_raw()["entry"]:
        resource = one["resource"]
        get_fhir_model_class(resource["resourceType"]).model_validate(json.loads(json.dumps(resource)))


def test_a_statement_of_what_can_be_done_is_valid_and_true(running: Running) -> None:
    statement = httpx.get(f"{running.base}/metadata", trust_env=False).json()
    get_fhir_model_class("CapabilityStatement").model_validate(statement)
    headers = {"Authorization": f"Bearer {running.token}", "Prefer": "handling=strict"}
    values = {"token": "x", "string": "an", "date": "2026", "reference": "x"}
    for resource in statement["rest"][0]["resource"]:
        for parameter in resource["searchParam"]:
            address = f"{running.base}/{resource['type']}?{parameter['name']}={values[parameter['type']]}"
            assert httpx.get(address, headers=headers, trust_env=False).status_code == 200, address
        for name in ("searchInclude", "searchRevInclude"):
            for one in resource.get(name, ()):
                address = f"{running.base}/{resource['type']}?_{'rev' if 'Rev' in name else ''}include={one}"
                assert httpx.get(address, headers=headers, trust_env=False).status_code == 200, address


def test_the_commands_of_the_document_work_as_written(running: Running, tmp_path: Path) -> None:
    """Each `curl` of docs/fhir-api.md, with this server's address and token."""
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    page = (Path(__file__).resolve().parents[2] / "docs" / "fhir-api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
    commands = [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("curl")]
    assert len(commands) >= 8
    program = re.findall(r"```python\n(.*?)```", page, re.S)[0]
    (tmp_path / "key.json").write_text(json.dumps({**SIGNER.as_dict(private=True), "kid": "k1"}))
    named = {"PATH": "/usr/bin:/bin", "BASE": running.base, "CLIENT": "his", "KEY": str(tmp_path / "key.json"), "no_proxy": "*"}
    token = subprocess.run(
        [sys.executable, "-c", program], env=named, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()
    assert httpx.get(f"{running.base}/Patient", headers={"Authorization": f"Bearer {token}"}, trust_env=False).status_code == 200
    environment = {"PATH": "/usr/bin:/bin", "BASE": running.base, "TOKEN": running.token, "no_proxy": "*", "HOME": str(tmp_path)}
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", f"{command} -w '%{{http_code}}' -o out"], env=environment, capture_output=True, cwd=tmp_path, timeout=60
        )
        assert done.stdout.decode()[-3:] in ("200", "202"), (command, done.stdout, done.stderr, (tmp_path / "out").read_text()[:500])
