"""UIDONLY: which commands count messages by number, and are refused once a client goes by UIDs alone (RFC 9586 §3)."""

from __future__ import annotations

from pillarbox.servers.imap.done import Done, bad
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap.search_key import Either, Every, Fuzzy, Not, Numbers, SearchKey

_BY_NUMBER = (m.Fetch, m.Store, m.Copy, m.Replace, m.Search, m.Sort, m.Thread)


def refusal(command: c.Command) -> Done | None:
    """The answer to a command that uses message numbers, or would be answered with some; None for any other."""
    if is_by_number(command) or _has_numbers(command):
        return bad("Message numbers are off: use UIDs", "UIDREQUIRED")
    return None


def is_by_number(command: c.Command) -> bool:
    """Whether the messages that a command is about, or that it finds, are counted by number."""
    return isinstance(command, _BY_NUMBER) and not command.is_uid


def _has_numbers(command: c.Command) -> bool:
    if isinstance(command, m.Search | m.Sort | m.Thread):
        return _names_numbers(command.key)
    return isinstance(command, c.Select) and command.resync is not None and command.resync.match is not None


def _names_numbers(key: SearchKey) -> bool:
    """Whether a search program names messages by number. Its depth is bounded where it is read."""
    match key:
        case Numbers():
            return not key.is_uid and not key.set.is_saved
        case Every():
            return any(map(_names_numbers, key.keys))
        case Either():
            return _names_numbers(key.first) or _names_numbers(key.second)
        case Not() | Fuzzy():
            return _names_numbers(key.key)
        case _:
            return False
