"""Media types, dispositions and their parameters, as they are found in the wild.

RFC 2045 §5.1, RFC 2183 §2, RFC 2231 §3 and §4.
"""

import re
from urllib.parse import quote, unquote_to_bytes

from pillarbox.formats.message import charset, comment, encoded_word

_MEDIA_TYPE = re.compile(r"[ \t]*([^\s/;,()<>@:\\\"\[\]?=]++)[ \t]*/[ \t]*([^\s/;,()<>@:\\\"\[\]?=]++)")
_VALUE = re.compile(r"[ \t]*([^\s;,()]++)")
# Each match takes a whole run of semicolons, named parameter or not: started again at each of them, ";;;;" would cost
# quadratic time. A quoted string that never closes runs to the end for the same reason.
_PARAMETER = re.compile(
    r";[;\s]*+(?:([^\s;=\"]++)\s*+=\s*+(?:\"((?:[^\"\\]|\\.)*+)(?:\"|\\?\Z)[^;]*+|([^;]*+)))?",
    re.DOTALL,
)
_EXTENDED = re.compile(r"([^']*)'([^']*)'(.*)\Z", re.DOTALL)
_ESCAPED_FOR_QUOTES = re.compile(r'\\(["\\])')


def parse_media_type(text: str) -> str | None:
    """The type in lower case without comments and parameters ("text/plain"), or None if there is none."""
    match = _MEDIA_TYPE.match(text) or _MEDIA_TYPE.match(comment.remove_comments(text))
    return f"{match[1]}/{match[2]}".lower() if match else None


def parse_value(text: str) -> str | None:
    """The first word of a field in lower case ("attachment", "base64"), without comments and parameters."""
    match = _VALUE.match(text) or _VALUE.match(comment.remove_comments(text))
    return match[1].lower() if match else None


def parse_parameters(text: str, limit: int = 100) -> dict[str, str]:
    """The parameters of an unfolded field by lower-case name, as they stand; the first of a name counts.

    Names keep their RFC 2231 sections ("filename*0*"): see `decode_parameter`.
    """
    found: dict[str, str] = {}
    if ";" not in text:
        return found
    for match in _PARAMETER.finditer(text):
        name, quoted, bare = match.groups()
        if name is None:
            continue
        value = _without_comment(bare) if quoted is None else _ESCAPED_FOR_QUOTES.sub(r"\1", quoted)
        found.setdefault(name.lower(), value)
        if len(found) >= limit:
            break
    return found


def _without_comment(value: str) -> str:
    """A bare value without a comment at its end: `us-ascii (Plain text)`, but not `report (1).pdf`."""
    value = value.strip()
    if value.endswith(")") and (start := value.rfind(" (")) > 0:
        return value[:start].rstrip()
    return value


def decode_parameter(parameters: dict[str, str], name: str) -> str | None:
    """The text of a parameter: RFC 2231 sections and charset, or (leniently) RFC 2047 words, or raw UTF-8."""
    sections = _collect_sections(parameters, name)
    if sections:
        return _join_sections(sections)
    plain = parameters.get(name)
    if plain is None:
        return None
    return _clean(encoded_word.decode_words(plain, lenient=True))


def join_continuations(parameters: dict[str, str]) -> dict[str, str]:
    """The parameters with the numbered pieces of RFC 2231 §3 put together: `name`, or `name*` if one is encoded.

    Pieces before which one is missing stay what they are.
    """
    joined: dict[str, str] = {}
    taken: set[str] = set()
    for name in parameters:
        base, _, rest = name.partition("*")
        if rest in {"0", "0*"} and f"{base}*" not in parameters:
            pieces = _collect_sections(parameters, base)
            joined.update([_join_pieces(base, pieces)])
            taken |= {f"{base}*{number}{mark}" for number in range(len(pieces)) for mark in ("", "*")}
    if not taken:
        return parameters
    return {name: value for name, value in parameters.items() if name not in taken} | joined


def _join_pieces(base: str, pieces: list[tuple[str, bool]]) -> tuple[str, str]:
    if not any(is_encoded for _, is_encoded in pieces):
        return base, "".join(value for value, _ in pieces)
    # The first piece names charset and language, if it is encoded; the plain ones are made what the others are.
    text = "".join(value if is_encoded else quote(value) for value, is_encoded in pieces)
    return f"{base}*", text if pieces[0][1] else f"''{text}"


def _collect_sections(parameters: dict[str, str], name: str) -> list[tuple[str, bool]]:
    """The values of `name*`, or of `name*0`, `name*1` ... without a hole, each with whether it is percent-encoded."""
    whole = parameters.get(f"{name}*")
    if whole is not None:
        return [(whole, True)]
    found: list[tuple[str, bool]] = []
    while True:
        number = len(found)
        plain = parameters.get(f"{name}*{number}")
        encoded = parameters.get(f"{name}*{number}*")
        if encoded is not None:
            found.append((encoded, True))
        elif plain is not None:
            found.append((plain, False))
        else:
            return found


def _join_sections(sections: list[tuple[str, bool]]) -> str:
    label = ""
    octets = bytearray()
    for number, (value, is_encoded) in enumerate(sections):
        content = value
        if is_encoded and number == 0 and (match := _EXTENDED.match(value)):
            label, content = match[1], match[3]
        octets += unquote_to_bytes(content) if is_encoded else content.encode()
    text = charset.decode_word(bytes(octets), label)
    return _clean(encoded_word.decode_words(text, lenient=True))


def _clean(text: str) -> str:
    return encoded_word.normalise(encoded_word.drop_controls(text).strip())


def token(value: str | None) -> str | None:
    """A parameter's value as a single lower-case word ("utf-8"): what follows white space or a comment is cut off."""
    if value is None:
        return None
    words = value.strip(" '\"\t").split(None, 1)
    return words[0].partition("(")[0].lower() if words else None
