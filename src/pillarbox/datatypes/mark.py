"""Marks that a record's property can bear: what a client may do with it, and what the store must keep of it.

A mark is written around the type, `email: Immutable[str]`, and marks nest.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, TypeVar

T = TypeVar("T")


class Mark(Enum):
    """What is special about a property."""

    IMMUTABLE = "set by the client on create, never changed (RFC 8620 §1.3)"
    SERVER_SET = "set by the server; a client may only repeat it (RFC 8620 §1.3)"
    COUNTER = "server-set, and changes so often that /changes tells it apart (RFC 8621 §2.2)"
    COMPUTED = "never stored: the rules work it out when it is asked for"
    INTERNAL = "stored, never shown and never set by a client; changing it alone is no change to anybody"
    WRITE_ONLY = "set by a client, turned into something else by the rules, never shown"
    INDEXED = "found by value"
    REFERENCE = "holds ids, as a value, a list or the keys of a map; creation ids are resolved in it"
    BLOB = "holds blob ids; what it names is kept"


Immutable = Annotated[T, Mark.IMMUTABLE]
ServerSet = Annotated[T, Mark.SERVER_SET]
Counter = Annotated[T, Mark.COUNTER, Mark.SERVER_SET]
Computed = Annotated[T, Mark.COMPUTED, Mark.SERVER_SET]
Internal = Annotated[T, Mark.INTERNAL]
WriteOnly = Annotated[T, Mark.WRITE_ONLY]
Indexed = Annotated[T, Mark.INDEXED]
Reference = Annotated[T, Mark.REFERENCE]
BlobRef = Annotated[T, Mark.BLOB, Mark.INDEXED]
