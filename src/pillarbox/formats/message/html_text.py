"""The words of an HTML document, for previews, search and snippets.

A tokenizer, not a tree: building a tree takes quadratic time on hostile input (100 kB of open `<div>`: a second), and
words need none. The regular expressions cut tags, comments and scripts as HTML's own tokenizer does (WHATWG HTML
§13.2.5), and each runs in linear time: what never closes is taken up to the end.
"""

import html
import re

MAX_CHARACTERS = 1_000_000

_ATTRIBUTES = r"(?:[^>\"']|\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))*+(?:>|\Z)"
# Comments, declarations, and elements whose content is no text for reading.
_UNREAD = re.compile(
    rf"<!--(?:-?>|.*?(?:--!?>|\Z))|<[!?][^>]*+(?:>|\Z)"
    rf"|<(script|style|title|template|noscript|iframe|object|svg|textarea|xmp)(?=[\s/>]){_ATTRIBUTES}.*?(?:</\1(?=[\s/>])|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_BREAK = re.compile(
    r"</?(?:p|div|br|tr|li|ul|ol|dl|dt|dd|h[1-6]|table|tbody|thead|tfoot|caption|blockquote|pre|hr|section|article|aside"
    rf"|header|footer|nav|main|address|form|fieldset|figure|figcaption|center|body|html|option|legend)(?=[\s/>]){_ATTRIBUTES}",
    re.IGNORECASE,
)
_CELL = re.compile(rf"</?(?:td|th|img|input|button|select|head)(?=[\s/>]){_ATTRIBUTES}", re.IGNORECASE)
_TAG = re.compile(rf"</?[A-Za-z]{_ATTRIBUTES}")
_WHITE = re.compile(r"[ \t\r\n\f\v\xa0]+")
_BREAK_MARK = "\x1e"
_BREAKS = re.compile(r" ?\x1e[ \x1e]*")
_LONG_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{10,}")
# Characters that show nothing; newsletters pad their hidden preview line with hundreds of them.
_INVISIBLE = {ord(character): None for character in "\u00ad\u034f\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\0"}


def html_to_text(source: str, limit: int = MAX_CHARACTERS) -> str:
    """The readable text of HTML: blocks are lines, white space is collapsed, scripts and styles are left out.

    At most `limit` characters of the source are read. Never raises; time is linear.
    """
    text = source[:limit].replace(_BREAK_MARK, " ")
    if "<" in text:
        text = _UNREAD.sub(" ", text)
        text = _BREAK.sub(_BREAK_MARK, text)
        text = _CELL.sub(" ", text)
        text = _TAG.sub("", text)
    if "&" in text:
        text = html.unescape(_LONG_NUMBER.sub("\ufffd", text))
    text = _BREAKS.sub("\n", _WHITE.sub(" ", text))
    if not text.isascii():
        text = text.translate(_INVISIBLE)
    return text.strip()
