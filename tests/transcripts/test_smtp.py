from pathlib import Path
from typing import Any

import pytest

from tests.transcripts.transcript import read_transcript
from tests.wire.smtp.server import Server

FILES = sorted((Path(__file__).parent / "smtp").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_server_answers_turn_by_turn(path: Path) -> None:
    transcript = read_transcript(path)
    options: dict[str, Any] = {name: int(value) for name, value in transcript.options.items()}
    machine = Server(smtp=True, **options)
    for turn in transcript.turns:
        assert machine.say(turn.client).decode() == turn.server.decode()
    assert machine.session.is_closed


def test_there_are_transcripts() -> None:
    assert len(FILES) > 5
