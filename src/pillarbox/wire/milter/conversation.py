"""One connection to a filter: each thing that happens in an SMTP session is told, and its answer read.

Each method is a generator that yields None while it waits: then `data_to_send` is to be sent, and what comes is to be
given to `receive_data`. Its result is the filter's Decision.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any, TypeAlias

import msgspec

from pillarbox.wire.milter.answer import CONTINUE, Change, Decision, Way, body_piece, change_of, decision_of
from pillarbox.wire.milter.option import ALL_ACTIONS, Action, Agreed, Wish, agree, offer
from pillarbox.wire.milter.packet import MilterError, packet_to_bytes, read_packet, strings
from pillarbox.wire.reader import Reader

Macros: TypeAlias = Mapping[str, str]
Exchange: TypeAlias = Generator[None, Any, Decision]
_PIECE = 65_535  # octets of body in one packet: what filters of all versions take
_MOST_CHANGES = 2_000
_MOST_OCTETS = 4 << 20  # of all changes together, beside a body
_PROGRESS, _BODY = b"p", b"b"


class Outcome(msgspec.Struct, frozen=True):
    """What a filter says at the end of a message; `body` replaces the message's unless it is None."""

    decision: Decision
    changes: tuple[Change, ...] = ()
    body: bytes | None = None


