"""What holds for every test: no network in unit tests, no real user's files."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket, enable_socket

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("default")

# Whole suites that take minutes: `make test` leaves them to `make test-slow`, which CI runs too.
SLOW = (
    "contract/test_thousand_identity_cards.py",
    "oracle/",
    "integration/test_alert_rules.py",
    "integration/test_drawer_findings.py",
    "integration/test_drawer_watch.py",
    "integration/test_web_fleet_drawers.py",
    "integration/test_fleet_discovery.py",
    "integration/test_fleet_list.py",
    "integration/test_cart_fleet_rules.py",
    "integration/test_chaos_crash_points.py",
    "integration/test_firmware_update.py",
    "integration/test_rollout_bridges.py",
    "integration/test_emr_read_back.py",
    "integration/test_emr_smart.py",
    "integration/test_emr_gnuhealth.py",
    "integration/test_gnuhealth_feed.py",
    "integration/test_commands_to_a_real_cart.py",
    "integration/test_document_signatures.py",
    "integration/test_documents.py",
    "integration/test_emr_storm.py",
    "integration/test_hl7_in.py",
    "integration/test_hl7_in_people.py",
    "integration/test_hl7_in_trouble.py",
    "integration/test_hl7_listener.py",
    "integration/test_fhir_access.py",
    "integration/test_fhir_clients.py",
    "integration/test_fhir_demo_ward.py",
    "integration/test_fhir_exports.py",
    "integration/test_fhir_plans.py",
    "integration/test_fhir_reading.py",
    "integration/test_fhir_feed.py",
    "integration/test_machines_at_the_broker.py",
    "integration/test_national_pages.py",
    "integration/test_retention.py",
    "integration/test_rollouts.py",
    "integration/test_recovery.py",
    "integration/test_scale_",
    "integration/test_sbom.py",
    "integration/test_schemas.py",
    "integration/test_server_program.py",
    "integration/test_site_export.py",
    "scenarios/test_admission_to_verdict.py",
    "scenarios/test_anaphylaxis_at_the_cart.py",
    "scenarios/test_bad_day",
    "scenarios/test_browser_admission.py",
    "scenarios/test_browser_beside.py",
    "scenarios/test_browser_downtime.py",
    "scenarios/test_browser_fleet.py",
    "scenarios/test_browser_incoming.py",
    "scenarios/test_browser_monitor.py",
    "scenarios/test_browser_national.py",
    "scenarios/test_browser_help.py",
    "scenarios/test_browser_phone.py",
    "scenarios/test_browser_pharmacy.py",
    "scenarios/test_browser_sign_in.py",
    "scenarios/test_browser_stranger.py",
    "scenarios/test_browser_ward.py",
    "scenarios/test_browser_witness.py",
    "scenarios/test_chaos_small.py",
    "scenarios/test_day_of_",
    "scenarios/test_demo.py",
    "scenarios/test_emr_both_ways.py",
    "scenarios/test_every_page.py",
    "scenarios/test_hl7_order_to_the_bedside.py",
    "scenarios/test_gnuhealth_at_the_bedside.py",
    "scenarios/test_infusion_to_the_emr.py",
    "scenarios/test_kiosk_",
    "scenarios/test_browser_labels.py",
    "scenarios/test_printed_labels_at_the_bedside.py",
    "scenarios/test_sample_documents.py",
    "scenarios/test_installed_packages.py",
    "scenarios/test_training_hospital.py",
    "integration/test_web_documents.py",
    "integration/test_web_rollouts.py",
    "integration/test_zephyr_",
    "unit/protocol/",
)
# A whole guide, update or fleet, minutes each, whose steps other tests prove one by one: `make test-long` runs them, before
# a release and by night, so that CI stays under forty minutes.
LONG = (
    "integration/test_rollout_cart_software.py",
    "integration/test_virtual_fleet.py",
    "scenarios/test_fleet_guide.py",
    "scenarios/test_kiosk_screen.py",
    "scenarios/test_under_systemd.py",
)
# On both databases in `make test`; every other test of two databases runs on the second one in `make test-slow`.
BOTH_DATABASES = ("integration/test_server_store", "integration/test_store_driver", "integration/test_two_facilities")


# Files with whole programs come first, so that no process is left alone with one of them at the end; before them what takes a
# process minutes by itself, most of them spent waiting for other programs.
FIRST = ("scenarios", "integration", "fuzz", "contract")
LONGEST = (
    "integration/test_upgrade_without_stopping.py",
    "scenarios/test_installed_packages.py",
    "integration/test_separation.py",
    "integration/test_zephyr_",
    "unit/protocol/",
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected lives as long as the process: looking it through for garbage takes half as long as collecting it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    root = Path(__file__).parent
    items.sort(key=lambda item: _place(item.path, root))
    for item in items:
        if not item.path.is_relative_to(root):
            continue
        place = item.path.relative_to(root).as_posix()
        is_second = "postgresql" in item.name and not place.startswith(BOTH_DATABASES)
        if place.startswith(LONG):
            item.add_marker(pytest.mark.long)
        elif is_second or place.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


# What a machine may really lack. Everything else is installed by `make test`, and a skip in CI would hide that it was not.
MAY_BE_MISSING = ("this kernel gives no keyring",)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and os.environ.get("NO_SKIPS")
        and not any(why in report.longreprtext for why in MAY_BE_MISSING)
    ):
        report.outcome, report.longrepr = "failed", f"skipped in CI: {report.longrepr}"
    return report


def _place(path: Path, root: Path) -> int:
    if not path.is_relative_to(root):
        return len(FIRST)
    place = path.relative_to(root)
    for number, name in enumerate(LONGEST):
        if place.as_posix().startswith(name):
            return number - len(LONGEST)
    return FIRST.index(place.parts[0]) if place.parts[0] in FIRST else len(FIRST)


@pytest.fixture(autouse=True)
def _no_sockets_in_unit_tests(request: pytest.FixtureRequest) -> object:
    if "unit" in Path(request.node.path).relative_to(Path(__file__).parent).parts[:1]:
        disable_socket(allow_unix_socket=True)
        yield
        enable_socket()
    else:
        yield
