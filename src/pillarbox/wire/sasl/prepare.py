"""SASLprep: one spelling for passwords that look alike (RFC 4013, RFC 3454)."""

from __future__ import annotations

import stringprep
from unicodedata import ucd_3_2_0

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str:
    """The prepared text. Raises ValueError for what RFC 4013 §2.3 prohibits.

    Characters that Unicode has got since version 3.2, such as most emoji, are let through, as in a query (RFC 4013
    §2.5): people have them in passwords.
    """
    if text.isascii():
        prepared = text
    else:
        mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c))
        prepared = ucd_3_2_0.normalize("NFKC", mapped)
    if any(is_in(c) for c in prepared for is_in in _PROHIBITED):
        raise ValueError("the text has a character that is prohibited")
    _check_direction(prepared)
    return prepared


def _check_direction(text: str) -> None:
    # RFC 3454 §6: "If a string contains any RandALCat character, the string MUST NOT contain any LCat character", and a
    # RandALCat character MUST be the first and the last.
    right = [stringprep.in_table_d1(c) for c in text]
    if any(right) and not (right[0] and right[-1] and not any(stringprep.in_table_d2(c) for c in text)):
        raise ValueError("the text mixes directions of writing")


def password_octets(password: str) -> bytes:
    """The octets of a password that SCRAM hashes; one that SASLprep prohibits is taken as it was typed.

    So do the clients that do not know SASLprep, and the others cannot log in with it at all.
    """
    try:
        return saslprep(password).encode()
    except ValueError:
        return password.encode()
