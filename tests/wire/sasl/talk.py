"""Plays the peer and whoever checks claims: runs a machine over given answers, and tells what it said."""

from collections.abc import Sequence
from typing import Any

from pillarbox.wire.sasl.step import Machine, Step

OVER = object()


def talk(machine: Machine, answers: Sequence[Any] = ()) -> list[Step | object]:
    """What the machine says, each answered by the next; `OVER` stands for its end."""
    said: list[Step | object] = []
    for answer in (None, *answers):
        try:
            said.append(machine.send(answer))
        except StopIteration:
            return [*said, OVER]
    return said
