"""Address lists: mailboxes, groups, and what people write instead of them.

RFC 5322 §3.4 and §4.4 (obsolete routes), RFC 2047 §5 (3), RFC 8621 §4.1.2.3 and §4.1.2.4.
"""

import re

import msgspec

from pillarbox.formats.message import comment, encoded_word

MAX_ADDRESSES = 1000


class EmailAddress(msgspec.Struct, frozen=True, gc=False):
    """A mailbox: display name (or None) and addr-spec (RFC 8621 §4.1.2.3)."""

    name: str | None
    email: str


class EmailAddressGroup(msgspec.Struct, frozen=True):
    """A named group, or (name None) a run of mailboxes outside of groups (RFC 8621 §4.1.2.4)."""

    name: str | None
    addresses: list[EmailAddress]


# What nearly all mail holds: `name <a@b>`, `"name" <a@b>`, `a@b`, with commas; anything else takes the long way.
_COMMON = re.compile(
    r"[ \t]*+(?:"
    r"(?:\"([^\"\\]*+)\"[ \t]*+|([A-Za-z0-9!#$%&'*+/=?^_`{|}~.\- \t\x80-\U0010ffff]*+))<([^\s<>()\"\\,:;\[\]]++)>"
    r"|([A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]++@[A-Za-z0-9.\-]++)"
    r")[ \t]*+(?:,|\Z)"
)
_TOKEN = re.compile(
    r"([ \t\r\n]++)"
    r"|(=\?[^?\s]{1,64}\?[BbQq]\?[^?\s]*+\?=)"
    r'|"((?:[^"\\]|\\.)*+)"'
    r"|(\[[^\]\[<>,;]*+\])"
    r'|([^ \t\r\n"\[(<>,:;]++)'
    r"|(.)",
    re.DOTALL,
)
_QUOTED_LOCAL = re.compile(r'"(?:[^"\\]|\\.)*+"@', re.DOTALL)


def parse_addresses(text: str) -> list[EmailAddress]:
    """The mailboxes of an address list, those in groups too, at most `MAX_ADDRESSES`."""
    common = _parse_common(text)
    if common is not None:
        return common
    return [address for group in _Parser(text).run() for address in group.addresses]


def parse_groups(text: str) -> list[EmailAddressGroup]:
    """The address list with its groups; mailboxes outside of groups are gathered under groups without a name."""
    common = _parse_common(text)
    if common is not None:
        return [EmailAddressGroup(None, common)] if common else []
    return _Parser(text).run()


def parse_raw_groups(text: str) -> list[EmailAddressGroup]:
    """The same with names and addresses as they are written.

    Encoded words stay, and so does an obsolete route (`@relay.example:jane@example.com`); quoting and comments go.
    """
    common = _parse_common(text, is_raw=True)
    if common is not None:
        return [EmailAddressGroup(None, common)] if common else []
    return _Parser(text, is_raw=True).run()


def _parse_common(text: str, *, is_raw: bool = False) -> list[EmailAddress] | None:
    """The addresses if all are written in the common way; None if only one is not."""
    found: list[EmailAddress] = []
    position = 0
    text = text.rstrip(" \t,")
    while position < len(text):
        match = _COMMON.match(text, position)
        if match is None:
            return None
        quoted, phrase, email, bare = match.groups()
        written = quoted if quoted is not None else phrase
        name = None if bare else (written.strip(" \t") or None) if is_raw else _display_name(written)
        found.append(EmailAddress(name, bare or email))
        position = match.end()
        if len(found) >= MAX_ADDRESSES:
            break
    return found


def _display_name(text: str) -> str | None:
    if "=?" in text:
        text = encoded_word.decode_words(text, lenient=True)
    return encoded_word.normalise(text.strip(" \t")) or None


def _close_up(spec: str) -> str:
    """An addr-spec without white space around its dots and "@" (RFC 5322 §4.4, obs-local-part)."""
    if " " not in spec and "\t" not in spec:
        return spec
    spec = " ".join(spec.split())
    return spec.replace(" @", "@").replace("@ ", "@").replace(" .", ".").replace(". ", ".")


