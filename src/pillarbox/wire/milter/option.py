"""What both sides agree upon at the start: what the filter may change, and what it wants to be told."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag

import msgspec

from pillarbox.wire.milter.packet import MilterError, packet_to_bytes

VERSION = 6
_OLDEST = 2
_MOST_MACROS = 200


class Action(IntFlag):
    """What a filter may do to a message at its end."""

    ADD_FIELDS = 0x01
    CHANGE_BODY = 0x02
    ADD_RECIPIENTS = 0x04
    REMOVE_RECIPIENTS = 0x08
    CHANGE_FIELDS = 0x10
    QUARANTINE = 0x20
    CHANGE_SENDER = 0x40
    ADD_RECIPIENTS_WITH_PARAMETERS = 0x80
    CHOOSE_MACROS = 0x100


class Wish(IntFlag):
    """What a filter does not want to be told (NO_...), and what it does not answer (SILENT_...)."""

    NO_CONNECT = 0x01
    NO_HELLO = 0x02
    NO_SENDER = 0x04
    NO_RECIPIENT = 0x08
    NO_BODY = 0x10
    NO_FIELDS = 0x20
    NO_END_OF_FIELDS = 0x40
    SILENT_FIELD = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    SKIP = 0x400
    SILENT_CONNECT = 0x1000
    SILENT_HELLO = 0x2000
    SILENT_SENDER = 0x4000
    SILENT_RECIPIENT = 0x8000
    SILENT_DATA = 0x10000
    SILENT_UNKNOWN = 0x20000
    SILENT_END_OF_FIELDS = 0x40000
    SILENT_BODY = 0x80000
    LEADING_SPACE = 0x100000


# All of the above but recipients that were refused (0x800), which are not told.
_OFFERED = sum(Wish)
ALL_ACTIONS = Action(sum(Action))
# The numbers under which a filter chooses macros: the letter of the command before which they are sent.
_STAGES = (b"C", b"H", b"M", b"R", b"T", b"E", b"N")


class Agreed(msgspec.Struct, frozen=True):
    """What was agreed; `macros` holds the names that a filter chose, by the letter of the command."""

    version: int
    actions: Action
    wishes: Wish
    macros: Mapping[bytes, frozenset[str]]


def offer(actions: Action = ALL_ACTIONS) -> bytes:
    """Our packet: what this server can do."""
    return packet_to_bytes(b"O", b"".join(int(n).to_bytes(4, "big") for n in (VERSION, actions, _OFFERED)))


def agree(data: bytes, offered: Action = ALL_ACTIONS) -> Agreed:
    """What the filter's answer means. Raises MilterError for what was not offered."""
    if len(data) < 12:
        raise MilterError("an answer to the offer that is too short")
    version, actions, wishes = (int.from_bytes(data[at : at + 4], "big") for at in (0, 4, 8))
    if not _OLDEST <= version <= VERSION:
        raise MilterError(f"version {version} of the protocol")
    # Bits for sizes of body pieces (0x10000000, 0x20000000) were not offered; some filters set them all the same.
    unknown = wishes & ~_OFFERED & ~0x30000000
    if actions & ~int(offered) or unknown:
        raise MilterError(f"options that were not offered: {actions:#x}, {wishes:#x}")
    return Agreed(version, Action(actions), Wish(wishes & _OFFERED), _chosen_macros(data[12:]))


def _chosen_macros(data: bytes) -> dict[bytes, frozenset[str]]:
    chosen: dict[bytes, frozenset[str]] = {}
    while data:
        stage, (names, ended, rest) = int.from_bytes(data[:4], "big"), data[4:].partition(b"\0")
        if len(data) < 5 or not ended or stage >= len(_STAGES):
            raise MilterError("a choice of macros that cannot be read")
        found = names.decode("ascii", "replace").replace(",", " ").split()
        chosen[_STAGES[stage]] = frozenset(name.strip("{}") for name in found[:_MOST_MACROS])
        data = rest
    return chosen
