from pathlib import Path
from typing import Any

import pytest

from tests.transcripts.transcript import read_transcript
from tests.wire.smtp.server import Server

FILES = sorted((Path(__file__).parent / "lmtp").glob("*.txt"))


def server(options: dict[str, str]) -> Server:
    values: dict[str, Any] = {name: int(value) for name, value in options.items()}
    return Server(**values)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_server_answers_turn_by_turn(path: Path) -> None:
    transcript = read_transcript(path)
    machine = server(transcript.options)
    for turn in transcript.turns:
        assert machine.say(turn.client).decode() == turn.server.decode()
    assert machine.session.is_closed


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7], ids=lambda size: f"pieces of {size}" if size else "all at once")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_division_of_the_input_changes_nothing(path: Path, size: int) -> None:
    transcript = read_transcript(path)
    machine = server(transcript.options)
    client = transcript.client
    answer = machine.say(b"")
    for start in range(0, len(client), size or len(client)):
        answer += machine.say(client[start : start + (size or len(client))])
    assert answer.decode() == transcript.server.decode()
