"""The page of firmware, and the files that carts fetch."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointofcare.wire.messages import Telemetry, TelemetryKind
from server.firmware import repository
from server.store import fleet, rollouts
from server.store.transaction import Actor, transaction
from tests.support import firmware as signers
from tests.support import web
from tests.support.server_ward import CHARGE
from tests.support.web import FLEET


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    people = signers.people(folder)
    people.ceremony()
    people.release(people.image("1.1.0+7"), version="1.1.0+7")
    return folder


def _linked(app, place: Path) -> None:  # type: ignore[no-untyped-def]
    directory = app.config["POINTOFCARE_CONFIG"].firmware.directory
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.symlink_to(place / "firmware", target_is_directory=True)


def test_the_page_says_what_is_released_and_which_carts_run_it(tmp_path: Path, place: Path) -> None:
    with web.ward_app(tmp_path) as app:
        client = web.signed_in(app, FLEET)
        assert "no repository" in client.get("/fleet/firmware/").text
        _linked(app, place)
        found = repository.Repository(place / "firmware").lists().firmware.signed.targets
        image_hash = next(iter(found.values())).custom["image_hash"]
        with app.app_context(), transaction(Actor(id="gateway")) as tx:
            fleet.put_telemetry(tx, "c1", Telemetry(kind=TelemetryKind.MCU, at=datetime.now(UTC), values={"connected": True}))
            for cart, told, confirmed in (("c1", image_hash, True), ("c2", image_hash, False), ("c3", None, None)):
                rollouts.put_firmware(
                    tx, cart, hardware="cart-mcu-r2", version="1.1.0.7", image_hash=told, confirmed=confirmed, self_test=None, slots=()
                )
        text = client.get("/fleet/firmware/").text
        for said in ("1.1.0+7", "firmware-1", "root-an, root-binh", "2 carts", "hash not told", "Not a release of now", "on trial on 1"):
            assert said in text, said


def test_a_fleet_manager_signs_the_timestamp_anew_and_a_charge_nurse_does_not(tmp_path: Path, place: Path) -> None:
    with web.ward_app(tmp_path) as app:
        _linked(app, place)
        held = repository.Repository(place / "firmware")
        before = held.lists().timestamp.signed.version
        for who, answer in ((CHARGE, 403), (FLEET, 200)):
            client = web.signed_in(app, who)
            asked = web.post(client, "/fleet/firmware/renew", "/fleet/firmware/")
            assert asked.status_code == answer
        assert held.lists().timestamp.signed.version == before + 1


def test_carts_fetch_signed_files_without_a_sign_in_and_nothing_else(tmp_path: Path, place: Path) -> None:
    with web.ward_app(tmp_path) as app:
        client = app.test_client()
        assert client.get("/firmware/metadata/timestamp.json").status_code == 404
        _linked(app, place)
        root = client.get("/firmware/metadata/1.root.json", buffered=True)
        assert root.status_code == 200
        assert "immutable" in root.headers["Cache-Control"]
        timestamp = client.get("/firmware/metadata/timestamp.json", buffered=True)
        assert timestamp.headers["Cache-Control"] == "no-cache"
        assert (
            client.get("/firmware/metadata/timestamp.json", headers={"If-None-Match": timestamp.headers["ETag"]}, buffered=True).status_code
            == 304
        )
        image = next((place / "firmware" / "targets" / "cart-mcu").iterdir())
        part = client.get(f"/firmware/targets/cart-mcu/{image.name}", headers={"Range": "bytes=0-3"}, buffered=True)
        assert (part.status_code, part.data) == (206, image.read_bytes()[:4])
        for wrong in (
            "metadata/../online/timestamp-1.key",
            "metadata/%2e%2e%2flock",
            "targets/cart-mcu/x",
            "targets/../image-key.pem",
            "online/x",
        ):
            assert client.get(f"/firmware/{wrong}").status_code in (404, 308), wrong


def test_health_warns_of_a_list_that_ends(tmp_path: Path, place: Path) -> None:
    with web.ward_app(tmp_path) as app:
        _linked(app, place)
        assert not any("firmware" in each for each in app.test_client().get("/healthz").json["warnings"])
