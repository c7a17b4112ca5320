"""The log's two formats: what they hold, and that nothing from outside can forge a line or a field."""

import logging
import re
from typing import Any

import msgspec
import pytest

from pillarbox.app.logs import JsonFormatter, TextFormatter
from pillarbox.core.operation import Operation, become
from pillarbox.services.observed import LOGIN_FAILED
from tests.support.log import Lines

HOSTILE = 'ann\n2026-01-01T00:00:00.000Z ERROR   server.ready: x  address=6.6.6.6\r\x1b[2J\u2028\u202e\x85"\ud800'


@pytest.fixture(autouse=True)
def operation() -> Any:
    become(Operation("http", "r-1", str, "192.0.2.7"))
    yield
    become(None)


def test_every_line_has_the_operation_it_is_about() -> None:
    with Lines() as lines:
        logging.getLogger("uvicorn.error").error("a library says %d", 5)
        LOGIN_FAILED.log(address="192.0.2.9", login="ann@example.org")
    library, failed = lines.all()
    assert (library["event"], library["message"], library["id"]) == ("uvicorn.error", "a library says 5", "r-1")
    assert library["address"] == "192.0.2.7"
    assert list(failed)[:4] == ["time", "level", "event", "address"]
    assert (failed["address"], failed["login"], failed["level"]) == ("192.0.2.9", "ann@example.org", "warning")
    assert re.fullmatch(
        r"\S+Z WARNING login\.failed: the credentials were wrong  address=192\.0\.2\.9 id=r-1 protocol=http "
        r"login=ann@example\.org pid=\d+",
        lines.text[1],
    )


def test_what_comes_from_outside_cannot_begin_a_line_or_a_field() -> None:
    with Lines() as lines:
        LOGIN_FAILED.log(address="192.0.2.9", login=HOSTILE)
        # Not through the logger: pytest would keep the message, and cannot hand half a character on.
        lines.emit(logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, HOSTILE, None, None))
    for text in [*lines.text, *lines.json]:
        assert text.isprintable(), text
    assert msgspec.json.decode(lines.json[0])["login"].startswith("ann\n2026")
    assert ' login="ann\\n2026' in lines.text[0]
    assert lines.text[0].count(" address=") == 2  # ours, and theirs in quotes
    assert lines.text[0].index(" address=192.0.2.9") < lines.text[0].index('"')


def test_values_that_look_like_fields_stand_in_quotes() -> None:
    with Lines() as lines:
        LOGIN_FAILED.log(address="192.0.2.9", login="ann address=6.6.6.6")
    assert ' login="ann address=6.6.6.6"' in lines.text[0]


def test_an_exception_is_told_with_its_causes_but_without_what_it_choked_on() -> None:
    record = logging.LogRecord("pillarbox", logging.ERROR, "", 0, "failed", None, None)
    try:
        try:
            int("the subject of a letter")
        except ValueError as error:
            raise RuntimeError("reading a letter") from error
    except RuntimeError as error:
        record.exc_info = (RuntimeError, error, error.__traceback__)
    text, line = TextFormatter().format(record), msgspec.json.decode(JsonFormatter().format(record))
    assert "RuntimeError: reading a letter" in line["exception"]
    assert "ValueError" in line["exception"]
    assert "test_logs.py" in line["exception"]
    assert "subject of a letter'" not in line["exception"]
    assert all(more.startswith("    ") for more in text.split("\n")[1:])
