"""The made-up mail: repeatable, well formed, threaded, and worded like a language."""

import email
import re
from collections import Counter
from datetime import UTC, datetime
from email import policy
from random import Random

import pytest

from bench.corpus import Corpus, date, encoded_word, wrapped
from bench.vocabulary import Vocabulary

RANDOM = Random(1)
CORPUS = Corpus(1, "dora@example.org")
MAIL = list(CORPUS.messages(0, 120))


def test_a_message_depends_on_seed_and_number_only() -> None:
    assert Corpus(1, "dora@example.org").message(77) == MAIL[77]
    assert Corpus(2, "dora@example.org").message(77) != MAIL[77]


def test_every_message_is_well_formed() -> None:
    for octets in MAIL:
        assert b"\n" not in octets.replace(b"\r\n", b"")
        assert max(map(len, octets.split(b"\r\n"))) <= 998
        message = email.message_from_bytes(octets, policy=policy.default)  # noqa: TID251 -- see above
        assert [part.defects for part in message.walk() if part.defects] == []
        assert message["To"] == "dora@example.org"
        assert message["Message-ID"]


def test_the_mail_is_of_all_kinds_and_charsets() -> None:
    text = b"".join(MAIL).lower()
    for wanted in (b"multipart/alternative", b"application/pdf", b"text/html", b"iso-8859-1", b"base64", b"=?utf-8?b?"):
        assert wanted in text


def test_a_reply_names_the_earlier_messages_of_its_thread() -> None:
    number = next(number for number in range(120) if len(CORPUS.place(number).earlier) >= 2)
    place = CORPUS.place(number)
    head = MAIL[number].split(b"\r\n\r\n")[0].decode().replace("\r\n ", " ")
    references = " ".join(CORPUS.message_id(earlier) for earlier in place.earlier)
    assert f"\r\nReferences: {references}\r\n" in head
    assert f"\r\nIn-Reply-To: {CORPUS.message_id(place.earlier[-1])}\r\n" in head
    assert place.earlier[0] == place.thread


def test_the_members_of_a_thread_have_one_subject() -> None:
    subjects: dict[int, set[bytes]] = {}
    for number, octets in enumerate(MAIL):
        found = re.search(rb"\r\nSubject: (?:Re: )?([^\r]*)", octets)
        assert found
        subjects.setdefault(CORPUS.place(number).thread, set()).add(found[1])
    assert all(len(found) == 1 for found in subjects.values())


def test_words_are_as_frequent_as_their_rank_says() -> None:
    vocabulary = Vocabulary(1)
    counted = Counter(vocabulary.pick(RANDOM, 40_000))
    first, tenth = (counted[vocabulary.words[at]] for at in (0, 9))
    assert 7 < first / tenth < 13


def test_searched_words_stand_in_some_messages_and_not_in_most() -> None:
    documents = [set(re.findall(r"[a-z]+", octets.decode("latin-1").lower())) for octets in CORPUS.messages(0, 400)]
    hits = [sum(word in document for document in documents) for word in Vocabulary(1).searched(RANDOM, 60)]
    assert max(hits) < 400 * 0.1
    assert sum(hits) / len(hits) > 400 * 0.002


@pytest.mark.parametrize("moment", [0, 951_782_400, 1_709_164_800, 1_735_689_599, 4_107_542_400])
def test_dates_are_those_of_the_calendar(moment: int) -> None:
    assert date(moment) == datetime.fromtimestamp(moment, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")


def test_long_lines_are_broken_at_spaces_only() -> None:
    text = " ".join(["word"] * 60) + "\r\n" + "x" * 100
    assert wrapped(text).replace("\r\n", " ") == text.replace("\r\n", " ")
    assert all(len(line) <= 72 or " " not in line for line in wrapped(text).split("\r\n"))


def test_an_encoded_word_has_at_most_75_characters() -> None:
    assert all(len(word) <= 75 for word in encoded_word("漢" * 100).split("\r\n "))
