"""Random conversations with the IMAP machine: however the octets are divided, answers, commands and messages are one.

Whatever a client sends, each line of the answer is a continuation, a tagged one, or `* BAD` or `* BYE`.
"""

from __future__ import annotations

import contextlib
import random
import re

from pillarbox.wire.imap.options import Limits, State
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.search_syntax import stored_program
from tests.wire.imap.server import Server

_TIGHT = Limits(line=300, literal=40, command=500, literals=4, errors=12, swallowed=200)
_ANSWER = re.compile(rb"\+ (?:Ready|go on)|\* (?:BAD|BYE) [ -~]+|[!-~]{1,256} (?:OK done|(?:NO|BAD) [ -~]+)")
_COMMANDS = [
    b"NOOP",
    b"ID NIL",
    b'ID ("name" "x" "os" NIL)',
    b"LOGIN u p",
    b"LOGIN {1+}\r\nu {2+}\r\np\xe9",
    b"LOGIN {1}\r\nu {1}\r\np",
    b"AUTHENTICATE PLAIN AHUAcA==",
    b"AUTHENTICATE SCRAM-SHA-256\r\nbiws",
    b"STARTTLS",
    b"ENABLE CONDSTORE IMAP4rev2",
    b"SELECT inbox (CONDSTORE)",
    b"SELECT INBOX (QRESYNC (1 2 1:5 (1,2 3,4)))",
    b"SELECT &AOk-",
    b"SELECT R&D",
    b'LIST (SUBSCRIBED) "" (a% {2+}\r\n*b) RETURN (CHILDREN STATUS (MESSAGES UNSEEN))',
    b'LIST "" * RETURN (METADATA (/shared/a /private/b))',
    b"STATUS x (UIDNEXT HIGHESTMODSEQ)",
    b"IDLE\r\nDONE",
    b"UID FETCH 5,7:* (FLAGS UID BODY.PEEK[1.HEADER.FIELDS (From {2+}\r\nTo)]<0.5>) (CHANGEDSINCE 0 VANISHED)",
    b"FETCH $ FULL",
    b"FETCH 1 (BINARY.SIZE[1.2] PREVIEW (LAZY))",
    b"UID STORE 1 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen $x)",
    b"UID MOVE 1:5 Trash",
    b"UID EXPUNGE 1:4294967295",
    b'SEARCH RETURN (MIN COUNT) CHARSET UTF-8 OR (SEEN NOT FROM "x") SINCE 1-Feb-2024 UID 5',
    b"SEARCH NOT NOT NOT (FUZZY (BODY {3+}\r\n{3}))",
    b"UID SEARCH RETURN (PARTIAL -1:-5) MODSEQ 5",
    b"SORT (REVERSE DATE) UTF-8 ALL",
    b"THREAD REFS UTF-8 ALL",
    b"ESEARCH IN (subtree (a b) personal) SEEN",
    b"APPEND INBOX (\\Seen) {5+}\r\nhello",
    b'APPEND {5+}\r\nINBOX "17-Jul-1996 02:44:25 -0700" {5}\r\nhello ~{3+}\r\n\0\0\0',
    b"APPEND x CATENATE (URL /a TEXT {3+}\r\nabc UTF8 (~{1}\r\n\0))",
    b"APPEND INBOX {4+}\r\na\0bc",
    b"APPEND INBOX {60}",
    b"APPEND INBOX {60+}\r\n" + b"z LOGOUT\r\n" * 6,
    b"UID REPLACE 5 Drafts {3+}\r\nnew",
    b"SETMETADATA x (/shared/a ~{2+}\r\n\0\r /private/b NIL)",
    b"GETMETADATA (DEPTH infinity) x /shared",
    b"SETACL x y +lrs",
    b'SETQUOTA "" (STORAGE 5)',
    b"NOTIFY SET STATUS (selected (MessageNew (UID) MessageExpunge)) (subtree a (MailboxName))",
    b"UIDBATCHES 5 1:2",
    b"SEARCH RETURN (COUNT UPDATE (UID BODY[HEADER.FIELDS ({1+}\r\nA)])) FUZZY (SEEN)",
    b"GETJMAPACCESS",
    b"SELECT {50+}\r\n" + b"y LOGOUT\r\n" * 5,
    b"SELECT {500+}\r\n",
    b"SELECT " + b"x" * 310,
    b"SEARCH BODY " + b"x" * 310 + b" {10+}\r\ny LOGOUT\r\n",
    b"FROB",
    b"GET / HTTP/1.1",
]
_NOISE = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"(",
    b")",
    b'"',
    b"\\",
    b"{3}",
    b"{3+}\r\n",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    b"*",
    b"]",
]


def conversation(chance: random.Random) -> bytes:
    """Commands, most of them whole, with noise in between."""
    octets = bytearray()
    for number in range(chance.randrange(12)):
        octets += b"a%d " % number + chance.choice(_COMMANDS) + b"\r\n"
        if chance.random() < 0.2:
            octets += b"".join(chance.choices(_NOISE, k=chance.randrange(5)))
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(octets) + 1)
        if chance.random() < 0.5:
            octets[at:at] = chance.choice(_NOISE)
        else:
            octets[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(octets)


def outcome(octets: bytes, pieces: list[int], state: State, *, is_utf8: bool) -> tuple[bytes, str, list[bytes], bool]:
    server = Server(
        state,
        is_utf8=is_utf8,
        max_message=50,
        max_append=80,
        max_messages=3,
        before_login=_TIGHT,
        after_login=_TIGHT,
    )
    answer = b""
    at = 0
    for size in [*pieces, len(octets)]:
        answer += server.say(octets[at : at + size])
        at += size
    is_closed = server.session.is_closed
    server.session.receive_end()
    answer += server.say(b"")
    assert server.session.is_closed
    kept = {id(spool) for spool in server.spools if repr(spool) in repr(server.commands)}
    assert all(spool.is_discarded for spool in server.spools if id(spool) not in kept)
    return answer, repr(server.commands), server.lines, is_closed


def check(chance: random.Random) -> None:
    """One round; raises AssertionError when a division of the input changes the outcome."""
    octets = conversation(chance)
    state, is_utf8 = chance.choice(list(State)), chance.random() < 0.5
    whole = outcome(octets, [], state, is_utf8=is_utf8)
    for line in whole[0].split(b"\r\n")[:-1]:
        assert _ANSWER.fullmatch(line), (octets, line)
    assert outcome(octets, [1] * len(octets), state, is_utf8=is_utf8) == whole, octets
    assert outcome(octets, [chance.randrange(1, 9) for _ in octets], state, is_utf8=is_utf8) == whole, octets


def check_filter(chance: random.Random) -> None:
    """A stored search program (RFC 5466) is read, or refused."""
    _, _, program = chance.choice(_COMMANDS).partition(b" ")
    octets = bytearray(program)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(octets) + 1)
        octets[at : at + chance.randrange(2)] = chance.choice(_NOISE)
    with contextlib.suppress(Refused):
        stored_program(bytes(octets))


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
        check_filter(chance)
