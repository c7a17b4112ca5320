"""Made-up but realistic mail: threads, plain text, HTML, attachments, several charsets, the headers of a real path.

Message number n is a pure function of the seed and n, so that a box of any size can be made, resumed and compared.
"""

import base64
import quopri
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from bench.vocabulary import Vocabulary, accented, japanese

BLOCK = 8  # so many messages in sequence share one to five threads
START = 1_700_000_000  # the Date of message 0, in seconds of the epoch
EVERY = 311  # seconds from message to message
DAYS = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
KINDS = ("plain", "alternative", "html", "attachment")
WEIGHTS = (45, 35, 10, 10)


@dataclass(frozen=True)
class Place:
    """Where a message stands in its conversation."""

    thread: int  # the number of the thread's first message
    earlier: tuple[int, ...]  # the numbers of the messages before it


class Corpus:
    """Endless mail of one seed, addressed to `recipient`."""

    def __init__(self, seed: int = 1, recipient: str = "bench@example.org") -> None:
        self.seed = seed
        self.recipient = recipient
        self.vocabulary = Vocabulary(seed)
        random = Random(f"people {seed}")
        names = [self.vocabulary.words[random.randint(50, 3000)] for _ in range(800)]
        self.people = [
            (f"{a.title()} {b.title()}", f"{a}.{b}@example.net") for a, b in zip(names, names[400:], strict=False)
        ]

    def messages(self, first: int, count: int) -> Iterator[bytes]:
        """Messages number `first` and on."""
        return (self.message(number) for number in range(first, first + count))

    def message(self, number: int) -> bytes:
        """One message, with CRLF line ends."""
        random = Random(f"{self.seed} {number}")
        place = self.place(number)
        kind = random.choices(KINDS, WEIGHTS)[0]
        fields = [*self.path_fields(random, number), *self.thread_fields(number, place)]
        content = self.content(random, kind)
        return "\r\n".join(fields).encode() + b"\r\nMIME-Version: 1.0\r\n" + content

    def place(self, number: int) -> Place:
        """Which thread a message belongs to: drawn for each block of BLOCK messages at once."""
        block, offset = divmod(number, BLOCK)
        random = Random(f"threads {self.seed} {block}")
        labels = random.choices(range(random.randint(1, 5)), k=BLOCK)
        members = tuple(block * BLOCK + at for at in range(BLOCK) if labels[at] == labels[offset])
        return Place(members[0], members[: members.index(number)])

    def message_id(self, number: int) -> str:
        """The Message-ID of a message."""
        return f"<{number}.{self.seed}.bench@mail.example.net>"

    def thread_fields(self, number: int, place: Place) -> Iterator[str]:
        """Subject and what ties a message to its thread."""
        random = Random(f"subject {self.seed} {place.thread}")
        subject = " ".join(self.vocabulary.pick(random, random.randint(2, 7))).capitalize()
        if random.random() < 0.1:
            subject = encoded_word(accented(subject) if random.random() < 0.7 else japanese(random, 12))
        yield f"Subject: {'Re: ' if place.earlier else ''}{subject}"
        yield f"Message-ID: {self.message_id(number)}"
        if place.earlier:
            yield f"In-Reply-To: {self.message_id(place.earlier[-1])}"
            yield "References: " + "\r\n ".join(self.message_id(earlier) for earlier in place.earlier)

    def path_fields(self, random: Random, number: int) -> Iterator[str]:
        """The fields that the way of a message leaves, and its addresses and date."""
        moment = START + number * EVERY
        for hop in range(random.randint(1, 3)):
            relay = f"mx{random.randint(1, 9)}.example.net"
            identifier = f"{random.getrandbits(48):x}"
            yield f"Received: from {relay} (192.0.2.{hop + 1})\r\n\tby mx.example.org with ESMTPS id {identifier};"
            yield f"\t{date(moment + hop)}"
        signature = base64.b64encode(random.randbytes(192)).decode()
        yield "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=a1;\r\n\th=from:to:subject:date;"
        yield "\tb=" + "\r\n\t ".join(signature[at : at + 70] for at in range(0, len(signature), 70))
        name, address = random.choice(self.people)
        yield f"From: {name} <{address}>"
        others = [f"{name} <{address}>" for name, address in random.sample(self.people, random.choice((0, 0, 0, 1, 2)))]
        yield f"To: {self.recipient}"
        if others:
            yield "Cc: " + ",\r\n ".join(others)
        if random.random() < 0.15:
            yield f"List-Id: <{self.vocabulary.words[random.randint(100, 140)]}.lists.example.net>"
        yield f"Date: {date(moment)}"

    def content(self, random: Random, kind: str) -> bytes:
        """The fields and the body of the content."""
        text = "\r\n\r\n".join(self.vocabulary.paragraph(random) for _ in range(random.choice((1, 1, 2, 3, 5, 9))))
        if random.random() < 0.12:
            text = accented(text) if random.random() < 0.7 else japanese(random, 400)
        if kind == "plain":
            return text_part(random, text, "plain")
        if kind == "html":
            return text_part(random, html(text), "html")
        boundary = f"=_{random.getrandbits(80):x}"
        both = (text_part(random, text, "plain"), text_part(random, html(text), "html"))
        if kind == "alternative":
            return multipart("alternative", boundary, both)
        return multipart("mixed", boundary, (both[0], attachment(random, self.vocabulary.pick(random, 1)[0])))


