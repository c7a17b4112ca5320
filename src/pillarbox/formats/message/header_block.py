"""Finds the header fields of a message or part, in octets, without reading their values.

RFC 5322 §2.2, §3.6.8, §4.5 (obsolete forms: white space before the colon).
"""

import re

from pillarbox.formats.message.structure import Field

# A name that begins with "--" is a boundary line rather than a field. Possessive: a fold never gives back.
_FIELD = re.compile(rb"(?!--)([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)(\n|\Z)")
_BLANK = re.compile(rb"\r?(?:\n|\Z)")
_STRAY_FROM = re.compile(rb">?From [^\n]*?[0-9]{1,2}:[0-9]{2}[^\n]*+(?:\n|\Z)")
_BLOCK_END = re.compile(rb"\n(?:\r?\n|--)")


class Block:
    """One header: its fields, where it ends, where the body starts; `is_cut` if no blank line stands between."""

    __slots__ = ("body_start", "end", "fields", "is_cut", "is_oversized", "is_over_budget")

    def __init__(self) -> None:
        self.fields: list[Field] = []
        self.end = self.body_start = 0
        self.is_cut = self.is_oversized = self.is_over_budget = False


def read_block(view: bytes, start: int, max_fields: int, max_field_octets: int) -> Block:
    """The header that begins at an offset of the message.

    It ends at the first empty line, or at a line that is no field: what follows then counts as body, so that no text
    of a message without a blank line is lost.
    """
    block = Block()
    fields = block.fields
    position = start
    while True:
        match = _FIELD.match(view, position)
        if match is None:
            # Mail that has been through an mbox file may carry its "From " line among the fields.
            if position == start or (match := _STRAY_FROM.match(view, position)) is None:
                break
        elif len(fields) >= max_fields:
            block.is_over_budget = True
            return _end_past_budget(view, position, block)
        else:
            value, end = match.span(2)
            if end > value and view[end - 1] == 13:  # CR
                end -= 1
            if end - value > max_field_octets:
                end = value + max_field_octets
                block.is_oversized = True
            fields.append(Field(match[1].decode("ascii"), position, value, end))
        position = match.end()
    block.end = block.body_start = position
    if blank := _BLANK.match(view, position):
        block.body_start = blank.end()
    else:
        block.is_cut = True
    return block


def _end_past_budget(view: bytes, position: int, block: Block) -> Block:
    match = _BLOCK_END.search(view, max(position - 1, 0))
    if match is None:
        block.end = block.body_start = len(view)
    elif match[0].endswith(b"--"):
        block.end = block.body_start = match.start() + 1
    else:
        block.end, block.body_start = match.start() + 1, match.end()
    return block
