"""Whatever a scenario does at the bedside: each row that the cart journals with the facts of its verdict must judge the same again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cart_client.journal import Journal
from pointofcare.wire import recompute
from pointofcare.wire.messages import AdministrationRecorded, AttemptStopped


@pytest.fixture(autouse=True)
def _every_journalled_verdict_is_the_same_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    append = Journal._append
    stored: list[recompute.StoredVerdict] = []

    def noted(self: Journal, kind: str, record_id: str, patient: Any, now: Any, effective_at: Any, body: Any, *more: Any) -> Any:
        if isinstance(body, AdministrationRecorded) and body.facts is not None:
            stored.append(recompute.of_administration(body.record, body.facts))
        if isinstance(body, AttemptStopped) and body.facts is not None:
            stored.append(recompute.of_attempt(body, body.facts))
        return append(self, kind, record_id, patient, now, effective_at, body, *more)

    monkeypatch.setattr(Journal, "_append", noted)
    yield
    for done in map(recompute.replay, stored):
        assert done.is_same, f"{done.stored.record_id}: {done.why or done.differences}"


@pytest.fixture(autouse=True)
def _no_page_outlives_its_kiosk(request: pytest.FixtureRequest) -> Iterator[None]:
    """A page that is left open goes on asking a kiosk that is gone, several times a second, beside every later test."""
    yield
    if "kiosk" in request.fixturenames:
        for name in {"browser", "chromium"} & set(request.fixturenames):
            for context in list(request.getfixturevalue(name).contexts):
                context.close()
