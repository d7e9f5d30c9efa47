"""`make training`, as a newcomer starts it: it says what it is everywhere, and its folder serves nothing else."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from cart_client.app import CartProgram
from cart_client.config import load
from pointofcare.errors import ConfigError, PointOfCareError
from server.emr import folder
from simulation import hospital, ward
from simulation import training as command

CART = ward.CARTS[0]


@pytest.mark.timeout(300)
def test_a_training_hospital_says_so_everywhere_and_shares_its_folder_with_no_other(tmp_path: Path) -> None:
    state = tmp_path / "training"
    running = hospital.start(state, seed=5, facility=ward.TRAINING, carts=(CART,), bridge=False, progress=lambda _text: None)
    try:
        assert "không phải người bệnh thật" in httpx.get(running.server_url + "/sign-in", trust_env=False, timeout=60).text
        kiosk = httpx.get(running.cart_urls[CART], trust_env=False, timeout=60).text
        assert kiosk.count("ĐÀO TẠO – không phải người bệnh thật") == 2, "above the page and in the strip"
        assert (state / "emr-out" / folder.MARK).read_text(encoding="utf-8").strip() == ward.TRAINING
        assert len({person.password for person in running.ward.staff}) == len(running.ward.staff)
    finally:
        running.stop()
    with pytest.raises(PointOfCareError, match="not of h1"):
        hospital.start(state, seed=5, carts=(CART,), bridge=False, progress=lambda _text: None)
    settings = state / CART / "cart.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(ward.TRAINING, ward.FACILITY), encoding="utf-8")
    with pytest.raises(ConfigError, match="never share a folder"):
        CartProgram(load(settings, {}))


def test_training_has_a_folder_of_its_own_and_offers_no_medical_record(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POINTOFCARE_DEMO_DIR", "POINTOFCARE_TRAINING_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert hospital.default_directory("training") != hospital.default_directory()
    with pytest.raises(SystemExit):
        command.run(["--emr", "sekmet"])
