"""For the tests of the EMR room: records, a store, and a loopback proxy that loses answers."""

from __future__ import annotations

import http.client
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit
from uuid import UUID

from pointofcare.administration.record import AdministrationRecord, FindingEvidence, ScanEvidence
from pointofcare.quantity import Quantity
from server.emr.fhir_mapping import MappingContext

AT = datetime(2026, 3, 2, 1, 2, 3, 456000, tzinfo=UTC)
SITE = "https://bv1.example/bcma"
CONTEXT = MappingContext(site=SITE)
ADMINISTRATION = f"{SITE}/sid/administration"

TOO_EARLY = FindingEvidence(
    rule="T1", level="REASON", satisfied=True, unknown=False, facts={"early_min": 70}, remedy="earliest", params={"at": "14:20"}
)
SECOND_PERSON = FindingEvidence(rule="H2", level="WITNESS", satisfied=True, unknown=False, facts={}, remedy="second-person", params={})
_PLAIN = AdministrationRecord(
    record_id="5b0e7f3a-0c70-4c8e-9a53-0d2a7a1f9d11",
    facility="bv1",
    ward="W3",
    cart="c01",
    patient="P1",
    mrn="24-000123",
    order="O1",
    order_version=2,
    due=AT,
    action="give",
    status="completed",
    status_reason=None,
    reason_text=None,
    product="AMOX500",
    product_name="Amoxicillin 500 mg",
    gtin="08936000000012",
    lot="A1+b",
    expiry=date(2027, 5, 31),
    serial="S1",
    dose=Quantity.parse("500 mg"),
    route="PO",
    site=None,
    waste=None,
    prn_reason=None,
    effective_at=AT,
    recorded_at=AT + timedelta(seconds=3),
    nurse="N1",
    witness=None,
    level="PASS",
    findings=(),
    engine="1.0.0",
    policy="default-7",
    scans=(
        ScanEvidence(identifier="]d2", text="8018893600000000000125\x1d80191", at=AT - timedelta(seconds=20)),
        ScanEvidence(identifier="]d2", text="0108936000000012\x1d10A1+b", at=AT - timedelta(seconds=10)),
    ),
    chart_version=5,
    online=True,
    clock_offset_s=0.125,
)


def an_administration(number: int | None = None, **changes: object) -> AdministrationRecord:
    """`number` draws another record id, the same one each time."""
    if number is not None:
        changes.setdefault("record_id", str(UUID(int=0xA000_4000_8000_0000_0000_0000 + number)))
    return replace(_PLAIN, **changes)  # type: ignore[arg-type]


CASES: dict[str, AdministrationRecord] = {
    "given": an_administration(),
    "given-overridden": an_administration(
        level="WITNESS",
        status_reason="prescriber-confirmed",
        reason_text="đã hỏi bác sĩ",
        witness="N2",
        findings=(TOO_EARLY, SECOND_PERSON),
    ),
    "partially-given": an_administration(dose=Quantity.parse("0.25 g"), status_reason="vomited"),
    "prn-given": an_administration(prn_reason="pain"),
    "refused": an_administration(
        action="refuse", status="not-done", status_reason="refused", dose=None, product=None, gtin=None, lot=None, expiry=None, serial=None
    ),
    "held": an_administration(action="hold", status="not-done", status_reason="held-by-parameter", reason_text="HA 85/50", dose=None),
    "not-given-no-reason": an_administration(action="not-given", status="not-done", dose=None),
    "infusion-started": an_administration(
        action="start", status="in-progress", dose=Quantity.parse("80 mL/h"), route="IV", site="left forearm"
    ),
    "infusion-stopped": an_administration(
        action="stop", status="stopped", status_reason="infiltrated", dose=Quantity.parse("320 mL"), route="IV"
    ),
    "with-waste": an_administration(
        dose=Quantity.parse("7.5 mg"), waste=Quantity.parse("2.5 mg"), witness="N2", status_reason="part-dose", route="IV"
    ),
    "correction": an_administration(2, amends=_PLAIN.record_id, dose=Quantity.parse("250 mg"), status_reason="wrong-dose-charted"),
    "withdrawal": an_administration(3, amends=_PLAIN.record_id, status="entered-in-error", status_reason="wrong-patient-charted"),
}


def context_for(record: AdministrationRecord) -> MappingContext:
    return replace(CONTEXT, amended=_PLAIN) if record.amends else CONTEXT


@contextmanager
def a_store(url: str) -> Iterator[Callable[[], AbstractContextManager[object]]]:
    """An empty store at `url`; gives what opens its scope."""
    from flask import Flask

    from server.store import database, tables
    from server.store.database import db
    from server.store.transaction import FACILITY

    assert tables
    app = Flask("test")
    app.config[FACILITY] = "bv1"
    database.register(app, url)
    with app.app_context():
        db.create_all()
    yield app.app_context
    with app.app_context():
        db.engine.dispose()


class LossyProxy:
    """Forwards HTTP to `target`. Each fault in `faults` is used up by one POST:

    "lose-answer": the target does the work, the client sees the connection end; "busy": 503 without asking the target;
    ("answer", status, body): that answer instead. A POST that holds a key of `refused` always gets that 400 body."""

    def __init__(self, target: str) -> None:
        self.faults: deque[object] = deque()
        self.refused: dict[bytes, bytes] = {}
        self.posts = 0
        parts = urlsplit(target)
        proxy = self

        class _Exchange(BaseHTTPRequestHandler):
            def _forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault = None
                if self.command == "POST":
                    proxy.posts += 1
                    fault = proxy.faults.popleft() if proxy.faults else None
                fault = next((("answer", 400, refusal) for key, refusal in proxy.refused.items() if key in body), fault)
                if fault == "busy":
                    fault = ("answer", 503, b"")
                if isinstance(fault, tuple):
                    self._answer(fault[1], "application/fhir+json", fault[2])
                    return
                upstream = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
                try:
                    kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
                    upstream.request(self.command, self.path, body or None, kept)
                    answer = upstream.getresponse()
                    content = answer.read()
                except OSError:
                    self.close_connection = True
                    return
                finally:
                    upstream.close()
                if fault == "lose-answer":
                    self.close_connection = True
                    return
                self._answer(answer.status, answer.getheader("Content-Type") or "", content)

            def _answer(self, status: int, kind: str, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _forward  # noqa: N815 - the names that http.server calls

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Exchange)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}{parts.path}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
