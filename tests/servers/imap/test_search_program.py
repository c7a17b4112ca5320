r"""Searches against the same program evaluated one message after the other, on every engine; \Deleted ones too."""

import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.imap import concordances, text_search
from pillarbox.servers.imap.concordances import Concordances
from pillarbox.servers.imap.image import Images
from pillarbox.servers.imap.ledger import Ledgers
from pillarbox.servers.imap.search_program import Scene, Search
from pillarbox.servers.imap.sheet import Sheets
from pillarbox.servers.imap.text_search import as_phrase
from pillarbox.services.mail.flag import expunge, set_deleted
from pillarbox.storage.store import Store
from pillarbox.wire.imap import search_key as k
from pillarbox.wire.imap.sequence_set import STAR, SequenceSet
from tests.directory_fixture import SetClock
from tests.support.engine import ENGINES, opener
from tests.support.mail_house import House

WORDS = ("harbour", "Hafen", "plan", "planet", "Äpfel", "apfel", "b_ue", "o'clock", "the", "会議")
NAMES = ("Ann Onymous", "Bob", "Zoë Müller", "harbour master")
DOMAINS = ("example.org", "harbour.example", "a-b.example")
KEYWORDS = ("$seen", "$flagged", "$forwarded", "b_ue")
FIELDS = ("from", "to", "cc", "bcc", "subject")
DAY_MS = 86_400_000


class Mail(NamedTuple):
    """A message as it was made: what a search may ask of it."""

    uid: int
    item: str
    thread: str
    modseq: int
    saved_at: int
    size: int
    received: int
    flags: frozenset[str]
    fields: dict[str, str]
    sent: date | None
    lines: list[str]
    body: str


@pytest.fixture(params=ENGINES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with opener(request, tmp_path, clock=SetClock()) as open_store:
        store: Store = open_store()
        assert isinstance(store.clock, SetClock)
        yield House(store, store.clock)


def make(chance: random.Random, number: int) -> tuple[dict[str, str], date | None, list[str], str, bytes]:
    def person() -> str:
        address = f"{chance.choice(('ann', 'bob.b', 'zoe+x'))}@{chance.choice(DOMAINS)}"
        return f"{chance.choice(NAMES)} <{address}>" if chance.random() < 0.7 else address

    fields = {"from": person(), "message-id": f"<m{number}.{chance.choice('ab')}@{chance.choice(DOMAINS)}>"}
    for name in ("to", "cc", "bcc"):
        if chance.random() < 0.6:
            fields[name] = ", ".join(person() for _ in range(chance.randrange(1, 3)))
    if chance.random() < 0.9:
        fields["subject"] = " ".join(chance.sample(WORDS, chance.randrange(4)))
    if chance.random() < 0.3:
        fields["references"] = f"<m{chance.randrange(9)}.a@example.org> <other@example.org>"
    if chance.random() < 0.4:
        fields["x-odd"] = " ".join(chance.sample(WORDS, 2))
    lines = [f"{name.title()}: {value}" for name, value in fields.items()]
    sent = None
    if chance.random() < 0.9:
        sent = date(2023, 11, 24) + timedelta(days=chance.randrange(-2, 3))
        clock = f"{chance.choice((0, 11, 23)):02}:59:59 {chance.choice(('+0000', '-1200', '+1400', '+0530'))}"
        lines.append(f"Date: {sent.day} Nov 2023 {clock}")
    between = chance.choice((" ", " ", "\r\n", ", ", "-", "."))
    body = between.join(chance.choices(WORDS, k=chance.randrange(8)))
    lines.append("Content-Type: text/plain; charset=utf-8")
    return fields, sent, lines, body, "\r\n".join([*lines, "", body, ""]).encode()


def fill(house: House, chance: random.Random, count: int = 40) -> list[Mail]:
    """Messages in two mailboxes, some deleted, some gone; what the inbox holds."""
    made: dict[str, Any] = {}
    for number in range(count):
        fields, sent, lines, body, data = make(chance, number)
        words = dict.fromkeys(chance.sample(KEYWORDS, chance.randrange(3)), True)
        received = 1_700_784_000_000 + chance.choice((-1, 0, 1, DAY_MS - 1, DAY_MS, 5 * DAY_MS))
        boxes = chance.choice((["inbox"], ["inbox"], ["inbox", "archive"], ["archive"]))
        house.clock.forward(seconds=chance.choice((0, 1, 86_400)))
        made[house.add(data, *boxes, keywords=words, received_ms=received)] = fields, sent, lines, body
    ids = list(made)
    house.store.write(lambda tx: set_deleted(tx, "a1", house.box["inbox"], chance.sample(ids, 12), on=True))
    house.store.write(lambda tx: expunge(tx, "a1", house.box["inbox"], ids[:8]))
    rows = house.store.read(lambda view: view.memberships("a1", house.box["inbox"]))
    return [
        Mail(
            row.uid, row.item, row.group_id, row.modseq, row.saved_at, row.size, row.sort_key,
            frozenset(row.words.split()) | ({"\\deleted"} if row.is_deleted else set()), *made[row.item],
        )
        for row in rows
    ]  # fmt: skip


def plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in folded if not unicodedata.combining(c)).split())


