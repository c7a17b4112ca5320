"""Two members of one name are told by counting, as a walk through the pairs tells them."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.servers.jmap.json_member import kept, written

_TEXT = st.text(alphabet='a:\\"{}\u00e9', max_size=6)


class Pairs(list[Any]):
    """An object with its members in their order, of which names may be equal."""


_VALUES = st.recursive(
    st.none() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(_TEXT, inner), max_size=3).map(Pairs),
    max_leaves=12,
)


def to_json(value: Any, *, ascii_only: bool) -> str:
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{json.dumps(k)}: {to_json(v, ascii_only=ascii_only)}" for k, v in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(to_json(v, ascii_only=ascii_only) for v in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


def members(value: Any) -> int:
    if isinstance(value, Pairs):
        return len(value) + sum(members(v) for _, v in value)
    return sum(map(members, value)) if isinstance(value, list) else 0


def has_twins(value: Any) -> bool:
    if isinstance(value, Pairs):
        return len({k for k, _ in value}) < len(value) or any(has_twins(v) for _, v in value)
    return isinstance(value, list) and any(map(has_twins, value))


@given(_VALUES, st.booleans())
def test_there_are_more_written_than_kept_exactly_when_two_have_one_name(value: Any, ascii_only: bool) -> None:
    document = to_json(value, ascii_only=ascii_only).encode()
    assert written(document) == members(value)
    assert (written(document) > kept(json.loads(document))) == has_twins(value)


def test_names_are_compared_as_they_are_meant() -> None:
    document = b'{"a": 1, "\\u0061": 2}'
    assert (written(document), kept(json.loads(document))) == (2, 1)
