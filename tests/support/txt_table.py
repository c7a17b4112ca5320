"""The DNS as a table of TXT records."""

from __future__ import annotations

from pillarbox.core.dns import Answer, Lookup, Question, Status, T, drive


class TxtTable:
    """Answers by name; what is not in it is no name. With `is_up` False nothing is answered."""

    def __init__(self, records: dict[str, list[bytes]]) -> None:
        self.records = records
        self.is_up = True

    async def ask(self, question: Question) -> Answer:
        return self.answer(question)

    async def run(self, lookup: Lookup[T], seconds: float | None = None) -> T:
        return drive(lookup, self.answer)

    def answer(self, question: Question) -> Answer:
        if not self.is_up:
            return Answer(Status.FAILED)
        found = self.records.get(question.name)
        return Answer(Status.FOUND, tuple(found)) if found else Answer(Status.NO_NAME)