def words_of(text: str) -> list[str]:
    spaced = "".join(f" {c} " if "\u4e00" <= c <= "\u9fff" else c if c.isalnum() else " " for c in plain(text))
    return spaced.split()


def has_phrase(text: str, needle: str) -> bool:
    """The words of the needle side by side; the last may go on if it has four letters at the end of the needle."""
    wanted, words = words_of(needle), words_of(text)
    may_go_on = re.search(r"[^\W_]{4}\s*\Z", needle) is not None
    for at in range(len(words) - len(wanted) + 1):
        part = words[at : at + len(wanted)]
        if part == wanted or (may_go_on and part[:-1] == wanted[:-1] and part[-1].startswith(wanted[-1])):
            return bool(wanted)
    return False


def has_piece(mail: Mail, name: str, needle: str) -> bool:
    return name in mail.fields and plain(needle) in plain(mail.fields[name])


def has_text(mail: Mail, place: str, needle: str) -> bool:
    if not needle.strip():
        return True
    if place not in {"body", "text"}:
        return has_piece(mail, place, needle)
    parts = [mail.body, *(mail.lines if place == "text" else ())]
    return any(plain(needle) in plain(part) for part in parts)


def has_words(mail: Mail, place: str, needle: str) -> bool:
    parts = [mail.body, *(mail.fields.get(name, "") for name in FIELDS)]
    if place != "text":
        parts = [mail.body if place == "body" else mail.fields.get(place, "")]
    return all(any(has_phrase(part, word) for part in parts) for word in needle.split())


def compared(value: Any, relation: str, other: Any) -> bool:
    return bool(value < other if relation == "<" else value >= other if relation == ">=" else value == other)


def holds(  # noqa: C901 -- a row for each key
    key: k.SearchKey, mail: Mail, known: list[int], saved: list[int], now: int
) -> bool:
    match key:
        case k.Every(keys):
            return all(holds(one, mail, known, saved, now) for one in keys)
        case k.Either(first, second):
            return holds(first, mail, known, saved, now) or holds(second, mail, known, saved, now)
        case k.Not(inner):
            return not holds(inner, mail, known, saved, now)
        case k.Fuzzy(k.Text(place, text)):
            return has_text(mail, place, text) or has_words(mail, place, text)
        case k.Fuzzy(inner):
            return holds(inner, mail, known, saved, now)
        case k.Numbers(numbers, is_uid):
            if numbers.is_saved:
                return mail.uid in saved
            number = mail.uid if is_uid else known.index(mail.uid) + 1 if mail.uid in known else 0
            top = known[-1] if is_uid else len(known)
            return any(min(a or top, b or top) <= number <= max(a or top, b or top) for a, b in numbers.ranges)
        case k.HasFlag(flag):
            return flag.lower().replace("\\", "\\" if flag.lower() == "\\deleted" else "$") in mail.flags
        case k.Recent():
            return False
        case k.SaveDateSupported():
            return True
        case k.Text(place, text):
            return has_text(mail, place, text)
        case k.Header(name, text):
            return has_piece(mail, name.lower(), text)
        case k.Dated("sent", relation, day):
            return mail.sent is not None and compared(mail.sent, relation, day)
        case k.Dated(which, relation, day):
            moment = mail.saved_at if which == "saved" else mail.received
            return compared(datetime.fromtimestamp(moment / 1000, UTC).date(), relation, day)
        case k.Within(is_older, seconds):
            limit = now - seconds * 1000
            return mail.received <= limit if is_older else mail.received >= limit
        case k.Sized(is_larger, octets):
            return mail.size > octets if is_larger else mail.size < octets
        case k.ModSeq(modseq):
            return mail.modseq >= modseq
        case k.ObjectId(which, id):
            return id == (mail.item if which == "email" else mail.thread)
        case _:
            raise AssertionError(key)


