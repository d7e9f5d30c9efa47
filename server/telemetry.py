"""Traces by OpenTelemetry, sent over OTLP (HTTP): spans wait in a queue of fixed size, are sent by a thread of their own, and are dropped
where nobody takes them. Imported only where traces are switched on.

What a span may say is one list, of ids and words of the program; a value that is no id is left out.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.util.types import Attributes

from pointofcare.errors import PointOfCareError
from server.export_settings import TelemetryConfig

# What may be said -> the name that it has in OpenTelemetry, its own where that has one.
SAID: Mapping[str, str] = {
    "record": "pointofcare.record.id",
    "cart": "pointofcare.cart.id",
    "outcome": "pointofcare.outcome",
    "emr": "pointofcare.emr.target",
    "emr_id": "pointofcare.emr.id",
    "error": "error.type",
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "system": "db.system.name",
    "operation": "db.operation.name",
}
_ID = re.compile(r"[A-Za-z0-9_./:<>-]{1,128}", re.ASCII)
# Spans that wait; more are dropped.
MOST = 2048
_EVERY_MS = 1000
# For one request; and for all that is left when the program ends.
_SENT_WITHIN_S, _ENDED_WITHIN_S = 5.0, 2.0
_RANDOM = (1 << 56) - 1
_ONE_AND_ONLY: ContextVar[tuple[int, int] | None] = ContextVar("ids of the next span", default=None)


def open_traces(config: TelemetryConfig, *, part: str, facility: str) -> _Traces:
    """What OTEL_* of the environment says of the exporter and the resource holds where `config` is silent."""
    named = Resource.create({"service.name": f"pointofcare-{part}", "service.namespace": "pointofcare", "pointofcare.facility": facility})
    endpoint = None if config.endpoint is None else f"{config.endpoint.rstrip('/')}/v1/traces"
    provider = TracerProvider(
        resource=named.merge(OTELResourceDetector().detect()),
        sampler=_Share(config.percent),
        id_generator=_Ids(),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_SENT_WITHIN_S)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=MOST, schedule_delay_millis=_EVERY_MS))
    return _Traces(provider)


def ids_of(record: str) -> tuple[int, int]:
    """The trace of a record and the span at its root. The trace is the record's own id; one that is no UUID is digested."""
    digest = hashlib.sha256(record.encode("utf-8", "surrogatepass")).digest()
    try:
        whole = UUID(record).int
    except ValueError:
        whole = 0
    return whole or int.from_bytes(digest[8:24], "big"), int.from_bytes(digest[:8], "big") or 1


class _Traces:
    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("pointofcare")

    @contextmanager
    def step(self, name: str, record: str | None, kind: str, marks: Mapping[str, str | int]) -> Iterator[None]:
        told = _said(marks if record is None else {"record": record, **marks})
        with self._tracer.start_as_current_span(
            name,
            context=None if record is None else _way_of(record),
            kind=SpanKind[kind.upper()],
            attributes=told,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Exception as exc:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attributes(_said({"error": exc.code if isinstance(exc, PointOfCareError) else type(exc).__name__}))
                raise

    def came(self, record: str, cart: str, since: datetime) -> None:
        now_ns = time.time_ns()
        held = _ONE_AND_ONLY.set(ids_of(record))
        try:
            span = self._tracer.start_span(
                "dose",
                context=Context(),
                kind=SpanKind.PRODUCER,
                attributes=_said({"record": record, "cart": cart}),
                # A cart's clock may show any time.
                start_time=max(0, min(int(since.timestamp() * 1e9), now_ns)),
            )
        finally:
            _ONE_AND_ONLY.reset(held)
        span.end(now_ns)

    def passed(self, name: str, since_ns: int, marks: Mapping[str, str | int]) -> None:
        if trace.get_current_span().is_recording():
            self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=_said(marks), start_time=since_ns).end()

    def mark(self, marks: Mapping[str, str | int]) -> None:
        trace.get_current_span().set_attributes(_said(marks))

    def close(self) -> None:
        # A collector that is away must not hold the program's end.
        ending = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(_ENDED_WITHIN_S)


def _way_of(record: str) -> Context | None:
    """None: that is where this thread is."""
    of, root = ids_of(record)
    if trace.get_current_span().get_span_context().trace_id == of:
        return None
    begun = SpanContext(of, root, is_remote=True, trace_flags=TraceFlags(TraceFlags.DEFAULT))
    return trace.set_span_in_context(NonRecordingSpan(begun), Context())


def _said(marks: Mapping[str, str | int]) -> dict[str, str | int]:
    return {SAID[name]: value for name, value in marks.items() if name in SAID and (isinstance(value, int) or _ID.fullmatch(value))}


class _Ids(RandomIdGenerator):
    """Draws ids, but for the span at the root of a record's trace."""

    def generate_trace_id(self) -> int:
        wanted = _ONE_AND_ONLY.get()
        return super().generate_trace_id() if wanted is None else wanted[0]

    def generate_span_id(self) -> int:
        wanted = _ONE_AND_ONLY.get()
        return super().generate_span_id() if wanted is None else wanted[1]


class _Share(Sampler):
    """The same traces in every program: by the last 56 bits of their id, which a UUID draws. A whole trace or none of it."""

    def __init__(self, percent: int) -> None:
        self._below = (_RANDOM + 1) * percent // 100

    def should_sample(
        self,
        parent_context: Context | None,  # noqa: ARG002 - this and those below: as the SDK calls it
        trace_id: int,
        name: str,  # noqa: ARG002
        kind: SpanKind | None = None,  # noqa: ARG002
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,  # noqa: ARG002
    ) -> SamplingResult:
        kept = trace_id & _RANDOM < self._below
        return SamplingResult(Decision.RECORD_AND_SAMPLE if kept else Decision.DROP, attributes if kept else None)

    def get_description(self) -> str:
        return "PointOfCareShare"
