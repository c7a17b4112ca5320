r"""The flags of a mailbox's messages, an octet each: of all that have a keyword, or are \Deleted, at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

KIND_OCTETS = 300  # what a combination of flags costs
_CODES = 256  # that an octet can be
_MOST_KINDS = _CODES
Kind = tuple[str, bool]  # a message's keywords between spaces, and whether it is \Deleted


class FlagColumn:
    """The flags of all messages: an octet each, which stands for all that a message has. It is never changed."""

    __slots__ = ("kinds", "octets")

    def __init__(self, kinds: Mapping[Kind, int], octets: bytes) -> None:
        self.kinds, self.octets = kinds, octets

    @classmethod
    def of(cls, rows: Sequence[Kind]) -> FlagColumn | None:
        """The flags of these messages; None when there are too many combinations of them."""
        kinds: dict[Kind, int] = {}
        codes = [kinds.setdefault(kind, len(kinds)) for kind in rows]
        return cls(kinds, bytes(codes)) if len(kinds) <= _MOST_KINDS else None

    def changed(self, gone: Sequence[int], now: Mapping[int, Kind], new: Sequence[Kind]) -> FlagColumn | None:
        """Without the messages at some places, which rise; of the rest, some flags are others now; some are new."""
        if not gone and not now and not new:
            return self
        kinds, octets = dict(self.kinds), bytearray(self.octets)
        wanted = {*now.values(), *new} - kinds.keys()
        if len(kinds) + len(wanted) > _MOST_KINDS:  # most of those that were there may be so no more
            used, codes = set(octets), {code: kind for kind, code in kinds.items()}
            kinds = {codes[code]: at for at, code in enumerate(sorted(used))}
            if len(kinds) + len(wanted) > _MOST_KINDS:
                return None
            octets = octets.translate(bytes(kinds.get(codes.get(code, ("", False)), 0) for code in range(_CODES)))
        for kind in wanted:
            kinds[kind] = len(kinds)
        for at in reversed(gone):
            del octets[at]
        for at, kind in now.items():
            octets[at] = kinds[kind]
        return FlagColumn(kinds, bytes(octets) + bytes([kinds[kind] for kind in new]))

    def with_word(self, keyword: str) -> bytes:
        """An octet for each message: 1 when it has the keyword."""
        word = f" {keyword} "
        return self._those({kind for kind in self.kinds if word in kind[0]})

    def deleted(self) -> bytes:
        r"""An octet for each message: 1 when it is \Deleted."""
        return self._those({kind for kind in self.kinds if kind[1]})

    def _those(self, wanted: set[Kind]) -> bytes:
        table = bytearray(_CODES)
        for kind in wanted:
            table[self.kinds[kind]] = 1
        return self.octets.translate(table)
