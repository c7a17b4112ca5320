"""The words of an HTML document, for previews, search and snippets.

A tokenizer, not a tree: building a tree takes quadratic time on hostile input (100 kB of open `<div>`: a second), and
words need none. Its regular expression cuts tags, comments and scripts as HTML's own tokenizer does (WHATWG HTML
§13.2.5), in linear time: what never closes is taken up to the end.
"""

import html
import re

MAX_CHARACTERS = 1_000_000

# A quote opens a value only after "="; elsewhere, and inside a bare value, it is a character like others.
_VALUE = r"(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^\s>\"'][^\s>]*+)?"
_ATTRIBUTES = rf"[^>=]*+(?:=\s*+{_VALUE}[^>=]*+)*+(?:>|\Z)"
# Elements whose content is no text for reading, then all other tags, then comments and declarations.
_MARKUP = re.compile(
    rf"<(?:(script|style|title|template|noscript|iframe|object|svg|textarea|xmp)(?=[\s/>]){_ATTRIBUTES}"
    r".*?(?:</\1(?=[\s/>])[^>]*+(?:>|\Z)|\Z)"
    rf"|/?([A-Za-z][^\s/>]*+){_ATTRIBUTES}"
    r"|!--(?:-?>|.*?(?:--!?>|\Z))|[!?/][^>]*+(?:>|\Z))",
    re.IGNORECASE | re.DOTALL,
)
_BREAK = "\x1e"  # no character of any text; a line end in the source is only white space
_SEPARATORS = dict.fromkeys(
    (
        "p div br tr li ul ol dl dt dd h1 h2 h3 h4 h5 h6 table tbody thead tfoot caption blockquote pre hr section"
        " article aside header footer nav main address form fieldset figure figcaption center body head html option"
        " legend"
    ).split(),
    _BREAK,
) | dict.fromkeys("td th img input button select".split(), " ")
_LONG_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{10,}")
# Characters that show nothing; newsletters pad their hidden preview line with hundreds of them.
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u200b-\u200f\u2060\ufeff]+")


def html_to_text(source: str, limit: int = MAX_CHARACTERS) -> str:
    """The readable text of HTML: blocks are lines, white space is collapsed, scripts and styles are left out.

    At most `limit` characters of the source are read. Never raises; time is linear.
    """
    text = source[:limit]
    if "<" in text:
        text = _without_markup(text)
    if "&" in text:
        text = html.unescape(_LONG_NUMBER.sub("\ufffd", text))
    lines = (" ".join(line.split()) for line in text.split(_BREAK))
    text = "\n".join(line for line in lines if line).replace("\0", "")
    return text if text.isascii() else _INVISIBLE.sub("", text).strip()


def _without_markup(text: str) -> str:
    pieces: list[str] = []
    position = 0
    for match in _MARKUP.finditer(text):
        start, end = match.span()
        if start > position:
            pieces.append(text[position:start])
        position = end
        name = match[2]
        if name is None:
            pieces.append(" ")
        elif separator := _SEPARATORS.get(name.lower()):
            pieces.append(separator)
    pieces.append(text[position:])
    return "".join(pieces)
