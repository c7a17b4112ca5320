"""Hands finished operations to an OpenTelemetry receiver as spans, when the settings name one.

The spans are made after the answer is sent, from times that were noted anyway, and are exported by a thread of the SDK.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from pillarbox import __version__
from pillarbox.core.operation import Operation, trace_to

_NANO = 1_000_000_000


class TracingError(Exception):
    """Tracing cannot be set up; the message says what to do."""


@contextmanager
def tracing(endpoint: str | None) -> Iterator[None]:
    """Trace while inside; with None, nothing happens. Enter it after the fork: the SDK starts a thread.

    Raises TracingError when the extra is not installed.
    """
    if endpoint is None:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 -- an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise TracingError("tracing.endpoint needs OpenTelemetry: pip install 'pillarbox[opentelemetry]'") from None
    resource = Resource({"service.name": "pillarbox", "service.version": __version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace_to(_Exporter(provider))
    try:
        yield
    finally:
        trace_to(None)
        provider.shutdown()


class _Exporter:
    """Makes a span of each operation, and one below it of each of its parts."""

    def __init__(self, provider: object) -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415 -- an extra

        self._tracer = provider.get_tracer("pillarbox", __version__)  # type: ignore[attr-defined]
        self._kind, self._below = SpanKind.SERVER, set_span_in_context
        self._epoch = time.time_ns() - int(perf_counter() * _NANO)

    def __call__(self, operation: Operation, ended: float, result: str) -> None:
        name = f"{operation.protocol} {operation.name}".strip()
        told = {"id": operation.id, "account": operation.account, "result": result}
        root = self._tracer.start_span(
            name,
            kind=self._kind,
            start_time=self._at(operation.began),
            attributes={f"pillarbox.{key}": value for key, value in told.items() if value},
        )
        context = self._below(root)
        for part in operation.spans or ():
            child = self._tracer.start_span(part.name, context=context, start_time=self._at(part.began))
            child.end(end_time=self._at(part.ended))
        root.end(end_time=self._at(ended))

    def _at(self, seconds: float) -> int:
        return self._epoch + int(seconds * _NANO)
