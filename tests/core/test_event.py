"""Events of the log: limits, and that the whole source keeps to what it declared."""

import ast
import logging
import re
from pathlib import Path

import pytest

from pillarbox.core.event import EVENTS, Event
from tests.support.log import Lines

SOURCE = Path(__file__).parents[2] / "src" / "pillarbox"


def test_a_limited_event_tells_how_many_lines_were_left_out() -> None:
    event = Event("test.limited", logging.WARNING, "too much", per_minute=2)
    try:
        assert [event._admit(now) for now in (100.0, 101.0, 102.0, 159.0)] == [0, 0, -1, -1]
        assert [event._admit(now) for now in (160.0, 161.0)] == [2, 0]
        with Lines() as lines:
            for _ in range(5):
                event.log()
        assert len(lines.of("test.limited")) <= 2
    finally:
        del EVENTS["test.limited"]


def test_an_event_leaves_the_fields_of_each_line_to_it() -> None:
    with pytest.raises(ValueError, match="a field message of its own"):
        Event("test.taken", logging.INFO, "something", "message")


def test_the_source_tells_only_fields_that_its_events_declare() -> None:
    declared: dict[str, dict[str, tuple[str, ...]]] = {}
    calls: list[tuple[Path, str, ast.Call]] = []
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and is_event(node.value):
                assert isinstance(node.value, ast.Call)
                words = [ast.literal_eval(a) for a in node.value.args if isinstance(a, ast.Constant)]
                declared.setdefault(ast.unparse(node.targets[0]), {})[words[0]] = tuple(words[2:])
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "log":
                calls.append((path, ast.unparse(node.func.value).rpartition(".")[2], node))
    assert len(calls) > 20
    for path, name, call in calls:
        if name == "_logger":
            continue
        assert name in declared, f"{path}: {name} is no event"
        fields = {word.arg for word in call.keywords} - {None}
        assert any(fields <= set(allowed) for allowed in declared[name].values()), f"{path}: {name} {fields}"


def is_event(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Event"


def test_names_have_a_place_and_a_deed() -> None:
    for event in EVENTS.values():
        assert re.fullmatch(r"[a-z][a-z0-9]*\.[a-z_]+", event.name)
        assert event.says.islower() or "HTTP" in event.says or "log." in event.says
        assert re.fullmatch(r"[A-Za-z ,.'_]+", event.says)
