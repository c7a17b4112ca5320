import base64
import hashlib
import re
from itertools import pairwise

import pytest
from dkim.canonicalization import CanonicalizationPolicy
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.mailauth.body_digest import BodyDigests, pieces_of

# Octets that the forms treat specially come often, alone and in company.
_TOKENS = st.sampled_from(
    [b" ", b"\t", b"\r\n", b"\n", b"\r", b"a", b"bc", b"\r\n\r\n", b"  ", b" \r\n", b"\x0b", b"\xff"]
)
_WORDS = st.lists(st.sampled_from([b" ", b"\t", b"a", b"bc", b"  ", b"\xff"]), max_size=8)
_BODIES = st.lists(_TOKENS, max_size=30).map(b"".join)


def digest(pieces: list[bytes], *, is_relaxed: bool, limit: int | None = None) -> bytes:
    digests = BodyDigests([(is_relaxed, limit)])
    digests.read(pieces)
    return digests.digest(is_relaxed=is_relaxed, limit=limit)


def plainly(body: bytes, *, is_relaxed: bool) -> bytes:
    """The form as RFC 6376 §3.4.3 and §3.4.4 say it, one rule after the other."""
    lines = re.sub(rb"(?<!\r)\n", b"\r\n", body).split(b"\r\n")
    if is_relaxed:
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines) or (b"" if is_relaxed else b"\r\n")


@given(body=_BODIES, cuts=st.lists(st.integers(0, 60), max_size=6), is_relaxed=st.booleans())
def test_a_body_has_its_form_however_it_is_cut_into_pieces(body: bytes, cuts: list[int], is_relaxed: bool) -> None:
    edges = [0, *sorted(cuts), len(body) + 60]
    pieces = [body[start:end] for start, end in pairwise(edges)]
    form = plainly(body, is_relaxed=is_relaxed)
    assert digest(pieces, is_relaxed=is_relaxed) == hashlib.sha256(form).digest()


@given(lines=st.lists(_WORDS.map(b"".join)), is_relaxed=st.booleans())
def test_dkimpy_makes_the_same_form_of_lines(lines: list[bytes], is_relaxed: bool) -> None:
    body = b"".join(line + b"\r\n" for line in lines)
    policy = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed" if is_relaxed else b"simple/simple")
    theirs = policy.canonicalize_body(body)
    assert digest([body], is_relaxed=is_relaxed) == hashlib.sha256(theirs).digest()


@pytest.mark.parametrize(
    ("is_relaxed", "value"),
    [(False, "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="), (True, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")],
)
def test_an_empty_body_has_the_digest_of_rfc_6376(is_relaxed: bool, value: str) -> None:
    assert base64.b64encode(digest([], is_relaxed=is_relaxed)).decode() == value
    assert base64.b64encode(digest([b"\r\n", b"\r\n\r\n"], is_relaxed=is_relaxed)).decode() == value


def test_a_limit_counts_octets_of_the_form_and_the_length_is_that_of_all() -> None:
    digests = BodyDigests([(True, 3), (True, None), (False, 3), (True, 0)])
    digests.read([b"a  ", b" b\r\n\r\n"])
    assert digests.digest(is_relaxed=True, limit=3) == hashlib.sha256(b"a b").digest()
    assert digests.digest(is_relaxed=True, limit=None) == hashlib.sha256(b"a b\r\n").digest()
    assert digests.digest(is_relaxed=False, limit=3) == hashlib.sha256(b"a  ").digest()
    assert digests.digest(is_relaxed=True, limit=0) == hashlib.sha256().digest()
    assert digests.length(is_relaxed=True) == 5
    assert digests.length(is_relaxed=False) == 7


@pytest.mark.parametrize("unit", [b" ", b"\t", b"\r\n", b"\r", b"\n", b" \r\n", b"\r \t", b"x"])
def test_bodies_of_one_thing_repeated_have_their_form(unit: bytes) -> None:
    body = unit * 400_000
    for is_relaxed in (False, True):
        form = hashlib.sha256(plainly(body + b"end", is_relaxed=is_relaxed)).digest()
        assert digest([*pieces_of(body, 0), b"end"], is_relaxed=is_relaxed) == form
        form = hashlib.sha256(plainly(body, is_relaxed=is_relaxed)).digest()
        assert digest(list(pieces_of(body, 0)), is_relaxed=is_relaxed) == form
