"""A server of a few lines for the tests: it notes the commands, and answers each with +OK."""

from __future__ import annotations

from pillarbox.wire.pop3.command import Auth, Command, Pass
from pillarbox.wire.pop3.options import Options, State
from pillarbox.wire.pop3.reply import ok
from pillarbox.wire.pop3.session import Asked, Session


class Server:
    """Drives a session; AUTH is asked for one line more, and PASS logs in."""

    def __init__(self, state: State = State.TRANSACTION, options: Options | None = None) -> None:
        self.commands: list[Command] = []
        self.lines: list[bytes] = []
        self.session = Session(options)
        self.session.state = state

    def say(self, data: bytes) -> bytes:
        """Sends octets; what is answered to them."""
        self.session.receive_data(data)
        while (event := self.session.next_event()) is not None:
            if isinstance(event, Asked):
                self.commands.append(event.command)
                if isinstance(event.command, Auth):
                    self.session.ask_line(b"go on")
                    continue
                if isinstance(event.command, Pass):
                    self.session.state = State.TRANSACTION
            else:
                self.lines.append(event.data)
            self.session.send(ok("done"))
            self.session.finish()
        return self.session.data_to_send()


def parsed(text: str | bytes, state: State = State.TRANSACTION) -> Command:
    """The command that a line means."""
    server = Server(state)
    server.say((text.encode() if isinstance(text, str) else text) + b"\r\n")
    assert len(server.commands) == 1
    return server.commands[0]


def refused(text: str | bytes, state: State = State.TRANSACTION) -> str:
    """How a line is refused."""
    server = Server(state)
    answer = server.say((text.encode() if isinstance(text, str) else text) + b"\r\n")
    assert not server.commands, server.commands
    assert answer.startswith(b"-ERR ")
    assert answer.endswith(b"\r\n")
    return answer.decode()[5:-2]
