from __future__ import annotations

from typing import Any

import pytest

from pillarbox.core.dns import Answer, Lookup, Question, Status, ask, ask_all, drive, together

_ZONE = {
    Question("a.example", "A"): Answer(Status.FOUND, ("192.0.2.1",)),
    Question("a.example", "CNAME"): Answer(Status.FOUND, ("b.example",)),
    Question("b.example", "A"): Answer(Status.FOUND, ("192.0.2.2",)),
}


def _answer(question: Question) -> Answer:
    return _ZONE.get(question, Answer(Status.NO_NAME))


def _alias(name: str) -> Lookup[tuple[str, ...]]:
    target = yield from ask(name, "CNAME")
    found = yield from ask(target.texts()[0] if target.records else name, "A")
    return found.texts()


def test_a_lookup_is_driven_to_its_result() -> None:
    assert drive(_alias("a.example"), _answer) == ("192.0.2.2",)


def test_lookups_together_ask_at_the_same_time_and_keep_their_order() -> None:
    rounds: list[tuple[Question, ...]] = []

    def watched() -> Lookup[tuple[Any, ...]]:
        lookup = together(ask("b.example", "A"), _alias("a.example"), _nothing())
        questions = next(lookup)
        while True:
            rounds.append(questions)
            answers = yield questions
            try:
                questions = lookup.send(answers)
            except StopIteration as end:
                result: tuple[Any, ...] = end.value
                return result

    b, alias, nothing = drive(watched(), _answer)
    assert [len(questions) for questions in rounds] == [2, 1]
    assert (b.texts(), alias, nothing) == (("192.0.2.2",), ("192.0.2.2",), "no question")


def test_a_lookup_that_fails_ends_those_beside_it() -> None:
    closed: list[str] = []

    def patient() -> Lookup[None]:
        try:
            yield from ask("never.example", "A")
            yield from ask("again.example", "A")
        finally:
            closed.append("patient")

    def broken() -> Lookup[None]:
        yield from ask("a.example", "A")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        drive(together(patient(), broken()), _answer)
    assert closed == ["patient"]


def test_no_questions_need_no_answer() -> None:
    assert drive(ask_all(), _answer) == ()


def _nothing() -> Lookup[str]:
    yield from ()
    return "no question"
