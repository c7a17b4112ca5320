"""All text of a message in which a piece may be looked for: its header, and what can be read of its body.

RFC 9051 §6.4.4 (TEXT: "the header (including MIME header fields) or body of the message"; BODY).
"""

from collections.abc import Callable, Iterator

import msgspec

from pillarbox.formats.message import header
from pillarbox.formats.message.body import decode_octets
from pillarbox.formats.message.readable_text import readable_text
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.structure import Part, ScanLimits, Structure, iterate

Octets = Callable[[int, int], bytes]  # those of the message from one offset to before another
BETWEEN = "\0"  # stands between fields and between parts: no text of a client has it (RFC 9051 §9)
_MAX_BODY, _MAX_HEADER = 1_000_000, 200_000  # characters
_MAX_DEPTH, _MAX_ENCLOSED, _ENCLOSED_OCTETS = 5, 20, 10_000_000  # messages in messages
_ENCLOSED_LIMITS = ScanLimits(depth=20, parts=200, fields=2000)
_MESSAGES = frozenset({"message/rfc822", "message/global"})
_ELSEWHERE = frozenset({"message/partial", "message/external-body"})


def header_text(octets: Octets, structure: Structure) -> str:
    """The fields of a message's header and of its parts' headers, decoded, `BETWEEN` between them. Never raises.

    Of them the first 200,000 characters; each is `Name: value`. Names of files, which may be encoded in parameters of
    fields, stand there by themselves too.
    """
    return BETWEEN.join(_within(_fields(octets, structure.root), _MAX_HEADER))


def body_text(octets: Octets, structure: Structure) -> str:
    """What can be read of a message's body, `BETWEEN` between its parts: the first million characters. Never raises.

    HTML is what is read of it. A message that is enclosed is body, with its header. Of attachments that are no text
    there is nothing.
    """
    return BETWEEN.join(_within(_texts(octets, structure.root), _MAX_BODY))


def _within(texts: Iterator[str], left: int) -> Iterator[str]:
    for text in texts:
        yield text[:left]
        left -= len(text)
        if left <= 0:
            return


def _fields(octets: Octets, root: Part) -> Iterator[str]:
    """The header fields of a message and of its parts, and the names of files, which may be encoded in parameters."""
    for part in iterate(root):
        if part.fields:
            start = part.fields[0].start
            block = octets(start, part.fields[-1].end)
            for field in part.fields:
                yield f"{field.name}: {header.as_text(block[field.value - start : field.end - start])}"
        if part.name:
            yield part.name


def _texts(octets: Octets, root: Part) -> Iterator[str]:
    """What can be read of a message's parts, then of those that it encloses, level by level."""
    waiting, enclosed = [(octets, root, 0)], 0
    while waiting:
        source, top, depth = waiting.pop(0)
        if depth:
            yield from _fields(source, top)
        for part in iterate(top):
            if part.type in _MESSAGES:
                if depth < _MAX_DEPTH and enclosed < _MAX_ENCLOSED and part.size <= _ENCLOSED_OCTETS:
                    enclosed += 1
                    inner = decode_octets(*_alone(source, part))
                    waiting.append((_in(inner), scan(inner, _ENCLOSED_LIMITS).root, depth + 1))
            elif part.type.startswith(("text/", "message/")) and part.type not in _ELSEWHERE:
                # HTML has far more octets than words; 4 octets is the most that one character takes.
                yield readable_text(*_alone(source, part, _MAX_BODY * 4), _MAX_BODY * 4)


def _alone(octets: Octets, part: Part, most: int = _ENCLOSED_OCTETS) -> tuple[bytes, Part]:
    """A part's body by itself, with what describes it; no more of it than it takes to have `most` octets decoded."""
    body = octets(part.body_start, min(part.body_end, part.body_start + most * 3 + 1024))
    return body, msgspec.structs.replace(part, body_start=0, body_end=len(body))


def _in(data: bytes) -> Octets:
    return lambda start, end: data[start:end]
