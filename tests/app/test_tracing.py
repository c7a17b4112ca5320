"""Spans as a real receiver gets them over OTLP: what they hold, and that they cost nothing when nobody wants them."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pillarbox.app.tracing import TracingError, tracing
from pillarbox.core import slow
from pillarbox.core.operation import Operation
from tests.servers.web_fixture import Web, furnished, make_web, office, web

__all__ = ["furnished", "make_web", "office", "web"]
CANARY = "kanarienvogel"


class Receiver(ThreadingHTTPServer):
    """Takes spans in."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        assert self.headers["content-encoding"] is None
        told = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        for resource in told.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


def test_a_request_its_methods_and_its_stages_are_spans(web: Web, receiver: Receiver) -> None:
    with tracing(receiver.endpoint):
        reply = web.post(
            {
                "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
                "methodCalls": [
                    ["Mailbox/set", {"accountId": web.ids["alice"], "create": {"m": {"name": CANARY}}}, "0"],
                    ["Mailbox/get", {"accountId": web.ids["alice"]}, "1"],
                ],
            }
        )
        assert reply.status == 200
    (root,) = [span for span in receiver.spans if not span.parent_span_id]
    told = {a.key: a.value.string_value for a in root.attributes}
    assert root.name == "http api"
    assert told == {
        "pillarbox.id": reply.header("x-request-id"),
        "pillarbox.account": web.ids["alice"],
        "pillarbox.result": "200",
    }
    below = [span for span in receiver.spans if span.parent_span_id]
    assert {s.name for s in below} >= {"Mailbox/set", "Mailbox/get", "read", "write", "commit", "pool"}
    assert all(s.trace_id == root.trace_id and s.parent_span_id == root.span_id for s in below)
    assert all(
        root.start_time_unix_nano <= s.start_time_unix_nano <= s.end_time_unix_nano <= root.end_time_unix_nano
        for s in below
    )
    assert CANARY not in str(receiver.spans)


def test_nothing_is_kept_when_nobody_traces(receiver: Receiver) -> None:
    with tracing(receiver.endpoint):
        assert Operation("test", "1").spans == []
    with tracing(None):
        operation = Operation("test", "1")
        assert operation.spans is None
        slow.finish(operation, "")
    assert receiver.spans == []


def test_an_operation_without_an_end_keeps_few_parts(receiver: Receiver) -> None:
    with tracing(receiver.endpoint):
        operation = Operation("http", "1")
        for _ in range(10_000):
            operation.spend("read", 0, 1)
            operation.call("Email/get", 0, 1)
    assert operation.spans is not None
    assert operation.calls is not None
    assert max(len(operation.spans), len(operation.calls)) <= 200
    assert operation.stages["read"] == 10_000


def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(TracingError, match=r"pip install 'pillarbox\[opentelemetry\]'"), tracing("http://127.0.0.1:1"):
        pass
