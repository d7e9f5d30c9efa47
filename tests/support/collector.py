"""A collector of OpenTelemetry that a test starts: real HTTP, protobuf read by OpenTelemetry's own types."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.hospital_day import wait_until


@dataclass
class Collector:
    """`open` is cleared to let every request wait."""

    endpoint: str = ""
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)

    def spans(self) -> list[Span]:
        return [
            span for request in list(self.requests) for of in request.resource_spans for scope in of.scope_spans for span in scope.spans
        ]

    def resource(self) -> dict[str, object]:
        return values(self.requests[0].resource_spans[0].resource.attributes)

    def wait_for(self, enough: Callable[[list[Span]], bool]) -> None:
        wait_until(lambda: enough(self.spans()), "spans at the collector")


def values(attributes: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for pair in attributes:  # type: ignore[attr-defined]
        assert isinstance(pair, KeyValue)
        found[pair.key] = getattr(pair.value, pair.value.WhichOneof("value") or "string_value")
    return found


@contextmanager
def collecting() -> Iterator[Collector]:
    made = Collector()
    made.open.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.open.wait(60)
            assert self.path == "/v1/traces"
            made.requests.append(ExportTraceServiceRequest.FromString(body))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.open.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
