"""Reads a message's MIME structure in one linear pass, for any octets whatever.

RFC 5322 §2.1, RFC 2045 §5 and §6, RFC 2046 §5.1, RFC 8621 §4.1.4 (attached messages are leaves).
"""

import re

from pillarbox.formats.message import part_header, transfer
from pillarbox.formats.message.header_block import Block, read_block
from pillarbox.formats.message.structure import Part, ScanLimits, Structure, iterate

DEFAULT_LIMITS = ScanLimits()
_MBOX_FROM = re.compile(rb">?From [^\n]*\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PATIENCE = 50  # look-alikes of a delimiter that are passed over one by one before a regular expression is worth it
_PROBE = 65_536


class _Level:
    """An open multipart: where its next delimiter stands, and up to where it has been looked for."""

    __slots__ = ("after", "closing", "first_pending", "horizon", "marker", "misses", "next", "part", "pattern")

    def __init__(self, part: Part, boundary: bytes, first_pending: int, start: int) -> None:
        self.part = part
        self.marker = b"\n--" + boundary
        self.first_pending = first_pending
        self.horizon = start
        self.next = -1
        self.after = 0
        self.closing = False
        self.misses = 0
        self.pattern: re.Pattern[bytes] | None = None

    def look(self, view: bytes, position: int, bound: int) -> None:
        """Find the next delimiter line that begins at `position` or later, and not after `bound`.

        The line must be the boundary alone: one boundary may be the beginning of another.
        """
        self.next = -1
        start = max(position, self.horizon)
        limit = min(bound + len(self.marker), len(view))
        while (at := view.find(self.marker, start, limit)) >= 0:
            if self._accept(view, at):
                self.horizon = at
                return
            start = at + 1
            self.misses += 1
            if self.misses > _PATIENCE:
                at = self._search(view, start, bound)
                if at < 0:
                    break
                start = at
        self.horizon = max(self.horizon, bound + 1)

    def _accept(self, view: bytes, at: int) -> bool:
        tail = at + len(self.marker)
        line_end = view.find(b"\n", tail, tail + 256)
        stop = line_end if line_end >= 0 else len(view)
        if stop - tail > 255:
            return False
        rest = view[tail:stop].rstrip(b" \t\r")
        if rest not in {b"", b"--"}:
            return False
        self.next, self.after, self.closing = at, stop + (line_end >= 0), rest == b"--"
        return True

    def _search(self, view: bytes, start: int, bound: int) -> int:
        if self.pattern is None:
            self.pattern = re.compile(re.escape(self.marker) + rb"(?:--)?[ \t\r]{0,250}(?:\n|\Z)")
        match = self.pattern.search(view, start, min(bound + len(self.marker) + 256, len(view)))
        return match.start() if match and match.start() <= bound else -1


class _Scan:
    def __init__(self, data: bytes, limits: ScanLimits) -> None:
        self.data = data
        self.limits = limits
        self.defects: list[str] = []
        self.view = data
        if b"\n" not in data and b"\r" in data:
            # Line ends of old Macintoshes: seen as LF, offsets stay.
            self.view = data.replace(b"\r", b"\n")
            self.note("bareCarriageReturn")
        self.levels: list[_Level] = []
        self.pending: list[Part] = []  # parts whose end is not known yet, outermost first
        self.count = 0
        self.fields_left = limits.fields
        self.position = 0  # where the next delimiter may begin: at the LF before it

    def note(self, defect: str) -> None:
        if defect not in self.defects:
            self.defects.append(defect)

    def run(self) -> Structure:
        root = self.begin(self.skip_prefix(), "text/plain")
        while self.levels:
            level = self.next_delimiter()
            if level is None:
                self.note("missingCloseDelimiter")
                break
            self.end_pending(level.first_pending, self.before_line_end(level.next))
            self.position = level.after - 1
            if level.closing:
                self.levels.pop()
            elif self.count >= self.limits.parts:
                self.add_rest(level)
                break
            else:
                is_digest = level.part.type == "multipart/digest"
                part = self.begin(level.after, "message/rfc822" if is_digest else "text/plain", level)
                level.part.sub_parts.append(part)
        self.end_pending(0, len(self.data))
        self.finish(root)
        return Structure(root, self.defects)

    def skip_prefix(self) -> int:
        start = 0
        if self.data.startswith(_BYTE_ORDER_MARK):
            self.note("byteOrderMark")
            start = len(_BYTE_ORDER_MARK)
        if match := _MBOX_FROM.match(self.view, start):
            self.note("mboxFromLine")
            start = match.end()
        return start

    def next_delimiter(self) -> _Level | None:
        """The level whose delimiter comes first; levels inside it are closed (they were cut off).

        Each level is searched only up to the next delimiter of those around it. Of two with the same boundary the
        inner one takes the line.
        """
        bound = len(self.view)
        found = -1
        for index, level in enumerate(self.levels):
            if level.next < self.position and level.horizon <= bound:
                level.look(self.view, self.position, bound)
            if self.position <= level.next <= bound:
                bound, found = level.next, index
        if found < 0:
            return None
        if found < len(self.levels) - 1:
            self.note("missingCloseDelimiter")
            del self.levels[found + 1 :]
        return self.levels[found]

    def begin(self, start: int, default_type: str, parent: _Level | None = None) -> Part:
        """Read the header at `start`; a multipart becomes the innermost level."""
        self.count += 1
        block = read_block(self.view, start, self.fields_left, self.limits.field_octets)
        self.fields_left -= len(block.fields)
        self.note_block(block, is_root=parent is None)
        described = part_header.describe(self.data, block.fields, default_type, self.limits.parameters)
        part = described.part
        part.fields = block.fields
        part.header_start, part.header_end, part.body_start = start, block.end, block.body_start
        self.pending.append(part)
        self.position = max(block.body_start - 1, 0)
        if part.is_multipart:
            self.open(part, described.boundary)
        return part

    def note_block(self, block: Block, *, is_root: bool) -> None:
        if block.is_over_budget:
            self.note("tooManyFields")
        if block.is_oversized:
            self.note("oversizedField")
        if block.is_cut and (is_root or block.fields):
            self.note("missingBlankLine")

    def open(self, part: Part, boundary: bytes | None) -> None:
        if not boundary:
            # RFC 2045 §5.2 for what cannot be understood: plain text, so that its words can be read.
            self.make_leaf(part, "text/plain", "missingBoundary")
        elif len(self.levels) >= self.limits.depth:
            self.make_leaf(part, "application/octet-stream", "tooDeep")
        elif part.encoding not in transfer.IDENTITY and not self.shows(part, boundary):
            # RFC 2045 §6.4: such an entity "must be treated as if it had a Content-Type of application/octet-stream".
            self.make_leaf(part, "application/octet-stream", "encodedMultipart")
        else:
            if part.encoding not in transfer.IDENTITY:
                self.note("encodedMultipart")
            self.levels.append(_Level(part, boundary, len(self.pending), self.position))

    def shows(self, part: Part, boundary: bytes) -> bool:
        """Whether a multipart labelled as encoded is not encoded at all: its boundary can be seen."""
        start = max(part.body_start - 1, 0)
        return self.view.find(b"\n--" + boundary, start, start + _PROBE) >= 0

    def make_leaf(self, part: Part, media_type: str, defect: str) -> None:
        self.note(defect)
        part.type = media_type
        part.charset = "us-ascii" if media_type == "text/plain" else None

    def add_rest(self, level: _Level) -> None:
        """Past the budget of parts all that follows is one opaque part."""
        self.note("tooManyParts")
        start = level.after
        rest = Part("application/octet-stream", header_start=start, header_end=start, body_start=start)
        level.part.sub_parts.append(rest)
        self.pending.append(rest)

    def before_line_end(self, at: int) -> int:
        """RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter."""
        return at - 1 if at > 0 and self.data[at - 1] == 13 and self.data[at] == 10 else at

    def end_pending(self, first: int, end: int) -> None:
        # The line end before a delimiter may be the empty line after a header: no part ends before it begins.
        for part in reversed(self.pending[first:]):
            end = part.body_end = max(end, part.body_start)
        del self.pending[first:]

    def finish(self, root: Part) -> None:
        """Number the leaves, and count their octets."""
        number = 0
        for part in iterate(root):
            start, end = part.body_start, part.body_end
            if part.is_multipart and not part.sub_parts and self.data[start:end].strip():
                self.make_leaf(part, "text/plain", "missingDelimiter")
            if part.is_multipart:
                part.size = end - start
                continue
            number += 1
            part.part_id = str(number)
            part.size = transfer.decoded_size(self.data, start, end, part.encoding)


def scan(data: bytes, limits: ScanLimits = DEFAULT_LIMITS) -> Structure:
    """The MIME structure of a message: parts with offsets and header fields, and the defects met.

    Never raises, whatever the octets; takes time linear in their number; past the limits it keeps content opaque.
    """
    return _Scan(data, limits).run()
