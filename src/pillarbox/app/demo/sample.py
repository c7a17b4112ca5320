"""The sample mail of the demo accounts: the files in `mail/`, with times counted back from now.

Each file is a message (RFC 5322) with fields of our own in front, which are taken off: `X-Sample-At` is the time of
receipt, and each `X-Sample: user; mailbox; keywords` is one copy. In the text stand `{date}` or `{date:OFFSET}`
(RFC 5322 §3.3), `{utc:OFFSET}` (RFC 5545 §3.3.5, form 2), `{day:OFFSET}` (a day of the week) and `{long:OFFSET}`
(27 November). An offset is `-3d4h20m`, or `+3d@09:30` for a time of that day, in UTC; without one it is the time of
receipt.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files

_OWN_FIELD = re.compile(rb"X-Sample(-At)?: ([^\n]*)\n")
_PLACEHOLDER = re.compile(rb"\{(date|utc|day|long)(?::([^{}\n]{1,20}))?\}")
_OFFSET = re.compile(r"([+-])(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:@(\d\d):(\d\d))?")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """One message of a demo account.

    `mailbox` is a JMAP role (`inbox`, `sent`, `drafts`, `archive`, `junk`, `trash`) or the path of a mailbox of the
    user's own, such as `Projects/Mill Lane`, which begins with a capital. `data` has CRLF line ends.
    """

    mailbox: str
    keywords: frozenset[str]
    received_at: datetime
    data: bytes


def sample_messages(user: str, now: datetime) -> Iterator[SampleMessage]:
    """Yield the messages of a user (`alice`, `bob`, `carol`), oldest first; `now` needs a time zone."""
    now = now.astimezone(UTC)
    copies = [copy for source in _sources() for copy in _copies(source, user, now)]
    yield from sorted(copies, key=lambda copy: copy.received_at)


def _sources() -> Iterator[bytes]:
    folder = files("pillarbox.app.demo").joinpath("mail")
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".eml"):
            yield file.read_bytes()


def _copies(source: bytes, user: str, now: datetime) -> Iterator[SampleMessage]:
    at, places, message = now, [], source
    while field := _OWN_FIELD.match(message):
        value = field[2].decode("utf-8")
        if field[1]:
            at = moment(value, now)
        else:
            places.append(value.split("; "))
        message = message[field.end() :]
    for owner, mailbox, *keywords in places:
        if owner == user:
            words = frozenset(word for group in keywords for word in group.split())
            yield SampleMessage(mailbox, words, at, _render(message, at, now))


def _render(message: bytes, at: datetime, now: datetime) -> bytes:
    def written(found: re.Match[bytes]) -> bytes:
        offset = found[2]
        return _write(found[1].decode(), moment(offset.decode(), now) if offset else at).encode("ascii")

    return _PLACEHOLDER.sub(written, message).replace(b"\n", b"\r\n")


def _write(form: str, at: datetime) -> str:
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    if form == "utc":
        return f"{at:%Y%m%dT%H%M%SZ}"
    if form == "day":
        return day
    if form == "long":
        return f"{at.day} {month}"
    return f"{day[:3]}, {at.day} {month[:3]} {at.year:04} {at:%H:%M:%S} +0000"


def moment(offset: str, now: datetime) -> datetime:
    """The time that an offset names, counted from `now`. Raises ValueError if it is no offset."""
    found = _OFFSET.fullmatch(offset)
    if found is None:
        raise ValueError(f"no offset: {offset}")
    sign = -1 if found[1] == "-" else 1
    days, hours, minutes = (int(number or 0) for number in found.groups()[1:4])
    at = now + sign * timedelta(days=days, hours=hours, minutes=minutes)
    if found[5] is not None:
        at = at.replace(hour=int(found[5]), minute=int(found[6]), second=0)
    return at.replace(microsecond=0)
