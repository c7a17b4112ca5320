"""Reads parenthesised lists of IMAP responses (RFC 9051 §4.4), strictly."""

import re
from typing import Any

_TOKEN = re.compile(rb'\(|\)| |"((?:[^"\\\r\n\0]|\\["\\])*)"|\{([0-9]+)\}\r\n|([0-9]+)|(NIL)')


def read_list(octets: bytes) -> Any:
    """The value: lists, octets of strings, numbers, and None for NIL. Raises AssertionError where the form is wrong."""
    stack: list[list[Any]] = [[]]
    at = 0
    while at < len(octets):
        match = _TOKEN.match(octets, at)
        assert match is not None, octets[at : at + 40]
        at = match.end()
        quoted, length, number, nil = match.groups()
        if match[0] == b"(":
            stack.append([])
        elif match[0] == b")":
            assert len(stack) > 1
            done = stack.pop()
            stack[-1].append(done)
        elif quoted is not None:
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", quoted))
        elif length is not None:
            assert at + int(length) <= len(octets)
            stack[-1].append(octets[at : at + int(length)])
            at += int(length)
        elif number is not None or nil is not None:
            stack[-1].append(int(number) if number is not None else None)
    assert len(stack) == 1
    assert len(stack[0]) == 1
    return stack[0][0]
