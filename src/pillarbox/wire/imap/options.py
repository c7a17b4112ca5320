"""What the machine of a listener allows; sizes in octets."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

import msgspec


class State(Enum):
    """How far a connection has come (RFC 9051 §3); the server sets it, and it decides which commands are read."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"


class Sink(Protocol):
    """Where the octets of a message go as they come."""

    def write(self, data: bytes) -> None:
        """Take the next octets."""

    def discard(self) -> None:
        """Forget all: the message is refused or broken off. Not called after the command was handed over."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How big a command may be: its lines, its literals but messages, all of it; and how many bad ones are borne.

    `swallowed` is how much of a pushed literal (`{n+}`) that is too big is read over, to keep the connection.
    """

    line: int
    literal: int
    command: int
    literals: int
    errors: int
    swallowed: int


# What LOGIN needs is small; ID may have 30 fields of 30 and values of 1024 octets (RFC 2971 §3.3).
BEFORE_LOGIN = Limits(line=36 * 1024, literal=4096, command=37 * 1024, literals=10, errors=10, swallowed=64 * 1024)
AFTER_LOGIN = Limits(
    line=64 * 1024, literal=128 * 1024, command=512 * 1024, literals=1000, errors=100, swallowed=1 << 30
)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a listener behaves.

    `max_message` is for a message of APPEND, `max_append` for all messages of one command, `max_messages` for their
    number and that of their parts. While a command runs, so many octets as `max_buffered` may wait behind it.
    """

    max_message: int = 50 * 1024 * 1024
    max_append: int = 200 * 1024 * 1024
    max_messages: int = 100
    max_buffered: int = 256 * 1024
    before_login: Limits = BEFORE_LOGIN
    after_login: Limits = AFTER_LOGIN