NEEDLES = (
    *WORDS, "HARBOUR", "arbou", "plan", "pla", "harb", "n@exa", "bob.b@harbour", "<ann@", "Müller <zoe", "zoe muller",
    "", " ", "harbour plan", "plan plan", "the", "th", "会", "議", "absent", "o'cl", "example.org", "example.or",
    "plan*", '"plan"', "lan", "lan pl", "our, ha", "b-b", ".", "-", "X-Odd: ", "example>", "charset=UTF", "e", "ä",
)  # fmt: skip


def leaf(chance: random.Random, mails: list[Mail]) -> k.SearchKey:
    mail = chance.choice(mails)
    needle, day = chance.choice(NEEDLES), date(2023, 11, 24) + timedelta(days=chance.randrange(-3, 7))
    relation = chance.choice(("<", "=", ">="))
    first, last = chance.randrange(1, 40), chance.choice((STAR, chance.randrange(1, 60)))
    many = SequenceSet(tuple((n, n + 1) for n in range(1, 90, 4)))
    return chance.choice((
        k.Text(chance.choice((*FIELDS, "body", "text", "text")), needle),
        k.Text("text", needle),
        k.Header(chance.choice(("From", "Subject", "Message-ID", "References", "CC")), needle),
        k.Header("X-Odd", chance.choice(("", "plan", "arbou", "absent"))),
        k.Fuzzy(k.Text(chance.choice(("subject", "text", "body")), chance.choice(("plan harbour", "the planet")))),
        k.Fuzzy(k.HasFlag("\\Seen")),
        k.HasFlag(chance.choice(("\\Seen", "\\FLAGGED", "\\Deleted", "$Forwarded", "B_UE", "b%ue", "\\Answered"))),
        k.Numbers(chance.choice((SequenceSet(((first, last),)), many)), is_uid=True),
        k.Numbers(chance.choice((SequenceSet(((first, last),)), SequenceSet(((1, STAR),)), many)), is_uid=False),
        k.Numbers(SequenceSet(is_saved=True), is_uid=False),
        k.Dated(chance.choice(("internal", "sent", "saved")), relation, day),
        k.Within(chance.random() < 0.5, chance.choice((1, DAY_MS // 1000, 3 * DAY_MS // 1000))),
        k.Sized(chance.random() < 0.5, mail.size),
        k.ModSeq(mail.modseq),
        k.ObjectId("email", mail.item),
        k.ObjectId("thread", mail.thread),
        k.Recent(),
        k.SaveDateSupported(),
        k.Every(()),
    ))  # fmt: skip


def program(chance: random.Random, mails: list[Mail], depth: int = 3) -> k.SearchKey:
    kind = chance.random()
    if depth == 0 or kind < 0.3:
        return leaf(chance, mails)
    if kind < 0.5:
        return k.Not(program(chance, mails, depth - 1))
    if kind < 0.75:
        return k.Either(program(chance, mails, depth - 1), program(chance, mails, depth - 1))
    return k.Every(tuple(program(chance, mails, depth - 1) for _ in range(chance.randrange(1, 4))))


def search(house: House, key: k.SearchKey, **more: Any) -> list[int]:
    images, sheets = more.pop("images", None) or Images(), more.pop("sheets", None) or Sheets()
    words, ledgers = more.pop("words", None) or Concordances(), more.pop("ledgers", None) or Ledgers()

    def body(view: Any) -> list[int]:
        image = images.now(view, "a1", house.box["inbox"])
        return list(Search(view, Scene("a1", house.box["inbox"], image, sheets, words, ledgers, **more)).run(key))

    return house.store.read(body)


@pytest.mark.parametrize("seed", range(4))
def test_a_program_finds_what_it_finds_one_by_one(house: House, seed: int) -> None:
    chance = random.Random(seed)
    mails = fill(house, chance)
    images, sheets, words, ledgers = Images(), Sheets(), Concordances(), Ledgers()
    # The client has not heard yet of those that are gone, nor of the last one.
    known = list(range(1, mails[-1].uid))
    saved = chance.sample(known, 9)
    now = house.clock.now_ms()
    for _ in range(250):
        key = program(chance, mails)
        wanted = [mail.uid for mail in mails[:-1] if holds(key, mail, known, saved, now)]
        found = search(house, key, known=known, saved=saved, images=images, sheets=sheets, words=words, ledgers=ledgers)
        assert [uid for uid in found if uid in known] == wanted, key


def test_the_star_is_the_highest_number_that_the_client_knows(house: House) -> None:
    mails = fill(house, random.Random(1))
    known = [mail.uid for mail in mails][:-2]
    star = SequenceSet(((STAR, STAR),))
    assert search(house, k.Numbers(star, is_uid=True), known=known) == [known[-1]]
    assert search(house, k.Numbers(star, is_uid=False), known=known) == [known[-1]]
    assert search(house, k.Numbers(SequenceSet(((9_999, STAR),)), is_uid=True), known=known) == [
        mail.uid for mail in mails if mail.uid >= known[-1]
    ]


def test_in_an_empty_mailbox_every_program_finds_nothing(house: House) -> None:
    mails = fill(house, random.Random(1))
    for kind in (k.Numbers(SequenceSet(((1, STAR),)), is_uid=False), k.Numbers(SequenceSet(((1, 5),)), is_uid=True)):
        assert search_in(house, "junk", kind) == []
    chance = random.Random(2)
    for _ in range(40):
        assert search_in(house, "junk", program(chance, mails)) == []


def search_in(house: House, box: str, key: k.SearchKey) -> list[int]:
    def body(view: Any) -> list[int]:
        image = Images().now(view, "a1", house.box[box])
        return list(Search(view, Scene("a1", house.box[box], image, Sheets(), Concordances(), Ledgers())).run(key))

    return house.store.read(body)


def test_the_longest_program_is_answered(house: House) -> None:
    mails = fill(house, random.Random(3), count=20)
    deep: k.SearchKey = k.HasFlag("\\Seen")
    for level in range(99):
        sizes = tuple(k.Sized(is_larger=True, octets=level * 20 + n) for n in range(18))
        deep = k.Either(k.Not(deep), k.Every(sizes)) if level % 2 else k.Every((*sizes, k.Not(deep)))
    wide = k.Every(tuple(k.Not(k.HasFlag(f"flag{n}")) for n in range(1_999)))
    texts = k.Every(tuple(k.Not(k.Text("from", f"nobody{n}")) for n in range(1_999)))
    for key in (deep, wide, texts):
        assert search(house, key) == [mail.uid for mail in mails if holds(key, mail, [], [], 0)]


@pytest.mark.parametrize(
    "make_key",
    [
        lambda n: k.Text("body", f"word{n}"),
        lambda n: k.Fuzzy(k.Text("text", f"word{n}")),
        lambda n: k.Header(f"X-{n}", ""),
    ],
)
def test_what_would_read_too_much_is_refused(house: House, make_key: Callable[[int], k.SearchKey]) -> None:
    key = k.Every(tuple(k.Not(make_key(n)) for n in range(101)))
    with pytest.raises(Fault) as refused:
        search(house, key)
    assert refused.value.kind is Kind.REQUEST_TOO_LARGE


def test_more_tests_than_a_search_may_cost_are_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    mails = fill(house, random.Random(3), count=20)
    monkeypatch.setattr("pillarbox.servers.imap.search_program._MOST_TESTS", 10 * len(mails))
    keys = tuple(k.Sized(is_larger=True, octets=n) for n in range(10))
    assert search(house, k.Every(keys)) == [mail.uid for mail in mails]
    with pytest.raises(Fault):
        search(house, k.Every((*keys, k.HasFlag("\\Seen"))))


def test_in_a_vast_mailbox_fields_are_searched_by_words(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    mails = fill(house, random.Random(5))
    monkeypatch.setattr("pillarbox.servers.imap.search_program.MOST_ROWS", 10)
    for place in ("subject", "text", "from"):
        found = search(house, k.Text(place, "harbour"))
        parts = FIELDS if place == "text" else (place,)
        assert found == [
            mail.uid
            for mail in mails
            if any(has_phrase(mail.fields.get(name, ""), "harbour") for name in parts)
            or (place == "text" and has_phrase(mail.body, "harbour"))
        ]
    assert search(house, k.Text("subject", "arbou")) == []


def in_house(house: House, *bodies: str) -> None:
    for body in bodies:
        house.add(f"Subject: none\r\nX-Odd: odd one\r\n\r\n{body}\r\n".encode(), "inbox")


def test_a_text_that_too_many_may_have_is_searched_by_words(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_search, "_MOST_COMPARED", 3)
    in_house(house, "tall ships", "tall, ships", "ships tall ships", "tall men", "a tall shipshape", "tallships")
    assert search(house, k.Text("body", "all sh")) == [], "four have the words, and words have no middle"
    assert search(house, k.Text("body", "tall ships")) == [1, 2, 3, 5], "the last word may go on"
    assert search(house, k.Text("body", "ll shipsh")) == [5], "one has the words"
    assert search(house, k.Text("text", "dd one")) == []
    assert search(house, k.Text("text", "odd")) == [1, 2, 3, 4, 5, 6]


def test_what_no_words_can_answer_is_refused_when_it_is_too_much(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    in_house(house, "one!!", "two!", "three ...")
    assert search(house, k.Text("body", "!!")) == [1]
    monkeypatch.setattr(text_search, "_MOST_TESTS", 5)
    assert search(house, k.Text("body", "!!")) == [1]
    with pytest.raises(Fault) as refused:
        search(house, k.Either(k.Text("body", "!!"), k.Text("body", "...")))
    assert refused.value.kind is Kind.REQUEST_TOO_LARGE


def test_what_one_search_has_not_read_is_searched_by_words_and_found_whole_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concordances, "MOST_READ", 2)
    in_house(house, "harbour", "my harbour", "harbour", "none", "a harbour")
    words = Concordances()
    middle, whole = (k.Text("body", text) for text in ("arbou", "harbour"))
    assert search(house, middle) == [1, 2]
    assert search(house, whole) == [1, 2, 3, 5]
    assert [search(house, middle, words=words) for _ in range(4)] == [[1, 2], [1, 2, 3], [1, 2, 3, 5], [1, 2, 3, 5]]

    def is_whole(view: Any) -> bool:
        box = house.box["inbox"]
        one = Search(view, Scene("a1", box, Images().now(view, "a1", box), Sheets(), words, Ledgers()))
        one.run(middle)
        return one.is_whole

    assert house.store.read(is_whole)
    words = Concordances()
    assert not house.store.read(is_whole)


def test_large_messages_are_read_where_their_text_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pillarbox.servers.imap.message_text._WHOLE", 10)
    part = "\r\n--b\r\nContent-Type: {}\r\n\r\n{}"
    parts = (("text/plain", "pale green"), ("image/png", "x" * 5_000), ("text/html", "<p>deep blue</p>"))
    body = "".join(part.format(*each) for each in parts)
    house.add(f"Content-Type: multipart/mixed; boundary=b\r\n{body}\r\n--b--\r\n".encode(), "inbox")
    for text in ("ale gree", "eep bl", "multipart/mix", "image/png"):
        assert search(house, k.Text("text", text)) == [1]
    assert search(house, k.Text("text", "xxx")) == []


def test_a_field_whose_ids_cannot_be_read_is_there_all_the_same(house: House) -> None:
    for value in ("<a@b>", "no id at all", "<>"):
        house.add(f"References: {value}\r\n\r\nx\r\n".encode(), "inbox")
    house.add(b"Subject: none\r\n\r\nx\r\n", "inbox")
    assert search(house, k.Header("References", "")) == [1, 2, 3]
    assert search(house, k.Header("references", "a@")) == [1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bob@exa", '"bob@exa"'),
        ("harb", '"harb"*'),
        ("the", '"the"'),
        ('a "quoted\\" text', '"a  quoted   text"*'),
        ("x.y ", '"x.y"'),
    ],
)
def test_a_text_becomes_a_phrase_that_may_go_on(text: str, words: str) -> None:
    assert as_phrase(text) == words
