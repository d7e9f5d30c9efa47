"""What a site may say of its EMR, and which of it does not go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointofcare.errors import ConfigError
from server import config

_PLAIN = {"database_url": "sqlite:///x.sqlite", "facility": "h1", "secret_key": "k" * 40, "password_salt": "s" * 40}


def faults(facility: str = "h1", training: bool = False, **emr: object) -> set[str]:
    with pytest.raises(ConfigError) as told:
        config.read({**_PLAIN, "facility": facility, "training": training, "emr": emr}, anchor=Path())
    return {where for where, _ in told.value.problems}


def test_a_gnu_health_needs_its_address_its_database_a_sign_in_and_one_writer() -> None:
    assert faults(target="gnuhealth") == {"emr.base_url", "emr.database", "emr.username", "emr.password"}
    whole = {"target": "gnuhealth", "base_url": "https://gh", "database": "h", "username": "bedside", "password": "p"}
    assert faults(**whole, workers=2) == {"emr.workers"}
    assert faults(**(whole | {"base_url": "gh:8000"})) == {"emr.base_url"}
    assert "emr.target" in faults(facility="h1-training", training=True, **whole)


def test_the_password_may_come_from_the_environment_and_is_shown_nowhere() -> None:
    emr = {"target": "gnuhealth", "base_url": "https://gh", "database": "h", "username": "bedside"}
    read = config.read({**_PLAIN, "emr": emr}, anchor=Path(), environment={"POINTOFCARE_EMR_PASSWORD": "hidden-1234"})
    assert read.emr.password == "hidden-1234"
    assert "hidden-1234" not in repr(read)


def test_the_feed_reads_from_the_emr_where_no_address_of_its_own_is_set() -> None:
    emr = {"target": "gnuhealth", "base_url": "https://gh", "database": "h", "username": "bedside", "password": "p"}
    assert config.read({**_PLAIN, "emr": emr, "fhir_feed": {"enabled": True}}, anchor=Path()).fhir_feed.enabled