def multipart(subtype: str, boundary: str, parts: tuple[bytes, ...]) -> bytes:
    """A multipart of parts that hold their own fields."""
    line = b"--" + boundary.encode()
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'.encode()
    return head + b"".join(line + b"\r\n" + part for part in parts) + line + b"--\r\n"


def text_part(random: Random, text: str, subtype: str) -> bytes:
    """A text part in a charset and encoding that can hold the text."""
    if text.isascii():
        charset, encoding = "us-ascii", "7bit"
    elif max(text) < "Ā":
        charset, encoding = random.choice(("iso-8859-1", "utf-8")), "quoted-printable"
    else:
        charset, encoding = random.choice(("utf-8", "iso-2022-jp")), "base64"
    octets = wrapped(text).encode(charset, "replace")
    if encoding == "quoted-printable":
        octets = quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    elif encoding == "base64":
        octets = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    head = f"Content-Type: text/{subtype}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + octets.rstrip(b"\r\n") + b"\r\n"


def attachment(random: Random, name: str) -> bytes:
    """A PDF of 2 to 60 kB, by its name only."""
    data = base64.encodebytes(random.randbytes(random.randint(2_000, 60_000))).replace(b"\n", b"\r\n")
    head = f"Content-Type: application/pdf; name={name}.pdf\r\nContent-Disposition: attachment; filename={name}.pdf\r\n"
    return head.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + data


def html(text: str) -> str:
    """The text as a page with some of the weight that HTML mail has."""
    style = '<style type="text/css">p { margin: 0 0 1em; font: 14px/1.4 sans-serif } .f { color: #888 }</style>'
    paragraphs = "".join(f'<p class="t">{paragraph}</p>\r\n' for paragraph in text.split("\r\n\r\n"))
    foot = '<p class="f"><a href="https://example.net/unsubscribe">Unsubscribe</a></p>'
    return f"<html><head>{style}</head>\r\n<body>\r\n{paragraphs}{foot}</body></html>"


def wrapped(text: str, width: int = 72) -> str:
    """The text in lines of about `width` characters, broken at spaces."""
    lines: list[str] = []
    for line in text.split("\r\n"):
        start = 0
        while len(line) - start > width and (end := line.rfind(" ", start, start + width)) > start:
            lines.append(line[start:end])
            start = end + 1
        lines.append(line[start:])
    return "\r\n".join(lines)


def encoded_word(text: str) -> str:
    """RFC 2047 §2, cut so that each word keeps to 75 characters."""
    pieces = (text[at : at + 15] for at in range(0, len(text), 15))
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(piece.encode()).decode()}?=" for piece in pieces)


def date(moment: int) -> str:
    """RFC 5322 §3.3, in UTC, without the locale and without a call into the C library."""
    days, seconds = divmod(moment, 86_400)
    shifted = days + 719_468  # days since 0000-03-01
    era, day_of_era = divmod(shifted, 146_097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month, year = (month + 3, year) if month < 10 else (month - 9, year + 1)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{DAYS[days % 7]}, {day:02} {MONTHS[month - 1]} {year + era * 400} {clock} +0000"
