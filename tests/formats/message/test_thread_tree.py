"""THREAD's algorithms: the examples of RFC 5256, and what crafted mail might do to them."""

import random
import re

import pytest

from pillarbox.formats.message import thread_tree
from pillarbox.formats.message.thread_tree import Message, by_ordered_subject, by_references, by_refs, to_text

MANY = 10_000


def mail(number: int, subject: str = "", id: str | None = None, *references: str, at: int | None = None) -> Message:
    moment = number if at is None else at
    return Message(number, moment, moment, subject, id, references)


def numbers(text: str) -> list[int]:
    return sorted(int(word) for word in re.findall(r"\d+", text))


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([], ""),
        ([mail(1, "a", "1")], "(1)"),
        ([mail(1, "a", "1"), mail(2, "b", "2", "1")], "(1 2)"),
        ([mail(1, "a", "1", at=5), mail(2, "b", "2", at=3)], "(2)(1)"),
        # RFC 5256 §4: "(2)(3 6 (4 23)(44 7 96))"
        (
            [
                mail(2, "two", "2"),
                mail(3, "three", "3"),
                mail(6, "", "6", "3"),
                mail(4, "", "4", "3", "6"),
                mail(23, "", "23", "4", at=9),
                mail(44, "", "44", "6", at=10),
                mail(7, "", "7", "44", at=11),
                mail(96, "", "96", "7"),
            ],
            "(2)(3 6 (4 23)(44 7 96))",
        ),
        # Two answers to a message that is not here.
        ([mail(3, "x", "3", "0"), mail(5, "y", "5", "0")], "((3)(5))"),
        ([mail(3, "x", "3", "0")], "(3)"),
        ([mail(1, "a", "1"), mail(2, "a", "2", "1", "missing")], "(1 2)"),
        # By subject: an answer goes below what it answers, equals below nobody.
        ([mail(1, "plan"), mail(2, "Re: plan")], "(1 2)"),
        ([mail(1, "Re: plan"), mail(2, "plan")], "(2 1)"),
        ([mail(1, "plan"), mail(2, "plan"), mail(3, "Re: plan")], "((1)(2)(3))"),
        (
            [mail(1, "plan", "1"), mail(3, "x", "3", "0"), mail(5, "y", "5", "0"), mail(7, "Re: x", "7")],
            "(1)((3)(5)(7))",
        ),
        ([mail(1, ""), mail(2, "")], "(1)(2)"),
        # A second message of one id is one without.
        ([mail(1, "a", "1"), mail(2, "b", "1"), mail(3, "c", "3", "1")], "(1 3)(2)"),
        # Who names itself, and who names each other: the later word about oneself counts, and no ring is closed.
        ([mail(1, "a", "1", "1")], "(1)"),
        ([mail(1, "a", "1", "2"), mail(2, "b", "2", "1")], "(2 1)"),
        ([mail(1, "a", "a"), mail(2, "b", "b", "a", "c"), mail(3, "c", "c", "b")], "(1)(3 2)"),
        # What others said of a message is of no more account once it is here.
        ([mail(1, "a", "a", "x", "b"), mail(2, "b", "b", "y"), mail(3, "y", "y")], "(3 2 1)"),
    ],
)
def test_references_makes_trees(messages: list[Message], text: str) -> None:
    assert to_text(by_references(messages)) == text


def test_refs_leaves_subjects_out_and_puts_last_what_something_came_to_last() -> None:
    messages = [mail(1, "plan", "1"), mail(2, "other", "2"), mail(3, "plan", "3"), mail(4, "x", "4", "1")]
    assert to_text(by_refs(messages)) == "(2)(3)(1 4)"


def test_ordered_subject_puts_all_below_the_first_of_their_subject() -> None:
    messages = [mail(4, "Re: a", at=1), mail(2, "[list] A", at=2), mail(3, "b", at=0), mail(1, "fwd: a", at=3)]
    assert to_text(by_ordered_subject(messages)) == "(3)(4 (2)(1))"


CRAFTED = {
    "chain": [mail(n, "s", f"m{n}", f"m{n - 1}") for n in range(1, MANY)],
    "chain from its end": [mail(n, "s", f"m{n}", f"m{n - 1}") for n in range(MANY, 0, -1)],
    "chain of what is not here": [
        mail(n, f"s{n}", f"m{n}", *[f"x{n + k}" for k in range(50)]) for n in range(1, MANY // 10)
    ],
    "one subject": [mail(n, "Re: " * (n % 2) + "same") for n in range(1, MANY)],
    "children that change their parent": [mail(n, "s", f"a{n}", "p", f"b{n}") for n in range(1, MANY)]
    + [mail(MANY + n, "s", f"b{n}", "q") for n in range(1, MANY)],
    "branches at the bottom of a chain": [mail(n, f"s{n}", f"m{n}", f"m{n - 1}") for n in range(1, MANY)]
    + [mail(MANY + n, f"t{n}", f"z{n}", f"x{n}", f"y{n}") for n in range(1, MANY)]
    + [mail(2 * MANY + n, f"u{n}", f"x{n}", f"m{MANY - 1}") for n in range(1, MANY)],
}


@pytest.mark.parametrize("name", CRAFTED)
@pytest.mark.parametrize("algorithm", [by_references, by_refs, by_ordered_subject])
def test_whatever_messages_claim_each_is_told_once(name: str, algorithm: object) -> None:
    messages = CRAFTED[name]
    assert numbers(to_text(algorithm(messages))) == sorted(m.number for m in messages)  # type: ignore[operator]


def test_a_chain_as_long_as_a_mailbox_is_one_thread() -> None:
    assert to_text(by_references(CRAFTED["chain"])) == f"({' '.join(str(n) for n in range(1, MANY))})"


def test_looking_for_rings_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_tree, "_MOST_STEPS", 50)
    messages = [mail(n, f"s{n}", f"m{n}", f"m{n - 1}") for n in range(1, 100)]
    messages += [mail(100, "t", "y", "x"), mail(101, "u", "x", "m99")]
    # 101 has a child, and asking whether 99 stands below it would be a walk of 99 steps: it stands for itself.
    assert to_text(by_references(messages)) == f"({' '.join(str(n) for n in range(1, 100))})(101 100)"


def test_random_claims_never_lose_nor_double_a_message() -> None:
    chance = random.Random(7)
    for _ in range(300):
        ids = [f"i{n}" for n in range(8)]
        messages = [
            Message(n, chance.randrange(5), n, chance.choice(["a", "Re: a", "b", ""]), chance.choice([*ids, None]),
                    [chance.choice(ids) for _ in range(chance.randrange(4))])
            for n in range(1, 12)
        ]  # fmt: skip
        for algorithm in (by_references, by_refs, by_ordered_subject):
            assert numbers(to_text(algorithm(messages))) == list(range(1, 12))
