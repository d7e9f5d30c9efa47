"""docs/emr-support.md says what the code really does."""

from __future__ import annotations

from simulation import emr_support


def test_the_page_is_what_the_code_does_today_and_every_event_reaches_a_fhir_server() -> None:
    page = emr_support.page()
    assert emr_support.PAGE.read_text(encoding="utf-8") == page, "run: make emr-support"
    told = {line.split("|")[1].strip(): line.split("|")[2] for line in page.splitlines() if line.startswith("| ")}
    assert all("if new" in told[event.name] for event in emr_support.events())
