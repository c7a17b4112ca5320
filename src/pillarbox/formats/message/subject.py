"""The base subject: what is left of a subject when reply and forward marks are gone.

Sections: RFC 5256 §2.1.
"""

import re

_SPACE = re.compile(r"[ \t\r\n]+")
_REPLY = "re|fwd?"
# Marks of other languages' mail programs; an extension to RFC 5256. One-letter marks are left out: "R: 2.1 is out".
_REPLY_ABROAD = (
    "re|fwd?|aw|wg|antw|antwort|sv|vs|vb|vl|odp|pd|tr|rv|res|enc|rif|ynt|ilt|atb|yml|"
    "回复|回覆|答复|答覆|转发|轉寄|轉發|轉送|답장|전달|отв|пересл"
)
_BLOB = r"\[[^\[\]]*+\][ ]*+"
_BLOBS = re.compile(f"(?:{_BLOB})*+")
_LEADER = re.compile(rf"(?:{_REPLY})[ ]*+(?:{_BLOB})?+:[ ]*+", re.IGNORECASE)
_LEADER_ABROAD = re.compile(
    rf"(?:{_REPLY_ABROAD})(?:\^[0-9]{{1,4}}|\*[0-9]{{1,4}}|\([0-9]{{1,4}}\))?[ ]*+(?:{_BLOB})?+[:：][ ]*+",  # noqa: RUF001
    re.IGNORECASE,
)
_LAST_BLOB = re.compile(_BLOB)
_TRAILER = "(fwd)"


def base_subject(subject: str, *, strict: bool = False) -> str:
    """The base subject of decoded subject text, in linear time; it may be empty (RFC 5256 §2.1).

    Unless `strict`, marks such as AW:, SV:, Antw:, RE^2: and 回复: count as well; IMAP SORT and THREAD ask for strict.
    """
    text = _SPACE.sub(" ", subject)
    leader = _LEADER if strict else _LEADER_ABROAD
    start, end = 0, len(text)
    while True:
        end = _without_trailers(text, start, end)
        start = _without_leaders(text, start, end, leader)
        if end - start < 6 or text[start : start + 5].lower() != "[fwd:" or text[end - 1] != "]":
            return text[start:end]
        # Step 6: "[fwd:" and "]" go together, and all begins anew.
        start, end = start + 5, end - 1


def is_answer(subject: str) -> bool:
    """Whether a subject is marked as that of a reply or a forwarded message (RFC 5256 §2.1, at the end)."""
    text = _SPACE.sub(" ", subject).strip(" ")
    blobs = _BLOBS.match(text)
    is_marked = _LEADER.match(text, blobs.end() if blobs else 0) is not None
    is_wrapped = text[:5].lower() == "[fwd:" and text.endswith("]")
    return is_marked or is_wrapped or text[-5:].lower() == _TRAILER


def _without_trailers(text: str, start: int, end: int) -> int:
    """Step 2: white space and "(fwd)" at the end."""
    while end > start:
        if text[end - 1] == " ":
            end -= 1
        elif text[max(end - 5, start) : end].lower() == _TRAILER:
            end -= 5
        else:
            break
    return end


def _without_leaders(text: str, start: int, end: int, leader: re.Pattern[str]) -> int:
    """Steps 3 to 5: marks with the blobs before them; a blob before other text; the last blob stays if it is all."""
    while True:
        while start < end and text[start] == " ":
            start += 1
        blobs = _BLOBS.match(text, start, end)
        after = blobs.end() if blobs else start
        mark = leader.match(text, after, end)
        if mark:
            start = mark.end()
        elif after < end:
            return after
        else:
            return _last_blob(text, start, end)


def _last_blob(text: str, start: int, end: int) -> int:
    """Nothing but blobs is left: step 4 removes one only "if ... leaves a non-empty subj-base"."""
    at = start
    for match in _LAST_BLOB.finditer(text, start, end):
        at = match.start()
    return at
