"""From what a FETCH asks for to octets: which rows and parts to read, and how a line is printed.

Everything but sections of the message's octets is one format, filled from columns: many messages are told at the speed
of joining strings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import gmtime

from pillarbox.datatypes.email import imap_part
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.membership import Membership
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.message_reading import MessageReading
from pillarbox.wire.imap.body_structure import body, body_structure
from pillarbox.wire.imap.fetch_item import FetchItem, Plain, Preview
from pillarbox.wire.imap.response import flags

Rows = Sequence[tuple[int, Membership]]
Column = Callable[[View, str, Rows], Sequence[object]]
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OF_ROWS = 20_000  # messages in one reading, by what is read of each
_OF_PARTS = 1_000
_OF_OCTETS = 20


class Program:
    """One FETCH, made ready."""

    def __init__(self, items: Sequence[FetchItem], *, is_utf8: bool, is_uid_only: bool) -> None:
        self._is_utf8 = is_utf8
        plain = [item for item in items if isinstance(item, Plain)]
        self._parts = [item for item in plain if item in _PARTS]
        self._sections = [item for item in items if not isinstance(item, Plain)]
        self._has_flags = Plain.FLAGS in plain
        if is_uid_only:
            plain = [item for item in plain if item is not Plain.UID]
        self._columns = [item for item in plain if item not in _PARTS]
        self._is_uid_only = is_uid_only
        self.has_failed = False  # a part could not be decoded

    @property
    def sets_seen(self) -> bool:
        r"""Whether messages become \Seen by this."""
        return any(getattr(item, "is_peek", True) is False for item in self._sections)

    @property
    def reads_octets(self) -> bool:
        """Whether the messages themselves are read."""
        return any(not isinstance(item, Preview) for item in self._sections)

    @property
    def batch(self) -> int:
        """How many messages to read at a time."""
        return _OF_OCTETS if self._sections else _OF_PARTS if self._parts else _OF_ROWS

    def print(self, view: View, account: str, rows: Rows, *, told_flags: bool = False) -> bytes:
        """The untagged responses for some messages; `told_flags`: with flags, as they may have changed by this."""
        if not rows:
            return b""
        columns = [*self._columns, *([Plain.FLAGS] if told_flags and not self._has_flags else [])]
        names, values = [], []
        for item in columns:
            name, read = _COLUMNS[item]
            names.append(name)
            values.append(read(rows))
        if self._parts:
            names += [f"{item.value} %b" for item in self._parts]
            values += self._read_parts(view, account, rows)
        head = "UIDFETCH" if self._is_uid_only else "FETCH"
        form = f"* %d {head} ({' '.join(names)}"
        numbers = [row.uid for _, row in rows] if self._is_uid_only else [number for number, _ in rows]
        if self._sections:
            return self._with_sections(
                view, account, rows, (form + (" " if names else "")).encode(), [numbers, *values]
            )
        line = f"{form})\r\n".encode()
        return b"".join([line % row for row in zip(numbers, *values, strict=True)])

    def _read_parts(self, view: View, account: str, rows: Rows) -> list[list[bytes]]:
        ids = [row.item for _, row in rows]
        stored = view.parts(EMAIL, account, ids, imap_part.NAME)
        reading = MessageReading(view, account, ids)
        shown = [imap_part.read_part(stored.get(id) or reading.imap_part(id), is_utf8=self._is_utf8) for id in ids]
        return [[_PARTS[item](one) for one in shown] for item in self._parts]

    def _with_sections(
        self, view: View, account: str, rows: Rows, head: bytes, values: list[Sequence[object]]
    ) -> bytes:
        reading = MessageReading(view, account, [row.item for _, row in rows])
        out = []
        for (_, row), value in zip(rows, zip(*values, strict=True), strict=True):
            pieces = [reading.section(row.item, item, is_utf8=self._is_utf8) for item in self._sections]
            self.has_failed |= reading.has_failed
            out += [head % value, b" ".join(pieces), b")\r\n"]
        return b"".join(out)


def internal_date(ms: int) -> bytes:
    """A time as INTERNALDATE and SAVEDATE tell it, in UTC (RFC 9051 §9, date-time)."""
    t = gmtime(ms // 1000)
    text = f'"{t[2]:2d}-{_MONTHS[t[1] - 1]}-{t[0]:04d} {t[3]:02d}:{t[4]:02d}:{t[5]:02d} +0000"'
    return text.encode()


def _flags(rows: Rows) -> list[bytes]:
    known: dict[tuple[str, bool], bytes] = {}
    out = []
    for _, row in rows:
        key = row[3], row[8]
        text = known.get(key)
        if text is None:
            text = known[key] = flags(row[3], is_deleted=bool(row[8])).encode()
        out.append(text)
    return out


_COLUMNS: dict[Plain, tuple[str, Callable[[Rows], Sequence[object]]]] = {
    Plain.FLAGS: ("FLAGS %b", _flags),
    Plain.UID: ("UID %d", lambda rows: [row[0] for _, row in rows]),
    Plain.INTERNALDATE: ("INTERNALDATE %b", lambda rows: [internal_date(row.sort_key) for _, row in rows]),
    Plain.RFC822_SIZE: ("RFC822.SIZE %d", lambda rows: [row[4] for _, row in rows]),
    Plain.MODSEQ: ("MODSEQ (%d)", lambda rows: [row[2] for _, row in rows]),
    Plain.EMAILID: ("EMAILID (%b)", lambda rows: [row[1].encode() for _, row in rows]),
    Plain.THREADID: ("THREADID (%b)", lambda rows: [row.group_id.encode() for _, row in rows]),
    Plain.SAVEDATE: ("SAVEDATE %b", lambda rows: [internal_date(row.saved_at) for _, row in rows]),
}
_PARTS: dict[Plain, Callable[[imap_part.Shown], bytes]] = {
    Plain.ENVELOPE: lambda shown: shown.envelope,
    Plain.BODY: lambda shown: body(shown.body),
    Plain.BODYSTRUCTURE: lambda shown: body_structure(shown.body),
}