class Conversation:
    """One connection's state; `max_body` bounds the octets of a body that a filter sends instead of the message's."""

    def __init__(self, max_body: int, actions: Action = ALL_ACTIONS) -> None:
        """`actions` is what a filter may do."""
        self._max_body, self._actions = max_body, actions
        self._reader = Reader()
        self._out = bytearray()
        self._agreed = Agreed(0, Action(0), Wish(0), {})

    def data_to_send(self) -> bytes:
        """What is to be sent now, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def receive_data(self, data: bytes) -> None:
        """Take what the filter sent; nothing means that it closed the connection."""
        if data:
            self._reader.feed(data)
        else:
            self._reader.feed_end()

    def negotiate(self) -> Generator[None, Any, None]:
        """Agree upon options. Raises MilterError, EndOfInput, as everything here."""
        self._out += offer(self._actions)
        packet = yield from read_packet(self._reader)
        if packet.command != b"O":
            raise MilterError("an answer to the offer that is none")
        self._agreed = agree(packet.data, self._actions)

    def connect(self, host_name: str, address: str, port: int, macros: Macros) -> Exchange:
        """A client has connected; the address is IPv4, IPv6, or "" for a socket of the file system."""
        family = b"6" if ":" in address else b"4" if address else b"U"
        data = strings(host_name) + family
        if address:
            shown = f"IPv6:{address}" if family == b"6" else address
            data += port.to_bytes(2, "big") + strings(shown)
        return self._tell(b"C", data, macros, Wish.NO_CONNECT, Wish.SILENT_CONNECT)

    def hello(self, name: str, macros: Macros) -> Exchange:
        """The client has said its name."""
        return self._tell(b"H", strings(name), macros, Wish.NO_HELLO, Wish.SILENT_HELLO)

    def sender(self, path: str, parameters: Iterable[str], macros: Macros) -> Exchange:
        """MAIL was given; the path is in angle brackets."""
        return self._tell(b"M", strings(path, *parameters), macros, Wish.NO_SENDER, Wish.SILENT_SENDER)

    def recipient(self, path: str, parameters: Iterable[str], macros: Macros) -> Exchange:
        """RCPT was given, and this server would take the recipient."""
        return self._tell(b"R", strings(path, *parameters), macros, Wish.NO_RECIPIENT, Wish.SILENT_RECIPIENT)

    def data(self, macros: Macros) -> Exchange:
        """DATA was given."""
        if self._agreed.version < 4:
            return _nothing()
        return self._tell(b"T", b"", macros, Wish.NO_DATA, Wish.SILENT_DATA)

    def message(
        self, fields: Iterable[tuple[bytes, bytes]], body: Iterable[bytes], macros: Macros
    ) -> Generator[None, Any, Outcome]:
        """The message: its header fields (name, and what follows the colon), and its body in pieces, with CRLF."""
        told = yield from self._fields(fields)
        if told.way is Way.CONTINUE:
            told = yield from self._tell(b"N", b"", {}, Wish.NO_END_OF_FIELDS, Wish.SILENT_END_OF_FIELDS)
        if told.way is Way.CONTINUE and not Wish.NO_BODY & self._agreed.wishes:
            told = yield from self._body(body)
        if told.way is not Way.CONTINUE:
            return Outcome(told)
        self._put(b"E", b"", macros)
        return (yield from self._end())

    def abort(self) -> None:
        """The message under way is given up, or done with before its end; the connection may have another one."""
        self._out += packet_to_bytes(b"A")

    def quit(self) -> None:
        """The conversation is over."""
        self._out += packet_to_bytes(b"Q")

    # --- parts of it

    def _fields(self, fields: Iterable[tuple[bytes, bytes]]) -> Exchange:
        keeps_space = bool(Wish.LEADING_SPACE & self._agreed.wishes)
        for name, value in fields:
            # Filters expect the folds of a value as LF alone.
            text = value.replace(b"\r\n", b"\n")
            if not keeps_space:
                text = text.removeprefix(b" ")
            told = yield from self._tell(b"L", strings(name, text), {}, Wish.NO_FIELDS, Wish.SILENT_FIELD)
            if told.way is not Way.CONTINUE:
                return told
        return CONTINUE

    def _body(self, body: Iterable[bytes]) -> Exchange:
        for piece in body:
            for at in range(0, len(piece), _PIECE):
                told = yield from self._tell(b"B", piece[at : at + _PIECE], {}, Wish(0), Wish.SILENT_BODY)
                if told.way is Way.SKIP:
                    return CONTINUE
                if told.way is not Way.CONTINUE:
                    return told
        return CONTINUE

    def _tell(self, command: bytes, data: bytes, macros: Macros, unwanted: Wish, silent: Wish) -> Exchange:
        if unwanted & self._agreed.wishes:
            return CONTINUE
        self._put(command, data, macros)
        if silent & self._agreed.wishes:
            return CONTINUE
        while True:
            packet = yield from read_packet(self._reader)
            if packet.command == _PROGRESS:
                continue
            decision = decision_of(packet)
            if decision is None:
                raise MilterError(f"the answer {packet.command!r} to {command!r}")
            return decision

    def _put(self, command: bytes, data: bytes, macros: Macros) -> None:
        chosen = self._agreed.macros.get(command)
        given = {name: value for name, value in macros.items() if chosen is None or name in chosen}
        if given:
            # A macro whose name is longer than one letter stands in braces.
            named = ((name if len(name) == 1 else f"{{{name}}}", value) for name, value in given.items())
            self._out += packet_to_bytes(b"D", command + strings(*(text for pair in named for text in pair)))
        self._out += packet_to_bytes(command, data)

    def _end(self) -> Generator[None, Any, Outcome]:
        changes: list[Change] = []
        body: bytearray | None = None
        octets = 0  # of changes
        keeps_space = bool(Wish.LEADING_SPACE & self._agreed.wishes)
        while True:
            packet = yield from read_packet(self._reader)
            if (decision := decision_of(packet)) is not None:
                return Outcome(decision, tuple(changes), bytes(body) if body is not None else None)
            if packet.command == _BODY:
                body = bytearray() if body is None else body
                body += body_piece(packet, self._agreed.actions)
            elif packet.command != _PROGRESS:
                changes.append(change_of(packet, self._agreed.actions, has_leading_space=keeps_space))
            octets += len(packet.data) if packet.command != _BODY else 0
            if len(changes) > _MOST_CHANGES or octets > _MOST_OCTETS or len(body or b"") > self._max_body:
                raise MilterError("more changes than a message can have")


def _nothing() -> Exchange:
    yield from ()
    return CONTINUE
