"""Numbers as Prometheus reads them: the text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable

from pillarbox.core.metric import Instrument, Sample

CONTENT_TYPE = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


def exposition(instruments: Iterable[Instrument]) -> bytes:
    """All instruments that have numbers."""
    lines: list[str] = []
    for instrument in instruments:
        samples = [_line(instrument.name, sample) for sample in instrument.samples()]
        if samples:
            lines += (f"# HELP {instrument.name} {_escaped(instrument.says)}",)
            lines += (f"# TYPE {instrument.name} {instrument.kind}", *samples)
    return ("\n".join(lines) + "\n").encode()


def _line(name: str, sample: Sample) -> str:
    labels = ",".join(f'{label}="{_escaped(value, quote=True)}"' for label, value in sample.labels.items())
    value = int(sample.value) if sample.value == int(sample.value) else sample.value
    return f"{name}{sample.suffix}{f'{{{labels}}}' if labels else ''} {value!r}"


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text
