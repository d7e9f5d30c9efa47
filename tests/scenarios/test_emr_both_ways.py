"""An order of a real FHIR server is given at the bedside, the dose arrives there, and a stop there is a STOP here: with whole programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulation import emr_once


@pytest.mark.timeout(300)
def test_an_order_comes_from_the_emr_its_dose_arrives_there_and_a_stop_reaches_the_bedside(tmp_path: Path) -> None:
    assert emr_once.run(["--seed", "7", "--json", str(tmp_path / "proof.json")]) == 0
    proof = json.loads((tmp_path / "proof.json").read_text(encoding="utf-8"))
    assert proof["ok"]
    assert set(proof["ways_s"]) == {"stop: EMR to server", "stop: EMR to the cart's chart"}
