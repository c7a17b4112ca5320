"""What the machine of a listener allows; sizes in octets."""

from __future__ import annotations

from enum import Enum

import msgspec


class State(Enum):
    """How far a connection has come (RFC 1939 §3); the server sets it, and it decides which commands are read."""

    AUTHORIZATION = "AUTHORIZATION"
    TRANSACTION = "TRANSACTION"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long a line may be, with its end; how much may wait behind a command; and how many bad ones are borne."""

    line: int
    buffered: int
    errors: int


# RFC 2449 §4 has 255 octets for a command. RFC 5034 §4 has 12288 for a response, and initial ones of tokens are as long
# although they should not be; there is room for tokens of 12288 octets in Base64.
BEFORE_LOGIN = Limits(line=18_000, buffered=18_000, errors=10)
AFTER_LOGIN = Limits(line=255, buffered=16 * 1024, errors=100)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a listener behaves."""

    before_login: Limits = BEFORE_LOGIN
    after_login: Limits = AFTER_LOGIN
