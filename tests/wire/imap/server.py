"""A server of a few lines for the tests: it notes the commands, and answers each with OK."""

from __future__ import annotations

from pillarbox.wire.imap.command import Authenticate, Command, Idle
from pillarbox.wire.imap.message_command import Append, Message, Replace
from pillarbox.wire.imap.options import Options, State
from pillarbox.wire.imap.session import Asked, Session


class Spool:
    """A sink in memory."""

    def __init__(self) -> None:
        self.octets = b""
        self.is_discarded = False

    def write(self, data: bytes) -> None:
        assert not self.is_discarded
        assert data
        self.octets += data

    def discard(self) -> None:
        self.is_discarded = True

    def __repr__(self) -> str:
        return f"Spool({self.octets!r}, {self.is_discarded})"


class Server:
    """Drives a session; for IDLE and AUTHENTICATE it asks for one line more."""

    def __init__(self, state: State = State.SELECTED, *, is_utf8: bool = False, **options: object) -> None:
        self.spools: list[Spool] = []
        self.commands: list[Command] = []
        self.lines: list[bytes] = []
        self.session = Session(Options(**options), self._open)  # type: ignore[arg-type]
        self.session.state = state
        self.session.is_utf8 = is_utf8
        self._tag = ""

    def say(self, data: bytes) -> bytes:
        """Sends octets; what is answered to them."""
        self.session.receive_data(data)
        while (event := self.session.next_event()) is not None:
            if isinstance(event, Asked):
                self.commands.append(event.command)
                self._tag = event.tag
                if isinstance(event.command, Authenticate | Idle):
                    self.session.ask_line(b"go on")
                    continue
            else:
                self.lines.append(event.data)
            self.session.send(f"{self._tag} OK done\r\n".encode())
            self.session.finish()
        return self.session.data_to_send()

    def _open(self) -> Spool:
        self.spools.append(Spool())
        return self.spools[-1]


def parsed(text: str | bytes, state: State = State.SELECTED, *, is_utf8: bool = False) -> Command:
    """The command that a line means, without its tag."""
    server = Server(state, is_utf8=is_utf8)
    answer = server.say(b"a " + (text.encode() if isinstance(text, str) else text) + b"\r\n")
    assert answer.endswith(b"a OK done\r\n"), answer
    assert len(server.commands) == 1
    return server.commands[0]


def refused(text: str | bytes, state: State = State.SELECTED, *, is_utf8: bool = False) -> str:
    """How a line is refused: the answer without its tag."""
    server = Server(state, is_utf8=is_utf8)
    answer = server.say(b"a " + (text.encode() if isinstance(text, str) else text) + b"\r\n")
    assert not server.commands, server.commands
    assert answer.startswith((b"a BAD ", b"a NO "))
    return answer.decode()[2:].rstrip()


def contents(message: Message) -> list[object]:
    """The parts of a message, with the octets of those that came."""
    return [part.octets if isinstance(part, Spool) else part for part in message.parts]


def appended(command: Command) -> list[list[object]]:
    """The contents of the messages of a command."""
    assert isinstance(command, Append | Replace)
    messages = command.messages if isinstance(command, Append) else (command.message,)
    return [contents(message) for message in messages]
