"""What a filter answers: how to go on, and what to change in a message."""

from __future__ import annotations

import re
from enum import Enum
from typing import TypeAlias

import msgspec

from pillarbox.wire.milter.option import Action
from pillarbox.wire.milter.packet import MilterError, Packet, split_strings

_FIELD_NAME = re.compile(rb"[!-9;-~]{1,200}\Z")
_REPLY = re.compile(rb"([45][0-9]{2})[ -]([45]\.[0-9]{1,3}\.[0-9]{1,3})?[ ]?(.*)\Z", re.DOTALL)
_NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")
_LINE_BREAK = re.compile(rb"\r\n|\r|\n")
_LONGEST_TEXT = 900


class Way(Enum):
    """How to go on."""

    CONTINUE = b"c"
    ACCEPT = b"a"  # the filter has seen enough: of the message, or before one, of the connection
    REJECT = b"r"
    TEMPFAIL = b"t"
    DISCARD = b"d"  # say yes, and keep nothing
    REPLY = b"y"
    CONNECTION_FAILED = b"f"
    SHUTDOWN = b"4"
    SKIP = b"s"  # no more of the body, please


class Decision(msgspec.Struct, frozen=True):
    """How to go on; for REPLY with what to say."""

    way: Way
    code: int = 0
    enhanced: str = ""
    text: str = ""


CONTINUE = Decision(Way.CONTINUE)


class AddField(msgspec.Struct, frozen=True):
    """A header field more: at the end, or before the field at `index` (0 is the top). Folded with CRLF."""

    name: bytes
    value: bytes
    index: int | None = None


class ChangeField(msgspec.Struct, frozen=True):
    """Another value for the field of this name, the first being 1; an empty value takes it away."""

    name: bytes
    index: int
    value: bytes


class ChangeSender(msgspec.Struct, frozen=True):
    """Another reverse-path, with its parameters, as they stand in MAIL."""

    path: str
    parameters: str = ""


class AddRecipient(msgspec.Struct, frozen=True):
    """A further recipient."""

    path: str
    parameters: str = ""


class RemoveRecipient(msgspec.Struct, frozen=True):
    """A recipient less."""

    path: str


class Quarantine(msgspec.Struct, frozen=True):
    """Keep the message away from the reader, for this reason."""

    reason: str


Change: TypeAlias = AddField | ChangeField | ChangeSender | AddRecipient | RemoveRecipient | Quarantine
_NEEDS = {
    b"h": Action.ADD_FIELDS,
    b"i": Action.ADD_FIELDS,
    b"m": Action.CHANGE_FIELDS,
    b"e": Action.CHANGE_SENDER,
    b"+": Action.ADD_RECIPIENTS,
    b"2": Action.ADD_RECIPIENTS_WITH_PARAMETERS,
    b"-": Action.REMOVE_RECIPIENTS,
    b"b": Action.CHANGE_BODY,
    b"q": Action.QUARANTINE,
}


def decision_of(packet: Packet) -> Decision | None:
    """How the filter wants to go on; None when the packet does not say so. Raises MilterError."""
    try:
        way = Way(packet.command)
    except ValueError:
        return None
    if way is not Way.REPLY:
        return Decision(way)
    lines = packet.data.rstrip(b"\0").splitlines() or [b""]
    found = _REPLY.match(lines[0])
    if found is None:
        raise MilterError("a reply that is neither 4xx nor 5xx")
    texts = [m[3] for line in lines if (m := _REPLY.match(line)) is not None]
    text = _printable(b" ".join(texts))
    return Decision(way, int(found[1]), (found[2] or b"").decode(), text)


def body_piece(packet: Packet, agreed: Action) -> bytes:
    """The next octets of a body that replaces the message's. Raises MilterError."""
    _check_agreed(packet, agreed)
    return packet.data


def change_of(packet: Packet, agreed: Action, *, has_leading_space: bool) -> Change:
    """What the packet changes. Raises MilterError when it is no change, or one that was not agreed upon."""
    _check_agreed(packet, agreed)
    command, data = packet.command, packet.data
    if command in b"him":
        return _field_change(command, data, has_leading_space=has_leading_space)
    if command == b"q":
        return Quarantine(_printable(split_strings(data, 1)[0]))
    return _envelope_change(command, data)


def _check_agreed(packet: Packet, agreed: Action) -> None:
    need = _NEEDS.get(packet.command)
    if need is None:
        raise MilterError(f"the answer {packet.command!r} at the end of a message")
    if not need & agreed:
        raise MilterError(f"a change that was not agreed upon: {packet.command!r}")


def _field_change(command: bytes, data: bytes, *, has_leading_space: bool) -> Change:
    index = 0
    if command in b"im":
        index, data = int.from_bytes(data[:4], "big"), data[4:]
    name, value = split_strings(data, 2)
    if not _FIELD_NAME.match(name):
        raise MilterError("a header field with a name that cannot be one")
    value = _folded(value)
    if value and not has_leading_space:
        value = b" " + value
    if command == b"m":
        return ChangeField(name, max(index, 1), value if value.strip() else b"")
    return AddField(name, value, index if command == b"i" else None)


def _folded(value: bytes) -> bytes:
    """The value with CRLF where it is folded. A line that does not go on with a space would be another field."""
    lines = _LINE_BREAK.split(value.rstrip(b"\r\n"))
    if any(not line.strip(b" \t") or line[:1] not in (b" ", b"\t") for line in lines[1:]):
        raise MilterError("a value with a line that is no continuation")
    return b"\r\n".join(lines)


def _envelope_change(command: bytes, data: bytes) -> Change:
    parts = [part.decode("utf-8", "replace") for part in data.rstrip(b"\0").split(b"\0")]
    if len(parts) > 2 or any(_NOT_PRINTABLE.search(part) for part in parts):
        raise MilterError("an address that cannot be one")
    path, parameters = parts[0], parts[1] if len(parts) == 2 else ""
    if command == b"e":
        return ChangeSender(path, parameters)
    return RemoveRecipient(path) if command == b"-" else AddRecipient(path, parameters)


def _printable(text: bytes) -> str:
    return _NOT_PRINTABLE.sub(" ", text.rstrip(b"\0").decode("utf-8", "replace"))[:_LONGEST_TEXT].strip()
