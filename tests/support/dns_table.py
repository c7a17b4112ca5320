"""The DNS as a table: what tests of lookups are answered with, and what they asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pillarbox.core.dns import Answer, Lookup, Question, Record, Status, T, drive


class Table:
    """Answers by `name TYPE`: records, or a status. Other names do not exist; other types of known ones have no data.

    `asked` lists what was asked, in order, as `name TYPE`.
    """

    def __init__(self, answers: Mapping[str, Sequence[Record] | Status]) -> None:
        self.answers = answers
        self.names = {key.partition(" ")[0] for key in answers}
        self.asked: list[str] = []

    def __call__(self, question: Question) -> Answer:
        key = f"{question.name} {question.type}"
        self.asked.append(key)
        found = self.answers.get(key)
        if isinstance(found, Status):
            return Answer(found)
        if found:
            return Answer(Status.FOUND, tuple(found))
        return Answer(Status.NO_DATA if question.name in self.names else Status.NO_NAME)

    def run(self, lookup: Lookup[T]) -> T:
        """The result of a lookup."""
        return drive(lookup, self)