class _Parser:
    """The long way: tokens gathered into mailboxes, forgiving all."""

    def __init__(self, text: str, *, is_raw: bool = False) -> None:
        self.text = text
        self.is_raw = is_raw
        self.groups: list[EmailAddressGroup] = []
        self.in_group = False
        self.count = 0
        self.angles_close = True
        self.reset()

    def reset(self) -> None:
        self.words: list[str] = []  # as for a display name: quoted strings without quotes
        self.raw: list[str] = []  # as for an addr-spec: quoted strings as they stand
        self.gap = False
        self.angle: str | None = None
        self.comment: str | None = None

    def run(self) -> list[EmailAddressGroup]:
        position = 0
        while position < len(self.text) and self.count < MAX_ADDRESSES:
            position = self.step(position)
        self.flush()
        return self.groups

    def step(self, position: int) -> int:
        match = _TOKEN.match(self.text, position)
        if match is None:  # pragma: no cover - the last alternative takes any character
            return len(self.text)
        white, encoded, quoted, literal, atom, sign = match.groups()
        if white is not None:
            self.gap = True
        elif quoted is not None:
            self.add(comment.unquote_pairs(quoted), match[0])
        elif sign is not None:
            return self.special(sign, position)
        else:
            word = encoded or literal or atom
            self.add(word, word)
        return match.end()

    def add(self, word: str, raw: str) -> None:
        gap = " " if self.gap and self.words else ""
        self.words.append(gap + word)
        self.raw.append(gap + raw)
        self.gap = False

    def special(self, sign: str, position: int) -> int:
        if sign == "(":
            end = comment.comment_end(self.text, position)
            self.comment = comment.comment_text(self.text, position, end)
            self.gap = True
            return end
        if sign == "<" and self.angle is None:
            return self.read_angle(position)
        if sign == ",":
            self.flush()
        elif sign == ";":
            self.flush()
            self.in_group = False
        elif sign == ":" and self.angle is None and not self.in_group:
            self.open_group()
        elif sign == '"':
            return self.skip_open_quote(position)
        elif sign not in "<>":
            self.add(sign, sign)
        return position + 1

    def skip_open_quote(self, position: int) -> int:
        """A quote that never closes: a plain character. All before the next sign is taken, lest time be quadratic.

        The quotes that follow close nothing either, and go: the text is shorter afterwards.
        """
        stop = position + 1
        while stop < len(self.text) and self.text[stop] not in '<>,;" \t':
            stop += 1
        self.text = self.text[:stop] + self.text[stop:].replace('"', "")
        if stop > position + 1:
            self.add(self.text[position + 1 : stop], self.text[position + 1 : stop])
        return stop

    def read_angle(self, position: int) -> int:
        quoted = _QUOTED_LOCAL.match(self.text, position + 1)
        end = self.text.find(">", quoted.end() if quoted else position) if self.angles_close else -1
        if end < 0:
            self.angles_close = False
            end = self.text.find(",", position)
            end = len(self.text) if end < 0 else end
            self.angle = self.clean_angle(self.text[position + 1 : end])
            return end
        self.angle = self.clean_angle(self.text[position + 1 : end])
        return end + 1

    def clean_angle(self, inner: str) -> str:
        """The addr-spec without comments, folds and the obsolete route `@relay.example,@other.example:` before it."""
        inner = comment.remove_comments(inner).strip(" \t\r\n")
        if inner.startswith("@"):
            route, colon, inner = inner.rpartition(":")
            if self.is_raw and '"' not in inner:
                return f"{''.join(route.split())}{colon}{_close_up(inner)}"
        return inner if '"' in inner else _close_up(inner)

    def open_group(self) -> None:
        name = self.name("".join(self.words))
        self.reset()
        self.groups.append(EmailAddressGroup(name or "", []))
        self.count += 1  # empty groups are counted too
        self.in_group = True

    def flush(self) -> None:
        """End the mailbox that is being read, if there is one."""
        address = self.address()
        self.reset()
        if address is None:
            return
        self.count += 1
        if not self.in_group and not (self.groups and self.groups[-1].name is None):
            self.groups.append(EmailAddressGroup(None, []))
        self.groups[-1].addresses.append(address)

    def address(self) -> EmailAddress | None:
        name = self.name("".join(self.words)) if self.words else None
        if self.angle is not None:
            if not name and not self.angle:
                return None
            return EmailAddress(name or self.comment_name(), self.angle)
        if not self.raw:
            return None
        return self.bare_address("".join(self.raw), name)

    def bare_address(self, raw: str, name: str | None) -> EmailAddress:
        """An addr-spec without angle brackets; words before it ("Jane jane@example.com") make its name."""
        if "@" not in raw:
            return EmailAddress(self.comment_name(), name or raw)
        spec = raw if raw.startswith('"') else _close_up(raw)
        if spec.startswith('"') or " " not in spec:
            return EmailAddress(self.comment_name(), spec)
        before, _, last = spec.rpartition(" ")
        if "@" not in last:
            return EmailAddress(self.comment_name(), spec)
        return EmailAddress(self.name(before) or self.comment_name(), last)

    def comment_name(self) -> str | None:
        """RFC 8621 §4.1.2.3: without a display name a comment after the addr-spec is taken."""
        return self.name(self.comment) if self.comment else None

    def name(self, text: str) -> str | None:
        """A display name as it is to be given back."""
        return (text.strip(" \t") or None) if self.is_raw else _display_name(text)
