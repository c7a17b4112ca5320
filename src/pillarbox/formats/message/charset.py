"""Octets to text by a charset label that may be missing, wrong or unknown.

RFC 2045 §5.2 (us-ascii by default), RFC 2046 §4.1.2, RFC 8621 §4.1.4 (heuristics are allowed).
"""

import codecs
import re
from collections.abc import Callable
from encodings.aliases import aliases as _python_aliases

_NO_CHARSETS = {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec", "mbcs"}
# In EBCDIC plain ASCII octets are other letters: no mail is written so, but filters are deceived so.
_NO_CHARSETS |= {"cp037", "cp1026", "cp1140", "cp273", "cp424", "cp500"}

# A label's superset is what senders mean by it, as browsers know.
_SUPERSETS = {
    "ascii": "cp1252",
    "latin_1": "cp1252",
    "iso8859_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
}
# Labels that the table of the standard library lacks, in its spelling.
_MORE_LABELS = {
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "iso_8859_6_e": "iso8859_6",
    "windows_874": "cp874",
    "windows_31j": "cp932",
    "cseucpkdfmtjapanese": "euc_jp",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "ksc5601_1987": "cp949",
    "windows_949": "cp949",
    "cn_gb": "gb18030",
    "gb_2312": "gb18030",
    "gb_2312_80": "gb18030",
    "windows_936": "gb18030",
    "cn_big5": "big5hkscs",
    "big5_eten": "big5hkscs",
    "unicode_1_1_utf_8": "utf_8",
    "unicode_1_1_utf_7": "utf_7",
    "utf_8_mac": "utf_8",
    "utf8mb4": "utf_8",
    "unicode": "utf_16",
    "ucs_2": "utf_16",
    "macintosh": "mac_roman",
    "mac": "mac_roman",
    "macroman": "mac_roman",
    "mac_cyrillic": "mac_cyrillic",
    "dos_866": "cp866",
    "koi8": "koi8_r",
    "koi": "koi8_r",
    "koi8_ru": "koi8_u",
    "ibm_850": "cp850",
    "ansi": "cp1252",
    "default": "ascii",
    "us": "ascii",
    "usascii": "ascii",
    "ascii_7bit": "ascii",
}
# In these an octet below 128 need not be the ASCII character: pure ASCII octets are no proof of ASCII text.
_SHIFTING = {"utf_7", "hz", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"}
_JAPANESE_SHIFT = re.compile(rb"\x1b\$[@B]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LABEL_JUNK = re.compile(r"[^a-z0-9]+")
_DETECTION_OCTETS = 4096
# If no other octets stand outside ASCII, the text is western: quotes, dashes, dots, spaces as Windows writes them.
_WESTERN_PUNCTUATION = bytes(range(128)) + bytes.fromhex("80828485868b91929394959697999ba0a3a7a9abadaeb0b4b7bbbf")
_NOT_ASCII_RUN = re.compile(r"[^\x00-\x7f\ufffd]")


def _labels() -> dict[str, str]:
    """Every label that is understood; no other ever reaches `codecs.lookup`, which would remember it for ever."""
    table = {alias: codec for alias, codec in _python_aliases.items() if codec not in _NO_CHARSETS}
    table |= {codec: codec for codec in set(table.values())}
    table |= {"cp874": "cp874", "cp856": "cp856", "koi8_u": "koi8_u", "koi8_t": "koi8_t", "cp720": "cp720"}
    table |= _MORE_LABELS | {f"x_{alias}": codec for alias, codec in (table | _MORE_LABELS).items()}
    table = {_LABEL_JUNK.sub("_", label.lower()): codec for label, codec in table.items()}
    return {label: _SUPERSETS.get(codec, codec) for label, codec in table.items()}


_CODECS = _labels()
_SPELLED: dict[str, str] = {"us-ascii": "cp1252", "utf-8": "utf_8", "iso-8859-1": "cp1252"}


def find_codec(label: str) -> str | None:
    """The name of Python's codec for a charset label, or None if the label is unknown."""
    found = _SPELLED.get(label)
    if found is not None or len(label) > 64:
        return found
    spelled = _LABEL_JUNK.sub("_", label.lower()).strip("_")
    return _CODECS.get(spelled) or _CODECS.get(spelled.replace("_", ""))


def detect(octets: bytes) -> str:
    """The codec that statistics name for octets whose charset is not known. It takes milliseconds."""
    import chardet  # noqa: PLC0415 - few messages need it, and it is large

    codec = find_codec(chardet.detect(octets[:_DETECTION_OCTETS])["encoding"] or "cp1252") or "cp1252"
    return "cp1252" if codec in _SHIFTING else codec


def decode_charset(
    octets: bytes, label: str | None, *, whole: bool = True, detect: Callable[[bytes], str] = detect
) -> tuple[str, bool]:
    """The text of octets labelled with a charset, and whether there was a problem (malformed octets, unknown charset).

    With `whole` false the octets are the beginning of more, and a character cut in two at the end is left out.
    A label that cannot be true gives way: valid UTF-8 is read as UTF-8 whatever the western label says. `detect` is
    asked for a codec when nothing else tells it.
    """
    codec = find_codec(label or "us-ascii")
    if octets.isascii() and (codec is None or codec not in _SHIFTING) and not (b"\x1b" in octets and codec):
        return octets.decode("ascii"), codec is None
    if codec is None:
        return guess(octets, whole=whole, detect=detect), True
    if codec == "cp1252":
        return _decode_western(octets, label, whole=whole, detect=detect)
    text = _decode(octets, codec, whole=whole)
    if codec == "utf_8":
        text = text.removeprefix("\ufeff")
        if "\ufffd" in text and _is_mostly_wrong(text):
            return guess(octets, whole=whole, detect=detect), True
    return text, "\ufffd" in text and "\ufffd".encode() not in octets


def decode_word(octets: bytes, label: str) -> str:
    """The text of a few octets in a header field, as labelled: no statistics, for words are short and many."""
    codec = find_codec(label) or "cp1252"
    if codec == "cp1252":
        text = _decode(octets, "utf_8", whole=True)
        if "\ufffd" not in text:
            return text
    return _decode(octets, codec, whole=True)


def guess(octets: bytes, *, whole: bool = True, detect: Callable[[bytes], str] = detect) -> str:
    """The text of octets whose charset is not known: UTF-8 if it is that, else what statistics say."""
    text = _decode(octets, "utf_8", whole=whole)
    if "\ufffd" not in text or not _is_mostly_wrong(text):
        return text
    if not octets.translate(None, _WESTERN_PUNCTUATION):
        return _decode(octets, "cp1252", whole=whole)
    return _decode(octets, detect(octets), whole=whole)


def decode_header_octets(octets: bytes) -> str:
    """Text of a header field's octets: ASCII, else UTF-8 (RFC 6532 §3.1), else what western senders used to mean."""
    if octets.isascii():
        return octets.decode("ascii")
    text = octets.decode("utf-8", "replace")
    if "\ufffd" in text and _is_mostly_wrong(text):
        return _decode(octets, "cp1252", whole=True)
    return text


def _decode_western(
    octets: bytes, label: str | None, *, whole: bool, detect: Callable[[bytes], str]
) -> tuple[str, bool]:
    if _JAPANESE_SHIFT.search(octets) and octets.isascii():
        return _decode(octets, "iso2022_jp_ext", whole=whole), True
    text = _decode(octets, "utf_8", whole=whole)
    if "\ufffd" not in text:
        return text.removeprefix("\ufeff"), False
    if label is None or label.lower() in {"us-ascii", "ascii"}:
        return guess(octets, whole=whole, detect=detect), True
    return _decode(octets, "cp1252", whole=whole), False


def _decode(octets: bytes, codec: str, *, whole: bool) -> str:
    if codec == "cp1252":
        # Five octets have no character in windows-1252; as in browsers they stay the control characters of ISO 8859-1.
        return octets.decode("cp1252", "pillarbox.latin1")
    if codec == "utf_7":
        # It alone can spell half a surrogate pair, which no encoder would take.
        return _SURROGATE.sub("\ufffd", octets.decode(codec, "replace"))
    if codec in {"utf_16", "utf_32"}:
        # Without a byte order mark little-endian, as browsers read it; Python's own decoder would insist on the mark.
        big = octets.startswith((b"\xfe\xff", b"\0\0\xfe\xff"))
        return _decode(octets, codec + ("_be" if big else "_le"), whole=whole).removeprefix("\ufeff")
    if whole:
        return octets.decode(codec, "replace")
    return codecs.getincrementaldecoder(codec)("replace").decode(octets)


def _is_mostly_wrong(text: str) -> bool:
    """Whether the text, read as UTF-8, has more malformed than well-formed characters outside ASCII."""
    return text.count("\ufffd") > len(_NOT_ASCII_RUN.findall(text))


def _as_latin1(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return error.object[error.start : error.end].decode("latin-1"), error.end
    raise error


codecs.register_error("pillarbox.latin1", _as_latin1)
