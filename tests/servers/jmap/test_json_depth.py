"""The depth of JSON told from its octets agrees with a walk through the values."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.servers.jmap.json_depth import exceeds, exceeds_values

_TEXT = st.text(alphabet='a\\"[]{}\u00e9', max_size=6)
_VALUES = st.recursive(
    st.none() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=12,
)


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max((_depth(child) for child in children), default=0)


@given(_VALUES, st.booleans())
def test_the_depth_is_that_of_the_values(value: Any, ascii_only: bool) -> None:
    document = json.dumps(value, ensure_ascii=ascii_only).encode()
    depth = _depth(value)
    assert not exceeds(document, depth)
    assert depth == 0 or exceeds(document, depth - 1)


def test_brackets_within_strings_do_not_count() -> None:
    assert not exceeds(b'["[[[[", "\\"[[[[", "\\\\", "}{[["]', 1)


def _count(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_count, children))


@given(_VALUES, st.booleans())
def test_a_document_within_the_limit_of_values_is_never_refused(value: Any, ascii_only: bool) -> None:
    document = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert not exceeds_values(document, 2 * _count(value))


def test_many_values_are_told_by_their_commas_and_brackets() -> None:
    assert exceeds_values(b"[" + b",".join([b"[]"] * 50) + b"]", 90)
    assert exceeds_values(b"[" + b",".join([b"1"] * 50) + b"]", 40)
    assert not exceeds_values(b'["' + b",[{" * 500 + b'"]', 5)
